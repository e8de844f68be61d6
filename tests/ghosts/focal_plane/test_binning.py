"""Bins of pixels, and the sky below them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.ghosts.focal_plane.binning import bin_pixels, estimate_background, measure_sky


def noise(shape=(600, 480), seed=1, scatter=16.0, level=1000.0):
    return (level + scatter * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


class TestMedians:
    def test_are_of_the_pixels_of_each_bin(self):
        pixels = np.arange(24, dtype=np.float32).reshape(4, 6)
        assert bin_pixels(pixels, (2, 3)).tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]

    @settings(max_examples=25)
    @given(
        hnp.arrays(np.float32, (9, 15), elements=st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, width=32)))
    )
    def test_leave_missing_pixels_out(self, pixels):
        binned = bin_pixels(pixels, (3, 3))
        for row in range(3):
            for column in range(3):
                part = pixels[3 * row : 3 * row + 3, 5 * column : 5 * column + 5]
                valid = part[np.isfinite(part)]
                quarter = (valid.size - 1) // 4
                middle = np.sort(valid).astype(np.float64)[quarter : valid.size - quarter]
                expected = middle.mean() if valid.size else np.nan
                assert binned[row, column] == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)

    def test_do_not_see_cosmic_rays(self):
        pixels = np.full((64, 64), 5, np.float32)
        pixels[::3, ::3] = 1e5
        assert (bin_pixels(pixels, (4, 4)) == 5).all()

    def test_are_blank_where_less_than_a_twentieth_is_valid(self):
        pixels = np.full((10, 20), np.nan, np.float32)
        pixels[0, :4] = 7  # 4 % of the first bin
        pixels[0, 10:15] = 7  # 5 % of the second
        binned = bin_pixels(pixels, (1, 2))
        assert np.isnan(binned[0, 0])
        assert binned[0, 1] == 7

    def test_spread_over_a_length_that_is_no_multiple(self):
        # bins of 3 that begin at 0, 3, 6 and 9 of 11 would not end in time: they begin at 0, 3, 7
        pixels = np.arange(11, dtype=np.float32)[None, :]
        assert bin_pixels(pixels, (1, 3)).tolist() == [[1, 4, 8]]

    def test_do_not_change_the_pixels(self):
        pixels = noise((32, 32))
        before = pixels.copy()
        bin_pixels(pixels, (2, 2))
        np.testing.assert_array_equal(pixels, before)


class TestSamples:
    def test_are_means_of_8_x_8_pixels_in_the_middle(self):
        pixels = np.zeros((32, 32), np.float32)
        pixels[12:20, 12:20] = np.arange(64).reshape(8, 8)
        assert bin_pixels(pixels, (1, 1), binning="samples").tolist() == [[31.5]]

    def test_have_the_noise_of_so_many_pixels(self):
        scatter = bin_pixels(noise((800, 800)), (50, 50), binning="samples").std()
        assert scatter == pytest.approx(16 / 8, rel=0.05)

    def test_leave_missing_pixels_out(self):
        pixels = np.full((8, 8), 3, np.float32)
        pixels[:4] = np.nan
        assert bin_pixels(pixels, (1, 1), binning="samples").tolist() == [[3]]
        assert np.isnan(bin_pixels(np.full_like(pixels, np.nan), (1, 1), binning="samples")).all()


class TestTheSky:
    def test_has_the_level_and_the_noise_of_its_pixels(self):
        level, scatter = measure_sky(noise())
        assert level == pytest.approx(1000, abs=2)
        assert scatter == pytest.approx(16, rel=0.08)

    def test_is_little_moved_by_stars_and_a_ghost(self):
        pixels = noise()
        pixels[:200] += 40  # a third of the CCD, at 2.5 sigma
        pixels[::50, ::37] += 20000
        level, scatter = measure_sky(pixels)
        assert level == pytest.approx(1000, abs=16)
        assert scatter == pytest.approx(16, rel=0.08)

    def test_has_the_noise_without_the_gradient(self):
        pixels = noise() + np.linspace(0, 500, 480, dtype=np.float32)
        assert measure_sky(pixels)[1] == pytest.approx(16, rel=0.08)

    def test_leaves_missing_pixels_out(self):
        pixels = noise()
        pixels[:, 240:] = np.nan
        assert measure_sky(pixels)[0] == pytest.approx(1000, abs=3)

    def test_of_nothing_is_unknown(self):
        assert np.isnan(measure_sky(np.full((64, 64), np.nan, np.float32))).all()


class TestTheBackground:
    WHOLE = ((slice(None), slice(None)),)

    def test_is_not_moved_by_a_ghost_on_less_than_half_of_the_ccd(self):
        pixels = noise((640, 480))
        clean = estimate_background(bin_pixels(pixels, (40, 30)), self.WHOLE, (640, 480))
        pixels[:256] += 16  # as much as the noise of a pixel
        ghost = estimate_background(bin_pixels(pixels, (40, 30)), self.WHOLE, (640, 480))
        assert ghost[0, 0] == pytest.approx(clean[0, 0], abs=1)
        assert clean[0, 0] == pytest.approx(1000, abs=0.5)

    def test_is_one_level_a_part_and_between_them_in_bins_of_both(self):
        binned = np.full((4, 5), 10, np.float32)
        binned[:, 2], binned[:, 3:] = 15, 20
        parts = ((slice(0, 40), slice(0, 25)), (slice(0, 40), slice(25, 50)))
        assert estimate_background(binned, parts, (40, 50))[0].tolist() == [10, 10, 15, 20, 20]

    def test_of_a_dead_part_is_that_of_the_other(self):
        binned = np.full((2, 4), np.nan, np.float32)
        binned[:, :2] = 7
        parts = ((slice(0, 20), slice(0, 20)), (slice(0, 20), slice(20, 40)))
        assert (estimate_background(binned, parts, (20, 40)) == 7).all()

    def test_of_nothing_is_unknown(self):
        nothing = np.full((2, 4), np.nan, np.float32)
        assert np.isnan(estimate_background(nothing, self.WHOLE, (20, 40))).all()
