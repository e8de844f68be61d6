"""Tracking errors: images move as each kind says, by as much as the label says, and lose no light."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.frames.simulate.motion import add_moved_stars, motion_blur
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.tracking_errors import TrackingErrors

SHAPE = (160, 200)
KINDS = ("drift", "jump", "oscillation", "wind", "lost star", "halting drift", "rotation")
ERRORS = TrackingErrors()


@pytest.fixture(scope="module")
def psf():
    return moffat_psf(fwhm=3.0)


def draw(kind, seed=0, *, fwhm=3.0, shape=SHAPE, errors=ERRORS):
    return errors.draw(np.random.default_rng(seed), psf_fwhm=fwhm, shape=shape, kind=kind)


def star(psf, motion, *, y=80.0, x=100.0, flux=1e5, floor=0.01, shape=SHAPE):
    image = np.zeros(shape, np.float32)
    place = {"y": np.array([y]), "x": np.array([x]), "flux": np.array([flux])}
    add_moved_stars(image, psf, motion, **place, floor=floor)
    return image


def moments(image, y, x, radius=30):
    """Mean place about a point, and standard deviations along the longer and the shorter axis."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image * ((rows - y) ** 2 + (columns - x) ** 2 < radius**2)
    weight = weight / weight.sum()
    mean = (weight * rows).sum(), (weight * columns).sum()
    dy, dx = rows - mean[0], columns - mean[1]
    covariance = [[(weight * a * b).sum() for b in (dy, dx)] for a in (dy, dx)]
    short, long = np.sqrt(np.linalg.eigvalsh(covariance))
    return mean, long, short


class TestMotions:
    @given(seed=st.integers(0, 10_000), kind=st.sampled_from(KINDS), fwhm=st.floats(1, 12))
    def test_of_tracking_errors_have_an_extent_within_the_limits(self, seed, kind, fwhm):
        motion = draw(kind, seed, fwhm=fwhm, shape=(512, 640))
        low, high = ERRORS.extent
        assert motion.tracking_error
        assert motion.kind == kind
        # the arcs of a rotation are measured at some places of the frame
        assert 0.97 * low < motion.extent < 1.03 * high

    @given(seed=st.integers(0, 10_000), fwhm=st.floats(1, 12))
    def test_of_good_frames_cannot_be_seen(self, seed, fwhm):
        motion = draw("good", seed, fwhm=fwhm)
        assert not motion.tracking_error
        assert motion.extent <= ERRORS.good[1] * 1.001

    @given(seed=st.integers(0, 10_000), kind=st.sampled_from(KINDS))
    def test_leave_the_mean_place_of_a_star_as_it_is(self, seed, kind):
        for path in draw(kind, seed).path([0, 50, 159], [0, 150, 199]):
            assert path.shape == (3, 512)
            assert np.abs(path.mean(axis=1)).max() < 1e-3

    @given(seed=st.integers(0, 10_000), kind=st.sampled_from(KINDS))
    def test_do_not_leave_the_frame(self, seed, kind):
        errors = TrackingErrors(extent=(0.3, 50), centre=(0, 0.5))
        motion = draw(kind, seed, fwhm=8.0, errors=errors)
        dy, dx = motion.path(80, 100)
        smallest = 0.3 * 8.0 * 12  # of the least extent, of any form
        assert max(np.ptp(dy), np.ptp(dx)) <= max(0.5 * min(SHAPE), smallest)

    def test_come_from_the_seed_alone(self):
        one, other = (draw("wind", 5).path(0, 0) for _ in range(2))
        assert np.array_equal(one, other)

    def test_of_all_kinds_are_drawn_by_their_chances(self):
        rng = np.random.default_rng(0)
        errors = TrackingErrors(
            drift=2, jump=1, oscillation=0, wind=0, lost_star=1, halting_drift=0, rotation=0
        )
        kinds = [errors.draw(rng, psf_fwhm=3, shape=SHAPE).kind for _ in range(400)]
        assert set(kinds) == {"drift", "jump", "lost star"}
        assert kinds.count("drift") == pytest.approx(200, abs=40)

    def test_are_seen_against_the_width_that_pixels_give_however_sharp_the_psf(self):
        fine, coarse = (draw("drift", 1, fwhm=fwhm) for fwhm in (0.5, 2.0))
        assert np.array_equal(fine.path(0, 0), coarse.path(0, 0))


