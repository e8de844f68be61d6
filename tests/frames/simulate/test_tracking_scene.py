"""Which frames for tracking are drawn: nothing that nobody could tell, and good frames without stars too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.core.simulate.recipe_files import build
from skysieve.frames.simulate.elongation import common_elongation, psf_elongation
from skysieve.frames.simulate.optics import PsfBank, moffat_psf
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.simulate.tracking_errors import TrackingErrors
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

SHAPE = (96, 96)
STARRY = {
    "optics": {
        "fwhm": [2.5, 3.5],
        "defocused": 0.0,
        "optical": 0.0,
        "ellipticity": [0.0, 0.0],
        "variation": [0.0, 0.0],
    },
    "stars": {"density": [1e5, 3e5]},
}


def recipe(**tracking):
    return build(Recipe, {**STARRY, "tracking": tracking}, origin="starry")


def stretched(psf, factor):
    """Return a PSF that is wider along x."""
    from scipy.ndimage import zoom

    image = zoom(psf.images[0], (1, factor), order=1)
    spare = (image.shape[1] - psf.images.shape[2]) // 2
    return replace(psf, images=image[None, :, spare : spare + psf.images.shape[2]])


class TestCommonElongation:
    def test_of_a_psf_is_that_of_its_axes(self):
        round_psf = moffat_psf(fwhm=4.0)
        assert np.hypot(*psf_elongation(round_psf)) < 0.02
        e1, e2 = psf_elongation(stretched(round_psf, 1.4))
        assert e1 == pytest.approx((1.4**2 - 1) / (1.4**2 + 1), abs=0.04)
        assert abs(e2) < 0.02

    def test_of_a_field_that_is_drawn_out_towards_its_corners_is_small(self):
        wide = stretched(moffat_psf(fwhm=4.0), 1.4)
        tall = wide.images.transpose(0, 2, 1)
        assert np.hypot(*psf_elongation(replace(wide, images=np.concatenate([wide.images, tall])))) < 0.02

    def test_adds_the_motion_to_the_psf(self):
        errors = TrackingErrors(extent=(0.5, 0.5), curvature=(0, 0))
        psf = moffat_psf(fwhm=4.0)
        for seed in range(5):
            drift = errors.draw(np.random.default_rng(seed), psf_fwhm=4.0, shape=SHAPE, kind="drift")
            assert common_elongation(psf, drift) == pytest.approx(
                float(np.hypot(*drift.elongation(48, 48))), abs=0.03
            )


class TestDrawn:
    def test_errors_are_longer_and_good_frames_rounder_than_what_nobody_can_tell(self):
        chosen = recipe(
            extent=[0.3, 1.0], elongation=0.5, good=[0.0, 0.6], good_elongation=0.2, least_stars=1
        )
        bank = PsfBank(chosen.optics, size=1, renewal=0.0)
        for seed in range(6):
            for kind in ("wind", "good"):
                frame = simulate_tracking_frame(SHAPE, seed=seed, recipe=chosen, kind=kind, bank=bank)
                found = float(np.hypot(*frame.motion.elongation(48, 48)))
                assert found > 0.45 if frame.tracking_error else found < 0.25

    def test_good_frames_may_have_no_star_and_others_not(self):
        empty = {"stars": {"density": [1, 2], "bright_density": [1e-6, 2e-6]}}
        chosen = build(Recipe, {**STARRY, **empty, "tracking": {"any_stars": 1.0}}, origin="empty")
        assert simulate_tracking_frame(SHAPE, seed=1, recipe=chosen, kind="good").visible < 6
        with pytest.raises(ConfigError, match="none of 50 fields of 96 × 96 px has 6 stars"):
            simulate_tracking_frame(SHAPE, seed=1, recipe=chosen, kind="drift")
