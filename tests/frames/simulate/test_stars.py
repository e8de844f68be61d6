"""Star fields from empty to crowded, and bright stars."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.scene import Scene, Star
from skysieve.frames.simulate.stars import Stars, star_light

PSF = moffat_psf(fwhm=3.0)


def scene(shape=(512, 512), *, psf=PSF, sky=400.0) -> Scene:
    return Scene(camera=Camera(), psf=psf, sky=np.full(shape, sky, np.float32))


def test_density_is_a_rate_per_area():
    settings = Stars(density=(5000, 5000), cluster=0)
    for side in (256, 1024):
        y, x, _ = settings.draw(scene((side, side)), np.random.default_rng(1))
        inside = ((y > -0.5) & (y < side - 0.5) & (x > -0.5) & (x < side - 0.5)).sum()
        assert inside == pytest.approx(5000 * side**2 / 2**20, rel=0.15)


def test_counts_rise_with_the_slope_between_noise_and_full_well():
    here = scene()
    _, _, flux = Stars(density=(40_000, 40_000), slope=(0.8, 0.8), cluster=0).draw(
        here, np.random.default_rng(1)
    )
    peaks = flux * PSF.peak
    assert peaks.min() >= 0.3 * here.sigma * 0.999
    assert peaks.max() <= 0.3 * here.camera.full_well
    low = peaks.min()
    assert (peaks > 10 * low).mean() == pytest.approx(10**-0.8, rel=0.1)


def test_wide_stars_cannot_be_as_many_as_sharp_ones():
    settings = Stars(density=(3e5, 3e5), cluster=0)
    sharp = settings.draw(scene(psf=moffat_psf(fwhm=1.0)), np.random.default_rng(1))
    wide = settings.draw(scene(psf=moffat_psf(fwhm=8.0)), np.random.default_rng(1))
    assert sharp[0].size > 60_000
    assert wide[0].size < 5000


def test_the_light_is_that_of_the_stars():
    settings = Stars(density=(1000, 1000), cluster=0)
    light = settings.simulate(scene(), np.random.default_rng(3))
    y, x, flux = settings.draw(scene(), np.random.default_rng(3))
    assert light.dtype == np.float32
    brightest = np.argmax(np.where((y > 5) & (y < 506) & (x > 5) & (x < 506), flux, 0))
    assert light[round(y[brightest]), round(x[brightest])] > 0.4 * flux[brightest] * PSF.peak
    assert np.median(light) < 0.5 * scene().sigma


def test_a_cluster_crowds_its_stars():
    plain = Stars(density=(10, 10), cluster=0)
    clustered = Stars(density=(10, 10), cluster=4.0, cluster_members=(500, 500), cluster_radius=(30, 30))
    rng = np.random.default_rng(2)
    assert plain.draw(scene((1024, 1024)), rng)[0].size < 50
    y, x, _ = clustered.draw(scene((1024, 1024)), rng)
    crowd, _, _ = np.histogram2d(y, x, bins=16, range=[[0, 1024], [0, 1024]])
    assert crowd.max() > 0.05 * y.size
    assert np.median(crowd) < 0.01 * y.size


def test_bright_stars_peak_about_and_above_the_full_well():
    camera = Camera()
    stars = Stars(bright_density=(100, 100)).draw_bright(
        (1024, 1024), np.random.default_rng(1), psf=PSF, camera=camera
    )
    peaks = np.array([star.flux for star in stars]) * PSF.peak / camera.full_well
    assert 70 < len(stars) < 170
    assert peaks.min() >= 0.299
    assert 3 < peaks.max() <= 1000
    assert any(not 0 <= star.y < 1024 for star in stars)  # some lie beside the frame


def test_bright_stars_shine_with_all_their_light_unsaturated():
    star = Star(y=255.0, x=255.0, flux=1e8)
    light = star_light([star], scene((511, 511)))
    assert light.max() == pytest.approx(1e8 * PSF.peak, rel=1e-3)
    assert light.sum() == pytest.approx(1e8, rel=0.03)
    assert not star_light([], scene()).any()


def test_one_seed_gives_one_field():
    one, two = (Stars().simulate(scene(), np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
