"""Real frames with what pipelines and people say of their pixels: data-quality planes and labels."""

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
"""Codes of the data-quality planes of the NOIRLab Community Pipeline: one a pixel; 0 is good."""

LSST_BITS = {"CR": 3, "SAT": 1}
LSST_INTERPOLATED = 2
"""Bits of masks of LSST's pipelines, whose pixels were replaced by what their neighbours let expect."""

HST_BITS = {"SAT": 256 | 2048, "CR": 4096 | 8192}
"""Bits of data-quality arrays of the Hubble Space Telescope: saturation of well and converter; rays."""

DECAM = "decam_cp_170316_{}_z_N2.fits"


@dataclass(frozen=True)
class RealTruth:
    """A real frame and what is known of it.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32; NaN where there is no data.
    truth
        By class, ``(H, W)`` bool.
    judged
        ``(H, W)`` bool, False where what is known does not hold for what is seen.
    """

    pixels: NDArray[np.float32]
    truth: Mapping[str, NDArray[np.bool_]]
    judged: NDArray[np.bool_]


@dataclass(frozen=True)
class TruthSource:
    """Where a real frame with truth is.

    Attributes
    ----------
    path, truth_path
        Files of the frame and of its truth.
    hdu
        Name or number of the HDU with the truth.
    kind
        How to read it: ``cp``, ``lsst``, ``hst`` or ``label``.
    """

    path: Path
    truth_path: Path
    hdu: str | int
    kind: str

    @property
    def name(self) -> str:
        """What to call it."""
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
        truth, judged = _truth(values, self.kind)
        return RealTruth(pixels, truth, judged & ~nodata)


def truth_sources() -> list[TruthSource]:
    """Return the real frames with truth in the folder of data.

    Raises
    ------
    SystemExit
        If there are none.
    """
    judged, more = data_folder() / "frames", data_folder() / "real" / "frames"
    hst = judged / "hst_wfc3uvis_ibo822tbq_flt.fits"
    found = [
        TruthSource(judged / DECAM.format("ooi"), judged / DECAM.format("ood"), 1, "cp"),
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
        # a single exposure whose rays nobody has flagged says nothing of these
        return (truth if truth["CR"].any() else {"SAT": truth["SAT"]}), everywhere
    return {"CR": values != 0}, everywhere
