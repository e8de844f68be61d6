"""Hot columns: straight, sharp, and marked where they show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.hot_columns import HotColumns
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
    first, again = (layer_of(HotColumns(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(HotColumns(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


def bright(**settings):
    return HotColumns(noisy=0, clusters_per_mpix=(1e-9, 1e-9), lines=0, **settings)


@pytest.mark.parametrize("axis", [0, 1])
def test_columns_run_along_the_axis_of_read_out(axis):
    for seed in range(20):
        layer = layer_of(bright(level=(20, 20)), seed, bleed_axis=axis)
        along, across = layer.light.any(axis=1 - axis), layer.light.any(axis=axis)
        assert along.sum() >= 4
        assert 1 <= across.sum() < 0.3 * across.size
        assert layer.truth is None


def test_lines_run_across_the_axis_of_read_out():
    settings = HotColumns(noisy=0, clusters_per_mpix=(1e-9, 1e-9), lines=1, per_kpix=(2, 2))
    layer = layer_of(settings, 5, bleed_axis=0)
    assert layer.light.any(axis=0).sum() > layer.light.any(axis=1).sum()


def test_most_partial_columns_reach_the_same_edge():
    for seed in range(10):
        light = layer_of(bright(level=(50, 50), per_kpix=(60, 60)), seed).light
        columns = light[:, light.any(axis=0)] > 0
        first, last = columns[0], columns[-1]
        partial = first != last
        assert partial.any()
        assert abs(first[partial].mean() - 0.5) > 0.2


def test_columns_are_one_to_four_pixels_wide_unless_they_meet():
    widths = []
    for seed in range(60):
        light = layer_of(bright(per_kpix=(0.1, 0.1)), seed).light
        _, count = ndimage.label(light.any(axis=0))
        if count == 1:
            widths.append(int(light.any(axis=0).sum()))
    assert widths.count(1) > len(widths) / 2
    assert np.quantile(widths, 0.9) <= 4


def test_levels_span_orders_of_magnitude_below_the_full_well():
    peaks = []
    for seed in range(60):
        light = layer_of(bright(per_kpix=(0.1, 0.1)), seed).light
        peaks.append(float(np.median(light[light > 0])) / scene().sigma)
    assert min(peaks) < 3
    assert max(peaks) > 300
    assert max(peaks) * scene().sigma < scene().camera.full_well


def test_noisy_columns_are_marked_whole_and_add_nothing_on_average():
    settings = HotColumns(noisy=1, noise=(10, 10), clusters_per_mpix=(1e-9, 1e-9))
    layer = layer_of(settings, 2)
    assert not layer.light.any()
    np.testing.assert_array_equal(layer.truth, layer.charge != 0)
    added = layer.charge[layer.truth]
    assert added.std() == pytest.approx(10 * scene().sigma, rel=0.3)
    assert abs(added.mean()) < 0.3 * added.std()


def test_clusters_are_small_spots():
    with_clusters = HotColumns(clusters_per_mpix=(400, 400), noisy=0, level=(50, 50), per_kpix=(0.01, 0.01))
    _, count = ndimage.label(layer_of(with_clusters, 1, (512, 512)).light > 100)
    assert 40 < count < 250
