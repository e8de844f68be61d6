"""Bad pixels as regions: outlines that hold exactly their pixels, trails as lines."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from tests.tiny_models import save_pixel_model

import skysieve
from skysieve.core.errors import ConfigError
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.components import find_components, fit_line, outline
from skysieve.frames.mask.job import MaskJob
from skysieve.frames.mask.settings import MaskSettings

regions = pytest.importorskip("regions")

SHAPE = (100, 120)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(save_pixel_model(folder / "tiny", {"CR": 60, "TRL": 20, "BBG": 10, "BG": -1e4}))


def header():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150, 2], [60, 50], [-1e-4, 1e-4]
    return wcs.to_header()


def sky(*, trail=True):
    """Return a frame with a trail of 3 rows of pixels, 81 long, and a cosmic ray of one pixel."""
    pixels = np.random.default_rng(0).normal(500, 5, SHAPE).astype(np.float32)
    pixels[70, 30] = 1500
    if trail:
        pixels[40:43, 10:91] = 700
    return pixels


@given(seed=st.integers(0, 999), density=st.floats(0.05, 0.8))
def test_an_outline_holds_the_pixels_of_its_piece_and_its_holes(seed, density):
    marked = np.random.default_rng(seed).random((9, 11)) < density
    rows, columns = np.indices(marked.shape)
    for component in find_components(marked):
        corners = outline(component)
        polygon = regions.PolygonPixelRegion(regions.PixCoord(corners[:, 0], corners[:, 1]))
        whole = np.zeros_like(marked)
        window = (slice(component.row, None), slice(component.column, None))
        whole[window][: component.pixels.shape[0], : component.pixels.shape[1]] = component.pixels
        expected = ndimage.binary_fill_holes(whole)
        np.testing.assert_array_equal(polygon.contains(regions.PixCoord(columns, rows)), expected)


@given(angle=st.floats(0, np.pi), width=st.floats(1.5, 6), length=st.floats(60, 120), x=st.floats(70, 90))
def test_a_line_lies_along_its_trail(angle, width, length, x):
    rows, columns = np.indices((160, 160))
    along = (columns - x) * np.cos(angle) + (rows - 80) * np.sin(angle)
    across = (rows - 80) * np.cos(angle) - (columns - x) * np.sin(angle)
    (component,) = find_components((np.abs(along) <= length / 2) & (np.abs(across) <= width / 2))
    line = fit_line(component)
    assert line is not None
    ends = sorted([(line.x1, line.y1), (line.x2, line.y2)])
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    expected = sorted([tuple(np.array([x, 80]) - half), tuple(np.array([x, 80]) + half)])
    if abs(np.cos(angle)) > 0.1:  # else the ends may be swapped
        np.testing.assert_allclose(ends, expected, atol=2)
    assert line.length == pytest.approx(length, abs=3)
    assert line.width == pytest.approx(width, abs=1)


def test_a_round_or_short_piece_is_no_line():
    rows, columns = np.indices((60, 60))
    disc = np.hypot(rows - 30, columns - 30) < 12
    short = np.zeros((60, 60), bool)
    short[5, 3:18] = True
    for marked in (disc, short):
        (component,) = find_components(marked)
        assert fit_line(component) is None


class TestResult:
    def test_gives_lines_and_polygons_with_the_names_of_their_classes(self, model):
        result = skysieve.mask(sky(), model=model, priors=None)
        shapes = {type(shape).__name__: shape for shape in result.to_regions()}
        assert set(shapes) == {"LinePixelRegion", "PolygonPixelRegion"}
        line = shapes["LinePixelRegion"]
        assert (line.start.x, line.start.y) == pytest.approx((9.5, 41))
        assert (line.end.x, line.end.y) == pytest.approx((90.5, 41))
        assert line.meta["text"] == "TRL 3.0 px wide"
        texts = sorted(str(shape.meta["text"]) for shape in result.to_regions())
        assert texts == ["CR", "TRL", "TRL 3.0 px wide"]  # the cosmic ray is bright enough for both

    def test_leaves_out_what_is_not_bad(self, model):
        result = skysieve.mask(sky(), model=model, priors=None)
        assert [str(s.meta["text"]) for s in result.to_regions(bad="CR")] == ["CR"]
        assert {str(s.meta["text"]) for s in result.to_regions(bad="BBG")} == {"BBG"}


class TestFiles:
    def run(self, tmp_path, model, *hdus, **options):
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "a.fits")
        job = MaskJob(MaskSettings(model=model, priors=None), regions=True, **options)
        return job.run(Location(tmp_path / "a.fits"))

    def test_are_read_back_in_the_pixels_of_fits(self, tmp_path, model):
        record = self.run(tmp_path, model, fits.ImageHDU(sky(), header()))
        assert [path.name for path in record.regions] == ["a.mask.reg", "a.mask.trails.ecsv"]
        text = record.regions[0].read_text()
        assert "image\n" in text
        assert "line(10.50,42.00,91.50,42.00)" in text
        assert len(regions.Regions.read(record.regions[0], format="ds9")) == 3

    def test_list_trails_with_their_places_on_the_sky(self, tmp_path, model):
        hdus = [
            fits.ImageHDU(sky(trail=False), header()),
            fits.ImageHDU(sky(), header()),
            fits.ImageHDU(sky()),
        ]
        record = self.run(tmp_path, model, *hdus)
        names = ["a.mask.1.reg", "a.mask.2.reg", "a.mask.3.reg", "a.mask.trails.ecsv"]
        assert [path.name for path in record.regions] == names
        table = QTable.read(record.regions[-1])
        assert table["hdu"].tolist() == [2, 3]
        assert table["x1"].value.tolist() == [10.5, 10.5]
        assert table["width"].value.tolist() == [3, 3]
        expected = WCS(header()).all_pix2world([[10.5, 42], [91.5, 42]], 1).ravel()
        found = [table[name][0].to_value("deg") for name in ("ra1", "dec1", "ra2", "dec2")]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert np.isnan(table["ra1"][1])

    def test_of_one_class_are_the_same_text_in_every_run(self):
        from regions import LinePixelRegion, PixCoord, Regions

        from skysieve.frames.mask.regions import region_text

        shown = {"color": "#ff3030", "linewidth": 2, "fontsize": 9, "fill": False}
        line = LinePixelRegion(PixCoord(1, 2), PixCoord(3, 4), meta={"text": "a trail"}, visual=shown)
        [common] = [row for row in region_text(Regions([line])).splitlines() if row.startswith("global")]
        names = [part.partition("=")[0] for part in common.replace("{a trail}", "").split()[1:]]
        assert len(names) >= 4
        assert names == sorted(names)
        assert "text={a trail}" in common

    def test_of_a_frame_without_marks_are_empty(self, tmp_path, model):
        pixels = np.random.default_rng(0).normal(500, 5, SHAPE).astype(np.float32)
        record = self.run(tmp_path, model, fits.ImageHDU(pixels))
        assert record.regions[0].read_text().startswith("# Region file format: DS9")
        assert len(regions.Regions.read(record.regions[0], format="ds9")) == 0
        assert len(QTable.read(record.regions[1])) == 0

    def test_want_the_extra_before_any_work(self, model, monkeypatch):
        monkeypatch.setattr("skysieve.core.extras.find_spec", lambda _name: None)
        with pytest.raises(ConfigError, match=r"regions needs regions; run: .*pip install .*\[regions\]"):
            MaskJob(MaskSettings(model=model), regions=True).check()
