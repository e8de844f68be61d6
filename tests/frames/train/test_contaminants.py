"""The training for contaminants: its frames, and the model that it ends with."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.training.tiny import few_frames

from skysieve.core.errors import ConfigError
from skysieve.core.models.card import read_model
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.train import agreement
from skysieve.frames.train.agreement import bf16_agreement
from skysieve.frames.train.contaminant_model import DEFAULT_PRIORS, tile_margin
from skysieve.frames.train.contaminants import ContaminantTraining

if TYPE_CHECKING:
    from skysieve.frames.networks.sieve_net import SieveNet


@pytest.fixture(autouse=True)
def few(monkeypatch):
    few_frames(monkeypatch)


@pytest.fixture
def training(recipe_file):
    return ContaminantTraining(read_training_recipe(recipe_file()))


@pytest.fixture(scope="module")
def card(trained):
    return read_model(trained / "model").card


class TestTheFrames:
    def test_give_the_priors_of_all_classes(self, training):
        assert tuple(training.priors) == CLASS_NAMES
        assert all(0 < prior < 1 for prior in training.priors.values())
        assert training.priors["BG"] > 0.5
        assert training.priors["CR"] > 1e-4

    def test_of_the_validation_are_the_same_each_time_and_no_others(self, training):
        one, other = (list(training.validation_batches()) for _ in range(2))
        pixels, bits = one[0]
        assert (pixels.shape, bits.shape) == ((2, 1, 128, 128), (2, 128, 128))
        assert torch.equal(pixels, other[0][0])
        learnt = {training._frames(training.recipe.seed).frame(number)[0].tobytes() for number in range(4)}
        held = {
            training._frames(training.recipe.seed + 1_000_003).frame(number)[0].tobytes()
            for number in range(2)
        }
        assert not learnt & held

    def test_to_learn_from_come_in_batches_and_go_on_after_a_stop(self, training):
        loader = training.training_batches(done=0, workers=0, rank=0, ranks=1)
        pixels, bits = next(iter(loader))
        assert (pixels.shape, bits.shape) == ((2, 1, 64, 64), (2, 64, 64))
        # 8 tiles of a frame are shown, 2 in a batch; 2 frames measured the priors
        later = training.training_batches(done=20, workers=0, rank=1, ranks=3)
        assert loader.dataset.first == 2
        assert later.dataset.first == 2 + 20 * 2 * 3 // 8

    @pytest.mark.parametrize(("setting", "side"), [("frame", 130), ("tile", 66)])
    def test_of_a_size_that_the_network_does_not_take_are_refused(self, recipe_file, setting, side):
        recipe = read_training_recipe(recipe_file(**{setting: side}))
        with pytest.raises(ConfigError, match=f"recipe tiny: {setting}: {side}, expected a multiple of 4"):
            ContaminantTraining(recipe)


class TestTwoTrainings:
    def test_are_the_same_if_both_recipes_are(self, training, recipe_file):
        again = ContaminantTraining(read_training_recipe(recipe_file()))
        assert again.describe() == training.describe()

    def test_differ_if_the_simulation_does(self, training, tmp_path):
        before = training.describe()
        with (tmp_path / "small.yaml").open("a") as file:
            file.write("description: other skies\n")
        other = ContaminantTraining(training.recipe)
        assert other.describe() != before

    def test_differ_if_one_goes_on_from_a_model(self, training, recipe_file, trained):
        other = ContaminantTraining(read_training_recipe(recipe_file()))
        other.start_from(str(trained / "model"))
        assert other.describe() != training.describe()


class TestTheModel:
    def test_says_how_it_was_trained(self, card):
        assert (card.name, card.job, card.classes) == ("tiny", "contaminants", CLASS_NAMES)
        facts = card.training
        assert (facts["recipe"], facts["seed"], facts["steps"]) == ("tiny", 1, 4)
        assert facts["torch"] == torch.__version__
        assert facts["processes"] == 0

    def test_knows_priors_thresholds_and_calibration_of_each_class(self, card):
        for values in (card.training_priors, card.default_priors, card.default_thresholds):
            assert tuple(values) == CLASS_NAMES
            assert all(0 < value < 1 for value in values.values())
        assert dict(card.default_priors) == DEFAULT_PRIORS
        assert all(slope > 0 and math.isfinite(offset) for slope, offset in card.calibration.values())

    def test_has_a_measured_margin_and_fits_into_memory(self, card):
        assert card.tiling.margin in range(32, 129, 16)
        assert card.tiling.multiple == 4
        assert card.tiling.bytes_per_pixel == {"f32": 330, "bf16": 320}
        # What a tile takes must leave room in the memory advised for the least tile and its margins
        least = (card.tiling.minimum + 2 * card.tiling.margin) ** 2
        for bytes_per_pixel in card.tiling.bytes_per_pixel.values():
            assert 0 < bytes_per_pixel * least / 2**20 < card.tiling.memory

    def test_knows_what_its_frames_look_like(self, card):
        assert {"grain", "sources", "confusion"} <= set(card.domain)
        assert all(len(quantiles) == 5 for quantiles in card.domain.values())

    def test_has_scores_of_the_classes_that_there_were(self, card):
        scores = card.scores["validation"]
        assert {"AP", "AP CR", "AP HCL", "AP BG"} <= set(scores)
        assert "AP SP" not in scores
        assert all(0 <= value <= 1 for value in scores.values())

    def test_says_how_often_bf16_decides_the_same_where_that_can_be_measured(self, card, trained):
        measured = bf16_agreement(
            read_model(trained / "model"), [(np.zeros((64, 64), np.float32), np.ones((64, 64), bool))]
        )
        assert (measured is None) == ("bf16" not in card.agreement)
        assert all(0.9 < value <= 1 for value in card.agreement.values())


class TestAgreement:
    FRAMES = ((np.zeros((64, 64), np.float32), np.ones((64, 64), np.bool_)),)

    def with_engines(self, monkeypatch, lower):
        """Let the network give 0.2 everywhere, and in bf16 what is said."""
        monkeypatch.setattr(agreement, "find_spec", lambda _name: True)

        def load(_model, *, engine, precision):
            assert engine == "openvino"
            value = 0.2 if precision == "f32" else lower
            return lambda pixels: np.broadcast_to(value, (1, 2, *pixels.shape[2:]))

        monkeypatch.setattr(agreement, "load_network", load)
        priors = {"CR": 0.1, "BG": 0.5}
        card = SimpleNamespace(
            classes=("CR", "BG"),
            training_priors=priors,
            default_priors=priors,
            default_thresholds={"CR": 0.3, "BG": 0.3},
        )
        return SimpleNamespace(card=card)

    def test_is_the_part_of_equal_decisions_over_pixels_and_classes(self, monkeypatch):
        assert bf16_agreement(self.with_engines(monkeypatch, 0.25), self.FRAMES) == 1.0
        half = np.zeros((1, 2, 64, 64))
        half[0, 1] = 0.9
        assert bf16_agreement(self.with_engines(monkeypatch, half), self.FRAMES) == 0.5

    def test_does_not_count_pixels_without_data(self, monkeypatch):
        wrong = np.full((1, 2, 64, 64), 0.2)
        wrong[..., :32, :] = 0.9
        valid = np.zeros((64, 64), np.bool_)
        valid[32:] = True
        model = self.with_engines(monkeypatch, wrong)
        assert bf16_agreement(model, [(np.zeros((64, 64), np.float32), valid)]) == 1.0

    def test_is_unknown_without_the_engine_the_instructions_or_pixels(self, monkeypatch):
        model = self.with_engines(monkeypatch, 0.2)
        assert bf16_agreement(model, []) is None

        def refuse(_model, *, engine, precision):
            del engine
            if precision == "bf16":
                raise ConfigError("this processor has no bf16 instructions")
            return lambda pixels: np.zeros((1, 2, *pixels.shape[2:]))

        monkeypatch.setattr(agreement, "load_network", refuse)
        assert bf16_agreement(model, self.FRAMES) is None
        monkeypatch.setattr(agreement, "find_spec", lambda _name: None)
        assert bf16_agreement(model, self.FRAMES) is None


class Reaching:
    """A network whose probabilities depend on all pixels up to some distance along the rows."""

    multiple = 4

    def __init__(self, reach):
        self.reach = reach

    def probabilities(self, pixels):
        sums = torch.nn.functional.pad(pixels.double(), (self.reach + 1, self.reach)).cumsum(-1)
        within = sums[..., 2 * self.reach + 1 :] - sums[..., : -2 * self.reach - 1]
        return torch.sigmoid(0.1 * within)


@pytest.mark.parametrize(("reach", "margin"), [(1, 32), (40, 48), (70, 80), (500, 128)])
def test_the_margin_is_as_wide_as_the_network_looks_in_steps_of_16(reach, margin):
    frame = np.random.default_rng(1).normal(0, 3, (512, 512)).astype(np.float32)
    assert tile_margin(cast("SieveNet", Reaching(reach)), [frame]) == margin


def test_frames_too_small_for_a_measurement_give_the_widest_margin():
    network = Reaching(1)
    network.multiple = 32
    assert tile_margin(cast("SieveNet", network), [np.zeros((96, 96), np.float32)]) == 128
