"""Normalisation: units of the noise above the sky, whatever is wrong with the frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysieve.core.errors import FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.mesh import block_edges
from skysieve.frames.image.normalise import PUBLISHED_WINDOW, normalise


def sky(shape=(600, 800), level=1000.0, sigma=10.0, seed=0):
    return np.random.default_rng(seed).normal(level, sigma, shape).astype(np.float32)


def normalised(pixels, **options):
    frame = normalise(ArrayFrame(pixels), **options)
    return frame.rows(0, frame.shape[0])


class TestPlainSky:
    @pytest.mark.parametrize("shape", [(32, 32), (64, 300), (200, 200), (399, 401), (600, 800)])
    def test_has_mean_0_and_sigma_1_at_any_size(self, shape):
        pixels, nodata = normalised(sky(shape))
        assert abs(pixels.mean()) < 0.1
        assert abs(pixels.std() - 1) < 0.1
        assert not nodata.any()

    def test_does_not_depend_on_unit_or_offset(self):
        pixels, _ = normalised(sky())
        scaled, _ = normalised(3.0 * (sky() - 200))
        assert np.allclose(pixels, scaled, atol=1e-3)

    def test_a_gradient_is_followed(self):
        gradient = np.linspace(0, 300, 800, dtype=np.float32)
        pixels, _ = normalised(sky() + gradient)
        assert np.abs(pixels.reshape(600, 8, 100).mean(axis=(0, 2))).max() < 0.8

    def test_stars_do_not_lift_the_sky(self):
        pixels = sky()
        pixels[::20, ::20] += 5000
        assert abs(np.median(normalised(pixels)[0])) < 0.1

    @settings(max_examples=15)
    @given(top=st.integers(0, 500), height=st.integers(1, 100))
    def test_strips_equal_the_whole(self, top, height):
        frame = normalise(ArrayFrame(sky()))
        whole, _ = frame.rows(0, 600)
        part, _ = frame.rows(top, top + height)
        assert np.allclose(part, whole[top : top + height], atol=1e-5)

    def test_one_thread_and_several_agree(self):
        assert np.array_equal(normalised(sky(), threads=1)[0], normalised(sky(), threads=3)[0])


class TestWhatThePublishedCodeGetsWrong:
    def test_corners_have_the_level_of_the_rest(self):
        pixels, _ = normalised(sky((500, 500)))
        published, _ = normalised(sky((500, 500)), rules="published")
        assert abs(pixels[:20, :20].mean()) < 0.3
        assert published[:20, :20].mean() > 3

    def test_missing_pixels_are_marked_and_look_like_sky(self):
        pixels = sky()
        pixels[100:150, 100:300] = np.nan
        found, nodata = normalised(pixels)
        assert np.array_equal(nodata, np.isnan(pixels))
        assert (found[nodata] == 0).all()
        assert np.isfinite(found).all()

    def test_missing_pixels_leave_the_others_alone(self):
        pixels = sky()
        whole, _ = normalised(pixels)
        pixels[200:400, 200:300] = np.nan
        found, nodata = normalised(pixels)
        assert np.abs(found - whole)[~nodata].max() < 0.5
        published, _ = normalised(pixels, rules="published")
        assert published[nodata].mean() < -20

    def test_a_bright_sky_is_not_clipped_away(self):
        pixels, _ = normalised(sky(level=90_000))
        assert abs(pixels.mean()) < 0.1
        assert abs(pixels.std() - 1) < 0.1

    def test_a_very_negative_sky_is_not_clipped_away(self):
        assert abs(normalised(sky(level=-3000))[0].std() - 1) < 0.1

    def test_a_constant_block_takes_its_noise_from_its_neighbours(self):
        pixels = sky()
        pixels[:200, :200] = 1000
        found, _ = normalised(pixels)
        assert np.isfinite(found).all()
        assert np.abs(found[:150, :150]).max() < 1

    def test_an_all_missing_block_takes_its_sky_from_its_neighbours(self):
        pixels = sky()
        pixels[:200, :250] = np.nan
        found, nodata = normalised(pixels)
        assert abs(found[~nodata].std() - 1) < 0.1

    @pytest.mark.parametrize("shape", [(360, 420), (300, 1000)])
    @pytest.mark.parametrize("border", [np.s_[-20:], np.s_[:, :12], np.s_[20:25]])
    def test_all_that_is_valid_may_be_beside_the_blocks(self, shape, border):
        pixels = np.full(shape, np.nan, np.float32)
        pixels[border] = sky(shape)[border]
        seen, nodata = normalised(pixels)
        assert abs(seen[~nodata].mean()) < 0.1
        assert abs(seen[~nodata].std() - 1) < 0.1

    @pytest.mark.parametrize("width", [4, 30, 60, 90])
    @pytest.mark.parametrize("noise", [0.01, 2.0])
    def test_overscan_beside_the_sky_is_not_taken_for_noise(self, width, noise):
        """A tenth of a block and more: clipping by the standard deviation would keep it."""
        pixels = sky()
        pixels[:, -width:] = sky((600, width), level=0, sigma=noise)
        seen, _ = normalised(pixels)
        beside = seen[:, -width - 100 : -width]
        assert abs(np.median(beside)) < 0.2
        assert 0.8 < beside.std() < 1.2
        assert (seen[:, -width:] < -50).all()

    def test_saturated_pixels_are_clipped_as_published(self):
        pixels = sky()
        pixels[300, 300] = 1e6
        assert normalise(ArrayFrame(pixels)).window == PUBLISHED_WINDOW
        assert normalised(pixels)[0][300, 300] == pytest.approx((80_000 - 1000) / 10, rel=0.05)


class TestFramesWithoutSky:
    @pytest.mark.parametrize("value", [0.0, 7.0, -3.5])
    def test_constant_frames_are_refused(self, value):
        with pytest.raises(FrameError, match="has no noise"):
            normalised(np.full((256, 256), value, np.float32))

    def test_frames_without_data_are_refused(self):
        with pytest.raises(FrameError, match="no valid pixels"):
            normalised(np.full((256, 256), np.nan, np.float32))


def published_reference(pixels):
    """Follow the published description step by step, with loops and without any trick."""
    image = np.clip(np.nan_to_num(pixels.astype(np.float64), nan=0.0), -500, 80000)
    height, width = image.shape
    rows, columns = height // 200, width // 200
    level, sigma = np.zeros((rows, columns)), np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = height % 200 // 2 + 200 * row, width % 200 // 2 + 200 * column
            block = image[top : top + 200, left : left + 200].ravel()
            if (block == 0).all():
                level[row, column], sigma[row, column] = 0, 1
                continue
            first = block.std()
            while True:
                middle, spread = np.median(block), block.std()
                kept = block[np.abs(block - middle) <= 3 * spread]
                if kept.size == block.size:
                    break
                block = kept
            stable = 0.8 * first < spread < 1.2 * first
            level[row, column] = block.mean() if stable else 2.5 * middle - 1.5 * block.mean()
            sigma[row, column] = spread
    maps = []
    for grid in (level, sigma):
        from scipy.interpolate import RectBivariateSpline
        from scipy.signal import medfilt

        padded = medfilt(np.pad(grid, 1, mode="edge"), 3)
        knots = [np.arange(n // 200 + 2) * 200 - 100 + n % 200 // 2 for n in (height, width)]
        maps.append(RectBivariateSpline(*knots, padded)(np.arange(height), np.arange(width)))
    return (image - maps[0]) / maps[1]


class TestPublishedRules:
    """Frames whose block grids have no outliers, so that the reference needs no rule for them."""

    @pytest.mark.parametrize("shape", [(400, 400), (512, 512), (601, 813), (1000, 400)])
    def test_follow_the_description_to_1e_4_sigma(self, shape):
        pixels = sky(shape, seed=3)
        pixels[::17, ::13] += np.float32(400)
        pixels[10:14, 20:40] = np.nan
        found, _ = normalised(pixels, rules="published")
        expected = published_reference(pixels)
        assert np.abs(found - expected).max() < 1e-4 * (1 + np.abs(expected).max() / 10)

    def test_outlying_blocks_are_replaced_by_their_neighbours(self):
        pixels = sky((1400, 1400))
        pixels[600:800, 600:800] += 2000
        found, _ = normalised(pixels, rules="published")
        assert found[650:750, 650:750].mean() == pytest.approx(200, rel=0.05)


@settings(max_examples=50)
@given(length=st.integers(200, 5000))
def test_blocks_are_whole_disjoint_and_centred(length):
    edges = block_edges(length)
    assert all(stop - start == 200 for start, stop in edges)
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    before, after = edges[0][0], length - edges[-1][1]
    assert 0 <= after - before <= 1
    assert before < 100
