"""Outlines of regions as SVG paths."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skysieve.frames.report.outlines import MAX_RUNS, outline_path, outlines

LINE = re.compile(r"M(\d+) (\d+)([hv])(\d+)")


def filled(path, height, width):
    """Return the pixels that a path encloses: those with an odd number of vertical lines to the left."""
    crossings = np.zeros((height, width + 1), int)
    used = 0
    for match in LINE.finditer(path):
        used += len(match[0])
        x, y, length = int(match[1]), int(match[2]), int(match[4])
        if match[3] == "v":
            crossings[y : y + length, x] += 1
    assert used == len(path)
    return (np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1)[::-1]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_the_outline_encloses_the_pixels_of_the_region(share):
    region = np.random.default_rng(3).random((37, 52)) < share
    np.testing.assert_array_equal(filled(outline_path(region, 37, 52), 37, 52), region)


def test_a_rectangle_has_one_line_a_side():
    region = np.zeros((10, 20), bool)
    region[2:5, 3:11] = True
    assert sorted(outline_path(region, 10, 20).split("M")[1:]) == ["11 5v3", "3 5h8", "3 5v3", "3 8h8"]


def test_planes_without_pixels_have_no_outline():
    bits = np.zeros((8, 8), np.int16)
    bits[1, 1] = 5
    assert set(outlines(bits, {"A": 1, "B": 2, "C": 4})) == {"A", "C"}


def test_an_outline_of_many_lines_is_drawn_on_blocks_that_contain_the_region():
    region = np.random.default_rng(4).random((603, 805)) < 0.5
    path = outline_path(region, 603, 805)
    assert 0 < path.count("M") <= MAX_RUNS
    drawn = filled(path, 603, 805)
    assert drawn[region].all()


def test_a_frame_of_many_pixels_a_side_has_lines_within_the_frame():
    bits = np.zeros((3, 20_001), np.int16)
    bits[:, -1] = 1
    ends = [(int(m[1]), int(m[2])) for m in LINE.finditer(outlines(bits, {"A": 1})["A"])]
    assert max(x for x, _ in ends) == 20_001
    assert max(y for _, y in ends) <= 3
