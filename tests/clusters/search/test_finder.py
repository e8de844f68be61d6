"""One unit of the sky through the network and the matched filter."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from tests.clusters.tiny_sky import BANDS, CLUSTERS, NSIDE, SIGMA, cluster_maps, save_sky_model

from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.map_sets import MapSet
from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.maps.tiling import unit_pixels
from skysieve.clusters.physics.bands import band
from skysieve.clusters.search.augmentation import MISSING_DATA_MARGIN, predict_augmented
from skysieve.clusters.search.finder import ClusterFinder
from skysieve.clusters.search.settings import ClusterSettings
from skysieve.core.errors import ConfigError, ModelError, SourceError

UNIT = int(healpy.ang2pix(8, *CLUSTERS[0], nest=True, lonlat=True))


def map_set(values, names=BANDS, *, frame="G", nested=False):
    from pathlib import Path

    maps = [
        HealpixMap(one, NSIDE, nested, frame, "K_CMB", name, Path(f"{name}.fits"))
        for one, name in zip(values, names, strict=True)
    ]
    return MapSet(tuple(band(name) for name in names), MapStack(maps))


@pytest.fixture(scope="module")
def sky():
    return cluster_maps()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_sky_model(tmp_path_factory.mktemp("models") / "tiny-sky")


def find(model, maps, valid=None, **settings):
    finder = ClusterFinder(ClusterSettings(model=str(model), **settings))
    valid = np.ones((NSIDE // 8) ** 2, bool) if valid is None else valid
    return finder.find(UNIT, maps, valid, nside=NSIDE)


def test_the_network_says_of_each_pixel_what_the_maps_say_there(model, sky):
    found = find(model, map_set(sky), finder="network")
    lon, lat = healpy.pix2ang(NSIDE, unit_pixels(UNIT, NSIDE), nest=True, lonlat=True)
    first, last = (healpy.get_interp_val(sky[n], lon, lat, lonlat=True) / SIGMA[n] for n in (0, -1))
    expected = 1 / (1 + np.exp(8 - last + first))
    # patches and maps are both interpolated: at the peaks alone this differs
    assert np.corrcoef(found.probability, expected)[0, 1] > 0.95
    assert found.probability.max() > 0.9
    assert np.isnan(found.snr).all()
    assert found.candidates["snr"].size == 0


def test_the_order_and_frame_of_the_maps_do_not_matter(model, sky):
    plain = find(model, map_set(sky), finder="network").probability
    nested = [healpy.reorder(one, r2n=True) for one in sky]
    assert find(model, map_set(nested, nested=True), finder="network").probability == pytest.approx(
        plain, abs=1e-4
    )


def test_the_filter_finds_the_clusters(model, sky):
    found = find(model, map_set(sky), finder="mmf")
    assert np.isnan(found.probability).all()
    assert len(found.candidates["snr"]) == len(CLUSTERS)
    lon, lat = found.candidates["lon"], found.candidates["lat"]
    for place in CLUSTERS:
        away = np.hypot((lon - place[0]) * np.cos(np.radians(place[1])), lat - place[1])
        assert away.min() < 0.15
    pixels = healpy.ang2pix(NSIDE, lon, lat, nest=True, lonlat=True) - unit_pixels(UNIT, NSIDE)[0]
    assert found.snr[pixels] == pytest.approx(found.candidates["snr"], rel=0.2)


def test_pixels_that_are_not_searched_stay_empty(model, sky):
    valid = np.ones((NSIDE // 8) ** 2, bool)
    valid[200:600] = False
    found = find(model, map_set(sky), valid)
    for values in (found.probability, found.snr, found.source):
        assert np.isnan(values[~valid]).all()
        assert np.isfinite(values[valid]).all()
    whole = find(model, map_set(sky))
    np.testing.assert_allclose(found.probability[valid], whole.probability[valid], atol=1e-6)


def test_bands_are_taken_by_name_and_others_left(model, sky):
    more = np.concatenate([sky[:1] * 0 + 1e-3, sky])
    plain = find(model, map_set(sky), finder="network").probability
    np.testing.assert_array_equal(
        find(model, map_set(more, ("100", *BANDS)), finder="network").probability, plain
    )


def test_the_network_says_nothing_close_to_missing_data(model, sky):
    whole = find(model, map_set(sky), finder="network").probability
    lon, lat = healpy.pix2ang(NSIDE, unit_pixels(UNIT, NSIDE), nest=True, lonlat=True)
    middle = healpy.ang2vec(lon.mean(), lat.mean(), lonlat=True)
    holed = [one.copy() for one in sky]
    holed[1][healpy.vec2pix(NSIDE, *middle)] = np.nan
    found = find(model, map_set(holed), finder="network").probability
    away = np.degrees(np.arccos(np.clip(healpy.ang2vec(lon, lat, lonlat=True) @ middle, -1, 1))) * 60
    pixel = np.degrees(healpy.nside2resol(NSIDE)) * 60
    assert np.isnan(found[away < MISSING_DATA_MARGIN]).all()
    far = away > MISSING_DATA_MARGIN + 3 * pixel
    np.testing.assert_allclose(found[far], whole[far], atol=1e-4)


def test_a_missing_band_is_told_by_name(model, sky):
    finder = ClusterFinder(ClusterSettings(model=str(model)))
    with pytest.raises(SourceError, match="band 217"):
        finder.check_maps(map_set(sky[[0, 2]], ("143", "353")))


def test_stopping_ends_a_unit(model, sky):
    finder = ClusterFinder(ClusterSettings(model=str(model), finder="mmf"))
    finder.stop()
    with pytest.raises(KeyboardInterrupt):
        finder.find(UNIT, map_set(sky), np.ones((NSIDE // 8) ** 2, bool), nside=NSIDE)


def test_thresholds_are_those_of_the_card_or_the_user(model):
    assert ClusterFinder(ClusterSettings(model=str(model))).threshold == 0.5
    assert ClusterFinder(ClusterSettings(model=str(model), threshold=0.8)).threshold == 0.8


def test_views_are_turned_back():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(2, 1, 8, 8)).astype(np.float32)

    def first_column(shown):
        """Say 0.9 in the first column of what is shown, and 0.1 elsewhere."""
        seen = np.full_like(shown, 0.1)
        seen[..., 0] = 0.9
        return seen

    assert predict_augmented(first_column, pixels, 1)[0, 0, 3, 0] == pytest.approx(0.9)
    four = predict_augmented(first_column, pixels, 4)[0, 0]
    edges = [four[0, 3], four[-1, 3], four[3, 0], four[3, -1]]
    # once in four views the log-odds are 2.2, else -2.2
    assert edges == pytest.approx([1 / (1 + 9**0.5)] * 4, rel=1e-3)
    np.testing.assert_allclose(four, predict_augmented(first_column, pixels, 8)[0, 0], rtol=1e-4)
    with pytest.raises(ConfigError, match="3 views"):
        predict_augmented(first_column, pixels, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sky": {"side": "wide"}}, "does not say what it takes"),
        ({"sky": {"sigma": [1e-5]}}, "3 bands and 1 scatters"),
        (
            {
                "classes": ("source",),
                "training_priors": {},
                "default_priors": {},
                "default_thresholds": {},
            },
            "no class 'cluster'",
        ),
        ({"job": "ghosts"}, "a model for ghosts"),
        ({"normalisation": "mesh-200"}, "mesh-200"),
    ],
)
def test_models_that_will_not_do_are_refused(tmp_path, change, message):
    folder = save_sky_model(tmp_path / "model", **change)
    with pytest.raises(ModelError, match=message):
        ClusterFinder(ClusterSettings(model=str(folder)))


@pytest.mark.parametrize(
    "settings",
    [{"finder": "all"}, {"threshold": 0.0}, {"snr": -1.0}, {"least_pixels": 0}, {"views": 3}, {"same": 0.0}],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=r"choose from|above 0"):
        ClusterSettings(**settings)
