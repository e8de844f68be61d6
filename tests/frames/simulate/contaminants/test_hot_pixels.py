"""Hot pixels: as sharp as a pixel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.hot_pixels import HotPixels
from skysieve.frames.simulate.scene import Scene


def scene(shape=(256, 320), *, sky=2000.0, **camera):
    return Scene(
        camera=Camera(**camera),
        psf=cast("Any", SimpleNamespace(fwhm=3.5, peak=0.07)),
        sky=np.full(shape, sky, np.float32),
    )


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return settings.simulate(scene(shape, **kwargs), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(HotPixels(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(HotPixels(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


def light_of(settings, seed=1, **kwargs):
    return layer_of(settings, seed, **kwargs).light


ALONE: dict[str, Any] = {"pairs": (0.0, 0.0), "tails": 0.0}


def test_pixels_come_per_area_and_one_at_least():
    assert np.count_nonzero(light_of(HotPixels(per_mpix=(1000, 1000), **ALONE), shape=(512, 512))) == (
        pytest.approx(250, rel=0.25)
    )
    assert np.count_nonzero(light_of(HotPixels(per_mpix=(0.01, 0.01), **ALONE))) == 1


def test_pixels_stand_alone():
    light = light_of(HotPixels(per_mpix=(300, 300), **ALONE), shape=(512, 512))
    labels, count = ndimage.label(light, np.ones((3, 3)))
    assert np.mean(np.bincount(labels.ravel())[1:]) < 1.1
    assert count > 40


def test_the_charge_spreads_over_orders_of_magnitude_up_to_the_full_well():
    lights = [light_of(HotPixels(**ALONE), seed) for seed in range(50)]
    charge = np.concatenate([light[light > 0] for light in lights])
    assert charge.min() > 2.9 * scene().sigma
    assert charge.max() > 0.5 * scene().camera.full_well
    assert np.mean(charge < 30 * scene().sigma) > 0.3


def test_some_have_a_fainter_neighbour():
    light = light_of(HotPixels(per_mpix=(300, 300), pairs=(1, 1), tails=0), shape=(512, 512))
    labels, _ = ndimage.label(light)
    sizes = np.bincount(labels.ravel())[1:]
    assert np.mean(sizes == 2) > 0.8


@pytest.mark.parametrize("axis", [0, 1])
def test_deferred_charge_trails_along_the_axis_of_read_out(axis):
    settings = HotPixels(per_mpix=(0.01, 0.01), pairs=(0, 0), tails=1, deferred=(0.3, 0.3))
    for seed in range(10):
        rows, columns = np.nonzero(light_of(settings, seed, bleed_axis=axis) > 0)
        along, across = (rows, columns) if axis == 0 else (columns, rows)
        assert np.ptp(across) == 0
        assert 0 < np.ptp(along) <= 12


def test_near_infrared_pixels_leak_into_the_nearest_four():
    settings = HotPixels(per_mpix=(0.01, 0.01), crosstalk=(0.01, 0.01), pairs=(0, 0))
    light = light_of(settings, seed=2, detector="nir")
    y, x = np.unravel_index(np.argmax(light), light.shape)
    assert np.count_nonzero(light) == 5
    for pixel in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
        assert light[pixel] == pytest.approx(0.01 * light[y, x])
