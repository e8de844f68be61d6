"""Time until the report of many frames is shown: ``python benchmarks/report_pages.py [FRAMES]``.

The pages are those of a night of frames with random fractions; they are opened in Chromium, which Playwright
drives.  Printed are the size of the list, the time until the table is shown, and the times to sort it and to
open the page of a frame with the outlines of all classes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from skysieve.core.report.preview import PreviewPlane
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.report.entries import FrameEntry
from skysieve.frames.report.job import script
from skysieve.frames.report.outlines import outlines
from skysieve.frames.report.pages import write_pages

__all__: list[str] = []

CCDS, SHAPE, REPEATS = 40, (2048, 2048), 5
NAMED = [one for one in CLASSES if one.code]


def main() -> None:
    """Write the report and open it several times."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = _write_frames(folder, count)
        planes = [PreviewPlane(one.name, one.code, one.colour, one.description) for one in NAMED]
        page = write_pages(folder, entries, planes, title="Many frames")
        size = (folder / "report-data.js").stat().st_size / 1e6
        print(f"{count} frames, list of {size:.2f} MB")
        for what, seconds in _times(page.as_uri()).items():
            print(f"{what}: median {np.median(seconds):.2f} s, longest {max(seconds):.2f} s of {REPEATS}")


def _write_frames(folder: Path, count: int) -> list[FrameEntry]:
    """Write the files of frames, and return their entries."""
    rng = np.random.default_rng(1)
    for part in ("frames", "pictures", "thumbnails"):
        (folder / part).mkdir()
    grey = Image.fromarray(rng.integers(0, 255, SHAPE, dtype=np.uint8))
    bits = np.zeros(SHAPE, np.int16)
    for one in NAMED:
        bits[rng.integers(0, SHAPE[0], 300), rng.integers(0, SHAPE[1], 300)] |= one.code
    content = {
        "picture": {"y": 0, "width": SHAPE[1], "height": SHAPE[0]},
        "outlines": outlines(bits, {one.name: one.code for one in NAMED}),
        "sky": None,
        "cards": [],
    }
    small = grey.resize((160, 160))
    entries = []
    for number in range(count):
        exposure, ccd = divmod(number, CCDS)
        key = f"{number:012x}-{ccd + 1}-0"
        small.save(folder / f"thumbnails/{key}.jpg")
        if number < CCDS:
            grey.save(folder / f"pictures/{key}.jpg")
            (folder / f"frames/{key}.js").write_text(
                script("skysieveReport.receive", {"key": key, **content}), encoding="ascii"
            )
        entries.append(
            FrameEntry(
                key=key,
                file=f"/data/night/exposure{exposure:05d}.fits.fz",
                hdu=ccd + 1,
                name=f"CCD{ccd + 1}",
                plane=0,
                mask=f"/data/masks/exposure{exposure:05d}.mask.fits",
                shape=SHAPE,
                fractions={one.name: float(10 ** rng.normal(-3, 0.3)) for one in NAMED},
                bad=float(10 ** rng.normal(-2.5, 0.3)),
                unlike=float(rng.gamma(2, 0.2)),
                mjd=60000.1 + exposure * 0.3 / max(1, count // CCDS),
                exposure=f"camera {exposure}",
                filter="griz"[exposure % 4],
                corners=tuple(
                    (150 + ccd % 8 + x, 2.0 + ccd // 8 + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
                ),
            )
        )
    return entries


def _times(address: str) -> dict[str, list[float]]:
    """Return how long it takes to open the table, to sort it, and to open the page of a frame."""
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {"open": [], "sort": [], "frame": []}
    for _ in range(REPEATS):
        with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
            browser = playwright.chromium.launch_persistent_context(
                profile,
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
            )
            page = browser.pages[0]
            start = time.perf_counter()
            page.goto(address)  # until all pictures in view are loaded
            page.wait_for_selector("#frames tbody tr")
            times["open"].append(time.perf_counter() - start)
            start = time.perf_counter()
            page.click("th[data-column=file] button")
            page.wait_for_selector("th[data-column=file][aria-sort]")
            times["sort"].append(time.perf_counter() - start)
            start = time.perf_counter()
            page.click("#frames tbody tr")
            page.wait_for_selector("#stage path[data-outline]")
            times["frame"].append(time.perf_counter() - start)
            browser.close()
    return times


if __name__ == "__main__":
    main()
