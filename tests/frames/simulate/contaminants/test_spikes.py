"""Spikes: what the spider's vanes throw out of bright stars; and halos, which are not spikes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.spikes import Spikes
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.scene import Scene, Star

EXACT: dict[str, Any] = {
    "halo": 0.0,
    "misalignment": (0.0, 0.0),
    "offset": (0.0, 0.0),
    "curvature": (0.0, 0.0),
}
CENTRE = (150.0, 150.0)


@cache
def psf():
    return moffat_psf(fwhm=2.5)


def scene(shape=(301, 301), *, flux=3e8, stars=(CENTRE,), **camera):
    return Scene(
        camera=Camera(**camera),
        psf=psf(),
        sky=np.full(shape, 400.0, np.float32),
        bright_stars=tuple(Star(y, x, flux) for y, x in stars),
    )


def layer_of(settings, seed=1, **kwargs):
    return settings.simulate(scene(**kwargs), np.random.default_rng(seed))


def arms(image, radius):
    """Return how many spikes cross a circle about the centre."""
    angle = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    circle = image[
        np.rint(150 + radius * np.sin(angle)).astype(int), np.rint(150 + radius * np.cos(angle)).astype(int)
    ]
    above = circle > 0.3 * circle.max()
    return np.count_nonzero(above & ~np.roll(above, 1))


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(Spikes(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)
    np.testing.assert_array_equal(first.truth, again.truth)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
def test_any_shape_will_do_and_stars_may_lie_at_or_beyond_the_edge(shape):
    for seed in range(10):
        layer = layer_of(Spikes(), seed, shape=shape, stars=((10.0, 20.0), (-8.0, 63.4), (64.0, 310.0)))
        assert layer.light.shape == layer.truth.shape == shape
        assert (layer.light.dtype, layer.truth.dtype) == (np.float32, np.bool_)
        assert np.isfinite(layer.light).all()
        assert layer.light.min() >= 0


@pytest.mark.parametrize(("vanes", "spikes"), [(2, 2), (3, 6), (4, 4), (5, 10), (6, 6)])
def test_even_vanes_draw_a_spike_each_and_odd_ones_two(vanes, spikes):
    broad = Spikes(**EXACT, strength=(1, 1), bandwidth=(0.4, 0.4))
    assert arms(layer_of(broad, vanes=vanes).light, 60) == spikes


def test_without_vanes_there_are_no_spikes():
    layer = layer_of(Spikes(halo=0), vanes=0)
    assert not layer.light.any()
    assert not layer.truth.any()


def test_without_bright_stars_there_is_nothing():
    layer = layer_of(Spikes(halo=1), stars=())
    assert not layer.light.any()
    assert not layer.truth.any()


def test_spikes_hold_the_light_that_the_vanes_hide():
    # Thick vanes throw their light near: nearly all within the frame
    thick = Spikes(**EXACT, strength=(1, 1), bandwidth=(0.4, 0.4))
    light = layer_of(thick, vanes=4, vane_width=0.05, aperture=1.0, obstruction=0.35).light
    hidden = 4 * 0.05 * 0.325 / (np.pi / 4 * (1 - 0.35**2))
    assert light.sum() / 3e8 == pytest.approx(hidden, rel=0.25)


def test_thin_vanes_throw_light_further():
    broad = Spikes(**EXACT, strength=(1, 1), bandwidth=(0.4, 0.4))

    def share_far_out(width):
        light = layer_of(broad, vane_width=width).light
        return 1 - light[110:191, 110:191].sum() / light.sum()

    assert share_far_out(0.004) > 2 * share_far_out(0.03)


def test_brighter_stars_have_longer_spikes():
    marked = [np.argwhere(layer_of(Spikes(**EXACT), flux=flux).truth) for flux in (3e7, 3e8)]
    lengths = [np.ptp(pixels, axis=0).max() for pixels in marked]
    assert lengths[1] > 1.5 * lengths[0]


def test_spikes_that_drown_in_the_core_mark_nothing():
    assert not layer_of(Spikes(**EXACT, strength=(1e-3, 1e-3))).truth.any()


def test_a_narrow_filter_leaves_knots():
    def knots(bandwidth):
        settings = Spikes(**EXACT, strength=(3, 3), bandwidth=(bandwidth, bandwidth))
        light = layer_of(settings, vanes=2, vane_width=0.01, pixel_scale=0.3).light
        radius = np.hypot(*(np.indices(light.shape) - 150)).round().astype(int)
        along = ndimage.maximum(light, radius, np.arange(40, 140))
        return np.count_nonzero(np.diff(along) > 0)

    assert knots(0.04) > knots(0.4) + 10


def test_halos_are_light_but_not_truth():
    halo: dict[str, Any] = {"halo": 1.0, "halo_fraction": (1e-2, 1e-2), "halo_radius": (60.0, 60.0)}
    layer = layer_of(Spikes(**{**EXACT, **halo}), vanes=0, obstruction=0.4)
    assert layer.light.sum() / 3e8 == pytest.approx(1e-2, rel=0.05)
    assert not layer.truth.any()
    rows, columns = np.nonzero(layer.light)
    assert np.hypot(rows - 150, columns - 150).max() == pytest.approx(60, abs=4)
    assert layer.light[150, 150] == 0  # the shadow of the secondary mirror


class TestSmoothSpikes:
    """Spikes without the zeros that a vane's width makes."""

    def test_fall_with_the_distance_as_asked(self):
        settings = Spikes(**EXACT, smooth=1.0, core=(20.0, 20.0), fall=(2.0, 2.0), strength=(4.0, 4.0))
        light = layer_of(settings, vanes=4).light
        ring = [
            max(
                light[round(150 + r * np.sin(a)), round(150 + r * np.cos(a))]
                for a in np.linspace(0, 2 * np.pi, 4000)
            )
            for r in (20, 40, 80)
        ]
        expected = [1 / (1 + (r / 20) ** 2) for r in (20, 40, 80)]
        assert ring[1] / ring[0] == pytest.approx(expected[1] / expected[0], rel=0.15)
        assert ring[2] / ring[0] == pytest.approx(expected[2] / expected[0], rel=0.15)

    def test_hold_as_much_light_as_the_others(self):
        """The vanes hide the same light, wherever it goes."""
        bright = {**EXACT, "strength": (1.0, 1.0), "core": (6.0, 6.0), "fall": (3.0, 3.0)}
        sums = [
            np.mean(
                [
                    layer_of(
                        Spikes(**bright, smooth=share), seed, shape=(901, 901), stars=((450, 450),)
                    ).light.sum()
                    for seed in range(8)
                ]
            )
            for share in (0.0, 1.0)
        ]
        assert sums[1] == pytest.approx(sums[0], rel=0.25)
