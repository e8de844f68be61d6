"""PSFs, and the stars drawn with them."""

from __future__ import annotations

import math
import sys

import galsim
import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.optics import Optics, PsfBank, draw_psf, moffat_psf

SHAPE = (201, 201)


def only(kind: str, **ranges) -> Optics:
    """Return settings that draw one kind of PSF."""
    chances = dict.fromkeys(("kolmogorov", "moffat", "optical", "defocused"), 0.0) | {kind: 1.0}
    return Optics(**(chances | ranges))


def star(psf, *, y=100.0, x=100.0, flux=1.0, floor=1e-9, shape=SHAPE) -> np.ndarray:
    image = np.zeros(shape, np.float32)
    psf.add_star(image, y=y, x=x, flux=flux, floor=floor)
    return image


def moments(image: np.ndarray) -> tuple[float, float, float]:
    """Return the variances along y and x and the covariance, of the light within 30 px of the centre."""
    y, x = np.indices(image.shape) - np.array(image.shape).reshape(2, 1, 1) // 2
    light = image * (np.hypot(y, x) < 30)
    y = y - (light * y).sum() / light.sum()
    x = x - (light * x).sum() / light.sum()
    yy, xx, yx = (float((light * a * b).sum() / light.sum()) for a, b in ((y, y), (x, x), (y, x)))
    return yy, xx, yx


@pytest.mark.parametrize("fwhm", [1.0, 2.0, 3.7, 8.0])
@pytest.mark.parametrize(("dy", "dx"), [(0.0, 0.0), (0.5, -0.5), (-0.25, 0.25)])
def test_a_star_is_what_galsim_integrates_over_the_pixels(fwhm, dy, dx):
    psf = moffat_psf(fwhm=fwhm, beta=3.2, aureole=0.0)
    theirs = galsim.Convolve(galsim.Moffat(beta=3.2, fwhm=fwhm), galsim.Pixel(1)).drawImage(
        nx=41, ny=41, scale=1, method="no_pixel", offset=(dx, dy)
    )
    ours = star(psf, y=100 + dy, x=100 + dx)[80:121, 80:121]
    # Wide PSFs are placed to half a pixel
    placed = 0.08 if fwhm > 4 and dy == -0.25 else 2e-3
    assert np.abs(ours - theirs.array).max() < placed * psf.peak


@pytest.mark.parametrize("kind", ["kolmogorov", "moffat", "optical", "defocused"])
def test_a_star_has_all_its_light(kind):
    psf = draw_psf(np.random.default_rng(1), only(kind, fwhm=(2.0, 3.0), variation=(0.0, 0.0)), Camera())
    assert 0.95 < star(psf, y=400, x=400, floor=1e-12, shape=(801, 801)).sum() < 1.01


def test_fwhm_and_peak_are_those_of_the_pixels():
    psf = moffat_psf(fwhm=4.0, aureole=0.0)
    assert psf.fwhm == pytest.approx(math.hypot(4.0, 0.8), rel=0.05)
    assert psf.peak == pytest.approx(star(psf).max(), rel=1e-6)


def test_the_fwhm_of_a_ring_is_its_diameter():
    optics = only("defocused", fwhm=(2.0, 2.0), ring=(6.0, 6.0), variation=(0.0, 0.0))
    psf = draw_psf(np.random.default_rng(3), optics, Camera())
    image = star(psf)
    assert psf.fwhm == pytest.approx(12, rel=0.25)
    assert image[100, 100] < 0.5 * image.max()


def test_widths_span_the_range_asked_for():
    rng = np.random.default_rng(5)
    optics = only("kolmogorov", fwhm=(1.0, 10.0), variation=(0.0, 0.0))
    widths = [draw_psf(rng, optics, Camera()).fwhm for _ in range(30)]
    assert 1.0 < min(widths) < 1.8
    assert 7.0 < max(widths) < 11.0


def test_ellipticity_lengthens_stars():
    optics = only("moffat", fwhm=(4.0, 4.0), beta=(4.5, 4.5), ellipticity=(0.3, 0.3), variation=(0.0, 0.0))
    yy, xx, xy = moments(star(draw_psf(np.random.default_rng(2), optics, Camera())))
    assert math.hypot(xx - yy, 2 * xy) / (xx + yy) > 0.1


