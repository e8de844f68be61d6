"""Frames for tracking: light from the sky moves, what happens in the detector does not."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.simulate.scene import Layer, Scene, Star
from skysieve.frames.simulate.tracking_errors import TrackingErrors
from skysieve.frames.simulate.tracking_frame import expose_with_motion

SHAPE = (128, 160)
SKY = 400.0
NO_STARS = (np.zeros(0), np.zeros(0), np.zeros(0))
ONE_STAR = (np.array([64.0]), np.array([80.0]), np.array([5e4]))


@pytest.fixture(scope="module")
def scene():
    return Scene(camera=Camera(), psf=moffat_psf(fwhm=3.0), sky=np.full(SHAPE, SKY, np.float32))


def motion(kind, extent=3.0):
    errors = TrackingErrors(extent=(extent, extent))
    return errors.draw(np.random.default_rng(4), psf_fwhm=3.0, shape=SHAPE, kind=kind)


def expose(scene, kind="drift", *, stars=ONE_STAR, seed=1, **more):
    frame = expose_with_motion(
        scene, motion(kind), np.random.default_rng(seed), stars=stars, recipe=Recipe(), **more
    )
    return frame, frame.pixels - np.median(frame.pixels)


def test_the_label_is_that_of_the_motion(scene):
    good, tracking_error = (expose(scene, kind)[0] for kind in ("good", "drift"))
    assert (good.tracking_error, good.kind) == (False, "good")
    assert (tracking_error.tracking_error, tracking_error.kind) == (True, "drift")
    assert tracking_error.extent == pytest.approx(3, rel=0.01)
    assert tracking_error.header()["SLIP"][0] is True
    assert tracking_error.pixels.shape == SHAPE
    assert tracking_error.pixels.dtype == np.float32


def test_stars_are_smeared(scene):
    (_, sharp), (_, smeared) = (expose(scene, kind) for kind in ("good", "drift"))
    here = (slice(44, 84), slice(60, 100))
    assert smeared[here].max() < 0.4 * sharp[here].max()
    assert smeared[here].sum() == pytest.approx(sharp[here].sum(), rel=0.15)


def test_bright_stars_and_galaxies_are_smeared_too(scene):
    from dataclasses import replace

    starry = replace(scene, bright_stars=(Star(64.0, 80.0, 5e4),))
    galaxies = np.zeros(SHAPE, np.float32)
    scene.psf.add_star(galaxies, y=64, x=80, flux=5e4, floor=0.1)
    _, star = expose(scene)
    for _, other in (expose(starry, stars=NO_STARS), expose(scene, stars=NO_STARS, galaxies=galaxies)):
        assert np.abs(other - star).max() < 12 * star.std()
        assert other.max() == pytest.approx(star.max(), rel=0.25)


def test_cosmic_rays_stay_sharp_and_spikes_do_not(scene):
    light = np.zeros(SHAPE, np.float32)
    scene.psf.add_star(light, y=30, x=40, flux=5e4, floor=0.1)
    ray, spike = Layer(charge=light), Layer(light=light)
    _, still = expose(scene, stars=NO_STARS, layers={"CR": ray})
    _, moved = expose(scene, stars=NO_STARS, layers={"SP": spike})
    here = (slice(26, 35), slice(36, 45))
    assert still[here].max() > 2.5 * moved[here].max()


def test_an_empty_field_is_a_frame_too(scene):
    frame, _ = expose(scene, stars=NO_STARS)
    assert np.isfinite(frame.pixels).all()
    assert frame.visible == 0


def test_stars_that_stand_out_are_counted(scene):
    stars = (
        np.array([10.0, 64.0, 64.0, -5.0]),
        np.array([20.0, 80.0, 30.0, 9.0]),
        np.array([3e3, 5e4, 9, 1e6]),
    )
    assert expose(scene, "good", stars=stars)[0].visible == 2
    assert expose(scene, "drift", stars=stars)[0].visible == 1


def test_the_seed_decides(scene):
    one, same, other = (expose(scene, seed=seed)[0].pixels for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