class TestSmear:
    def test_is_what_a_motion_does_to_the_moments_of_a_round_image(self):
        from skysieve.frames.simulate.points import add_points

        drawn = draw("wind", 2)
        dy, dx = drawn.path(80, 100)
        image = np.zeros((161, 201), np.float32)
        add_points(image, 80 + dy, 100 + dx, np.ones(dy.size))
        y, x = np.mgrid[:161, :201] - np.array([80, 100])[:, None, None]
        blur = (3.0 / 2.3548) ** 2
        yy, xx, yx = ((image * a * b).sum() / image.sum() for a, b in ((y, y), (x, x), (y, x)))
        expected = np.array([xx - yy, 2 * yx]) / (xx + yy + 2 * blur)
        assert drawn.elongation(80, 100) == pytest.approx(expected, abs=0.02)

    def test_is_the_same_everywhere_unless_the_field_turns(self):
        places = [10.0, 150.0], [20.0, 30.0]
        steady, turning = (draw(kind).elongation(*places) for kind in ("drift", "rotation"))
        assert steady[:, 0] == pytest.approx(steady[:, 1])
        assert turning[:, 0] != pytest.approx(turning[:, 1], abs=0.05)

    def test_grows_with_the_motion_and_stays_below_one(self):
        lengths = [
            float(np.hypot(*draw("drift", errors=TrackingErrors(extent=(e, e))).elongation(80, 100)))
            for e in (0.3, 1, 3, 8)
        ]
        assert lengths == sorted(lengths)
        assert lengths[0] > 0.1
        assert 0.98 < lengths[-1] < 1


class TestKinds:
    def test_a_drift_is_nearly_straight(self):
        for seed in range(20):
            dy, dx = draw("drift", seed).path(0, 0)
            short, long = np.sqrt(np.linalg.eigvalsh(np.cov(dy, dx)))
            assert short <= 0.16 * long

    def test_a_jump_stays_at_two_or_three_places(self):
        for seed in range(20):
            path = np.stack(draw("jump", seed).path(0, 0), axis=1)
            still = (np.abs(np.diff(path, axis=0)) < 1e-6).all(axis=1)
            assert still.mean() > 0.85
            assert 2 <= len(np.unique(path[1:][still].round(3), axis=0)) <= 3

    def test_an_oscillation_comes_back(self):
        errors = TrackingErrors(cycles=(4, 4))
        for seed in range(10):
            path = np.stack(draw("oscillation", seed, errors=errors).path(0, 0))
            axis = np.linalg.svd(path, full_matrices=False)[0][:, 0]
            turns = np.diff(np.sign(np.diff(axis @ path)))
            assert 6 <= np.count_nonzero(turns) <= 9

    def test_wind_shakes_mostly_along_one_axis(self):
        for seed in range(20):
            dy, dx = draw("wind", seed).path(0, 0)
            short, long = np.sqrt(np.linalg.eigvalsh(np.cov(dy, dx)))
            assert short <= 0.55 * long

    def test_a_lost_star_leaves_a_bright_head_and_a_tail_on_one_side(self):
        for seed in range(20):
            path = np.stack(draw("lost star", seed).path(0, 0))
            head = path[:, 0]
            assert (np.abs(path - head[:, None]) < 1e-5).all(axis=0).mean() >= 0.24
            tail = path[:, -1] - head
            assert ((path - head[:, None]).T @ tail > -1e-3).all()

    def test_a_halting_drift_stands_still_for_a_part_of_the_exposure_and_never_turns_back(self):
        errors = TrackingErrors(curvature=(0, 0), pauses=(0.5, 0.5))
        for seed in range(20):
            path = np.stack(draw("halting drift", seed, errors=errors).path(0, 0))
            steps = np.diff(path)
            still = np.hypot(*steps) < 1e-5
            assert still.mean() == pytest.approx(0.5, abs=0.02)
            pauses = np.count_nonzero(np.diff(still.astype(int)) == 1) + int(still[0])
            assert 1 <= pauses <= 3
            assert ((steps.T @ (path[:, -1] - path[:, 0])) > -1e-3).all()

    def test_a_rotation_draws_arcs_as_long_as_their_radius_and_at_right_angles_to_it(self):
        motion = draw("rotation", 3)
        y, x = motion.centre
        for direction in ((0, 1), (1, 0), (0.6, -0.8)):
            near, far = (motion.path(y + r * direction[0], x + r * direction[1]) for r in (20, 60))
            assert np.hypot(*far).max() == pytest.approx(3 * np.hypot(*near).max(), rel=1e-3)
            along = near[0] * direction[0] + near[1] * direction[1]
            assert np.abs(along).max() < 0.1 * np.hypot(*near).max()


