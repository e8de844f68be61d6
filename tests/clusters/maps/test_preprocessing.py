from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.stats import mad_std

from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.core.errors import ConfigError, FrameError

SIGMA, LEVEL = np.array([1e-4, 0.3]), np.array([0.0, 5.0])


def patches(*, tail: bool = False) -> np.ndarray:
    """Return patches of two bands of known scatter; with a tail, a third of the pixels are brighter."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(20, 2, 32, 32))
    if tail:
        noise += np.where(rng.random(noise.shape) < 0.35, rng.exponential(6, noise.shape), 0)
    return np.asarray(noise * SIGMA[:, None, None] + LEVEL[:, None, None], np.float32)


class TestApplied:
    def test_formula(self):
        patch = patches()[0]
        found = Preprocessing(tuple(SIGMA), tuple(LEVEL))(patch)
        expected = np.arcsinh((patch - LEVEL[:, None, None]) / SIGMA[:, None, None])
        assert found.dtype == np.float32
        assert found == pytest.approx(expected, abs=1e-5)

    def test_without_stretch_and_offset(self):
        patch = patches()[0]
        found = Preprocessing(tuple(SIGMA), stretch=False)(patch)
        assert found == pytest.approx(patch / SIGMA[:, None, None], rel=1e-5)

    def test_many_at_once(self):
        process = Preprocessing(tuple(SIGMA), tuple(LEVEL))
        assert np.array_equal(process(patches())[7], process(patches()[7]))

    def test_no_data_becomes_zero_and_the_patch_stays_as_it_was(self):
        patch = patches()[0]
        patch[1, 3:5] = np.nan
        found = Preprocessing(tuple(SIGMA))(patch)
        assert not found[1, 3:5].any()
        assert np.isfinite(found).all()
        assert np.isnan(patch[1, 3:5]).all()

    @pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8), (2, 1, 8, 8)])
    def test_other_bands(self, shape):
        with pytest.raises(FrameError, match="2 bands"):
            Preprocessing((1.0, 1.0))(np.zeros(shape))


class TestMeasured:
    def test_by_the_median_absolute_deviation(self):
        values = patches(tail=True)
        found = Preprocessing.fit(values)
        assert found.sigma == pytest.approx([mad_std(values[:, band]) for band in range(2)], rel=1e-4)
        assert found.offset == ()

    def test_up_to_the_mode_a_bright_tail_does_not_count(self):
        by_mode = Preprocessing.fit(patches(tail=True), kind="mode", centred=True)
        by_mad = Preprocessing.fit(patches(tail=True))
        assert by_mode.sigma == pytest.approx(SIGMA, rel=0.12)
        assert all(mad > 1.3 * sigma for mad, sigma in zip(by_mad.sigma, SIGMA, strict=True))
        assert np.abs(np.array(by_mode.offset) - LEVEL) == pytest.approx([0, 0], abs=0.1)

    @pytest.mark.parametrize("kind", ["mad", "mode"])
    def test_centred(self, kind):
        found = Preprocessing.fit(patches(), kind=kind, centred=True)
        assert found.sigma == pytest.approx(SIGMA, rel=0.05)
        assert (np.array(found.offset) - LEVEL) / SIGMA == pytest.approx([0, 0], abs=0.1)

    def test_pixels_without_data_do_not_count(self):
        values = patches()
        values[:5] = np.nan
        assert Preprocessing.fit(values) == Preprocessing.fit(values[5:])

    def test_on_the_given_part_of_the_sky_alone(self):
        lat = np.degrees(np.arcsin(np.linspace(1, -1, 12 * 64**2)))
        values = np.random.default_rng(1).normal(size=lat.size) * np.where(lat > 0, 1, 100)
        stack = MapStack([HealpixMap(values.astype("f4"), 64, False, "G", "K", "I", Path("a.fits"))])
        grid = PatchGrid(side=16, resolution=55)
        lon, north = np.arange(0, 360, 45), np.full(8, 45)
        found = Preprocessing.fit(stack, lon, north, grid=grid)
        assert found == Preprocessing.fit(stack.cut_many(lon, north, grid))
        assert 0.5 < found.sigma[0] < 1

    def test_of_very_many_patches_some_are_taken(self, monkeypatch):
        monkeypatch.setattr("skysieve.clusters.maps.preprocessing._MAX_PATCHES", 3)
        stack = MapStack(
            [HealpixMap(np.arange(768, dtype=np.float32), 8, False, "G", "K", "I", Path("a.fits"))]
        )
        lon, lat, grid = np.linspace(0, 80, 9), np.linspace(-80, 80, 9), PatchGrid(8)
        taken = stack.cut_many(lon[[0, 4, 8]], lat[[0, 4, 8]], grid)
        assert Preprocessing.fit(stack, lon, lat, grid=grid) == Preprocessing.fit(taken)

    def test_of_nothing(self):
        empty = patches()
        empty[:, 1] = np.nan
        with pytest.raises(FrameError, match="band 2 of 2 has no data"):
            Preprocessing.fit(empty)
        with pytest.raises(FrameError, match="band 1 of 2 has no scatter"):
            Preprocessing.fit(np.ones((2, 2, 4, 4)), kind="mode")
        stack = MapStack([HealpixMap(np.zeros(768, "f4"), 8, False, "G", "K", "I", Path("a.fits"))])
        with pytest.raises(ConfigError, match="centres"):
            Preprocessing.fit(stack)

    def test_by_an_unknown_kind(self):
        with pytest.raises(ConfigError, match="'rms' is not known; choose mad, mode"):
            Preprocessing.fit(patches(), kind="rms")  # type: ignore[arg-type]


class TestCard:
    @pytest.mark.parametrize(
        "one", [Preprocessing((1e-5, 2.0), (0.0, 3.0), stretch=False), Preprocessing((1.0,))]
    )
    def test_holds_it(self, one):
        assert Preprocessing.from_card(json.loads(json.dumps(one.to_card()))) == one

    @pytest.mark.parametrize(
        "card",
        [
            {},
            {"sigma": 1.0, "offset": [], "stretch": True},
            {"sigma": [1.0], "offset": [], "stretch": "no"},
            {"sigma": [0.0], "offset": [], "stretch": True},
            {"sigma": [1.0, 2.0], "offset": [1.0], "stretch": True},
        ],
    )
    def test_that_holds_none(self, card):
        with pytest.raises(ConfigError):
            Preprocessing.from_card(card)
