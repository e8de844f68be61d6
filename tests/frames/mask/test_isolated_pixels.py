"""Hot pixels are no cosmic rays, though both may be single bright pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysieve import mask
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.isolated_pixels import find_isolated_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 300


def frame(*, hot: int, rays: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return sky with single bright pixels, and rays of two pixels, one fainter; and which pixels are hot."""
    rng = np.random.default_rng(2)
    pixels = rng.normal(1000, 10, (SIDE, SIDE))
    places = rng.choice((SIDE // 6) ** 2, hot + rays, replace=False)
    rows, columns = 6 * (places // (SIDE // 6)) + 3, 6 * (places % (SIDE // 6)) + 3
    heights = rng.uniform(500, 5000, hot + rays)
    pixels[rows, columns] += heights
    pixels[rows[hot:], columns[hot:] + 1] += 0.25 * heights[hot:]
    is_hot = np.zeros((SIDE, SIDE), np.bool_)
    is_hot[rows[:hot], columns[:hot]] = True
    return pixels.astype(np.float32), is_hot


def test_isolated_pixels_are_found():
    pixels, hot = frame(hot=80, rays=10)
    found = find_isolated_pixels(normalise(ArrayFrame(pixels), threads=1))
    assert found is not None
    assert found.pixels[hot].mean() > 0.95
    assert not found.pixels[~hot].any()


@pytest.mark.parametrize(("hot", "rays", "share"), [(200, 0, 0.05), (200, 49, 0.2), (100, 49, 0.4)])
def test_rays_that_spread_tell_how_many_of_the_others_are_rays(hot, rays, share):
    pixels, _ = frame(hot=hot, rays=rays)
    found = find_isolated_pixels(normalise(ArrayFrame(pixels), threads=1))
    assert found is not None
    assert found.ray_fraction == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize(("hot", "rays"), [(0, 30), (20, 60), (0, 0)])
def test_where_all_may_be_rays_nothing_is_changed(hot, rays):
    pixels, _ = frame(hot=hot, rays=rays)
    assert find_isolated_pixels(normalise(ArrayFrame(pixels), threads=1)) is None


def test_hot_pixels_are_no_cosmic_rays_in_masks():
    pixels, hot = frame(hot=200, rays=10)
    kept = mask(pixels, keep_probabilities=True)
    assert kept.posteriors is not None
    names = [c.name for c in kept.classes]
    assert (kept.posteriors[names.index("CR")][hot] <= 0.2).mean() > 0.95
    assert np.array_equal(kept.bits, mask(pixels).bits), "whether probabilities are kept or not"
    assert kept.boolean("CR")[hot].mean() < 0.05
    assert kept.boolean("HP")[hot].mean() > 0.7
