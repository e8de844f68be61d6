"""Recipes: what a YAML file may say, and what is wrong with it in one line."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.frames.simulate.recipe import CONTAMINANTS, LAYERS, Recipe, read_recipe, shipped_recipes

HELD_OUT = ("decam", "hawki", "lbnl", "megacam_coadd", "sinistro", "small_refractor", "wfc3")


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_what_a_file_leaves_out_keeps_its_default(write):
    recipe = read_recipe(write("cameras: {gain: [2, 3]}\ncontaminants:\n  CR: {probability: 1}\n"))
    assert recipe.name == "mine"
    assert recipe.cameras.gain == (2.0, 3.0)
    assert recipe.contaminants.CR.probability == 1
    assert recipe.cameras.bias == Recipe().cameras.bias
    assert recipe.contaminants.HP == Recipe().contaminants.HP


def test_an_empty_file_is_the_default(write):
    recipe = read_recipe(write(""))
    assert recipe == Recipe(name="mine", description=Recipe().description)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("camera: {}", "unknown setting camera; choose from name, description, cameras"),
        ("contaminants: {CR: {rate: 2}}", "unknown setting contaminants.CR.rate; choose from probability"),
        ("contaminants: {XX: {}}", "unknown setting contaminants.XX; choose from CR"),
        ("cameras: {gain: much}", "cameras.gain: "),
        ("cameras: {gain: [1, 2, 3]}", "cameras.gain: "),
        ("optics: {fwhm: [wide, 3]}", "optics.fwhm.0: .*, found 'wide'"),
        ("cameras: 3", "cameras: "),
        ("- 1", "a recipe is a mapping of settings, found list"),
        ("{", "cannot be read as a recipe"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(write, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(write(text))
    assert "mine.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_recipe_names_those_that_come_with_the_package():
    with pytest.raises(ConfigError, match=r"nowhere: no such recipe; give a YAML file or one of .*decam"):
        read_recipe("nowhere")


def test_binary_files_are_no_recipes(tmp_path):
    path = tmp_path / "frame.fits"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="cannot be read as a recipe"):
        read_recipe(path)


@pytest.mark.parametrize("name", list(shipped_recipes()))
def test_a_recipe_of_ours_can_be_read_and_written_and_read(name, write):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.description
    assert read_recipe(write(recipe.to_yaml())) == recipe
    camera = recipe.cameras.draw(np.random.default_rng(1))
    assert camera.saturation > camera.bias


def test_every_contaminant_is_in_several_of_the_cameras_that_nobody_trains_on():
    recipes = [read_recipe(name) for name in HELD_OUT]
    chances = {name: [recipe.contaminants[name].probability for recipe in recipes] for name in LAYERS}
    chances["OV"] = [recipe.overscan.probability for recipe in recipes]
    for name in set(CONTAMINANTS) - {"SAT"}:
        assert sum(chance >= 0.2 for chance in chances[name]) >= 2, name


def test_those_cameras_are_not_cameras_of_the_default():
    """Each is one camera: its ranges are narrow."""
    for name in HELD_OUT:
        cameras = read_recipe(name).cameras
        for low, high in (cameras.pixel_size, cameras.pixel_scale, cameras.aperture):
            assert high <= 1.1 * low, name