def test_a_psf_that_varies_differs_at_the_corners():
    optics = only("kolmogorov", fwhm=(4.0, 4.0), variation=(0.3, 0.3))
    psf = draw_psf(np.random.default_rng(2), optics, Camera())
    centre, corner = star(psf)[90:111, 90:111], star(psf, y=20, x=20)[10:31, 10:31]
    assert np.abs(centre - corner).max() > 0.02 * psf.peak
    even = moffat_psf(fwhm=4.0, aureole=0.0)
    np.testing.assert_allclose(star(even)[90:111, 90:111], star(even, y=20, x=20)[10:31, 10:31], atol=1e-7)


def test_wings_go_on_where_the_drawn_image_ends():
    psf = moffat_psf(fwhm=3.0)
    profile = star(psf, y=600, x=600, flux=1e12, floor=1.0, shape=(1201, 1201))[600, 600:]
    ratios = profile[10:500] / profile[9:499]
    assert (ratios < 1).all()
    assert (np.diff(ratios) > -0.02).all()  # ever less steep, without a step
    assert profile[400] / profile[200] == pytest.approx(2**-2.6, rel=0.05)


def test_the_reach_is_where_the_light_falls_below_the_floor():
    psf = moffat_psf(fwhm=3.0)
    for flux in (1e2, 1e4, 1e8):
        radius = psf.reach(flux, 2.0)
        profile = star(psf, flux=flux, y=500, x=500, floor=1e-6, shape=(1001, 1001))[500, 500:]
        assert profile[radius + 1] <= 2.0
        assert profile[radius - 2] > 2.0


def test_a_star_outside_the_frame_shines_into_it():
    psf = moffat_psf(fwhm=3.0)
    whole = star(psf, y=100, x=100, flux=1e6)
    np.testing.assert_allclose(star(psf, y=-10, x=100, flux=1e6)[:50], whole[110:160], rtol=1e-4, atol=0.1)
    assert not star(psf, y=-500, x=100, flux=10, floor=1.0).any()


@pytest.mark.parametrize("fwhm", [1.0, 3.0, 8.0])
def test_many_stars_are_the_sum_of_single_ones(fwhm):
    rng = np.random.default_rng(4)
    psf = moffat_psf(fwhm=fwhm)
    y, x = rng.uniform(-10, 210, (2, 300))
    flux = 10 ** rng.uniform(1.5, 6, 300)
    together, singly = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    psf.add_stars(together, y=y, x=x, flux=flux, floor=0.1)
    for i in range(300):
        psf.add_star(singly, y=y[i], x=x[i], flux=flux[i], floor=0.1)
    # A star may be followed a little farther than it has to be
    assert np.abs(together - singly).max() < 30 * 0.1


def test_no_stars_leave_the_image_dark():
    image = np.zeros(SHAPE, np.float32)
    moffat_psf(fwhm=3.0).add_stars(image, y=np.zeros(0), x=np.zeros(0), flux=np.zeros(0), floor=1.0)
    assert not image.any()


def test_a_crowd_of_stars_keeps_its_light_and_places():
    rng = np.random.default_rng(4)
    psf = moffat_psf(fwhm=3.0, aureole=0.0)
    y, x = rng.uniform(0, 128, (2, 60_000))
    flux = np.where(y > 64, 60.0, 20.0)
    image = np.zeros((128, 128), np.float32)
    psf.add_stars(image, y=y, x=x, flux=flux, floor=0.05)
    assert image[10:54, 10:118].mean() == pytest.approx(20 * 60_000 / 128**2, rel=0.05)
    assert image[74:118, 10:118].mean() == pytest.approx(60 * 60_000 / 128**2, rel=0.05)


def test_blur_turns_a_point_into_a_star():
    psf = moffat_psf(fwhm=3.0)
    light = np.zeros(SHAPE, np.float32)
    light[100, 100] = 1000
    assert np.abs(psf.blur(light) - star(psf, flux=1000)).max() < 0.02 * 1000 * psf.peak


def test_blur_keeps_even_light_even_up_to_the_edges():
    light = np.full((90, 70), 5, np.float32)
    np.testing.assert_allclose(moffat_psf(fwhm=3.0).blur(light), light, rtol=1e-4)


def test_blur_of_nothing_is_nothing():
    assert not moffat_psf(fwhm=3.0).blur(np.zeros((64, 64), np.float32)).any()


