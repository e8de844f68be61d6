"""Trails: lines of light as wide as things out of focus are, of any length, angle and brightness."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.trails import Trails
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.scene import Scene

PLAIN: dict[str, Any] = {
    "aircraft": 0.0,
    "meteors": 0.0,
    "flashing": 0.0,
    "tumbling": 0.0,
    "train": 0.0,
    "curved": 0.0,
}
STEADY: dict[str, Any] = {**PLAIN, "wobble": (0.0, 0.0), "flicker": (0.0, 0.0), "per_kpx": 0.0}
CROSSING: dict[str, Any] = {"length": (1e5, 1e5)}


@cache
def psf(fwhm):
    return moffat_psf(fwhm=fwhm)


def scene(shape=(256, 320), *, sky=400.0, fwhm=3.0, **camera):
    return Scene(camera=Camera(**camera), psf=psf(fwhm), sky=np.full(shape, sky, np.float32))


def simulated(settings, field, seed):
    return settings.simulate(field, np.random.default_rng(seed))


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return simulated(settings, scene(shape, **kwargs), seed)


def long_axis(mask):
    """Return the standard deviations of the marked pixels along and across their main direction."""
    return np.sqrt(np.linalg.eigvalsh(np.cov(np.argwhere(mask).T)))[::-1]


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(Trails(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.light, again.light)
    np.testing.assert_array_equal(first.truth, again.truth)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
def test_any_shape_will_do_and_light_is_never_negative(shape):
    for seed in range(30):
        layer = layer_of(Trails(), seed, shape)
        assert layer.light.shape == layer.truth.shape == shape
        assert (layer.light.dtype, layer.truth.dtype) == (np.float32, np.bool_)
        assert np.isfinite(layer.light).all()
        assert layer.light.min() >= 0


@pytest.mark.parametrize("ridge", [3.0, 100.0])
def test_the_ridge_of_a_steady_trail_is_as_bright_as_asked(ridge):
    field = scene()
    steady = Trails(**STEADY, **CROSSING, ridge=(ridge, ridge))
    tops = [simulated(steady, field, seed).light.max() for seed in range(10)]
    assert max(tops) == pytest.approx(ridge * field.sigma, rel=0.03)


def test_a_bright_trail_marks_what_stands_above_one_sigma():
    field = scene()
    bright = Trails(**STEADY, **CROSSING, ridge=(50, 50))
    layer = simulated(bright, field, 1)
    noise = np.sqrt(field.sky + layer.light + field.camera.read_noise**2)
    np.testing.assert_array_equal(layer.truth, layer.light > noise)
    assert layer.truth.any()


def test_a_trail_below_the_noise_of_a_pixel_belongs_down_to_half_its_ridge():
    field = scene((512, 512))
    faint = Trails(**STEADY, **CROSSING, ridge=(0.6, 0.6))
    marked = 0
    for seed in range(10):
        layer = simulated(faint, field, seed)
        if layer.light.max() < 0.65 * field.sigma:  # enough of it is in the frame
            marked += 1
            assert layer.light[layer.truth].min() == pytest.approx(0.3 * field.sigma, rel=0.2)
            assert long_axis(layer.truth)[1] < 0.6 * field.psf.fwhm
    assert marked >= 5


def test_what_nobody_could_tell_is_made_brighter_or_not_marked():
    field = scene()
    faint = Trails(**STEADY, ridge=(0.3, 0.3), length=(30, 40))
    for seed in range(30):
        layer = simulated(faint, field, seed)
        signal = math.sqrt((layer.light**2).sum()) / field.sigma
        assert signal > 7 or not layer.truth.any()


def test_trails_are_as_long_as_asked_and_lie_at_any_angle():
    short = Trails(**STEADY, ridge=(20, 20), length=(60, 60))
    angles, lengths = [], []
    for seed in range(60):
        truth = layer_of(short, seed, (400, 400)).truth
        inside = not (truth[0].any() or truth[-1].any() or truth[:, 0].any() or truth[:, -1].any())
        if inside and truth.any():
            y, x = np.argwhere(truth).T
            lengths.append(np.hypot(np.ptp(y), np.ptp(x)))
            direction = np.linalg.eigh(np.cov([y, x]))[1][:, -1]
            angles.append(math.degrees(math.atan2(*direction)) % 180)
    assert len(lengths) > 20
    assert np.all((np.array(lengths) > 58) & (np.array(lengths) < 80))
    assert set(np.digitize(angles, [45, 90, 135])) == {0, 1, 2, 3}


def test_a_large_telescope_sees_low_satellites_wide():
    low: dict[str, Any] = {"satellite_height": (5e5, 5e5), "ridge": (100.0, 100.0)}
    wide = Trails(**STEADY, **CROSSING, **low)
    small, large = (
        layer_of(wide, 4, aperture=aperture, pixel_scale=0.25, obstruction=0.5, fwhm=2.0)
        for aperture in (0.5, 8.0)
    )
    assert large.truth.sum() > 1.3 * small.truth.sum()
    # 8 m at 500 km are 3.3 arcsec: 13 pixels between the edges
    area = [np.count_nonzero(layer.light > 0.5 * layer.light.max()) for layer in (small, large)]
    assert area[1] > 3 * area[0]


def test_flashing_satellites_leave_dots():
    flashing = Trails(**{**STEADY, **CROSSING, "flashing": 1.0}, ridge=(30, 30), period=(40, 40))
    steady = Trails(**STEADY, **CROSSING, ridge=(30, 30))
    dark = [layer_of(flashing, seed).truth.sum() / layer_of(steady, seed).truth.sum() for seed in range(8)]
    assert min(dark) < 0.7


def test_aircraft_draw_parallel_lines():
    aircraft = Trails(**{**STEADY, **CROSSING, "aircraft": 1.0}, ridge=(30, 30))
    satellite = Trails(**STEADY, **CROSSING, ridge=(30, 30))
    widths = [
        [long_axis(layer_of(kind, seed, (400, 400)).truth)[1] for seed in range(8)]
        for kind in (satellite, aircraft)
    ]
    assert np.median(widths[1]) > 3 * np.median(widths[0])


def test_meteors_rise_and_go_out_within_their_path():
    meteor = Trails(**{**STEADY, "meteors": 1.0}, ridge=(50, 50), length=(200, 200))
    for seed in range(20):
        truth = layer_of(meteor, seed, (400, 400)).truth
        if not (truth[0].any() or truth[-1].any() or truth[:, 0].any() or truth[:, -1].any()):
            light = layer_of(meteor, seed, (400, 400)).light
            along = np.sort(light[truth])
            assert along[len(along) // 2] < 0.4 * along[-1]


def test_larger_frames_have_more_trails():
    trails = Trails(**{**STEADY, "per_kpx": 4.0}, ridge=(20, 20), length=(30, 30))
    small, large = (
        np.mean([layer_of(trails, seed, (side, side)).truth.sum() for seed in range(8)])
        for side in (128, 1024)
    )
    assert large > 2 * small


class TestProfilesOfTheirOwn:
    """Trails as wide as a recipe says, whatever the telescope would make of them."""

    @staticmethod
    def across(width, seed):
        """Return the profile across a vertical trail, 1 at its highest, and its FWHM."""
        settings = Trails(**STEADY, **CROSSING, ridge=(100.0, 100.0), own_profile=1.0, width=(width, width))
        light = simulated(settings, scene((256, 256)), seed).light
        direction = np.linalg.eigh(np.cov(np.argwhere(light > 0.5 * light.max()).T))[1][:, 0]
        offsets = np.indices(light.shape).reshape(2, -1).T @ direction
        order = np.argsort(offsets)
        values = light.ravel()[order] / light.max()
        inside = offsets[order][values > 0.5]
        return float(inside.max() - inside.min())

    @pytest.mark.parametrize("width", [2.0, 8.0, 30.0])
    def test_are_as_wide_as_asked(self, width):
        found = [self.across(width, seed) for seed in range(6)]
        assert np.median(found) == pytest.approx(width, abs=0.15 * width + 1)

    def test_do_not_change_what_is_drawn_where_there_are_none(self):
        first, second = (layer_of(Trails(width=width), 3) for width in ((1.5, 40.0), (5.0, 6.0)))
        np.testing.assert_array_equal(first.light, second.light)
