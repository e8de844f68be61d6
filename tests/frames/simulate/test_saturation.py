"""Full pixels: what they hold, what they spill, and which are marked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.saturation import Saturation, bleed

FULL = 1000.0


def spot(height=11 * FULL):
    charge = np.full((101, 5), 100, np.float32)
    charge[50, 2] = height
    return charge


def saturate(charge, *, seed=1, detector="ccd", bleed_axis=0, **settings):
    camera = Camera(detector=detector, bleed_axis=bleed_axis, full_well=FULL)
    settings = {"blooming_drain": 0.0, **settings}
    return Saturation(**settings).apply(charge, np.random.default_rng(seed), camera)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0, 1))
def test_bleeding_keeps_charge_unless_it_reaches_an_edge(values, share):
    column = np.array(values, np.float32)[:, None]
    padded = np.pad(column, ((700, 700), (0, 0)))
    held, touched = bleed(padded, 1e5, share=share)
    assert held.max() <= 1e5
    assert held.sum(dtype=np.float64) == pytest.approx(padded.sum(dtype=np.float64), rel=1e-4)
    np.testing.assert_array_equal(held[~touched], padded[~touched])


def test_charge_spills_along_its_column_both_ways():
    held, touched = saturate(spot(), share=(0.5, 0.5))
    assert not touched[:, [0, 1, 3, 4]].any()
    rows = np.flatnonzero(touched[:, 2])
    assert rows.min() < 50 < rows.max()
    assert abs((50 - rows.min()) - (rows.max() - 50)) <= 1
    assert (held[46:55, 2] == FULL).all()


def test_the_share_of_each_way_is_a_setting():
    _, touched = saturate(spot(), share=(1.0, 1.0))
    rows = np.flatnonzero(touched[:, 2])
    assert rows.max() == 50
    assert rows.min() < 42


def test_a_ccd_that_is_read_along_rows_spills_along_rows():
    held, touched = saturate(spot(), share=(0.5, 0.5))
    turned = saturate(np.ascontiguousarray(spot().T), bleed_axis=1, share=(0.5, 0.5))
    np.testing.assert_array_equal(turned[0], held.T)
    np.testing.assert_array_equal(turned[1], touched.T)


def test_drains_keep_charge_from_spilling():
    held, touched = saturate(spot(), blooming_drain=1.0)
    assert held[50, 2] == FULL
    assert touched.sum() == 1
    np.testing.assert_array_equal(held[~touched], 100)


def test_nothing_happens_below_the_full_well():
    charge = spot(0.9 * FULL)
    held, touched = saturate(charge)
    assert not touched.any()
    np.testing.assert_array_equal(held, charge)


def test_a_near_infrared_array_holds_what_it_can_and_may_lose_its_cores():
    charge = spot(1e6 * FULL)
    charge[49, 2] = 1.5 * FULL
    for chance, core in ((0.0, FULL), (1.0, 0.0)):
        held, touched = saturate(charge, detector="nir", reset_core=chance)
        assert (held[49, 2], held[50, 2]) == (FULL, core)
        assert touched.sum() == 2
