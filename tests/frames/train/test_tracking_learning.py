"""The network for tracking as it learns, and its frames."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.training.tiny import SIMULATION

from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.simulate.recipe_files import build
from skysieve.core.training import shuffled_stream
from skysieve.core.training.recipe import NetworkSettings, TrainingRecipe
from skysieve.core.training.schedule import optimiser_with_schedule
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.train import tracking_learning
from skysieve.frames.train.tracking_learning import (
    ELONGATION_WEIGHT,
    LabelledFrames,
    LabelledStream,
    TrackingExample,
    TrackingLearner,
    rank_auc,
    tracking_net,
)

OTHERS = ("drift", "jump", "oscillation", "wind", "lost_star", "halting_drift")

SMALL = NetworkSettings(widths=(8, 16), depths=(1, 1))


def recipe(**settings):
    return TrainingRecipe(
        name="tiny", job="tracking", network=SMALL, warm_up=0.0, learning_rate=1e-2, **settings
    )


class Numbered:
    """Frames of noise; every third has none, every other an error along y, to which a left column points."""

    def __init__(self):
        self.asked = []

    def frame(self, number):
        self.asked.append(number)
        if number % 3 == 2:
            return None
        pixels = np.random.default_rng(number).normal(0, 1, (32, 32)).astype(np.float32)
        pixels[:, 0] += 100 * (number % 2)
        smear = np.zeros((2, 8, 8), np.float32)
        smear[0] = -0.5 * (number % 2)
        return TrackingExample(pixels, bool(number % 2), smear, ArrayFrame(pixels))


@pytest.fixture(autouse=True)
def short_buffer(monkeypatch):
    monkeypatch.setattr(tracking_learning, "BUFFER", 6)


def stream(source=None, **options):
    return LabelledStream(cast("LabelledFrames", source or Numbered()), **{"reuse": 2, "seed": 1, **options})


class TestStream:
    def test_gives_frames_with_labels(self):
        for pixels, label, smear in islice(stream(), 20):
            assert (pixels.shape, pixels.dtype) == ((1, 32, 32), torch.float32)
            assert (label.shape, label.dtype) == ((1,), torch.float32)
            assert (smear.shape, smear.dtype) == ((2, 8, 8), torch.float32)
            assert bool(label) == bool((pixels > 50).any())

    def test_turns_and_mirrors(self):
        edges = set()
        for pixels, label, _ in islice(stream(), 80):
            if label:
                rows, columns = torch.nonzero(pixels[0] > 50, as_tuple=True)
                edges.add((float(rows.float().mean()), float(columns.float().mean())))
        assert edges == {(15.5, 0.0), (15.5, 31.0), (0.0, 15.5), (31.0, 15.5)}

    def test_turns_the_axis_of_the_motion_with_the_frame(self):
        axes = set()
        for pixels, label, smear in islice(stream(), 80):
            if label:
                along_y = bool((pixels[0] > 50).all(dim=0).any())
                axes.add((along_y, *(round(float(value), 3) for value in smear.mean(dim=(1, 2)))))
        assert axes == {(True, -0.5, 0.0), (False, 0.5, 0.0)}

    def test_shows_each_frame_as_often_as_told(self):
        counts = Counter(round(float(pixels.sum()), 2) for pixels, *_ in islice(stream(reuse=3), 60))
        assert max(counts.values()) == 3

    def test_is_the_same_for_the_same_seed(self):
        one, other, third = (
            torch.stack([p for p, *_ in islice(stream(seed=seed), 20)]) for seed in (1, 1, 2)
        )
        assert torch.equal(one, other)
        assert not torch.equal(one, third)

    def test_goes_on_at_the_frame_that_it_is_told(self):
        source = Numbered()
        list(islice(stream(source, first=30), 20))
        assert source.asked == list(range(30, 30 + len(source.asked)))

    def test_gives_each_worker_of_each_trainer_frames_of_its_own(self, monkeypatch):
        asked = []
        for rank in range(2):
            for worker in range(2):
                info = SimpleNamespace(id=worker, num_workers=2)
                monkeypatch.setattr(shuffled_stream, "get_worker_info", lambda info=info: info)
                source = Numbered()
                list(islice(stream(source, rank=rank, ranks=2), 20))
                asked += source.asked
        assert len(set(asked)) == len(asked)
        assert set(range(4)) <= set(asked)


class TestLabelledFrames:
    def test_are_normalised_and_depend_on_seed_and_number(self):
        simulation = build(Recipe, SIMULATION, origin="small")
        frames = [LabelledFrames(simulation, 128, seed, 16).frame(3) for seed in (1, 1, 2)]
        one, other, third = (found for found in frames if found)
        assert one.pixels.shape == (128, 128)
        assert one.pixels.dtype == np.float32
        assert isinstance(one.tracking_error, bool)
        assert one.frame.shape == (128, 128)
        assert -0.5 < float(np.median(one.pixels)) < 2.0  # in units of the noise: stars are everywhere
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.tracking_error == other.tracking_error
        assert (one.pixels != third.pixels).any()

    def test_say_at_every_place_what_the_motion_did(self):
        turned = build(
            Recipe,
            {**SIMULATION, "tracking": dict.fromkeys(OTHERS, 0.0) | {"probability": 1.0, "centre": [0, 0]}},
            origin="turned",
        )
        frame = LabelledFrames(turned, 128, 1, 16).frame(0)
        assert frame is not None
        smear = frame.elongation
        assert smear.shape == (2, 8, 8)
        assert frame.tracking_error
        # about the middle: beside it along y, above it along x, on the diagonal across that
        assert smear[0, 4, 7] < -0.1 < 0.1 < smear[0, 7, 4]
        assert smear[1, 7, 7] < -0.1 < 0.1 < smear[1, 0, 7]


class TestTrackingLearner:
    def batch(self):
        shown = [frame for n in (0, 1, 3, 4) if (frame := Numbered().frame(n)) is not None]
        pixels = torch.from_numpy(np.stack([each.pixels for each in shown]))[:, None]
        smears = torch.from_numpy(np.stack([each.elongation for each in shown]))
        return pixels, torch.tensor([[float(each.tracking_error)] for each in shown]), smears

    def learn(self, module, steps):
        (optimiser, _), losses = optimiser_with_schedule(module.network, module.recipe), []
        module.train()
        for _ in range(steps):
            loss = module.training_loss(self.batch())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    def test_loses_less_on_a_batch_that_is_shown_again_and_again(self):
        torch.manual_seed(1)
        losses = self.learn(TrackingLearner(recipe()), 40)
        # all bright places have a smear of length 0.5, of which nothing is known at first
        assert losses[0] == pytest.approx(math.log(2) + ELONGATION_WEIGHT * 0.5**2, abs=0.15)
        assert losses[-1] < 0.1 * losses[0]

    def test_keeps_frozen_statistics_while_weights_learn(self):
        torch.manual_seed(1)
        module = TrackingLearner(recipe(), frozen_statistics=True)
        before = {name: value.clone() for name, value in module.network.state_dict().items()}
        self.learn(module, 2)
        after = module.network.state_dict()
        assert all(torch.equal(after[n], before[n]) for n in before if "running" in n)
        assert not torch.equal(after["hidden.weight"], before["hidden.weight"])

    def test_refuses_a_network_that_cannot_be(self):
        wrong = TrainingRecipe(name="tiny", job="tracking", network=NetworkSettings(widths=(8, 12)))
        with pytest.raises(ConfigError, match="recipe tiny: network: 2 widths and 4 depths"):
            tracking_net(wrong)


class TestRankAuc:
    def test_is_the_chance_to_rank_a_pair_right(self):
        scores = np.array([0.1, 0.4, 0.35, 0.8], np.float32)
        assert rank_auc(scores, np.array([False, False, True, True])) == 0.75
        assert rank_auc(scores, np.array([True, False, False, False])) == 0.0

    def test_counts_a_tie_half(self):
        assert rank_auc(np.zeros(4, np.float32), np.array([True, True, False, False])) == 0.5

    def test_is_unknown_without_frames_of_both_kinds(self):
        assert math.isnan(rank_auc(np.zeros(2, np.float32), np.array([True, True])))
        assert math.isnan(rank_auc(np.zeros(2, np.float32), np.array([False, False])))