class TestStars:
    @pytest.mark.parametrize("kind", KINDS)
    def test_keep_place_and_flux_and_grow_by_the_extent(self, psf, kind):
        errors = TrackingErrors(extent=(0.8, 0.8), centre=(0.6, 0.6))
        motion = draw(kind, 2, errors=errors)
        sharp, moved = star(psf, draw("good", 0)), star(psf, motion)
        assert moved.sum() == pytest.approx(sharp.sum(), rel=0.01)
        mean, long, _ = moments(moved, 80, 100)
        assert mean == pytest.approx((80, 100), abs=0.15)
        _, before, _ = moments(sharp, 80, 100)
        dy, dx = (part.astype(np.float64) for part in motion.path(80, 100))
        along = np.sqrt(np.linalg.eigvalsh(np.cov(dy, dx))[1])
        assert long == pytest.approx(np.hypot(before, along), rel=0.04)

    def test_lie_along_the_path(self, psf):
        motion = draw("drift", 4, errors=TrackingErrors(extent=(2, 2), curvature=(0, 0)))
        image = star(psf, motion)
        dy, dx = motion.path(80, 100)
        ends = image[round(80 + 0.8 * dy[0]), round(100 + 0.8 * dx[0])]
        beside = image[round(80 - 0.8 * dx[0]), round(100 + 0.8 * dy[0])]
        assert ends > 20 * beside

    def test_in_a_turning_field_look_the_same_bright_or_faint(self, psf):
        """Bright ones are drawn with a PSF of their own, faint ones as rows of points."""
        motion = draw("rotation", 3, errors=TrackingErrors(extent=(1.5, 1.5), centre=(0.5, 0.5)))
        faint = star(psf, motion, y=40.3, x=150.4, flux=1e5, floor=1e5)
        bright = star(psf, motion, y=40.3, x=150.4, flux=1e5, floor=1e-4)
        difference = np.abs(faint - bright)[20:60, 130:170]
        assert difference.max() < 0.05 * bright.max()
        assert moments(faint, 40, 150)[1] == pytest.approx(moments(bright, 40, 150)[1], rel=0.1)

    def test_at_the_centre_of_a_turning_field_stay_round(self, psf):
        motion = draw("rotation", 3, errors=TrackingErrors(extent=(3, 3), centre=(0, 0)))
        y, x = motion.centre
        _, long, short = moments(star(psf, motion, y=y, x=x), y, x)
        assert long == pytest.approx(short, rel=0.02)
        _, long, short = moments(star(psf, motion, y=y, x=x + 60), y, x + 60)
        assert long > 2 * short

    def test_outside_the_frame_leave_their_light_in_it(self, psf):
        motion = draw("drift", 4, errors=TrackingErrors(extent=(2, 2)))
        assert star(psf, motion, y=-4.0).sum() > 100

    def test_may_be_none(self, psf):
        image = np.zeros(SHAPE, np.float32)
        nothing = np.zeros(0)
        for kind in ("drift", "rotation"):
            add_moved_stars(image, psf, draw(kind), y=nothing, x=nothing, flux=nothing, floor=1.0)
        assert not image.any()


class TestOtherLight:
    @pytest.mark.parametrize("kind", KINDS)
    def test_keeps_its_flux_and_stays_where_it_is(self, kind):
        light = np.zeros(SHAPE, np.float32)
        light[78:83, 98:103] = 100
        moved = motion_blur(light, draw(kind, 1, errors=TrackingErrors(extent=(0.7, 0.7), centre=(0, 0))))
        assert moved.shape == SHAPE
        assert moved.dtype == np.float32
        assert moved.sum() == pytest.approx(light.sum(), rel=0.01)
        assert moments(moved, 80, 100)[0] == pytest.approx((80, 100), abs=0.2)

    @pytest.mark.parametrize("kind", ["drift", "wind"])
    def test_is_smeared_as_stars_are(self, psf, kind):
        motion = draw(kind, 6, errors=TrackingErrors(extent=(1, 1)))
        still = np.zeros(SHAPE, np.float32)
        psf.add_star(still, y=80, x=100, flux=1e5, floor=0.01)
        expected = star(psf, motion)
        difference = motion_blur(still, motion) - expected
        assert np.abs(difference).max() < 0.02 * expected.max()

    @pytest.mark.parametrize("kind", KINDS)
    def test_that_is_even_stays_even_to_the_border(self, kind):
        even = np.full(SHAPE, 50, np.float32)
        assert motion_blur(even, draw(kind, 1)) == pytest.approx(even, rel=1e-3)
