"""Galaxies, small and near."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.galaxies import Galaxies
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.scene import Scene


def scene(shape=(512, 512), *, fwhm=3.0) -> Scene:
    return Scene(camera=Camera(), psf=moffat_psf(fwhm=fwhm), sky=np.full(shape, 400, np.float32))


def test_a_field_has_the_light_that_its_galaxies_have():
    here = scene((1024, 1024))
    settings = Galaxies(density=(300, 300), near=0, faintest=1000, brightest=1001, radius=(2.0, 2.0))
    light = settings.simulate(here, np.random.default_rng(1))
    assert light.dtype == np.float32
    assert light.min() >= 0
    assert light.sum() == pytest.approx(300 * 1000 * here.sigma, rel=0.2)


@pytest.mark.parametrize("index", [0.7, 1.0, 2.0, 4.0])
def test_half_of_the_light_lies_within_the_half_light_radius(index):
    here = scene((256, 256), fwhm=1.0)
    settings = Galaxies(
        density=(16, 16), near=0, faintest=1e5, brightest=1.001e5, radius=(8.0, 8.0), index=(index, index)
    )
    # One galaxy in a frame of 2^16 pixels, wherever it lies: seeds whose galaxy is round and inside
    fractions = []
    for seed in range(60):
        light = settings.simulate(here, np.random.default_rng(seed))
        y, x = np.unravel_index(light.argmax(), light.shape)
        total = light.sum()
        if not (60 < y < 196 and 60 < x < 196) or total > 1.2e5 * here.sigma or total < 0.8e5 * here.sigma:
            continue
        rows, columns = np.indices(light.shape)
        squared = (rows - y) ** 2 + (columns - x) ** 2
        wide = light * (squared < 150**2)
        order = np.argsort(squared, axis=None)
        grown = np.cumsum(wide.ravel()[order]) / total
        fractions.append(np.sqrt(squared.ravel()[order][np.searchsorted(grown, 0.5)]))
    # Inclined discs are smaller about the centre; radii scatter by 0.3 in the logarithm
    assert len(fractions) > 3
    assert 4 < np.median(fractions) < 12


def test_the_brighter_are_the_larger():
    def width(flux):
        settings = Galaxies(density=(16, 16), near=0, faintest=100, brightest=flux, slope=(1e-3, 1e-3))
        lights = [settings.simulate(scene((256, 256)), np.random.default_rng(s)) for s in range(20)]
        return np.mean([(light > 0.02 * light.max()).sum() for light in lights if light.any()])

    assert width(1e5) > 2 * width(110)


def test_near_galaxies_are_large_and_faint_at_the_edge():
    here = scene()
    settings = Galaxies(density=(1e-3, 1e-3), near=20, near_radius=(60, 60), near_brightness=(30, 30))
    light = settings.simulate(here, np.random.default_rng(3))
    assert (light > here.sigma).mean() > 0.03
    assert light.max() > 25 * here.sigma


def test_an_empty_field_is_dark():
    light = Galaxies(density=(1e-6, 1e-6), near=0).simulate(scene(), np.random.default_rng(1))
    assert not light.any()


def test_one_seed_gives_one_field():
    one, two = (Galaxies(near=4).simulate(scene(), np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
