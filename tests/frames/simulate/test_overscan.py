"""Overscan and prescan: which borders a frame has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.frames.simulate.overscan import Borders, Overscan


def test_borders_take_their_room_from_the_frame():
    borders = Borders(bottom=1, top=2, left=3, right=4)
    assert borders.inside((100, 200)) == (97, 193)
    assert np.pad(np.zeros((97, 193)), borders.widths).shape == (100, 200)
    assert borders
    assert not Borders()


@given(st.integers(64, 5000), st.integers(64, 5000), st.integers(0, 2**32 - 1))
def test_a_frame_with_overscan_has_a_side_of_it_and_keeps_most_of_its_room(height, width, seed):
    borders = Overscan().draw((height, width), np.random.default_rng(seed))
    assert borders
    assert max(borders.bottom, borders.top) <= height // 8
    assert max(borders.left, borders.right) <= width // 8
    assert min(borders.inside((height, width))) >= 48


@pytest.mark.parametrize(("place", "side"), list(enumerate(["right", "left", "top", "bottom"])))
def test_sides_and_width_are_settings(place, side):
    sides: Any = tuple(float(place == number) for number in range(4))
    borders = Overscan(sides=sides, width=(20, 20)).draw((500, 500), np.random.default_rng(1))
    assert borders == Borders(**{side: 20})


def test_all_widths_of_the_range_occur():
    rng = np.random.default_rng(2)
    overscan = Overscan(width=(4, 8), sides=(1.0, 0.0, 0.0, 0.0))
    widths = [overscan.draw((400, 400), rng).right for _ in range(200)]
    assert set(widths) == set(range(4, 9))
