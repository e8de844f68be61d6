"""Persistence: the shapes of pixels that were full, not of the PSF."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.persistence import Persistence
from skysieve.frames.simulate.scene import Scene, Star


def scene(shape=(256, 320), *, sky=2000.0, stars=(), **camera):
    return Scene(
        camera=Camera(**camera),
        psf=cast("Any", SimpleNamespace(fwhm=3.5, peak=0.07)),
        sky=np.full(shape, sky, np.float32),
        bright_stars=stars,
    )


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return settings.simulate(scene(shape, **kwargs), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(Persistence(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(Persistence(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


PLAIN: dict[str, Any] = {"dithered": 0.0, "bled": 0.0, "hollow": 0.0, "spikes": 0.0, "roughness": (0.0, 0.0)}
ONE: dict[str, Any] = {"stars_per_mpix": (0.01, 0.01), **PLAIN}


def light_of(settings, seed=1, **kwargs):
    return layer_of(settings, seed, **kwargs).light


def profile(light):
    """Return the greatest charge, and the shares of lit pixels that are nearly full and half empty."""
    lit = light[light > 0.1 * light.max()]
    return np.mean(lit > 0.8 * light.max()), np.mean(lit < 0.5 * light.max())


def test_afterglows_are_flat_discs_with_steep_edges():
    flat, edge = profile(light_of(Persistence(steepness=(10, 10), excess=(3e3, 3e3), level=(50, 50), **ONE)))
    assert flat > 0.7
    assert edge < 0.2


def test_brighter_stars_leave_larger_ones():
    sizes = [
        np.count_nonzero(light_of(Persistence(excess=(e, e), level=(50, 50), **ONE), seed=3) > 100)
        for e in (10, 300, 1e4)
    ]
    assert sizes[0] < sizes[1] < sizes[2]
    assert sizes[2] > 5 * sizes[0]


def test_levels_keep_to_the_range_and_below_the_full_well():
    for seed in range(30):
        light = light_of(Persistence(), seed)
        assert light.min() >= 0
        assert light.max() < 0.8 * scene().camera.full_well
    faint = light_of(Persistence(level=(1, 1), **ONE))
    assert faint.max() < 5 * scene().sigma


def test_a_hollow_afterglow_is_faintest_in_the_middle():
    settings = Persistence(excess=(3e3, 3e3), level=(50, 50), **{**ONE, "hollow": 1.0})
    for seed in range(20):
        light = light_of(settings, seed)
        y, x = (round(c) for c in ndimage.center_of_mass(light))
        if 20 < y < 236 and 20 < x < 300:
            assert light[y, x] < 0.8 * light.max()


@pytest.mark.parametrize("axis", [0, 1])
def test_bled_columns_are_kept_along_the_axis_of_read_out_of_a_ccd_only(axis):
    settings = Persistence(excess=(3e3, 3e3), level=(50, 50), **{**ONE, "bled": 1.0})

    def extent(**camera):
        lit = light_of(settings, seed=2, bleed_axis=axis, **camera) > 100
        return [np.count_nonzero(lit.any(axis=1)), np.count_nonzero(lit.any(axis=0))]

    ccd, nir = extent(), extent(detector="nir")
    assert ccd[axis] > 1.5 * ccd[1 - axis]
    assert nir[axis] == pytest.approx(nir[1 - axis], abs=1)


def test_dithered_stars_leave_the_same_pattern_the_older_the_fainter():
    settings = Persistence(
        excess=(30, 30),
        level=(100, 100),
        dither=(40, 40),
        decay=(1, 1),
        own=0,
        **{**ONE, "dithered": 1.0, "stars_per_mpix": (0.01, 0.01)},
    )
    several = 0
    for seed in range(20):
        light = light_of(settings, seed, shape=(512, 512))
        labels, count = ndimage.label(light > scene().sigma)
        peaks = np.sort(ndimage.maximum(light, labels, np.arange(1, count + 1)))[::-1]
        if count >= 2 and peaks[0] > 1.2 * peaks[1]:
            several += 1
    assert several > 10


def test_stars_of_this_frame_may_have_stood_elsewhere():
    stars = (Star(100.0, 100.0, 1e8), Star(60.0, 250.0, 1e8))
    settings = Persistence(own=1, level=(100, 100), dither=(30, 30), **{**ONE, "dithered": 1.0})
    light = light_of(settings, seed=8, shape=(400, 400), stars=stars)
    glows = ndimage.label(light > scene().sigma)[1]
    assert glows >= 2
    # The pattern about one star is that about the other.
    lit = light > scene().sigma
    assert lit[40:161, 60:141].mean() > 0.01
    assert np.mean(lit[40:161, 60:141] != lit[0:121, 210:291]) < 0.003
