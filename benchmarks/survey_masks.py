"""Time and memory of projecting the masks of CCDs to healsparse maps."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.wcs import WCS
from process import SKYSIEVE, run_measured
from results import Bar, Result, Table

from skysieve.core.fits.fits_out import mask_hdu, write_fits
from skysieve.frames.mask.classes import DEFAULT_BAD, NODATA, find_class
from skysieve.frames.mask.planes import SCHEMA, bad_cards

if TYPE_CHECKING:
    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["measure"]

SHAPE = (4096, 2048)
SCALE = 0.263
NSIDE = 131_072
MAX_SECONDS, MAX_MB = 6, 500
MANY = 4
DISTORTIONS = {"none": "TAN", "polynomials (TPV)": "TPV", "polynomials (SIP)": "TAN-SIP"}


def measure(runs: int) -> Result:
    """Project masks of one CCD, and of several in one file."""
    bars, rows = [], []
    for number, (name, kind) in enumerate(DISTORTIONS.items()):
        for count in (1, MANY) if number == 0 else (1,):
            found = [_run(kind, count) for _ in range(runs)]
            clock, seconds, peak = (float(np.median(values)) for values in zip(*found, strict=True))
            rows.append((name, count, seconds, seconds / count, clock, peak))
            if count == 1:
                bars += [
                    Bar(f"processor time of a CCD, distortions: {name}", "<=", MAX_SECONDS, seconds, "s"),
                    Bar(f"peak memory, distortions: {name}", "<=", MAX_MB, peak, "MB"),
                ]
    return Result(
        "Masks on the sky",
        f"`skysieve healsparse` in a new process, from a bit mask of {SHAPE[1]} x {SHAPE[0]} pixels of "
        f"{SCALE} arcsec to all its maps at NSIDE {NSIDE}; medians of {runs} runs. The command uses one "
        "processor; its time is compared with the limit, as that on the clock depends on what else runs. "
        "Peak: the largest resident memory that the system reports, in 10^6 bytes. The marks are drawn at "
        "random: 0.5 % of the pixels in small groups, 10 % in sources, a trail, and columns.",
        bars,
        [
            Table(
                "Whole command",
                (
                    ("distortions", ""),
                    ("CCDs in the file", "d"),
                    ("processor, s", ".1f"),
                    ("processor, s a CCD", ".1f"),
                    ("clock, s", ".1f"),
                    ("peak, MB", ".0f"),
                ),
                rows,
            )
        ],
    )


def _run(kind: str, count: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "exposure.mask.fits"
        write_fits((_mask(kind, number) for number in range(count)), path, overwrite=True)
        done = run_measured([SKYSIEVE, "healsparse", path, "-o", Path(name) / "survey", "--nside", NSIDE])
        if not (Path(name) / "survey" / "MASKED.hsp").exists():
            raise RuntimeError("the map was not written")
    return done.seconds, done.processor_seconds, done.peak_mb


def _mask(kind: str, number: int) -> fits.CompImageHDU | fits.ImageHDU:
    bits = sum(find_class(name).code for name in DEFAULT_BAD) + NODATA.code
    cards = [*SCHEMA.header_cards(), *bad_cards(bits), ("FILTER", "r", "")]
    return mask_hdu(_values(number), header=_header(kind, number), cards=cards)


def _values(seed: int) -> NDArray[np.int16]:
    """Return a mask."""
    rng = np.random.default_rng(seed)
    values = np.zeros(SHAPE, np.int16)

    def mark(name: str, part: float, side: int) -> None:
        """Mark squares at random places."""
        for _ in range(int(part * values.size / side**2)):
            y, x = rng.integers(SHAPE[0] - side), rng.integers(SHAPE[1] - side)
            values[y : y + side, x : x + side] |= find_class(name).code

    mark("CR", 0.004, 3)
    mark("HP", 0.001, 1)
    mark("BBG", 0.1, 12)
    mark("SAT", 0.002, 9)
    values[:, rng.integers(SHAPE[1], size=4)] |= find_class("DCL").code
    rows, columns = np.indices(SHAPE, sparse=True)
    values[np.abs(rows - 1.7 * columns - 300) < 12] |= find_class("TRL").code
    values[:8] |= NODATA.code
    return values


def _header(kind: str, number: int) -> fits.Header:
    """Return world coordinates like those of DECam."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ("RA---TAN", "DEC--TAN"), (150.0 + 0.17 * number, 2.0)
    wcs.wcs.crpix, wcs.wcs.cd = (1024, 2048), SCALE / 3600 * np.array([[-1, 1e-3], [1e-3, 1]])
    header = wcs.to_header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{kind}", f"DEC--{kind}"
    if kind == "TPV":
        for axis in "12":
            header[f"PV{axis}_0"], header[f"PV{axis}_1"], header[f"PV{axis}_2"] = 1e-4, 1.0005, -2e-4
            header[f"PV{axis}_4"], header[f"PV{axis}_7"], header[f"PV{axis}_10"] = 1e-3, 1e-3, -5e-4
    if kind == "TAN-SIP":
        for axis in "AB":
            header[f"{axis}_ORDER"] = 3
        header["A_2_0"], header["A_1_1"], header["B_0_2"], header["B_0_3"] = 2e-6, -1e-6, 2e-6, 1e-10
    return header
