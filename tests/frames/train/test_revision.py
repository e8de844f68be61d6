"""The training of the second network for contaminants: its frames, and the model that it ends with."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from tests.core.networks.fill import pixels
from tests.core.training.tiny import few_frames

from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.models.card import read_model
from skysieve.core.models.engine import load_network
from skysieve.core.training.fit import fit
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.networks.revised_net import LARGEST_LOGIT, RevisedNet
from skysieve.frames.networks.sieve_net import SieveNet
from skysieve.frames.train.contaminants import ContaminantTraining
from skysieve.frames.train.predicted_frames import STEP, second_network_inputs
from skysieve.frames.train.revision import RevisionTraining
from skysieve.frames.train.tiles import SimulatedFrames

REVISION = {"widths": [8, 16], "depths": [1, 1], "kind": "revision"}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    few_frames(monkeypatch)


def revising(recipe_file, trained, kept=None, **settings):
    recipe = read_training_recipe(recipe_file(network=REVISION, distinct=3, **settings))
    training = RevisionTraining(recipe, kept=kept)
    training.start_from(str(trained / "model"))
    return training


def predicted(training):
    return training._predicted(training._normalised(training._frames(1), 1, training.kept))


@pytest.fixture
def training(recipe_file, trained, tmp_path):
    return revising(recipe_file, trained, tmp_path / "kept")


class TestTheFrames:
    def test_hold_what_the_first_network_says_of_them(self, training):
        (shown, answers, bits), *_ = training.validation_batches().dataset
        assert (shown.shape, answers.shape, bits.shape) == ((128, 128), (14, 128, 128), (128, 128))
        with torch.inference_mode():
            said = training.first(torch.sinh(shown.float())[None, None])[0]
        kept = answers.float() * STEP - LARGEST_LOGIT
        change = (kept - said.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)).abs()
        assert change.mean() < STEP

    def test_are_made_once_and_kept(self, training, tmp_path, monkeypatch):
        before = list(training.validation_batches())
        assert len(list((tmp_path / "kept").rglob("*.npz"))) == 4  # two frames, and what is said of them
        monkeypatch.setattr(SieveNet, "forward", None)
        after = list(training.validation_batches())
        assert all(torch.equal(*both) for both in zip(*before, *after, strict=True))

    def test_are_made_anew_where_a_file_is_damaged(self, training, tmp_path):
        before = list(training.validation_batches())
        for path in (tmp_path / "kept").rglob("*.npz"):
            path.write_bytes(path.read_bytes()[:100])
        after = list(training.validation_batches())
        assert all(torch.equal(*both) for both in zip(*before, *after, strict=True))

    def test_come_again_after_the_last(self, training, tmp_path):
        loader = iter(training.training_batches(done=0, workers=0, rank=0, ranks=1))
        shown, answers, bits = next(loader)
        assert (shown.shape, answers.shape, bits.shape) == ((2, 4, 32, 32), (2, 56, 32, 32), (2, 64, 64))
        for _ in range(20):
            next(loader)
        assert {path.stem for path in (tmp_path / "kept").rglob("*.npz")} == {"0", "1", "2"}

    def test_are_simulated_once_for_several_first_networks(self, training, monkeypatch):
        before = list(training.validation_batches())
        training.origin = "another network"
        with torch.no_grad():
            training.initial.head.bias += 1
        monkeypatch.setattr(SimulatedFrames, "frame", None)
        after = list(training.validation_batches())
        assert torch.equal(before[0][0], after[0][0])
        assert not torch.equal(before[0][1], after[0][1])

    def test_are_rotated_with_their_logits_and_their_truth(self, training):
        frames = [predicted(training).frame(number) for number in range(3)]
        pixels = {float(value) for frame in frames for value in frame.pixels.ravel()}
        for shown, answers, bits in zip(
            *next(iter(training.training_batches(done=0, workers=0, rank=0, ranks=1))), strict=True
        ):
            assert set(shown.ravel().tolist()) <= pixels
            image = torch.nn.functional.pixel_shuffle(shown[None], 2)[0, 0].numpy()
            logits = torch.nn.functional.pixel_shuffle(answers[None], 2)[0]
            places = [
                (frame, *place)
                for frame in frames
                for place in np.argwhere(frame.pixels == np.float16(image[5, 7]))
            ]
            found = [
                (frame.bits[row, column] == bits[5, 7].item())
                and np.allclose(
                    frame.logits[:, row, column] * STEP - LARGEST_LOGIT, logits[:, 5, 7], atol=1e-4
                )
                for frame, row, column in places
            ]
            assert any(found)

    def test_that_cannot_be_kept_are_an_error(self, recipe_file, trained, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(
            OutputError, match=f"cannot write {tmp_path}/file/.*: a part of its path is a file"
        ):
            revising(recipe_file, trained, tmp_path / "file").validation_batches()

    @pytest.mark.parametrize(("setting", "side"), [("frame", 132), ("tile", 80)])
    def test_of_a_size_that_the_networks_do_not_take_are_refused(self, recipe_file, setting, side):
        recipe = read_training_recipe(recipe_file(network=REVISION, **{setting: side}))
        with pytest.raises(ConfigError, match=f"tiny: {setting}: {side}, expected a multiple of 32 px"):
            RevisionTraining(recipe)


def test_a_revision_without_a_trained_network_is_refused(recipe_file):
    training = RevisionTraining(read_training_recipe(recipe_file(network=REVISION)))
    with pytest.raises(ConfigError, match="recipe tiny: revises a trained network; name it by --init"):
        training.learner()


def test_the_first_network_stays_as_it_is(training):
    learner = training.learner().train()
    before = {name: value.clone() for name, value in learner.network.first.state_dict().items()}
    optimiser = torch.optim.SGD([one for one in learner.parameters() if one.requires_grad], lr=0.1)
    frame = predicted(training).frame(0)
    pixels, logits = second_network_inputs(*map(torch.from_numpy, frame[:2]))
    learner.training_loss((pixels[None], logits[None], torch.from_numpy(frame.bits)[None])).backward()
    optimiser.step()
    after = learner.network.first.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    from tests.core.training.tiny import write_recipe

    place = tmp_path_factory.mktemp("revised")
    recipe = read_training_recipe(
        write_recipe(place / "revision.yaml", "contaminants", network=REVISION, distinct=3)
    )
    training = RevisionTraining(recipe, kept=place / "kept")
    training.start_from(str(trained / "model"))
    with pytest.MonkeyPatch.context() as patch:
        few_frames(patch)
        fit(training, place / "run", workers=0, device="cpu", progress=False)
    return place / "run" / "model"


class TestTheModel:
    def test_is_one_graph_of_both_networks(self, folder):
        model = read_model(folder)
        assert len(model.card.graphs) == 1
        assert model.card.training["init"].startswith("tiny ")
        assert model.card.tiling.bytes_per_pixel == {"f32": 410, "bf16": 400}
        found = load_network(model, precision="f32", threads=1)(pixels(1, 1, 64, 96).numpy())
        assert found.shape == (1, 14, 64, 96)

    def test_can_be_trained_further_as_a_whole(self, folder, recipe_file):
        training = ContaminantTraining(read_training_recipe(recipe_file()))
        training.start_from(str(folder))
        network = training.initial
        assert isinstance(network, RevisedNet)
        network.eval()
        assert all(one.requires_grad for one in network.parameters())
        shown = pixels(2, 1, 64, 96)
        expected = load_network(read_model(folder), precision="f32", threads=1)(shown.numpy())
        with torch.inference_mode():
            assert np.abs(network.probabilities(shown).numpy() - expected).max() < 1e-3

    def test_can_be_revised_anew(self, folder, trained, recipe_file):
        training, begun = (
            RevisionTraining(read_training_recipe(recipe_file(network=REVISION))) for _ in "12"
        )
        training.start_from(str(folder))
        begun.start_from(str(trained / "model"))
        shown = pixels(1, 1, 64, 64)
        with torch.inference_mode():
            assert torch.allclose(training.first(shown), begun.first(shown), atol=1e-3)
