"""Real frames with flags of pipelines or labels of people: data-quality planes and label images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frames import data_folder
from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RealTruth", "TruthSource", "real_truth_frames", "truth_sources"]

CP_CODES = {"CR": (5,), "SAT": (3, 4)}
"""Codes of the data-quality planes of the NOIRLab Community Pipeline: one code per pixel; 0 is good."""

LSST_BITS = {"CR": 3, "SAT": 1}
LSST_INTERPOLATED = 2
"""Bit numbers of masks of LSST's pipelines; interpolated pixels were replaced using their neighbours."""

HST_BITS = {"SAT": 256 | 2048, "CR": 4096 | 8192}
"""Bits of data-quality arrays of the Hubble Space Telescope: saturation (full well, A/D converter); rays."""

DECAM = "decam_cp_170316_{}_z_N2.fits"


@dataclass(frozen=True)
class RealTruth:
    """A real frame and its truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32; NaN where there is no data.
    truth
        Masks of the truth by class, ``(H, W)`` bool.
    valid
        ``(H, W)`` bool, False where the truth does not apply to the pixel.
    """

    pixels: NDArray[np.float32]
    truth: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class TruthSource:
    """Files of a real frame with truth.

    Attributes
    ----------
    path, truth_path
        Files of the frame and of its truth.
    hdu
        Name or number of the HDU with the truth.
    kind
        Format of the truth: ``cp``, ``lsst``, ``hst`` or ``label``.
    """

    path: Path
    truth_path: Path
    hdu: str | int
    kind: str

    @property
    def name(self) -> str:
        """Name of the frame."""
        return self.path.name.partition(".")[0]

    def read(self) -> RealTruth:
        """Read frame and truth.

        Raises
        ------
        SystemExit
            If the truth has another size than the frame, or one of both cannot be read.
        """
        try:
            with FrameFile(Location(self.path)) as file:
                plane = file.planes[0]
                pixels, nodata = plane.rows(0, plane.shape[0])
            with FrameFile(Location(self.truth_path, hdu=self.hdu), minimum_size=1) as file:
                plane = file.planes[0]
                values = plane.rows(0, plane.shape[0])[0].astype(np.int64)
        except (FrameError, SourceError) as error:
            raise SystemExit(str(error)) from error
        if values.shape != pixels.shape:
            raise SystemExit(
                f"{self.truth_path}: its truth has shape {values.shape}, the frame {pixels.shape}; "
                "truth and frame must be of one size"
            )
        pixels[nodata] = np.nan
        truth, valid = _truth(values, self.kind)
        return RealTruth(pixels, truth, valid & ~nodata)


def truth_sources() -> list[TruthSource]:
    """Return the real frames with truth in the folder of data.

    Raises
    ------
    SystemExit
        If there is no such frame.
    """
    folder, more = data_folder() / "frames", data_folder() / "real" / "frames"
    hst = folder / "hst_wfc3uvis_ibo822tbq_flt.fits"
    found = [
        TruthSource(folder / DECAM.format("ooi"), folder / DECAM.format("ood"), 1, "cp"),
        TruthSource(hst, hst, "DQ", "hst"),
    ]
    for pattern, hdu, kind in (
        ("c4d_*", "DQ", "cp"),
        ("k4m_*", "DQ", "cp"),
        ("euler_*", "LABEL", "label"),
        ("hsc_*", "MASK", "lsst"),
        ("suprimecam_*", "MASK", "lsst"),
    ):
        found += [TruthSource(path, path, hdu, kind) for path in sorted(more.glob(pattern))]
    present = [one for one in found if one.path.exists() and one.truth_path.exists()]
    if not present:
        raise SystemExit(f"{data_folder()}: holds no real frame with a data-quality plane or a label")
    return present


def real_truth_frames() -> Iterator[tuple[TruthSource, RealTruth]]:
    """Yield all real frames with truth."""
    for source in truth_sources():
        yield source, source.read()


def _truth(values: NDArray[np.int64], kind: str) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_]]:
    everywhere = np.ones(values.shape, np.bool_)
    if kind == "cp":
        truth = {name: np.isin(values, codes) for name, codes in CP_CODES.items()}
        # bad pixels, and codes of other kinds, are in neither class
        return truth, (values == 0) | np.logical_or.reduce(list(truth.values()))
    if kind == "lsst":
        truth = {name: (values >> bit) & 1 == 1 for name, bit in LSST_BITS.items()}
        return truth, (values >> LSST_INTERPOLATED) & 1 == 0
    if kind == "hst":
        truth = {name: (values & bits) != 0 for name, bits in HST_BITS.items()}
        # a single exposure without flagged rays has no truth for rays
        return (truth if truth["CR"].any() else {"SAT": truth["SAT"]}), everywhere
    return {"CR": values != 0}, everywhere
