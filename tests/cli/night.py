"""A small night of exposures with two CCDs each, masked."""

from __future__ import annotations

import json

import numpy as np
from astropy.io import fits
from tests.cli.command import LEVEL, NOISE, sky

CCDS = ("N1", "S1")
SHAPE = (90, 120)


def header_of(ccd, number):
    """Return sky coordinates and time of a CCD."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 150.0, 2.0
    header["CRPIX1"], header["CRPIX2"] = 60.5, 45.5 + (110 if ccd == "N1" else -10)
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -7e-5, 1e-6, 1e-6, 7e-5
    header["DATE-OBS"] = f"2026-01-02T0{number}:00:00"
    header["INSTRUME"], header["FILTER"] = "Camera", "g" if number % 2 else "r"
    return header


def write_exposure(path, number, *, spots=0):
    """Write an exposure of two CCDs, with more bright pixels on the first one if asked for."""
    hdus = [fits.PrimaryHDU()]
    for index, ccd in enumerate(CCDS):
        pixels = sky(seed=number, shape=SHAPE)
        if index == 0 and spots:
            rng = np.random.default_rng(number)
            pixels[rng.integers(0, 90, spots), rng.integers(0, 120, spots)] = LEVEL + 40 * NOISE
        hdus.append(fits.ImageHDU(pixels, header_of(ccd, number), name=ccd))
    fits.HDUList(hdus).writeto(path)


def write_night(folder, run, model, exposures=3):
    """Write a night into a folder and mask it; the last exposure has a CCD with many bright pixels."""
    (folder / "night").mkdir()
    for number in range(exposures):
        write_exposure(folder / f"night/e{number}.fits", number, spots=300 * (number == exposures - 1))
    (folder / "night/masks").mkdir()
    done = run("mask", "night/", "-o", "night/masks/", "--model", model, "--priors", "none", "-q")
    assert done.code == 0, done


def passed(path):
    """Return what a script of a report passes to the pages."""
    text = path.read_text(encoding="ascii")
    return json.loads(text[text.index("(") + 1 : text.rindex(")")])
