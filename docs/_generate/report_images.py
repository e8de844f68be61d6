"""Draw the pages of the report of a simulated night: ``python docs/_generate/report_images.py FOLDER``.

The night has 3 exposures with 8 CCDs each.  It is simulated into the folder, masked, and shown in Chromium,
which Playwright drives.  Files that are there already are kept.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from PIL import Image

from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe

__all__: list[str] = []

IMAGES = Path(__file__).parents[1] / "images"
SIDE, EXPOSURES, ACROSS, DOWN = 480, 3, 4, 2
SCALE, GAP = 0.27 / 3600, 40
"""Degrees a pixel, and pixels between CCDs."""

KINDS = ["CR", "HCL", "DCL", "HP", "SAT", "SP"]


def main() -> None:
    """Simulate, mask, make the report, and take pictures of two pages."""
    folder = Path(sys.argv[1])
    night = folder / "night"
    night.mkdir(parents=True, exist_ok=True)
    for number in range(EXPOSURES):
        _write_exposure(night / f"sim{number + 1:04d}.fits", number)
    command = [sys.executable, "-m", "skysieve"]
    masks = [*command, "mask", str(night), "-o", f"{night}/masks/", "--resume"]
    subprocess.run(masks, check=True)  # noqa: S603 (our own command)
    report = folder / "report"
    made = [
        *command,
        "report",
        f"{night}/masks",
        "-o",
        str(report),
        "--title",
        "A simulated night",
        "--overwrite",
    ]
    subprocess.run(made, check=True)  # noqa: S603 (our own command)
    _take_pictures((report / "index.html").resolve().as_uri())


def _write_exposure(path: Path, number: int) -> None:
    """Write an exposure; one CCD of the second one has the trail of a satellite."""
    if path.exists():
        return
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU()]
    recipe = read_recipe("decam")
    for ccd in range(ACROSS * DOWN):
        has_trail = number == 1 and ccd in (2, 6)
        kinds = [*KINDS, "TRL"] if has_trail else KINDS
        frame = simulate_frame(
            (SIDE, SIDE), seed=100 * number + ccd, recipe=recipe, contaminants=kinds, kind="raw"
        )
        header = fits.Header()
        row, column = divmod(ccd, ACROSS)
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRVAL1"], header["CRVAL2"] = 150.1, 2.2
        header["CRPIX1"] = (ACROSS / 2 - column) * (SIDE + GAP)
        header["CRPIX2"] = (DOWN / 2 - row) * (SIDE + GAP)
        header["CDELT1"], header["CDELT2"] = -SCALE, SCALE
        header["DATE-OBS"] = f"2026-01-02T0{3 + number}:10:00"
        header["INSTRUME"], header["FILTER"] = "simulated", "r"
        hdus.append(fits.ImageHDU(frame.pixels.astype(np.float32), header, name=f"CCD{ccd + 1}"))
    fits.HDUList(hdus).writeto(path)


def _take_pictures(address: str) -> None:
    """Take a picture of the table, and of the page of the first frame."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
            viewport={"width": 1280, "height": 800},
        )
        page = browser.pages[0]
        page.goto(address)
        page.wait_for_selector("#frames tbody tr")
        page.select_option("#chart-class", "CR")
        page.wait_for_timeout(1000)
        _save(page.screenshot(), "report-table")
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.keyboard.press("t")
        page.click("#frames tbody tr")
        page.wait_for_selector("#stage image")
        page.mouse.move(500, 400)
        page.wait_for_timeout(1000)
        _save(page.screenshot(), "report-frame")
        browser.close()


def _save(content: bytes, name: str) -> None:
    """Write a picture with few colours, as a small file."""
    path = IMAGES / f"{name}.png"
    path.write_bytes(content)
    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(
            256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    reduced.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
