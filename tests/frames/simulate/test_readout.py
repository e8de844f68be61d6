"""The read-out: gain, bias, read noise, and what amplifiers leave."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.overscan import Borders
from skysieve.frames.simulate.readout import ReadOut

SHAPE = (300, 200)
CAMERA = Camera(gain=2.0, bias=500.0, read_noise=6.0)
QUIET = Camera(gain=2.0, bias=500.0, read_noise=1e-3)


def read(charge=0.0, *, camera=CAMERA, borders=None, seed=1, **settings):
    settings = {"amplifiers": 0.0, "banding": 0.0, **settings}
    image = np.full(SHAPE, charge, np.float32)
    return ReadOut(**settings).apply(image, np.random.default_rng(seed), camera, borders=borders or Borders())


def test_charge_becomes_adu_above_the_bias():
    np.testing.assert_allclose(read(1000.0, camera=QUIET), 1000, atol=0.01)


def test_read_noise_is_that_of_the_camera():
    pixels = read()[250:]
    assert pixels.std() == pytest.approx(3, rel=0.03)
    assert pixels.mean() == pytest.approx(500, abs=1.5)


def test_the_bias_settles_within_a_few_hundred_rows():
    starts = [read(seed=seed)[:5].mean() - 500 for seed in range(8)]
    ends = [read(seed=seed)[-5:].mean() - 500 for seed in range(8)]
    assert np.std(ends) < 0.5 * np.std(starts)
    assert np.abs(starts).max() < 1.2 * CAMERA.read_noise / CAMERA.gain


def test_borders_come_around_the_lit_pixels():
    pixels = read(4000.0, camera=QUIET, borders=Borders(bottom=2, top=3, left=4, right=5), lag=(1e-9, 1e-9))
    assert pixels.shape == (305, 209)
    np.testing.assert_allclose(pixels[2:-3, 4:-5], 2500, atol=0.01)
    dark = np.ones(pixels.shape, np.bool_)
    dark[2:-3, 4:-5] = False
    np.testing.assert_allclose(pixels[dark], 500, atol=0.01)


def test_charge_left_behind_trails_into_the_overscan_and_dies_out():
    overscan = read(2e4, camera=QUIET, borders=Borders(right=12), lag=(1e-4, 1e-4))[:, 200:] - 500
    assert overscan[:, 0].mean() == pytest.approx(1e-4 * 200 * 2e4 / 2, rel=0.01)
    assert (np.diff(overscan.mean(axis=0))[:6] < 0).all()
    assert overscan[:, 8:].max() < 0.1


def test_two_amplifiers_leave_a_step_between_the_halves():
    found = set()
    for seed in range(8):
        pixels = read(camera=QUIET, amplifiers=1.0, step=(1e5, 1e5), seed=seed)
        step = 1e5 * QUIET.read_noise / QUIET.gain
        for name, halves in (("rows", np.split(pixels, 2)), ("columns", np.split(pixels, 2, axis=1))):
            if halves[1].mean() - halves[0].mean() == pytest.approx(step, rel=0.05):
                found.add(name)
    assert found == {"rows", "columns"}


def test_banding_gives_each_row_a_level():
    pixels = read(camera=QUIET, banding=1.0, band_height=(1e4, 1e4)) - 500
    assert pixels.mean(axis=1).std() == pytest.approx(5, rel=0.2)
    assert pixels.std(axis=1).max() < 0.01
