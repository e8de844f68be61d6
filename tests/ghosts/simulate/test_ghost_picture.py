"""Pictures of focal planes: what is in them, what the truth says, and how both hang together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate import GhostRecipe, Layout, read_ghost_recipe, simulate_focal_plane
from skysieve.ghosts.simulate.recipe import shipped_ghost_recipes

SEEDS = range(40)


@pytest.fixture(scope="module")
def layout():
    return Layout(decam().ccd_map.astype(np.uint8))


@pytest.fixture(scope="module")
def pictures(layout):
    return [simulate_focal_plane(layout, seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def ghosts(pictures):
    return [ghost for picture in pictures for ghost in picture.instances]


def only(kind, **changes):
    kinds = {"rays": (1.0, 0.0, 0.0), "reflections": (0.0, 1.0, 0.0)}[kind]
    return replace(GhostRecipe(), ghosted=1.0, kinds=kinds, **changes)


def test_a_picture_has_the_size_of_the_focal_plane_in_8_bits(pictures):
    assert {picture.pixels.shape for picture in pictures} == {(400, 400)}
    assert {picture.pixels.dtype for picture in pictures} == {np.dtype(np.uint8)}


def test_the_same_seed_gives_the_same_picture_and_another_one_another(layout, pictures):
    again = simulate_focal_plane(layout, 3)
    assert np.array_equal(again.pixels, pictures[3].pixels)
    assert [g.class_name for g in again.instances] == [g.class_name for g in pictures[3].instances]
    assert all(
        np.array_equal(a.mask, b.mask) for a, b in zip(again.instances, pictures[3].instances, strict=True)
    )
    assert not np.array_equal(again.pixels, pictures[4].pixels)


def test_about_half_of_the_pictures_have_no_ghost(pictures):
    assert 0.3 < np.mean([picture.has_ghost for picture in pictures]) < 0.7


def test_a_recipe_may_ask_for_ghosts_in_all_pictures_or_none(layout):
    none, every = (replace(GhostRecipe(), ghosted=share) for share in (0.0, 1.0))
    assert not any(simulate_focal_plane(layout, seed, none).has_ghost for seed in range(4))
    assert all(simulate_focal_plane(layout, seed, every).has_ghost for seed in range(8))


def test_each_kind_gives_its_classes(layout):
    rays = [g for s in range(4) for g in simulate_focal_plane(layout, s, only("rays")).instances]
    reflections = [
        g for s in range(4) for g in simulate_focal_plane(layout, s, only("reflections")).instances
    ]
    assert {g.class_name for g in rays} == {"Rays"}
    assert {g.class_name for g in reflections} <= {"Bright", "Faint"}
    assert all(g.star is None and g.centre is None for g in rays)


def test_classes_are_those_of_the_annotations(ghosts):
    assert {ghost.class_name for ghost in ghosts} == set(CLASS_NAMES)


def test_masks_are_filled_and_on_the_focal_plane(layout, ghosts):
    for ghost in ghosts:
        assert ghost.mask.shape == (400, 400)
        assert ghost.mask.any()
        assert not (ghost.mask & ~layout.plane).any()


def test_centres_lie_on_the_line_through_field_centre_and_star(layout, ghosts):
    centre = layout.centre
    found = [ghost for ghost in ghosts if ghost.class_name != "Rays"]
    assert found
    for ghost in found:
        star = np.subtract(ghost.star, centre)
        middle = np.subtract(ghost.centre, centre)
        off = abs(star[0] * middle[1] - star[1] * middle[0]) / math.hypot(*star)
        assert off < 0.01


def test_reflections_are_outlined_a_little_outside_of_their_light(layout):
    y, x = np.indices(layout.shape)
    disc = np.hypot(y - 180.3, x - 220.8) < 13.7
    outline = GhostRecipe().truth.outline_reflection(disc, layout.plane)
    assert math.sqrt(outline.sum() / math.pi) == pytest.approx(15.0, abs=0.2)  # as people do
    assert not GhostRecipe().truth.outline_reflection(disc, layout.plane & (x < 230))[:, 230:].any()


def test_reflections_of_a_class_around_one_middle_have_one_outline(layout):
    def concentric(rule):
        pairs = 0
        for seed in range(6):
            picture = simulate_focal_plane(layout, seed, only("reflections", truth=rule))
            middles = [(g.class_name, g.star, np.argwhere(g.mask).mean(axis=0)) for g in picture.instances]
            pairs += sum(
                first[:2] == second[:2] and math.dist(first[2], second[2]) < 8
                for number, first in enumerate(middles)
                for second in middles[:number]
            )
        return pairs

    rule = GhostRecipe().truth
    assert concentric(replace(rule, concentric=0.0)) > 0
    assert concentric(rule) == 0


def test_rays_touch_the_outer_part_of_the_focal_plane(layout, ghosts):
    y, x = np.indices((400, 400))
    radius = np.hypot(y - layout.centre[0], x - layout.centre[1])
    rays = [ghost for ghost in ghosts if ghost.class_name == "Rays"]
    assert rays
    assert all(radius[ghost.mask].max() > 170 for ghost in rays)


def test_bright_ghosts_are_compact_and_of_higher_contrast_than_faint_ones(ghosts):
    bright = [ghost for ghost in ghosts if ghost.class_name == "Bright"]
    faint = [ghost for ghost in ghosts if ghost.class_name == "Faint"]
    assert max(ghost.mask.sum() for ghost in bright) < 12_000
    assert np.median([g.mask.sum() for g in faint]) > 2 * np.median([g.mask.sum() for g in bright])
    assert np.median([g.contrast for g in bright]) > 2 * np.median([g.contrast for g in faint])


def test_what_counts_as_a_ghost_stands_above_the_noise(pictures):
    rule = GhostRecipe().truth
    for picture in pictures:
        for ghost in picture.instances:
            assert ghost.signal >= rule.signal
            assert ghost.contrast >= rule.contrast * float(picture.parameters["noise"])


def test_ghosts_below_the_rule_are_in_the_picture_but_not_in_the_truth(layout):
    strict = replace(GhostRecipe().truth, signal=1e9)
    picture = simulate_focal_plane(layout, 5, only("reflections", truth=strict, tries=1))
    assert not picture.has_ghost
    assert picture.parameters["hidden"] != 0


def test_dead_ccds_are_blank_and_gaps_have_their_level(layout, pictures):
    numbers = layout.ccd_map
    for picture in pictures:
        assert not picture.live[numbers == 61].any()
        assert not picture.live[numbers == 0].any()
        assert picture.live[numbers == 31].mean() == pytest.approx(0.5, abs=0.05)
        assert np.median(picture.pixels[numbers == 61]) == 23
        assert np.median(picture.pixels[~layout.plane]) == 23
    blank = np.mean([not picture.live[numbers == 2].any() for picture in pictures])
    assert 0.2 < blank < 0.7


def test_pictures_show_the_noise_of_published_ones(pictures):
    noises = []
    for picture in pictures:
        lower, middle = np.percentile(picture.pixels[picture.live], [25, 50])
        noises.append(1.4826 * (middle - lower))
        # percentiles of whole grey levels are one level off
        assert noises[-1] == pytest.approx(picture.parameters["noise"], rel=0.5, abs=7)
    assert min(noises) < 13
    assert max(noises) > 22


def test_levels_are_those_of_the_published_pictures(layout):
    plane = GhostRecipe().plane
    usual = replace(GhostRecipe(), plane=replace(plane, levels=replace(plane.levels, shown=(9.5, 13.0))))
    pictures = [simulate_focal_plane(layout, seed, usual) for seed in range(20)]
    # median 54, 5 % at 26, 95 % at 103, 99 % at 200, with ghosts; a third of a percent white
    pixels = np.concatenate([picture.pixels[picture.live] for picture in pictures])
    low, middle, high, top = np.percentile(pixels, [5, 50, 95, 99])
    assert 22 < low < 36
    assert 49 < middle < 59
    assert 80 < high < 112
    assert 130 < top < 225
    assert 0.0003 < np.mean(pixels >= 250) < 0.008


def test_areas_are_those_that_people_outlined(ghosts):
    typical = {
        name: math.exp(np.mean([math.log(g.mask.sum()) for g in ghosts if g.class_name == name]))
        for name in CLASS_NAMES
    }
    # theirs have medians of 1524, 1005 and 4207
    assert 500 < typical["Rays"] < 4000
    assert 450 < typical["Bright"] < 2500
    assert 1500 < typical["Faint"] < 12_000


def test_a_generator_may_be_given_instead_of_a_seed(layout, pictures):
    picture = simulate_focal_plane(layout, np.random.default_rng(2))
    assert picture.seed is None
    assert np.array_equal(picture.pixels, pictures[2].pixels)


@pytest.mark.parametrize("name", list(shipped_ghost_recipes()))
def test_shipped_recipes_can_be_read_and_come_back_from_their_own_text(name, tmp_path):
    recipe = read_ghost_recipe(name)
    path = tmp_path / f"{name}.yaml"
    path.write_text(recipe.to_yaml())
    assert read_ghost_recipe(path) == recipe


def test_an_unknown_setting_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("rays: {colour: 3}\n")
    with pytest.raises(ConfigError, match=r"unknown setting rays\.colour"):
        read_ghost_recipe(path)


@pytest.mark.parametrize("ccds", [np.zeros((400, 400), np.uint8), np.ones(400, np.uint8)])
def test_a_layout_without_ccds_is_refused(ccds):
    with pytest.raises(ConfigError, match="layout"):
        Layout(ccds)
