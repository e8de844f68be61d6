"""What pipelines do: the sky goes, the unit changes, the grid moves."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.simulate.processing import Processing, Resampling

SHAPE = (128, 160)


def test_the_sky_goes_but_for_a_smooth_error():
    rng = np.random.default_rng(1)
    sky = np.linspace(900, 1100, SHAPE[1], dtype=np.float32) * np.ones(SHAPE, np.float32)
    processing = Processing(scale=(1.0, 1.0), residual=(0.2, 0.2))
    left = processing.subtract_sky(sky.copy(), sky, rng, sigma=10.0)
    assert 0.1 < left.std() < 10
    assert np.abs(np.diff(left, axis=1)).max() < 1  # smooth


def test_the_unit_is_scaled():
    image = np.ones(SHAPE, np.float32)
    processing = Processing(scale=(0.25, 0.25), residual=(1e-9, 1e-9))
    scaled = processing.subtract_sky(8 * image, 4 * image, np.random.default_rng(1), sigma=1.0)
    np.testing.assert_allclose(scaled, 1, atol=1e-4)


def test_kinds_come_by_their_chances():
    rng = np.random.default_rng(3)
    kinds = [Processing(chances=(2.0, 1.0, 1.0)).draw_kind(rng) for _ in range(800)]
    assert kinds.count("raw") == pytest.approx(400, abs=60)
    assert kinds.count("subtracted") == pytest.approx(200, abs=50)
    assert {Processing(chances=(0.0, 0.0, 1.0)).draw_kind(rng) for _ in range(20)} == {"resampled"}


def test_a_shift_moves_the_image():
    image = np.zeros(SHAPE, np.float32)
    image[60, 70] = 100
    moved = Resampling(angle=0.0, shift=(0.0, 1.0), order=1).apply(image)
    assert moved[60, 69] == pytest.approx(100)
    half = Resampling(angle=0.0, shift=(0.5, 0.0), order=1).apply(image)
    assert half[59, 70] == pytest.approx(50)
    assert half[60, 70] == pytest.approx(50)


def test_resampling_keeps_light_and_shape_and_smooths_noise():
    rng = np.random.default_rng(4)
    noise = rng.standard_normal(SHAPE).astype(np.float32)
    for order in (1, 3):
        moved = Resampling(angle=0.005, shift=(0.4, 0.6), order=order).apply(noise + 10)
        assert moved.shape == SHAPE
        assert moved.dtype == np.float32
        assert moved.mean() == pytest.approx(10, abs=0.05)
        assert moved.std() < 0.95


def test_drawn_grids_turn_little():
    rng = np.random.default_rng(5)
    drawn = [Processing().draw_resampling(rng) for _ in range(100)]
    assert max(abs(resampling.angle) for resampling in drawn) < 0.01
    assert {resampling.order for resampling in drawn} == {1, 3}
    assert any(resampling.angle == 0 for resampling in drawn)
