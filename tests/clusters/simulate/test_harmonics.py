"""Gaussian fields: the synthesis is healpy's, the power that asked for, and any part shows the same sky."""

from __future__ import annotations

import healpy
import numpy as np
import pytest

from skysieve.clusters.simulate.harmonics import Harmonics, field_variance, multipoles
from skysieve.clusters.simulate.pixel_window import pixel_window
from skysieve.clusters.simulate.regions import SkyRegion

NSIDE, LMAX = 64, 128
WHOLE = SkyRegion(NSIDE)
AMPLITUDE = 1 / (multipoles(LMAX) + 10)


def field(region=WHOLE, *, lmax=LMAX, stream=(1, 2), amplitude=AMPLITUDE, threads=1):
    harmonics = Harmonics.for_region(region, lmax)
    coefficients = harmonics.zeros()
    harmonics.add_field(coefficients, stream, amplitude[: lmax + 1])
    return harmonics.synthesise(coefficients, region, threads=threads)


def test_the_synthesis_is_that_of_healpy():
    harmonics = Harmonics.for_region(WHOLE, LMAX)
    coefficients = harmonics.zeros()
    harmonics.add_field(coefficients, (1,), AMPLITUDE)
    ours = harmonics.synthesise(coefficients, WHOLE)
    theirs = healpy.alm2map(coefficients.astype(complex), NSIDE, lmax=LMAX)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-5 * theirs.std()


def test_the_power_is_that_asked_for():
    found = healpy.anafast(field(), lmax=LMAX)[2:]
    expected, degrees = AMPLITUDE[2:] ** 2, multipoles(LMAX)[2:]
    score = (found / expected - 1) * np.sqrt((2 * degrees + 1) / 2)
    assert abs(score.mean()) < 3 / np.sqrt(score.size)
    assert 0.7 < score.std() < 1.3


@pytest.mark.parametrize("cap", [5.0, 30.0, 120.0])
def test_a_cap_shows_the_same_sky_as_the_whole(cap):
    region = SkyRegion(NSIDE, cap)
    # More degrees than the cap's fewest orders
    part = field(region, lmax=LMAX)
    assert part.size == len(region.pixels)
    assert np.abs(part - field()[: part.size]).max() < 1e-4 * part.std()


def test_a_small_cap_needs_few_orders_and_shows_the_same_sky():
    region, lmax = SkyRegion(256, 6.0), 512
    amplitude = 1 / (multipoles(lmax) + 10)
    harmonics = Harmonics.for_region(region, lmax)
    assert harmonics.mmax < lmax / 2
    part = field(region, lmax=lmax, amplitude=amplitude)
    whole = field(SkyRegion(256), lmax=lmax, amplitude=amplitude)
    assert np.abs(part - whole[: part.size]).max() < 1e-4 * part.std()


def test_fewer_degrees_show_the_same_sky_less_sharply():
    coarse = field(lmax=LMAX // 2)
    sharp = AMPLITUDE * (multipoles(LMAX) <= LMAX // 2)
    np.testing.assert_allclose(coarse, field(amplitude=sharp), atol=1e-5 * coarse.std())


def test_another_stream_is_another_field():
    one, other = field(), field(stream=(1, 3))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1
    np.testing.assert_array_equal(one, field())


def test_threads_change_nothing():
    np.testing.assert_array_equal(field(), field(threads=2))


def test_the_variance_is_that_of_the_pixels():
    assert field().var() == pytest.approx(field_variance(AMPLITUDE), rel=0.1)


@pytest.mark.parametrize("degree", [32, 64, 96])
def test_the_window_is_what_averaging_over_pixels_leaves(degree):
    nside, finer = 32, 8
    amplitude = (multipoles(4 * nside) == degree).astype(float)
    fine = field(SkyRegion(nside * finer), lmax=4 * nside, amplitude=amplitude)
    left = healpy.ud_grade(fine, nside).std() / fine.std()
    assert pixel_window(nside, 4 * nside)[degree] == pytest.approx(left, rel=1e-2)