def test_a_line_is_a_row_of_stars():
    psf = moffat_psf(fwhm=3.0, aureole=0.02)
    image = np.zeros((41, 41), np.float32)
    x = np.arange(-1000.0, 1041.0)
    for place in x:
        psf.add_star(image, y=20, x=place, flux=1.0, floor=1e-12)
    offset = np.arange(-20, 21, dtype=np.float32)
    np.testing.assert_allclose(psf.line(offset), image[:, 20], rtol=0.03, atol=1e-5)


def test_a_moved_star_is_the_mean_of_stars_along_the_path():
    psf = moffat_psf(fwhm=3.0)
    path_y, path_x = np.linspace(-6, 6, 97), 4 * np.sin(np.linspace(0, 3, 97))
    singly = np.zeros(SHAPE, np.float32)
    for dy, dx in zip(path_y, path_x, strict=True):
        psf.add_star(singly, y=100 + dy, x=100 + dx, flux=1 / 97, floor=1e-9)
    moved = star(psf.moved(path_y, path_x))
    assert moved.sum() == pytest.approx(singly.sum(), rel=0.02)
    assert np.abs(moved - singly).max() < 0.03 * singly.max()


def test_a_long_motion_is_drawn_coarser_and_keeps_its_light():
    psf = moffat_psf(fwhm=2.0, aureole=0.0)
    moved = psf.moved(np.zeros(2001), np.linspace(-90, 90, 2001))
    assert moved.sampling < psf.sampling
    image = star(moved)
    assert image.sum() == pytest.approx(1, rel=0.02)
    assert image[:, 30].sum() == pytest.approx(1 / 180, rel=0.05)


def test_one_seed_gives_one_psf():
    one, two = (draw_psf(np.random.default_rng(9), Optics(), Camera()) for _ in range(2))
    np.testing.assert_array_equal(one.images, two.images)


def test_a_bank_holds_some_psfs_and_renews_them():
    rng = np.random.default_rng(0)
    optics = only("kolmogorov", variation=(0.0, 0.0), fwhm=(1.0, 4.0))
    bank = PsfBank(optics, size=3, renewal=0.2)
    drawn = [bank.draw(rng, Camera()) for _ in range(60)]
    assert 4 < len({id(psf) for psf in drawn}) < 40


def calls_to_draw(count):
    """Return how many functions are called to draw this many faint stars: the same on every machine."""
    rng = np.random.default_rng(1)
    psf = moffat_psf(fwhm=3.0)
    image = np.zeros((512, 512), np.float32)
    y, x = rng.uniform(0, 512, (2, count))
    flux = rng.uniform(10, 300, count) / psf.peak
    calls = 0

    def count_calls(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        psf.add_stars(image, y=y, x=x, flux=flux, floor=2.0)
    finally:
        sys.setprofile(before)
    return calls


def test_faint_stars_are_drawn_together_and_not_one_by_one():
    assert calls_to_draw(4000) < calls_to_draw(1000) + 100


class TestTrailedImages:
    """All images of a frame drawn out along one line."""

    @staticmethod
    def widths(drift, seed=4):
        from skysieve.frames.simulate.camera import Camera
        from skysieve.frames.simulate.optics import Optics, draw_psf

        optics = Optics(
            fwhm=(3.0, 3.0),
            kolmogorov=0.0,
            moffat=1.0,
            optical=0.0,
            defocused=0.0,
            ellipticity=(0.0, 0.0),
            variation=(0.0, 0.0),
            beta=(4.5, 4.5),
            trailed=1.0 if drift else 0.0,
            drift=(drift or 1.0, drift or 1.0),
        )
        psf = draw_psf(np.random.default_rng(seed), optics, Camera())
        image = np.zeros((121, 121), np.float32)
        psf.add_star(image, y=60.0, x=60.0, flux=1e6, floor=0.001)
        above = np.argwhere(image > image.max() / 2)
        return np.sqrt(np.linalg.eigvalsh(np.cov(above.T)))[::-1], float(image.sum())

    def test_are_as_long_as_the_drift_and_no_wider(self):
        (long, wide), _ = self.widths(20.0)
        assert long * np.sqrt(12) == pytest.approx(20, rel=0.15)
        assert wide < 1.2

    def test_keep_their_light(self):
        assert self.widths(20.0)[1] == pytest.approx(self.widths(None)[1], rel=0.03)
