"""The classes of ghosts."""

from __future__ import annotations

import re

import pytest

from skysieve.core.errors import ConfigError
from skysieve.ghosts.classes import CLASS_NAMES, CLASSES, find_class


def test_are_the_published_three_with_the_published_names():
    assert CLASS_NAMES == ("Rays", "Bright", "Faint")


def test_each_has_a_number_for_coco_and_a_colour_of_its_own():
    assert [c.category for c in CLASSES] == [1, 2, 3]
    assert len({c.colour for c in CLASSES}) == len(CLASSES)
    assert all(re.fullmatch("#[0-9a-f]{6}", c.colour) for c in CLASSES)


@pytest.mark.parametrize("name", ["Bright", "bright", "BRIGHT"])
def test_are_found_in_any_case(name):
    assert find_class(name).name == "Bright"


def test_an_unknown_class_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match=r"^unknown class 'Halo'; the classes are Rays, Bright, Faint$"):
        find_class("Halo")
