"""Previews of a search: stacks, combined bands, and pictures of them."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import healpy
import numpy as np
import pytest
from astropy.table import Table
from PIL import Image
from scipy.ndimage import gaussian_filter

from skysieve.clusters.catalogue.catalogue import make_catalogue
from skysieve.clusters.catalogue.compton_patches import combine_bands
from skysieve.clusters.catalogue.preview import make_previews
from skysieve.clusters.catalogue.preview_panels import PanelColumn, draw_panels
from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.map_sets import MapSet
from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.maps.stacks import (
    Stack,
    radial_profile,
    random_positions,
    remove_large_scales,
    stack_patches,
)
from skysieve.clusters.physics.bands import PLANCK_HFI

NSIDE = 64
BANDS = PLANCK_HFI[1:4]


def blob(side=40, sigma=3.0):
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    return np.exp(-(rows**2 + columns**2) / (2 * sigma**2)).astype(np.float32)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


class TestCombination:
    def test_the_compton_parameter_comes_back_and_the_background_goes(self):
        rng = np.random.default_rng(0)
        y, background = 2e-4 * blob(sigma=6), 1e-4 * rng.normal(size=(40, 40))
        maps = []
        for band in PLANCK_HFI:
            in_band = band.y_response * y + background
            in_band = in_band if band.unit == "K_CMB" else in_band * band.mjysr_per_kcmb
            noise = band.noise / 1.7 * rng.normal(size=(40, 40))
            maps.append(gaussian_filter(in_band, band.fwhm / 2.355 / 1.7) + noise)
        found = combine_bands(np.stack([maps]).astype(np.float32), PLANCK_HFI, resolution=1.7)[0]
        expected = gaussian_filter(y, 9.68 / 2.355 / 1.7)
        assert found[18:22, 18:22].mean() == pytest.approx(expected[18:22, 18:22].mean(), rel=0.1)
        assert np.std(found - expected) < 0.05 * y.max()

    def test_what_is_not_seen_stays_so(self):
        patches = np.random.default_rng(0).normal(size=(2, 3, 20, 20)).astype(np.float32)
        patches[0, 1, :5] = np.nan
        patches[1] = np.nan
        found = combine_bands(patches, BANDS, resolution=1.7)
        assert np.isnan(found[0, :5]).all()
        assert np.isfinite(found[0, 5:]).all()
        assert np.isnan(found[1]).all()


class TestStacks:
    def test_what_patches_share_stands_out(self):
        noise = np.random.default_rng(0).normal(size=(200, 1, 40, 40)) + 7.0
        stack = stack_patches((noise + blob()).astype(np.float32))
        assert stack.count == 200
        assert stack.mean[0, 18:22, 18:22].mean() == pytest.approx(0.87, abs=0.06)
        assert np.abs(stack.mean[0, :5]).mean() < 0.1

    def test_noisy_patches_count_less_and_missing_pixels_not(self):
        quiet = np.tile(blob(), (2, 1, 1, 1)) + 1e-3 * np.random.default_rng(0).normal(size=(2, 1, 40, 40))
        loud = 50 * np.random.default_rng(1).normal(size=(1, 1, 40, 40))
        quiet[0, 0, :3] = np.nan
        quiet[1, 0, 0] = np.nan
        mean = stack_patches(np.concatenate([quiet, loud]).astype(np.float32)).mean[0]
        assert np.abs(mean[3:] - blob()[3:]).max() < 0.05
        assert np.abs(mean[0]).max() > 1  # of the loud one alone
        assert np.isnan(stack_patches(quiet.astype(np.float32)).mean[0, 0]).all()

    def test_rings(self):
        radius, profile = radial_profile(Stack(blob()[None].astype(float), 1), resolution=1.5, rings=10)
        assert radius.tolist() == pytest.approx([1.5 + 3 * n for n in range(10)])
        np.testing.assert_allclose(profile[0], np.exp(-((radius / 1.5) ** 2) / 18), atol=0.06)

    def test_wide_structure_goes_and_compact_stays(self):
        slope = np.broadcast_to(np.linspace(0, 50, 40), (40, 40))
        patch = (slope + blob(sigma=1)).astype(np.float32)
        patch[:, :2] = np.nan
        narrow = remove_large_scales(patch[None], width=20, resolution=1.7)[0]
        assert np.isnan(narrow[:, :2]).all()
        assert narrow[10:30, 10:30].max() == pytest.approx(0.75, abs=0.05)
        assert np.abs(narrow[5:10, 18:26]).max() < 0.2

    def test_random_places_lie_on_the_footprint(self):
        footprint = np.zeros(12 * NSIDE**2, bool)
        footprint[[5, 4000]] = True
        for nested in (False, True):
            lon, lat = random_positions(footprint, 50, np.random.default_rng(0), nested=nested)
            assert set(healpy.ang2pix(NSIDE, lon, lat, nest=nested, lonlat=True)) == {5, 4000}


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    for module in ("preview_sky", "preview_panels"):
        monkeypatch.setattr(f"skysieve.clusters.catalogue.{module}.DPI", 40)


@pytest.fixture
def search():
    """Maps of a cap with noise and two clusters, and a catalogue of both of them."""
    rng = np.random.default_rng(0)
    lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), lonlat=True)[1]
    maps = []
    for band in BANDS:
        values = rng.normal(0, 1e-5, lat.size).astype(np.float32)
        values[lat < 70] = np.nan
        maps.append(
            HealpixMap(values, NSIDE, nested=False, frame="G", unit=band.unit, name="I", path=Path("x"))
        )
    table = Table({"lon": [10.0, 200.0], "lat": [85.0, 75.0], "score": [0.9, 0.6], "size": [np.nan, 8.0]})
    return make_catalogue(table, prefix="SKS"), MapSet(BANDS, MapStack(maps)), lat > 70


class TestPictures:
    def test_three_pictures(self, search):
        catalogue, maps, footprint = search
        probability = np.where(footprint, 0.3, np.nan).astype(np.float32)
        make = partial(make_previews, maps=maps, footprint=footprint, nested=False, title="t")
        files = make(catalogue, scores={"probability": probability})
        assert list(files) == ["preview-sky.png", "preview-candidates.png", "preview-stacks.png"]
        assert all(opened(png).std() > 5 for png in files.values())
        none = make(catalogue[:0])
        assert list(none) == ["preview-sky.png", "preview-candidates.png"]

    def test_longitudes_grow_to_the_left_and_latitudes_upward(self):
        """As on the sky: a source at larger longitude and latitude is drawn at the upper left."""
        patch = np.zeros((1, 1, 21, 21), np.float32) + np.random.default_rng(0).normal(size=(21, 21))
        patch[0, 0, 16:, 16:] = 100
        column = PanelColumn.of("143 GHz", "K_CMB")
        picture = opened(draw_panels(patch.astype(np.float32), [column], ["a"], width=20, title=""))
        panel = np.argwhere(picture.max(-1) - picture.min(-1) > 20)  # what has a colour
        red = np.argwhere((picture[..., 0] > 80) & (picture[..., 1] < 40))
        row, column = (red.mean(0) - panel.min(0)) / (panel.max(0) - panel.min(0))
        assert row < 0.3
        assert column < 0.3
