"""Dead pixels: marked where the sky that they miss shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.dead_pixels import DeadPixels
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
    first, again = (layer_of(DeadPixels(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.response, again.response)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(DeadPixels(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


def test_pixels_come_per_area_and_one_at_least():
    many = layer_of(DeadPixels(per_mpix=(1000, 1000), pairs=(0, 0)), 1, (512, 512))
    assert np.count_nonzero(many.response < 1) == pytest.approx(250, rel=0.25)
    one = layer_of(DeadPixels(per_mpix=(0.01, 0.01), pairs=(0, 0)), 1)
    assert np.count_nonzero(one.response < 1) == 1


def test_a_pixel_belongs_where_it_misses_more_sky_than_the_noise():
    for seed in range(20):
        layer = layer_of(DeadPixels(filled=0), seed, sky=150, read_noise=5)
        np.testing.assert_array_equal(layer.truth, (1 - layer.response) * 150 > np.sqrt(175))


def test_nothing_shows_where_there_is_no_sky():
    layer = layer_of(DeadPixels(filled=0), 1, sky=3.0, read_noise=6)
    assert not layer.truth.any()


def test_only_filled_pixels_have_no_response_at_all_and_belong_at_any_sky():
    filled, kept = (layer_of(DeadPixels(filled=chance), 1, sky=3.0) for chance in (1, 0))
    assert set(np.unique(filled.response)) == {0, 1}
    np.testing.assert_array_equal(filled.truth, filled.response == 0)
    assert kept.response.min() > 0


def test_the_response_spans_dead_and_poor_pixels():
    response = layer_of(DeadPixels(per_mpix=(5000, 5000), dead=(0.5, 0.5), filled=0), 1, (512, 512)).response
    kept = response[response < 1]
    assert np.mean(kept < 0.06) == pytest.approx(0.5, abs=0.1)
    assert kept.max() < 0.71
