"""A simulated exposure of DECam with ghosts: 62 CCDs of 2048 x 4096 pixels in one FITS file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from published_tools import CACHE

from skysieve.ghosts.focal_plane.binning import SAMPLE
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.focal_plane import SKY_SCATTER
from skysieve.ghosts.simulate import Layout, read_ghost_recipe, simulate_focal_plane

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ghost_exposure"]

SEED = 271_828
SKY = 2500.0
COUNTS_PER_LEVEL = SKY**0.5 / SAMPLE / SKY_SCATTER
"""Counts per grey level, as in the pictures: 13 levels are the noise of a mean of 8 x 8 pixels."""

QUIET = (0.3, 0.3)
"""Noise of the drawn picture, in grey levels; the noise of the pixels is added later."""

GAP = 23.0
"""Grey level of a pixel without light."""

POINTING = (54.3, -28.9)
DEGREES_PER_PIXEL = 7.286e-5
PICTURE_PIXEL = 70.5
"""CCD pixels per picture pixel along each axis."""


def ghost_exposure() -> tuple[Path, Path]:
    """Return the exposure, and the picture of its focal plane; both are made on the first call.

    The exposure has the format of a pipeline: 62 tile-compressed image extensions, each with CCDNUM, DETPOS,
    DETSEC and a WCS.
    """
    folder = CACHE / "ghosts"
    exposure, picture = folder / f"decam-{SEED}.fits.fz", folder / f"decam-{SEED}-plane.fits"
    if exposure.exists() and picture.exists():
        return exposure, picture
    folder.mkdir(parents=True, exist_ok=True)
    camera = decam()
    drawn_from = read_ghost_recipe()
    plane = drawn_from.plane
    levels = replace(plane.levels, noise=QUIET, shown=QUIET, jpeg=0)
    recipe = replace(drawn_from, ghosted=1.0, plane=replace(plane, levels=levels))
    drawn = simulate_focal_plane(Layout(camera.ccd_map.astype(np.uint8)), SEED, recipe)
    rng = np.random.default_rng(SEED)
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "DECam"
    hdus = fits.HDUList([primary])
    for number in camera.numbers:
        rows, columns = camera.by_number[number].picture_box.inside(camera.picture_shape)
        cell = camera.to_ccd_axes(drawn.pixels[rows, columns]).astype(np.float32)
        down, across = (
            (np.arange(pixels) * cells // pixels)
            for pixels, cells in zip(camera.ccd_shape, cell.shape, strict=True)
        )
        light = SKY + COUNTS_PER_LEVEL * (cell - np.median(cell))
        light[cell <= GAP] = 0  # dead
        pixels = light[np.ix_(down, across)]
        pixels += np.sqrt(np.maximum(pixels, 0)) * rng.standard_normal(pixels.shape, dtype=np.float32)
        hdus.append(
            fits.CompImageHDU(np.rint(pixels).astype(np.int32), _header(number), compression_type="RICE_1")
        )
    for path, content in ((picture, fits.HDUList([fits.PrimaryHDU(drawn.pixels)])), (exposure, hdus)):
        unfinished = path.with_name(f".{path.name}.part")
        content.writeto(unfinished, overwrite=True)
        unfinished.rename(path)
    return exposure, picture


def _header(number: int) -> fits.Header:
    """Return the header of a CCD, as a pipeline writes it; the field's centre is that of the picture."""
    camera = decam()
    ccd = camera.by_number[number]
    header = fits.Header()
    header["CCDNUM"], header["DETPOS"], header["EXTNAME"] = number, ccd.name, ccd.name
    box = ccd.detector
    header["DETSEC"] = f"[{box.x0 + 1}:{box.x1},{box.y0 + 1}:{box.y1}]"
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = POINTING
    middle = (camera.picture_shape[1] - 1) / 2
    # columns of a CCD run down in the picture, its rows to the left; north is up and east is left
    header["CRPIX1"] = (middle + 0.5 - ccd.picture_box.y0) * PICTURE_PIXEL + 0.5
    header["CRPIX2"] = (ccd.picture_box.x1 - 0.5 - middle) * PICTURE_PIXEL + 0.5
    header["CD1_1"], header["CD1_2"] = 0.0, DEGREES_PER_PIXEL
    header["CD2_1"], header["CD2_2"] = -DEGREES_PER_PIXEL, 0.0
    return header
