"""Nebulosity: structure on all scales, marked where it stands above its own lowest level."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.nebulosity import Nebulosity
from skysieve.frames.simulate.scene import Scene

CIRRUS: dict[str, Any] = {"filaments": 0.0, "shells": 0.0, "reflections": 0.0, "lanes": 0.0, "rims": 0.0}


def scene(shape=(256, 320), *, sky=900.0, fwhm=3.5, **camera):
    return Scene(
        camera=Camera(**camera),
        psf=cast("Any", SimpleNamespace(fwhm=fwhm, peak=0.07)),
        sky=np.full(shape, sky, np.float32),
    )


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return settings.simulate(scene(shape, **kwargs), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(Nebulosity(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)


@pytest.mark.parametrize("shape", [(64, 64), (65, 301), (300, 64)])
@pytest.mark.parametrize("fwhm", [1.5, 8.0])
def test_any_shape_will_do_and_light_is_never_negative(shape, fwhm):
    for seed in range(20):
        layer = layer_of(Nebulosity(), seed, shape, fwhm=fwhm)
        assert layer.light.shape == layer.truth.shape == shape
        assert (layer.light.dtype, layer.truth.dtype) == (np.float32, np.bool_)
        assert np.isfinite(layer.light).all()
        assert layer.light.min() >= 0


def test_the_brightest_parts_are_as_bright_as_asked():
    field = scene()
    for seed in range(10):
        light = layer_of(Nebulosity(amplitude=(100, 100)), seed).light
        assert np.percentile(light, 99.9) == pytest.approx(100 * field.sigma, rel=0.15)


def test_what_stands_above_one_sigma_belongs():
    field = scene()
    layer = layer_of(Nebulosity(amplitude=(5, 5)))
    noise = np.sqrt(field.sky + layer.light + field.camera.read_noise**2)
    np.testing.assert_array_equal(layer.truth, layer.light > noise)
    assert 0 < layer.truth.mean() < 1


def test_structure_outlives_the_subtraction_of_the_background():
    field = scene((400, 400))
    for seed in range(8):
        light = layer_of(Nebulosity(amplitude=(1, 1)), seed, (400, 400)).light
        left = light - ndimage.gaussian_filter(light, 100, truncate=2)
        assert left.std() > 0.3 * field.sigma


def test_the_spectrum_of_cirrus_is_a_power_law():
    rough, smooth = (
        np.mean(
            [
                _steepness(layer_of(Nebulosity(**CIRRUS, slope=(s, s)), seed, (512, 512)).light)
                for seed in range(4)
            ]
        )
        for s in (2.4, 3.6)
    )
    assert rough == pytest.approx(2.4, abs=0.6)
    assert smooth > rough + 0.5


def test_clouds_before_the_gas_have_edges():
    def steepest(settings):
        tops = []
        for seed in range(8):
            light = layer_of(settings, seed, (400, 400)).light
            tops.append(np.abs(np.diff(light)).max() / light.max())
        return np.median(tops)

    plain: dict[str, Any] = {**CIRRUS, "slope": (3.4, 3.4)}
    assert steepest(Nebulosity(**{**plain, "rims": 1.0})) > 1.5 * steepest(Nebulosity(**plain))


def _steepness(light):
    """Return the exponent of the power spectrum of the logarithm between 1/64 and 1/12 per pixel."""
    logarithm = np.log(light + 0.05 * light.mean()) * np.outer(*(np.hanning(n) for n in light.shape))
    power = np.abs(np.fft.fft2(logarithm)) ** 2
    k = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in light.shape), indexing="ij"))
    edges = np.geomspace(1 / 64, 1 / 12, 9)
    means = [power[(k >= low) & (k < high)].mean() for low, high in pairwise(edges)]
    return -np.polyfit(np.log(edges[:-1]), np.log(means), 1)[0]
