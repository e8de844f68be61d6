"""The pages of a report in a real browser: Debian's Chromium, driven by Playwright, without a network."""

from __future__ import annotations

import csv
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from tests.cli.night import write_night

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

pytestmark = [
    pytest.mark.skipif(
        find_spec("playwright") is None or CHROMIUM is None or sys.platform != "linux",
        reason="no browser: Playwright and Chromium are not both installed",
    ),
    pytest.mark.skipif(find_spec("jinja2") is None, reason="the extra report is not installed"),
]


@pytest.fixture
def page(run, pixel_model, tmp_path):
    """A report of a night of 3 exposures with 2 CCDs each, open in a browser; no error may occur in it."""
    from playwright.sync_api import sync_playwright

    write_night(tmp_path, run, pixel_model)
    assert run("report", "night/masks/", "-o", "report").code == 0
    errors, addresses = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=CHROMIUM,
            args=list(ARGUMENTS),
            viewport={"width": 1400, "height": 900},
        )
        page = browser.pages[0]
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: addresses.append(request.url))
        page.goto((tmp_path / "report/index.html").as_uri())
        page.wait_for_selector("#frames tbody tr")
        yield page
        browser.close()
    assert not errors
    assert all(address.startswith(("file:", "blob:")) for address in addresses)


def names(page):
    return [
        text.split(".")[0] + re.sub(r".*\[(\w+)\]", r" \1", text)
        for text in page.locator("#frames td.name").all_inner_texts()
    ]


def test_a_night_is_looked_at_in_a_browser(page, tmp_path):
    _the_table_is_sorted_searched_and_filtered(page)
    _a_frame_is_looked_at(page, tmp_path)
    _verdicts_are_noted_and_saved(page, tmp_path)
    _light_and_dark(page)


def _the_table_is_sorted_searched_and_filtered(page):
    assert names(page)[0] == "e2 N1"
    assert len(names(page)) == 6
    page.click("th[data-column=file] button")
    assert names(page) == ["e0 N1", "e0 S1", "e1 N1", "e1 S1", "e2 N1", "e2 S1"]
    page.click("th[data-column=file] button")
    assert names(page) == ["e2 S1", "e2 N1", "e1 S1", "e1 N1", "e0 S1", "e0 N1"]
    assert page.get_attribute("th[data-column=file]", "aria-sort") == "descending"
    page.fill("#search", "E1 s1")
    assert names(page) == ["e1 S1"]
    page.fill("#search", "")
    page.select_option("#by-filter", "g")
    assert names(page) == ["e1 S1", "e1 N1"]
    page.select_option("#by-filter", "")
    page.check("#only-named")
    assert names(page) == ["e2 N1"]
    page.uncheck("#only-named")
    page.fill("#search", "nothing of this name")
    assert names(page) == []
    assert "no frame fits" in page.inner_text("#page-words")
    page.fill("#search", "")
    assert page.locator("#chart circle").count() == 6


def _a_frame_is_looked_at(page, tmp_path):
    page.click("#frames td.name a:has-text('e2.fits [N1]')")
    page.wait_for_selector("#stage image")
    assert page.inner_text("#frame-name") == "e2.fits [N1]"
    outline = page.locator("[data-outline=CR]")
    assert outline.get_attribute("d").startswith("M")
    assert outline.evaluate("path => getComputedStyle(path).fill") == "none"
    page.uncheck("input[data-class=CR]")
    assert not outline.is_visible()
    page.keyboard.press("a")
    page.wait_for_function("document.querySelector('input[data-class=CR]').checked")
    assert outline.is_visible()
    page.locator("#opacity").fill("0.5")
    assert outline.get_attribute("stroke-opacity") == "0.5"
    # the picture, not only its frame, is there
    assert (
        page.evaluate(
            "() => new Promise(done => { const i = new Image(); i.onload = () => done(i.naturalWidth);"
            "i.src = document.querySelector('#stage image').getAttribute('href'); })"
        )
        == 120
    )

    _coordinates_are_those_of_the_header(page, tmp_path)
    before = page.get_attribute("#stage", "transform")
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "old => document.querySelector('#stage').getAttribute('transform') !== old", arg=before
    )
    _coordinates_are_those_of_the_header(page, tmp_path)
    page.click("#zoom-fit")
    assert page.get_attribute("#stage", "transform") == before

    # the other CCD of the exposure
    assert page.locator("#map polygon").count() == 2
    page.click("#siblings a:has-text('S1')")
    page.wait_for_function("document.querySelector('#frame-name').textContent === 'e2.fits [S1]'")
    page.go_back()
    page.wait_for_function("document.querySelector('#frame-name').textContent === 'e2.fits [N1]'")


def _coordinates_are_those_of_the_header(page, tmp_path):
    box = page.locator("#viewer").bounding_box()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.move(box["x"] + 0.46 * box["width"], box["y"] + 0.61 * box["height"])
    words = page.inner_text("#coordinates")
    shown = re.fullmatch(r"x (\S+)\s+y (\S+).*\((\S+), (\S+)\)", words)
    assert shown, words
    x, y, ra, dec = map(float, shown.groups())
    # the first pixel is at the lower left of the picture, which the stage moves and scales
    moved = re.fullmatch(
        r"translate\((\S+) (\S+)\) scale\((\S+)\)", page.get_attribute("#stage", "transform")
    )
    assert moved
    left, top, scale = map(float, moved.groups())
    assert x == pytest.approx((0.46 * box["width"] - 1 - left) / scale + 0.5, abs=0.1)
    assert y == pytest.approx(90 - (0.61 * box["height"] - 1 - top) / scale + 0.5, abs=0.1)
    header = fits.getheader(tmp_path / "night/e2.fits", "N1")
    del header["DATE-OBS"]  # astropy warns that it adds MJD-OBS
    wcs = WCS(header)
    expected = SkyCoord(*wcs.all_pix2world(x, y, 1), unit="deg")
    # coordinates of pixels are shown to 0.1, of 0.25 arcsec
    assert expected.separation(SkyCoord(ra, dec, unit="deg")).arcsec < 0.05


def _verdicts_are_noted_and_saved(page, tmp_path):
    page.click("#verdicts button:has-text('bad')")
    page.keyboard.press("j")
    page.wait_for_function("document.querySelector('#frame-name').textContent !== 'e2.fits [N1]'")
    page.keyboard.press("l")
    assert page.get_attribute("#verdicts button[aria-pressed=true]", "data-verdict") == "look again"
    second = page.inner_text("#frame-name")
    page.keyboard.press("Escape")
    page.wait_for_selector("#frames", state="visible")
    page.reload()
    page.wait_for_selector("#frames tbody tr")
    assert page.inner_text("#count-noted") == "2"
    page.select_option("#by-verdict", "bad")
    assert names(page) == ["e2 N1"]
    page.select_option("#by-verdict", "")
    with page.expect_download() as saving:
        page.click("#save")
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    with saved.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(Path(row["file"]).name + f" [{row['name']}]", row["verdict"]) for row in rows} == {
        ("e2.fits [N1]", "bad"),
        (second, "look again"),
    }
    # a saved file is loaded again
    page.evaluate("localStorage.clear()")
    page.reload()
    page.wait_for_selector("#frames tbody tr")
    assert page.inner_text("#count-noted") == "0"
    page.once("dialog", lambda dialog: dialog.accept())
    page.set_input_files("#load", saved)
    page.wait_for_function("document.querySelector('#count-noted').textContent === '2'")


def _light_and_dark(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.keyboard.press("t")
    assert page.evaluate(colour) != before
