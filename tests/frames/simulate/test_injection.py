"""Contaminants put into a real frame: the rest of it stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from tests.frames.simulate.plain import PLAIN

from skysieve.frames.simulate.injection import CleanFrame, inject

SHAPE = (160, 200)
LEVEL, SIGMA, GAIN = 300.0, 12.0, 1.5


@pytest.fixture(scope="module")
def clean():
    pixels = np.random.default_rng(5).normal(LEVEL, SIGMA, SHAPE).astype(np.float32)
    return CleanFrame(
        pixels=pixels,
        level=np.full(SHAPE, LEVEL, np.float32),
        sigma=np.full(SHAPE, SIGMA, np.float32),
        gain=GAIN,
        read_noise=6.0,
        saturation=30_000.0,
    )


def put(clean, names, seed=11):
    return inject(clean, seed=seed, recipe=PLAIN, contaminants=names)


def test_pixels_that_nothing_was_put_into_stay_as_they_were(clean):
    exposure = put(clean, ["CR", "HP"])
    assert set(exposure.truth) == {"CR", "HP", "BBG"}
    touched = np.logical_or.reduce(list(exposure.truth.values()))
    change = exposure.pixels - clean.pixels
    assert np.median(np.abs(change[~touched])) < 0.05 * SIGMA
    assert np.percentile(np.abs(change[~touched]), 98) < 2 * SIGMA
    assert exposure.pixels.dtype == np.float32


def test_what_is_put_in_stands_out_where_the_truth_says(clean):
    for name in ("CR", "HCL", "TRL"):
        exposure = put(clean, [name])
        added = (exposure.pixels - clean.pixels)[exposure.truth[name]]
        assert added.size
        assert added.mean() > 0.7 * SIGMA, name
    dead = put(clean, ["DP"])
    assert (dead.pixels - clean.pixels)[dead.truth["DP"]].mean() < -0.7 * SIGMA


def test_stars_of_the_recipe_come_too_so_that_bbg_has_pixels(clean):
    exposure = put(clean, [])
    assert set(exposure.truth) == {"BBG"}
    added = (exposure.pixels - clean.pixels)[exposure.truth["BBG"]]
    assert added.mean() > SIGMA


def test_pixels_saturate_at_the_value_of_the_header(clean):
    exposure = put(clean, ["SAT", "HP", "CR"])
    assert exposure.pixels.max() <= 30_000 * 1.01


def test_overscan_replaces_the_borders(clean):
    exposure = put(clean, ["OV", "CR"])
    dark = exposure.truth["OV"]
    assert dark[:, -16:].all()
    assert dark.sum() == 16 * SHAPE[0]
    assert not (exposure.truth["CR"] & dark).any()
    # without light: lower by the sky's electrons, and with the noise of the read-out alone
    sky = (SIGMA * GAIN) ** 2 - 36
    assert np.median(exposure.pixels[dark]) == pytest.approx(LEVEL - sky / GAIN, abs=2)
    assert exposure.pixels[dark].std() == pytest.approx(6 / GAIN, rel=0.1)


def test_the_same_seed_puts_in_the_same(clean):
    names = ["CR", "TRL", "SAT"]
    first, again, other = put(clean, names), put(clean, names), put(clean, names, seed=12)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.truth["TRL"], again.truth["TRL"])
    assert not np.array_equal(first.truth["CR"], other.truth["CR"])


def test_the_recipe_decides_where_nothing_is_asked_for(clean):
    assert {"SAT", "BBG"} <= set(inject(clean, seed=1, recipe=PLAIN).truth)


def test_a_frame_whose_read_noise_explains_all_its_noise_is_no_problem(clean):
    from dataclasses import replace

    exposure = put(replace(clean, read_noise=1e3, saturation=None), ["CR", "SAT", "HP"])
    assert np.isfinite(exposure.pixels).all()
    assert exposure.truth["CR"].any()


@pytest.mark.parametrize(("sharing", "saturates"), [(1, False), (9, True)])
def test_an_unknown_saturation_is_the_highest_value_if_pixels_share_it(clean, sharing, saturates):
    from dataclasses import replace

    pixels = clean.pixels.copy()
    pixels[0, :sharing] = pixels.max() + 100
    exposure = put(replace(clean, pixels=pixels, saturation=None), ["CR", "SAT", "HP"])
    assert exposure.truth.get("SAT", np.zeros(1)).any() == saturates
