"""Tiles: every pixel is decided once, by a tile in which it is far from inner borders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.core.errors import ConfigError
from skysieve.core.models.augmentation import max_over_views
from skysieve.core.models.engine_settings import VIEWS
from skysieve.frames.image.tiles import TileSizes, cover, fixed_tiles, plan_tiles, predict

MASKS = TileSizes(multiple=32, remainder=16, minimum=400)
POWERS = TileSizes(multiple=16, remainder=0, minimum=256)


def check_axis(spans, length, margin):
    assert [span.first for span in spans] == [0, *(span.last for span in spans[:-1])]
    assert spans[-1].last == length
    assert len({span.stop - span.start for span in spans}) == 1
    for span in spans:
        assert span.start <= span.first < span.last <= span.stop
        assert span.start == 0 or span.first - span.start >= margin
        assert span.stop >= length or span.stop - span.last >= margin


class TestCovers:
    @given(
        length=st.integers(32, 6000),
        size=st.integers(32, 1200),
        margin=st.integers(0, 200),
        step=st.integers(1, 1200),
    )
    def test_decide_every_pixel_once_with_margin(self, length, size, margin, step):
        if size < length and step > size - 2 * margin:
            with pytest.raises(ConfigError, match="cannot be"):
                cover(length, size, step, margin)
        else:
            check_axis(cover(length, size, step, margin), length, margin)

    def test_the_published_tiling_is_400_every_200_and_flush(self):
        starts = [span.start for span in cover(1100, 400, 200, 100)]
        assert starts == [0, 200, 400, 600, 700]
        assert [span.first for span in cover(1100, 400, 200, 100)] == [0, 300, 500, 700, 800]


class TestPlans:
    @given(
        shape=st.tuples(st.integers(32, 5000), st.integers(32, 5000)),
        max_pixels=st.integers(160_000, 3_000_000),
        sizes=st.sampled_from([MASKS, POWERS]),
        margin=st.sampled_from([100, 128]),  # the second leaves nothing within the smallest tile of POWERS
    )
    def test_decide_every_pixel_once_within_memory(self, shape, max_pixels, sizes, margin):
        plan = plan_tiles(shape, sizes, margin=margin, max_pixels=max_pixels)
        smallest = max(sizes.minimum, sizes.fit(sizes.fit(2 * margin) + 1))
        for spans, length in zip((plan.rows, plan.columns), shape, strict=True):
            check_axis(spans, length, margin)
            side = spans[0].stop - spans[0].start
            assert side % sizes.multiple == sizes.remainder
            # only a frame smaller than the smallest tile that can have a neighbour is padded
            assert side <= max(length, sizes.fit(min(length, smallest)))
        height, width = plan.tile_shape
        assert plan.batch * height * width <= max_pixels

    def test_pooling_falls_on_the_same_pixels_in_all_but_flush_tiles(self):
        plan = plan_tiles((5000, 5000), MASKS, margin=100, max_pixels=700_000)
        assert all(span.start % 32 == 0 for span in plan.rows[:-1])

    def test_more_memory_means_less_work(self):
        budgets = (200_000, 700_000, 3_000_000)
        costs = [plan_tiles((4096, 4096), MASKS, margin=100, max_pixels=m).cost for m in budgets]
        assert costs == sorted(costs, reverse=True)
        assert costs[-1] < 1.3 * 4096**2

    def test_the_batch_is_bounded(self):
        assert plan_tiles((512, 4000), MASKS, margin=100, max_pixels=10**6, max_batch=2).batch <= 2

    def test_too_little_memory_is_refused(self):
        with pytest.raises(ConfigError, match="allow more memory"):
            plan_tiles((2048, 2048), MASKS, margin=100, max_pixels=100_000)


class Ramp:
    """A frame whose pixels tell where they are."""

    label = "ramp"

    def __init__(self, shape):
        self.shape = shape
        self.pixels = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)

    def rows(self, start, stop):
        return self.pixels[start:stop], self.pixels[start:stop] % 7 == 0


class TestPrediction:
    @given(
        shape=st.tuples(st.integers(32, 900), st.integers(32, 900)),
        published=st.booleans(),
        batch=st.integers(1, 5),
    )
    def test_puts_every_pixel_in_its_place_once(self, shape, published, batch):
        frame = Ramp(shape)
        if published:
            plan = fixed_tiles(shape, size=400, step=200, margin=100, batch=batch)
        else:
            plan = plan_tiles(shape, MASKS, margin=100, max_pixels=400_000, max_batch=batch)
        found = np.full((2, *shape), -1.0)
        missing = np.zeros(shape, bool)
        times = np.zeros(shape, int)
        for rows, columns, prediction, nodata in predict(
            frame, plan, lambda tiles: np.concatenate([tiles, 2 * tiles], axis=1)
        ):
            found[:, rows, columns] = prediction
            missing[rows, columns] = nodata
            times[rows, columns] += 1
        assert (times == 1).all()
        assert np.array_equal(found[0], frame.pixels)
        assert np.array_equal(found[1], 2 * frame.pixels)
        assert np.array_equal(missing, frame.pixels % 7 == 0)


class TestViews:
    @pytest.mark.parametrize("views", VIEWS)
    def test_show_the_picture_turned_and_turn_the_answer_back(self, views):
        pixels = np.random.default_rng(0).normal(size=(2, 1, 5, 9)).astype(np.float32)
        seen = []

        def network(tiles):
            seen.append(tiles.copy())
            return np.concatenate([tiles, -tiles], axis=1)

        found = max_over_views(network, pixels, views)
        assert len({tile.tobytes() + bytes(tile.shape) for tile in seen}) == views
        assert np.array_equal(found, np.concatenate([pixels, -pixels], axis=1))

    def test_the_highest_answer_counts(self):
        def sees_rows_only(tiles):
            return np.where(tiles == tiles.max(axis=3, keepdims=True), 1.0, 0.0).astype(np.float32)

        pixels = np.zeros((1, 1, 4, 4), np.float32)
        pixels[0, 0, 1, 2] = 1
        one, all_turns = (max_over_views(sees_rows_only, pixels, views) for views in (1, 4))
        assert (all_turns >= one).all()
        assert all_turns.sum() > one.sum()

    def test_other_numbers_are_refused(self):
        with pytest.raises(ConfigError, match="3 views"):
            max_over_views(lambda tiles: tiles, np.zeros((1, 1, 4, 4), np.float32), 3)
