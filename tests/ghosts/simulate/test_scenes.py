"""Rare scenes of simulated focal planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate import GhostRecipe, Layout, read_ghost_recipe, simulate_focal_plane
from skysieve.ghosts.simulate.scenes import Scenes

ONLY_REFLECTIONS = (0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def layout():
    return Layout(decam().ccd_map.astype(np.uint8))


@pytest.fixture(scope="module")
def plain():
    """Return a recipe without ghosts, JPEG and stretch, whose pictures differ by their scenes alone."""
    recipe = GhostRecipe(ghosted=0.0)
    levels = replace(recipe.plane.levels, jpeg=0, noise=(10.0, 10.0), shown=(10.0, 10.0))
    return replace(recipe, plane=replace(recipe.plane, levels=levels))


def light_of(layout, recipe, scenes, seed):
    """Return the mean light that a scene adds, as one picture with it minus one without, and its name."""
    with_it = simulate_focal_plane(layout, seed, replace(recipe, scenes=scenes))
    without = simulate_focal_plane(layout, seed, recipe)
    return with_it.pixels.astype(float) - without.pixels, with_it


def test_by_default_there_is_none_and_pictures_stay_as_they_were(layout):
    picture = simulate_focal_plane(layout, 3)
    assert picture.parameters["scenes"] == ""
    again = simulate_focal_plane(layout, 3, GhostRecipe(scenes=Scenes(glow=(1.0, 2.0))))
    assert np.array_equal(picture.pixels, again.pixels)


def test_a_very_bright_star_saturates_and_is_no_ghost(layout, plain):
    more = []
    for seed in range(6):
        picture = simulate_focal_plane(layout, seed, replace(plain, scenes=Scenes(bright_star=1.0)))
        assert picture.parameters["scenes"] == "bright star"
        assert not picture.has_ghost
        bare = simulate_focal_plane(layout, seed, plain)
        more.append(np.count_nonzero(picture.pixels == 255) - np.count_nonzero(bare.pixels == 255))
    assert sum(count > 30 for count in more) >= 4  # others lie in a gap or on a dead CCD


def test_a_vignetted_sky_fades_outwards_within_the_outer_ccds_alone(layout, plain):
    # averaged over pictures, as noise differs
    scenes = Scenes(vignetted=1.0, vignetting=(20.0, 20.0))
    lights = [light_of(layout, plain, scenes, seed) for seed in range(4)]
    assert {picture.parameters["scenes"] for _, picture in lights} == {"vignetted"}
    assert not any(picture.has_ghost for _, picture in lights)
    mean = np.mean([light for light, _ in lights], axis=0)
    camera = decam()

    def fall(number):
        """Return the difference of the inner and the outer third of a CCD, along the rows of the picture."""
        rows, columns = camera.by_number[number].picture_box.inside(camera.picture_shape)
        part = np.median(mean[rows, columns], axis=0)
        third = part.size // 3
        return part[:third].mean() - part[-third:].mean()

    assert fall(25) > 8  # at the right edge
    assert abs(fall(28)) < 3  # in the middle


def test_a_mottled_sky_is_rough_and_no_ghost(layout, plain):
    scatters, kinds = [], []
    for scenes in (Scenes(), Scenes(mottled=1.0, mottling=(20.0, 20.0), mottle_size=(6.0, 6.0))):
        picture = simulate_focal_plane(layout, 6, replace(plain, scenes=scenes))
        assert not picture.has_ghost
        centre = uniform_filter(picture.pixels.astype(float), 3)[layout.ccd_map == 28]
        scatters.append(np.subtract(*np.percentile(centre, [84, 16])))
        kinds.append(picture.parameters["scenes"])
    assert kinds[-1] == "mottled"
    assert scatters[1] > 1.5 * scatters[0]


def test_two_wide_discs_overlap(layout):
    recipe = GhostRecipe(ghosted=1.0, kinds=ONLY_REFLECTIONS, scenes=Scenes(overlapping=1.0))
    overlapping = 0
    for seed in range(6):
        picture = simulate_focal_plane(layout, seed, recipe)
        assert picture.parameters["scenes"] == "overlapping"
        assert picture.parameters["stars"] == 2
        wide = [one for one in picture.instances if one.path.startswith("D>Filter")]
        stars = {one.star for one in wide}
        overlapping += len(stars) == 2 and bool((wide[0].mask & wide[-1].mask).any())
    assert overlapping >= 3  # in the others one of the two is too faint


def test_the_recipe_of_the_package_has_all_of_them(layout):
    recipe = read_ghost_recipe("ghosts-scenes")
    recipe = replace(recipe, ghosted=1.0, kinds=ONLY_REFLECTIONS)
    seen = {
        name
        for seed in range(14)
        for name in str(simulate_focal_plane(layout, seed, recipe).parameters["scenes"]).split(", ")
    }
    assert seen >= {"bright star", "vignetted", "mottled", "overlapping"}
