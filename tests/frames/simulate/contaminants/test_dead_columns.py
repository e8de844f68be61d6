"""Dead columns: marked where the sky that they miss shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.dead_columns import DeadColumns
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
    first, again = (layer_of(DeadColumns(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.response, again.response)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(DeadColumns(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


def test_the_response_is_between_nothing_and_all():
    for seed in range(20):
        response = layer_of(DeadColumns(), seed).response
        assert response.min() >= 0
        assert response.max() == 1
        assert (response < 1).any()


def test_a_pixel_belongs_where_it_misses_more_sky_than_the_noise():
    for seed in range(20):
        layer = layer_of(DeadColumns(filled=0), seed, sky=2000, read_noise=5)
        missing = (1 - layer.response) * 2000
        np.testing.assert_array_equal(layer.truth, missing > np.sqrt(2025))


def test_nothing_shows_where_there_is_no_sky():
    for seed in range(20):
        layer = layer_of(DeadColumns(filled=0), seed, sky=3.0, read_noise=6)
        assert (layer.response < 1).any()
        assert not layer.truth.any()


def test_filled_pixels_have_no_response_at_all_and_belong_at_any_sky():
    for seed in range(20):
        layer = layer_of(DeadColumns(filled=1), seed, sky=3.0, read_noise=6)
        assert set(np.unique(layer.response)) == {0, 1}
        np.testing.assert_array_equal(layer.truth, layer.response == 0)


def test_only_filled_pixels_have_no_response_at_all():
    for seed in range(20):
        layer = layer_of(DeadColumns(filled=0, dead=1), seed)
        assert layer.response.min() > 0


@pytest.mark.parametrize("axis", [0, 1])
def test_columns_run_along_the_axis_of_read_out(axis):
    settings = DeadColumns(lines=0, clusters_per_mpix=(1e-9, 1e-9), recovering=0, dead=1)
    for seed in range(20):
        low = layer_of(settings, seed, bleed_axis=axis).response < 0.99
        assert low.any(axis=1 - axis).sum() >= 4
        assert low.any(axis=axis).sum() < 0.3 * low.shape[1 - axis]


def test_a_brighter_sky_shows_shallower_columns():
    def shallowest(sky):
        least = 1.0
        for seed in range(20):
            layer = layer_of(DeadColumns(filled=0), seed, sky=sky)
            if layer.truth.any():
                least = min(least, float(1 - layer.response[layer.truth].max()))
        return least

    assert shallowest(5e4) < 0.02
    assert shallowest(200) > 0.05


def test_columns_recover_behind_a_shallow_trap():
    settings = DeadColumns(recovering=1, dead=1, lines=0, clusters_per_mpix=(1e-9, 1e-9), filled=0)
    response = layer_of(settings, 1).response
    for column in response[:, response.min(axis=0) < 0.5].T:
        low = np.flatnonzero(column < 1)
        assert np.all(np.diff(column[low]) >= 0) or np.all(np.diff(column[low]) <= 0)


def test_clusters_are_small_and_irregular():
    settings = DeadColumns(clusters_per_mpix=(300, 300), per_kpix=(0.01, 0.01), dead=1, filled=0)
    truth = layer_of(settings, 1, (512, 512)).truth
    labels, count = ndimage.label(truth)
    assert 35 < count < 110
    spans = [
        window[axis].stop - window[axis].start for window in ndimage.find_objects(labels) for axis in (0, 1)
    ]
    assert 2 < np.median(spans) < 30
