"""Fringes: bands of interference about the mean sky, marked as an area."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.fringes import Fringes
from skysieve.frames.simulate.scene import Scene

EVERYWHERE: dict[str, Any] = {"patches": 0.0, "rings": 0.0}


def scene(shape=(256, 320), *, sky=40_000.0, **camera):
    return Scene(
        camera=Camera(**camera),
        psf=cast("Any", SimpleNamespace(fwhm=3.5, peak=0.07)),
        sky=np.full(shape, sky, np.float32),
    )


def simulated(settings, field, seed):
    return settings.simulate(field, np.random.default_rng(seed))


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return simulated(settings, scene(shape, **kwargs), seed)


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(Fringes(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)
    np.testing.assert_array_equal(first.truth, again.truth)


@pytest.mark.parametrize("shape", [(64, 64), (65, 301), (300, 64)])
def test_any_shape_will_do(shape):
    for seed in range(20):
        layer = layer_of(Fringes(), seed, shape)
        assert layer.light.shape == layer.truth.shape == shape
        assert (layer.light.dtype, layer.truth.dtype) == (np.float32, np.bool_)
        assert np.isfinite(layer.light).all()


@pytest.mark.parametrize("amplitude", [1.0, 15.0])
def test_the_brightest_bands_are_as_high_as_asked(amplitude):
    field = scene()
    light = layer_of(Fringes(amplitude=(amplitude, amplitude))).light
    assert np.percentile(np.abs(light), 99.5) == pytest.approx(amplitude * field.sigma, rel=0.1)


def test_a_dark_sky_holds_the_fringes_down():
    strong = Fringes(amplitude=(0.3, 20), contrast=0.05)
    tops = [np.percentile(np.abs(layer_of(strong, seed, sky=2000.0).light), 99.5) for seed in range(20)]
    assert max(tops) < 1.1 * 0.05 * 2000


def test_there_are_dark_bands_as_well_as_bright_ones():
    light = layer_of(Fringes(**EVERYWHERE, period=(20, 20))).light
    assert light.min() < -0.4 * light.max()
    assert abs(light.mean()) < 0.2 * light.std()


@pytest.mark.parametrize("period", [12.0, 40.0])
def test_bands_are_as_far_apart_as_asked(period):
    found = []
    for seed in range(10):
        light = layer_of(Fringes(**EVERYWHERE, period=(period, period), lines=(1, 1)), seed, (256, 256)).light
        slope = np.sqrt(np.square(np.diff(light, axis=0)).mean() + np.square(np.diff(light, axis=1)).mean())
        found.append(2 * np.pi * light.std() / slope)
    assert np.median(found) == pytest.approx(period, rel=0.25)


def test_the_whole_area_belongs_with_its_dark_bands_and_the_zeros_between():
    layer = layer_of(Fringes(**EVERYWHERE, period=(20, 20), amplitude=(15, 15), lines=(1, 1)))
    assert layer.truth.mean() > 0.95
    assert (layer.light[layer.truth] < 0).mean() > 0.3


def test_parts_without_fringes_do_not_belong():
    field = scene((400, 400))
    patchy = Fringes(patches=1.0, period=(15, 15), amplitude=(10, 10))
    shares = []
    for seed in range(10):
        layer = simulated(patchy, field, seed)
        shares.append(layer.truth.mean())
        assert np.abs(layer.light[~layer.truth]).mean() < 0.5 * field.sigma
    assert 0.1 < np.mean(shares) < 0.9


def test_fringes_below_the_noise_of_a_pixel_belong_where_they_are_strongest():
    layer = layer_of(Fringes(amplitude=(0.4, 0.4), period=(15, 15)))
    assert np.abs(layer.light).max() < scene().sigma
    assert layer.truth.any()


def test_fringes_follow_the_vignetting_of_the_sky():
    field = scene()
    half = field.sky.copy()
    half[:, 160:] *= 0.5
    shaded = Scene(camera=field.camera, psf=field.psf, sky=half)
    settings = Fringes(**EVERYWHERE, period=(15, 15), lines=(1, 1), amplitude=(5, 5), contrast=1.0)
    light = simulated(settings, shaded, 2).light
    assert light[:, 160:].std() < 0.7 * light[:, :160].std()
