"""Cameras: each is within the ranges of its recipe, and could be built."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.cameras import Cameras


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    return [Cameras().draw(rng) for _ in range(300)]


@pytest.mark.parametrize(
    "name",
    ["gain", "full_well", "pixel_size", "pixel_scale", "diffusion", "exposure", "aperture", "obstruction"],
)
def test_values_fill_their_range(drawn, name):
    low, high = getattr(Cameras(), name)
    values = [getattr(camera, name) for camera in drawn]
    assert low <= min(values)
    assert max(values) <= high
    assert max(values) - min(values) > 0.8 * (high - low)


def test_detectors_are_of_both_kinds_and_infrared_ones_thin(drawn):
    infrared = [camera for camera in drawn if camera.detector == "nir"]
    assert 0.1 < len(infrared) / len(drawn) < 0.3
    assert max(camera.thickness for camera in infrared) <= 12
    assert max(camera.thickness for camera in drawn) > 200


def test_the_converter_sees_the_noise_and_has_room_above_the_bias(drawn):
    for camera in drawn:
        assert camera.read_noise >= 0.3 * camera.gain
        assert camera.bias <= 0.2 * camera.adc_maximum
        assert camera.adc_maximum + 1 in {2**14, 2**15, 2**16, 2**18}


def test_two_equal_numbers_fix_a_value():
    fixed = Cameras(
        near_infrared=1.0,
        gain=(1.7, 1.7),
        bias=(100.0, 100.0),
        bits=(16,),
        vanes=(3,),
        vane_width=(0.01, 0.01),
        aperture=(8.0, 8.0),
        rows=1.0,
    )
    camera = fixed.draw(np.random.default_rng(2))
    assert camera.detector == "nir"
    assert camera.gain == pytest.approx(1.7)
    assert camera.bias == pytest.approx(100)
    assert (camera.adc_maximum, camera.vanes, camera.bleed_axis) == (65535, 3, 1)
    assert camera.vane_width == pytest.approx(0.08)


def test_saturation_is_the_full_well_or_what_the_converter_can_write():
    assert Camera(gain=2.0, bias=100.0, full_well=50_000.0).saturation == 25_100
    assert Camera(gain=1.0, bias=100.0, full_well=1e5).saturation == 65_535


def test_every_value_of_a_camera_is_drawn(drawn):
    for name in (field.name for field in fields(Camera)):
        assert len({getattr(camera, name) for camera in drawn}) > 1, name
