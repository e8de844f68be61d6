"""A camera of five small CCDs that lie as DECam's do, and exposures of it in every form.

In the picture, 40 x 56 pixels, it looks so; CCD 5 is cut, and its lower half is dead::

      2  1
    5  4  3
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.ghosts.focal_plane.cameras import read_camera

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.cameras import Camera

CCD_SHAPE = (256, 128)
CENTRE = (27.0, 13.0)
"""Place in the picture that the WCS of every CCD refers to."""
POINTING = (30.0, -20.0)
DEGREES = 0.01
"""Degrees a pixel of the picture."""

TABLE = """# %ECSV 1.0
# ---
# datatype:
# - {name: number, datatype: int32}
# - {name: name, datatype: string}
# - {name: det_x, datatype: int32}
# - {name: det_y, datatype: int32}
# - {name: picture_x, datatype: int32}
# - {name: picture_y, datatype: int32}
# - {name: dead_from, datatype: int32}
# - {name: dead_to, datatype: int32}
# meta: !!omap
# - camera: TinyCam
# - instrument: tinycam
# - ccd_shape: [256, 128]
# - cell_shape: [8, 16]
# - picture_shape: [40, 56]
# - right: -y
# - down: +x
# schema: astropy-2.0
number name det_x det_y picture_x picture_y dead_from dead_to
1 A1 0 128 29 4 0 0
2 A2 0 384 11 4 0 0
3 B1 128 0 38 14 0 0
4 B2 128 256 20 14 0 0
5 B3 128 512 -4 14 64 128
"""


@cache
def tiny_camera() -> Camera:
    # read_camera wants a file, and a test without its own folder has none
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.ecsv"
        path.write_text(TABLE)
        return read_camera(path)


def sky(seed: int = 0, level: float = 1000.0, noise: float = 16.0) -> dict[int, NDArray[np.float32]]:
    """Return CCDs with an even sky, each with a level of its own."""
    rng = np.random.default_rng(seed)
    return {
        number: (level + 50 * number + noise * rng.standard_normal(CCD_SHAPE)).astype(np.float32)
        for number in tiny_camera().numbers
    }


def ccd_header(number: int) -> fits.Header:
    """Return what headers say of a calibrated CCD."""
    ccd = tiny_camera().by_number[number]
    header = fits.Header()
    header["CCDNUM"], header["DETPOS"], header["EXTNAME"] = number, ccd.name, ccd.name
    box = ccd.detector
    header["DETSEC"] = f"[{box.x0 + 1}:{box.x1},{box.y0 + 1}:{box.y1}]"
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = POINTING
    # 16 pixels of a CCD are one of the picture; y runs to the left and x down, east is left and north up
    header["CRPIX1"] = (CENTRE[1] + 0.5 - ccd.picture_box.y0) * 16 + 0.5
    header["CRPIX2"] = (ccd.picture_box.x1 - 0.5 - CENTRE[0]) * 16 + 0.5
    header["CD1_1"], header["CD1_2"] = 0.0, DEGREES / 16
    header["CD2_1"], header["CD2_2"] = -DEGREES / 16, 0.0
    return header


def calibrated(number: int, pixels: NDArray[np.generic]) -> fits.ImageHDU:
    return fits.ImageHDU(pixels, ccd_header(number))


def raw(
    number: int, pixels: NDArray[np.floating], bias: tuple[float, float] = (200.0, 300.0)
) -> fits.ImageHDU:
    """Return a raw frame: two amplifiers, beside each 12 columns of overscan, and 10 rows of it first.

    The right amplifier has twice the gain, and so half the counts.
    """
    stored = np.zeros((266, 152))
    stored[:, :76], stored[:, 76:] = bias
    stored[10:, 12:76] += pixels[:, :64]
    stored[10:, 76:140] += pixels[:, 64:] / 2
    header = ccd_header(number)
    header["DATASECA"], header["CCDSECA"], header["BIASSECA"] = (
        "[13:76,11:266]",
        "[1:64,1:256]",
        "[1:12,11:266]",
    )
    header["DATASECB"], header["CCDSECB"] = "[77:140,11:266]", "[65:128,1:256]"
    header["BIASSECB"] = "[141:152,11:266]"
    header["GAINA"], header["GAINB"] = 1.0, 2.0
    return fits.ImageHDU(np.rint(stored).astype(np.uint16), header)


def write_exposure(
    path: Path, hdus: Mapping[int, fits.ImageHDU] | list[fits.ImageHDU], **cards: object
) -> Path:
    """Write HDUs behind a primary header from the camera; a name with ``.fz`` compresses them by tiles."""
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "TinyCam"
    for key, value in cards.items():
        primary.header[key] = value
    images = list(hdus.values()) if not isinstance(hdus, list) else hdus
    if ".fz" in path.suffixes:
        images = [fits.CompImageHDU(hdu.data, hdu.header, quantize_level=64) for hdu in images]
    fits.HDUList([primary, *images]).writeto(path)
    return path


def write_calibrated(path: Path, ccds: Mapping[int, NDArray[np.generic]], **cards: object) -> Path:
    return write_exposure(
        path, {number: calibrated(number, pixels) for number, pixels in ccds.items()}, **cards
    )
