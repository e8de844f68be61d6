"""Probes: what their names say is what they draw."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.simulate.probes import PROBES, draw_probe
from skysieve.frames.simulate.probes.canvas import BIAS, GAIN, SHAPE, WELL

BY_NAME = {probe.name: probe for probe in PROBES}
FULL = np.float32(round(WELL / GAIN + BIAS))


def drawn(name, seed=0):
    return draw_probe(BY_NAME[name], seed)


def robust_sigma(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


def test_names_are_unique_and_classes_exist():
    assert len(BY_NAME) == len(PROBES)
    for probe in PROBES:
        assert {*probe.allowed, *([probe.expected] if probe.expected else [])} <= set(CLASS_NAMES)
        assert probe.expected not in probe.allowed


def test_every_class_of_contaminants_has_a_probe():
    assert {probe.expected for probe in PROBES} == {*CLASS_NAMES, None} - {"BBG", "BG"}


@pytest.mark.parametrize("probe", PROBES[::20], ids=lambda probe: probe.name)
def test_a_seed_gives_one_scene_and_another_seed_another(probe):
    first, again, other = draw_probe(probe, 1), draw_probe(probe, 1), draw_probe(probe, 2)
    assert first.pixels.shape == first.target.shape == first.empty.shape == SHAPE
    assert first.pixels.dtype == np.float32
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != other.pixels).any()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_there_is_something_to_look_at_and_it_is_not_in_the_empty_sky(probe):
    frame = draw_probe(probe, 3)
    assert frame.target.sum() >= 10
    assert not (frame.target & frame.empty).any()
    assert np.isfinite(frame.pixels).all()
    assert frame.pixels.max() <= FULL


@pytest.mark.parametrize("height", [12, 80])
def test_a_trail_stands_as_many_sigma_above_the_sky_as_its_name_says(height):
    frame = drawn(f"trail, 10 px wide, {height} sigma")
    sky, sigma = np.median(frame.pixels[frame.empty]), robust_sigma(frame.pixels[frame.empty])
    inside = (frame.pixels[frame.target] - sky) / sigma
    assert np.percentile(inside, 90) == pytest.approx(height, rel=0.35)


@pytest.mark.parametrize("length", [25, 90])
def test_tracks_are_as_long_as_their_name_says(length):
    from scipy import ndimage

    frame = drawn(
        f"cosmic-ray tracks, {length} px long, 25 sigma"
        if length == 90
        else f"cosmic-ray tracks, {length} px long, 80 sigma"
    )
    pieces, _ = ndimage.label(frame.target, np.ones((3, 3)))
    sides = [np.hypot(*(span.stop - span.start for span in box)) for box in ndimage.find_objects(pieces)]
    assert max(sides) == pytest.approx(length, abs=4)


def test_spikes_are_not_saturated_and_start_outside_the_core():
    frame = drawn("4 spikes, star of 300 full wells")
    assert frame.pixels.max() == FULL
    assert (frame.pixels[frame.target] < FULL).all()


@pytest.mark.parametrize("axis", ["columns", "rows"])
def test_charge_bleeds_along_the_axis_of_the_name(axis):
    rows, columns = np.nonzero(drawn(f"bleed trail along the {axis}").target)
    tall, wide = np.ptp(rows), np.ptp(columns)
    assert (tall > 3 * wide) if axis == "columns" else (wide > 3 * tall)


def test_dead_columns_give_hardly_any_light():
    frame = drawn("dead columns, 4 px wide")
    dark, sky = np.median(frame.pixels[frame.target]) - BIAS, np.median(frame.pixels[frame.empty]) - BIAS
    assert dark < 0.1 * sky
