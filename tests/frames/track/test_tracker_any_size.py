"""Networks that take frames of any size: whole frames, large blocks of larger ones, one probability."""

from __future__ import annotations

import hashlib
import logging
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.models.card import CARD_FILE, GraphFile, ModelCard, Tiling
from skysieve.frames.track import tracker
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker, TrackResult

MULTIPLE, MINIMUM = 16, 64


def save_pooling_model(folder):
    """Save a model whose log-odds are 8 times the mean of all pixels it sees, which may be of any number."""
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["pixels", "grid"], ["cells"]),  # fails but for multiples of 16
            helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("ReduceMean", ["cells"], ["same"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Add", ["mean", "same"], ["twice"]),
            helper.make_node("Unsqueeze", ["twice", "axis"], ["column"]),
            helper.make_node("Gemm", ["column", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "pooling",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(np.array([0, -1, MULTIPLE, MULTIPLE]), "grid"),
            numpy_helper.from_array(np.array([1]), "axis"),
            numpy_helper.from_array(np.array([[0.0, 4.0]], np.float32), "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content = model.SerializeToString()
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(content)
    even = {"good": 0.5, "tracking error": 0.5}
    card = ModelCard(
        name="tiny-any-size",
        job="tracking",
        version="1",
        description="a test",
        licence="MIT",
        reference="",
        source="",
        normalisation="mesh-200",
        classes=("good", "tracking error"),
        tiling=Tiling(
            multiple=MULTIPLE, remainder=0, minimum=MINIMUM, margin=0, bytes_per_pixel={"f32": 9, "bf16": 9}
        ),
        training_priors=even,
        default_priors=even,
        default_thresholds=even,
        graphs=(GraphFile("tiny.onnx", hashlib.sha256(content).hexdigest(), ("openvino", "onnxruntime")),),
    )
    (folder / CARD_FILE).write_text(card.to_json())
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_pooling_model(tmp_path_factory.mktemp("models") / "pooling"))


@pytest.fixture
def small_blocks(monkeypatch):
    """Let frames beyond 128 x 128 px be large ones."""
    monkeypatch.setattr(tracker, "LARGEST_SIDE", 128)


def sky(shape, seed=0):
    return np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)


def track(model, pixels, prior=0.5):
    return Tracker(TrackSettings(model=model, prior=prior)).track(ArrayFrame(pixels))


class TestFrames:
    @pytest.mark.parametrize("shape", [(64, 64), (256, 320), (250, 333), (2048, 2048), (1500, 2700)])
    def test_are_seen_whole_but_for_the_rest_of_the_multiple(self, model, shape):
        result = track(model, sky(shape))
        assert result.blocks.shape == (1, 1)
        assert result.block_shape == tuple(n // MULTIPLE * MULTIPLE for n in shape)
        assert (result.rows, result.columns) == tuple((n % MULTIPLE // 2,) for n in shape)

    @pytest.mark.parametrize("shape", [(2048, 2064), (4300, 1000), (3000, 5000)])
    def test_beyond_four_megapixels_are_seen_in_few_large_blocks(self, model, shape):
        result = track(model, sky(shape))
        assert result.blocks.size == np.prod([-(-n // 2048) for n in shape])
        assert min(result.block_shape) > 400
        assert max(result.block_shape) <= 2048

    @given(shape=st.tuples(st.integers(64, 700), st.integers(64, 700)))
    def test_are_covered_without_overlap_and_nearly_to_the_border(self, shape):
        tiling = Tiling(multiple=MULTIPLE, remainder=0, minimum=MINIMUM, margin=0)
        for length in shape:
            count = -(-length // 128)
            starts, side = tracker._large_blocks(length, tiling, count)
            assert side % MULTIPLE == 0
            assert all(b - a == side for a, b in pairwise(starts))
            left, right = starts[0], length - starts[-1] - side
            assert 0 <= left <= right <= left + 1
            assert left + right < count * MULTIPLE + count

    @pytest.mark.parametrize("shape", [(40, 300), (20, 20), (63, 64)])
    def test_smaller_than_the_least_are_padded_with_a_warning(self, model, shape, caplog):
        with caplog.at_level(logging.WARNING):
            result = track(model, sky(shape))
        assert "smaller than the network's blocks of 64 x 64 px" in caplog.text
        assert 0 < result.probability < 1
        assert all(side >= MINIMUM for side in result.block_shape)

    @pytest.mark.usefixtures("small_blocks")
    def test_that_are_large_count_each_block_by_its_log_odds(self, model):
        pixels = sky((256, 256))
        whole = track(model, pixels).probability
        pixels[:128, :128] += 5  # one sigma
        result = track(model, pixels)
        assert result.blocks.shape == (2, 2)
        assert result.blocks[0, 0] > max(result.blocks.ravel()[1:]) + 0.3
        odds = np.log(result.blocks / (1 - result.blocks))
        assert result.probability == pytest.approx(1 / (1 + np.exp(-odds.mean())), rel=1e-4)
        assert result.probability > whole

    @pytest.mark.usefixtures("small_blocks")
    def test_do_not_depend_on_the_number_of_blocks_in_a_call(self, model):
        pixels = sky((256, 600))
        one, many = (
            Tracker(TrackSettings(model=model, prior=0.5, batch_size=size)).track(ArrayFrame(pixels)).blocks
            for size in (1, 100)
        )
        assert np.allclose(one, many, atol=1e-6)


class TestLogOdds:
    def result(self, *blocks):
        return TrackResult(np.array([blocks], np.float32), (0,), (0,), (64, 64), pooling="log-odds")

    def test_of_a_sure_block_outweigh_an_empty_one(self):
        assert self.result(0.9999, 0.5).probability > 0.98

    def test_of_alike_blocks_are_not_summed(self):
        assert self.result(0.8, 0.8, 0.8).probability == pytest.approx(0.8)

    def test_of_certainty_are_finite(self):
        assert self.result(1.0, 0.0).probability == pytest.approx(0.5)
        assert self.result(1.0, 1.0).probability == pytest.approx(1, abs=1e-5)

    @given(
        blocks=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=9),
        prior=st.floats(0.01, 0.99),
    )
    def test_are_the_same_whether_the_prior_comes_before_or_after(self, blocks, prior):
        from skysieve.frames.track.decide import modify_prior

        before = self.result(*modify_prior(np.array(blocks, np.float32), prior)).probability
        after = modify_prior(np.array([self.result(*blocks).probability], np.float32), prior)[0]
        assert before == pytest.approx(after, rel=1e-3)
