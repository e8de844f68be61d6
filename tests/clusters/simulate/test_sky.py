"""The whole sky of a band: the same in every band, and each switch takes off its own part alone."""

from __future__ import annotations

from dataclasses import fields, replace

import healpy
import numpy as np
import pytest

from skysieve.clusters.physics.bands import band
from skysieve.clusters.simulate.recipe import Clusters, SkyRecipe, read_sky_recipe, shipped_sky_recipes
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.clusters.simulate.sky import draw_truth, simulate_sky
from skysieve.core.errors import ConfigError

REGION = SkyRegion(64, 25.0)
COMPONENTS = [
    field.name for field in fields(SkyRecipe) if field.name not in ("name", "description", "beam_scale")
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A catalogue of one massive cluster, near the pole."""
    path = tmp_path_factory.mktemp("catalogue") / "clusters.csv"
    path.write_text("GLON,GLAT,M500,Z\n40.0,80.0,15.0,0.1\n40.0,-80.0,15.0,0.1\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def recipe(catalogue):
    return SkyRecipe(clusters=Clusters(catalogue=catalogue))


def only(recipe, *names, keep=False):
    """Return a recipe with some components, or (keep) without them."""
    switches = {
        name: replace(getattr(recipe, name), enabled=(name in names) is not keep) for name in COMPONENTS
    }
    return replace(recipe, **switches)


def test_a_seed_makes_a_sky(recipe):
    quick = only(recipe, "clusters", "cmb", keep=True)
    one, again, other = (simulate_sky(quick, seed, REGION, band("143")) for seed in (1, 1, 2))
    assert one.dtype == np.float32
    assert one.shape == (len(REGION.pixels),)
    np.testing.assert_array_equal(one, again)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


def test_the_sky_is_the_sum_of_what_is_switched_on(recipe):
    recipe = only(recipe, *COMPONENTS)
    whole = simulate_sky(recipe, 1, REGION, band("545"))
    parts = {name: simulate_sky(only(recipe, name), 1, REGION, band("545")) for name in COMPONENTS}
    assert all(part.any() for part in parts.values())
    np.testing.assert_allclose(sum(parts.values()), whole, atol=3e-6 * np.abs(whole).max())
    without = simulate_sky(only(recipe, "dust", keep=True), 1, REGION, band("545"))
    np.testing.assert_allclose(whole - without, parts["dust"], atol=3e-6 * np.abs(whole).max())


def test_without_components_there_is_nothing(recipe):
    assert not simulate_sky(only(recipe), 1, REGION, band("857")).any()
    truth = draw_truth(only(recipe), 1, REGION)
    assert len(truth.clusters) == len(truth.sources) == 0


def test_clusters_are_shadows_below_217_and_light_above(recipe):
    pixel = healpy.ang2pix(64, 40.0, 80.0, lonlat=True)
    clusters = only(recipe, "clusters")
    assert len(draw_truth(clusters, 1, REGION).clusters) == 1
    signal = {name: simulate_sky(clusters, 1, REGION, band(name))[pixel] for name in ("143", "353")}
    assert signal["143"] < 0 < signal["353"]


def test_wider_beams_spread_the_same_clusters(recipe):
    sharp = only(recipe, "clusters")
    wide = replace(sharp, beam_scale=10.0)
    peak, low = (np.abs(simulate_sky(one, 1, REGION, band("100"))).max() for one in (sharp, wide))
    assert low < 0.7 * peak
    with pytest.raises(ConfigError, match="beam_scale 0"):
        replace(sharp, beam_scale=0.0)


def test_truth_given_is_truth_drawn(recipe):
    compact = only(recipe, "clusters", "radio_galaxies", "dusty_galaxies", "cold_cores")
    truth = draw_truth(compact, 1, REGION)
    np.testing.assert_array_equal(
        simulate_sky(compact, 1, REGION, band("545")),
        simulate_sky(compact, 1, REGION, band("545"), truth=truth),
    )
    assert set(truth.sources["KIND"]) >= {"radio", "infrared"}


def test_low_bands_show_the_cmb_and_high_ones_the_galaxy():
    recipe = only(SkyRecipe(), "cmb", "infrared_background", "dust", "noise")
    region = SkyRegion(64)
    maps = {name: simulate_sky(recipe, 1, region, band(name)) for name in ("100", "143", "545", "857")}
    lat = healpy.pix2ang(64, np.arange(len(region.pixels)), lonlat=True)[1]
    high = np.abs(lat) > 45
    assert 5e-5 < maps["100"][high].std() < 1.4e-4
    assert 1.0 < maps["857"][high].mean() < 2.5
    assert maps["857"][np.abs(lat) < 1].mean() > 50

    def alike(first, second):
        return np.corrcoef(maps[first][high], maps[second][high])[0, 1]

    assert alike("100", "143") > 0.95
    assert alike("545", "857") > 0.95
    assert alike("100", "857") < 0.4


def test_cores_lie_in_the_clouds_of_the_same_sky():
    region, recipe = SkyRegion(64), only(SkyRecipe(), "dust")
    clouds = simulate_sky(recipe, 1, region, band("857"))
    # how much of the dust is not the smooth column's: where a core is, what its crowding makes likely
    smooth = recipe.dust.smooth_brightness(*healpy.pix2ang(64, np.arange(clouds.size), lonlat=True))
    cores = draw_truth(only(SkyRecipe(), "cold_cores"), 1, region).sources
    there = healpy.ang2pix(64, cores["GLON"], cores["GLAT"], lonlat=True)
    expected = np.average(clouds / smooth, weights=clouds.astype(float) ** 1.5)
    assert expected > 1.15 * np.average(clouds / smooth, weights=smooth**1.5)
    assert np.mean((clouds / smooth)[there]) == pytest.approx(expected, rel=0.05)


class TestRecipe:
    def test_the_shipped_one_is_the_default(self):
        assert "planck" in shipped_sky_recipes()
        assert read_sky_recipe("planck") == SkyRecipe()
        assert not SkyRecipe().carbon_monoxide.enabled

    def test_another_differs_from_it_only_by_molecular_clouds(self):
        clouds = replace(SkyRecipe().carbon_monoxide, enabled=True)
        other = read_sky_recipe("planck-co")
        expected = replace(SkyRecipe(), name="planck-co", carbon_monoxide=clouds)
        assert other == replace(expected, description=other.description)

    def test_it_goes_to_yaml_and_back(self, tmp_path, recipe):
        changed = replace(recipe, dust=replace(recipe.dust, pole=3.0, enabled=False))
        path = tmp_path / "mine.yaml"
        path.write_text(changed.to_yaml(), encoding="utf-8")
        assert read_sky_recipe(path) == changed

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("dust: {level: 3}", "unknown setting dust.level; choose from enabled, pole"),
            ("cmb: {enabled: perhaps}", "cmb.enabled: .*'perhaps'"),
            ("radio_galaxies: {counts: {slope: 3}}", "radio_galaxies.counts.level: Field required"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, text, message):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            read_sky_recipe(path)

    def test_there_is_no_other(self):
        with pytest.raises(ConfigError, match="nowhere: no such recipe; give a YAML file or one of planck"):
            read_sky_recipe("nowhere")
