"""The stream of tiles: what the network sees, how often, and which pixels count."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.training.tiny import SIMULATION

from skysieve.core.errors import FrameError
from skysieve.core.simulate.recipe_files import build
from skysieve.core.training import shuffled_stream
from skysieve.frames.mask.classes import CLASS_NAMES, CLASSES, NODATA
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.train import normalised_frames, tiles
from skysieve.frames.train.normalised_frames import NormalisedFrames, normalise_frame
from skysieve.frames.train.tiles import SimulatedFrames, TileStream, targets_of

SIDE, TILE = 96, 32
NOISE, MARK = 5.0, 4000.0
CODE = {c.name: c.code for c in CLASSES}


class Numbered:
    """Frames of noise whose tiles can be told apart: each has a number of bright pixels of its own.

    These lie along its upper edge, and belong to the class CR.
    """

    def __init__(self, empty=()):
        self.asked = []
        self.empty = empty

    def frame(self, number):
        self.asked.append(number)
        if number in self.empty:
            return np.full((SIDE, SIDE), 7, np.float32), np.zeros((SIDE, SIDE), np.int16)
        pixels = np.random.default_rng(number).normal(500, NOISE, (SIDE, SIDE)).astype(np.float32)
        bits = np.zeros((SIDE, SIDE), np.int16)
        for place in range(9):
            row, column = divmod(place, 3)
            count = 1 + (9 * number + place) % (4 * TILE)
            rows, columns = divmod(np.arange(count), TILE)
            bits[row * TILE + rows, column * TILE + columns] = CODE["CR"]
        return pixels + MARK * (bits != 0), bits


@pytest.fixture(autouse=True)
def short_buffer(monkeypatch):
    monkeypatch.setattr(tiles, "BUFFER", 12)


@pytest.fixture
def no_gaps(monkeypatch):
    monkeypatch.setattr(normalised_frames, "GAP_PROBABILITY", 0.0)


def stream(source=None, **options):
    frames = NormalisedFrames(source or Numbered())
    return TileStream(frames, **{"tile": TILE, "reuse": 2, "seed": 1, **options})


def first(count, tile_stream):
    return list(islice(tile_stream, count))


def same(one, other):
    return all(torch.equal(a, b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True))


@pytest.mark.usefixtures("no_gaps")
class TestTiles:
    def test_are_pixels_in_units_of_the_noise_and_bits(self):
        for pixels, bits in first(20, stream()):
            assert (pixels.shape, pixels.dtype) == ((1, TILE, TILE), torch.float32)
            assert (bits.shape, bits.dtype) == ((TILE, TILE), torch.int16)
            sky = pixels[0][bits == 0]
            assert abs(float(sky.mean())) < 0.3
            assert float(sky.std()) == pytest.approx(1, abs=0.15)

    def test_are_turned_and_mirrored_together_with_their_bits(self):
        edges = set()
        for pixels, bits in first(60, stream()):
            assert torch.equal(pixels[0] > 0.5 * MARK / NOISE, bits == CODE["CR"])
            rows, columns = torch.nonzero(bits, as_tuple=True)
            edges.add((int(rows.float().mean() * 2 // TILE), int(columns.float().mean() * 2 // TILE)))
        assert edges == {(0, 0), (0, 1), (1, 0), (1, 1)}

    def test_are_shown_as_often_as_told(self):
        counts = Counter(int((bits != 0).sum()) for _, bits in first(90, stream(reuse=3)))
        assert max(counts.values()) == 3

    def test_of_a_frame_do_not_follow_one_another(self):
        names = [(int((bits != 0).sum()) - 1) // 9 for _, bits in first(40, stream(reuse=1))]
        assert sum(a == b for a, b in pairwise(names)) < 35

    def test_that_do_not_fill_the_frame_begin_at_random(self):
        starts = {tiles._starts(96, 64, np.random.default_rng(seed))[0] for seed in range(50)}
        assert min(starts) >= 0
        assert max(starts) <= 32
        assert len(starts) > 10


class TestStream:
    def test_is_the_same_for_the_same_seed(self):
        assert same(first(20, stream()), first(20, stream()))
        assert not same(first(20, stream()), first(20, stream(seed=2)))

    def test_goes_on_at_the_frame_that_it_is_told(self):
        source = Numbered()
        first(30, stream(source, first=40))
        assert source.asked == list(range(40, 40 + len(source.asked)))

    def test_gives_each_of_several_trainers_frames_of_its_own(self):
        asked = []
        for rank in range(3):
            source = Numbered()
            first(20, stream(source, first=10, rank=rank, ranks=3))
            assert source.asked[:2] == [10 + rank, 13 + rank]
            asked += source.asked
        assert len(set(asked)) == len(asked)

    def test_gives_each_worker_of_each_trainer_frames_of_its_own(self, monkeypatch):
        asked = []
        for rank in range(2):
            for worker in range(3):
                info = SimpleNamespace(id=worker, num_workers=3)
                monkeypatch.setattr(shuffled_stream, "get_worker_info", lambda info=info: info)
                source = Numbered()
                first(20, stream(source, rank=rank, ranks=2))
                asked += source.asked
        assert len(set(asked)) == len(asked)
        assert set(range(6)) <= set(asked)

    def test_comes_back_to_the_first_frame_after_the_last_distinct_one(self):
        source = Numbered()
        first(90, stream(source, first=4, distinct=3, reuse=1))
        assert source.asked[:7] == [1, 2, 0, 1, 2, 0, 1]

    def test_leaves_out_frames_without_noise(self):
        source = Numbered(empty=(0, 2))
        names = {int((bits != 0).sum()) for _, bits in first(20, stream(source, reuse=1))}
        assert source.asked[:3] == [0, 1, 2]
        assert not names & {0}


class TestGaps:
    def test_are_in_the_bits_and_in_nothing_else(self, monkeypatch):
        monkeypatch.setattr(normalised_frames, "GAP_PROBABILITY", 1.0)
        frame, bits = Numbered().frame(3)
        pixels, found = normalise_frame(frame, bits, np.random.default_rng(1))
        gap = found == NODATA.code
        assert 0 < gap.mean() <= 1 / 9 + 0.05
        rows, columns = np.nonzero(gap)
        assert gap[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        np.testing.assert_array_equal(found[~gap], bits[~gap])
        assert (pixels[gap] == 0).all()

    def test_do_not_count(self, monkeypatch):
        monkeypatch.setattr(normalised_frames, "GAP_PROBABILITY", 1.0)
        frame, bits = Numbered().frame(3)
        _, found = normalise_frame(frame, bits, np.random.default_rng(1))
        targets, valid = targets_of(torch.from_numpy(found)[None])
        np.testing.assert_array_equal(valid[0, 0].numpy() == 0, found == NODATA.code)
        assert targets[0, :-1][:, torch.from_numpy(found == NODATA.code)].sum() == 0

    def test_come_now_and_then(self):
        rng = np.random.default_rng(2)
        frame, bits = Numbered().frame(3)
        with_gap = [(normalise_frame(frame, bits, rng)[1] == NODATA.code).any() for _ in range(100)]
        assert 0 < sum(with_gap) < 20

    def test_that_leave_nothing_make_no_frame(self):
        with pytest.raises(FrameError):
            normalise_frame(
                np.full((64, 64), 7, np.float32), np.zeros((64, 64), np.int16), np.random.default_rng(1)
            )


class TestTargets:
    def test_have_a_plane_a_class_in_the_order_of_the_registry(self):
        bits = torch.tensor([[[CODE["CR"], CODE["SAT"] | CODE["BBG"], 0, NODATA.code]]], dtype=torch.int16)
        targets, valid = targets_of(bits)
        assert targets.shape == (1, len(CLASS_NAMES), 1, 4)
        assert (targets.dtype, valid.dtype) == (torch.float32, torch.float32)
        members = {name: targets[0, index, 0].tolist() for index, name in enumerate(CLASS_NAMES)}
        assert members["CR"] == [1, 0, 0, 0]
        assert members["SAT"] == members["BBG"] == [0, 1, 0, 0]
        assert members["BG"][:3] == [0, 0, 1]
        assert not any(any(members[name]) for name in ("P", "FR", "OV"))
        assert valid.tolist() == [[[[1, 1, 1, 0]]]]


class TestSimulatedFrames:
    def source(self, seed=1):
        return SimulatedFrames(build(Recipe, SIMULATION, origin="small"), 128, seed)

    def test_depend_on_seed_and_number(self):
        pixels, bits = self.source().frame(5)
        assert (pixels.shape, pixels.dtype, bits.dtype) == ((128, 128), np.float32, np.int16)
        np.testing.assert_array_equal(pixels, self.source().frame(5)[0])
        assert (pixels != self.source().frame(6)[0]).any()
        assert (pixels != self.source(seed=2).frame(5)[0]).any()

    def test_carry_their_truth(self):
        _, bits = self.source().frame(5)
        assert (bits & CODE["CR"]).any()
        assert (bits & CODE["HCL"]).any()
        assert not (bits & (CODE["SP"] | NODATA.code)).any()
