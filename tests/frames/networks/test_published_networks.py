"""The published networks in torch: equal to the graphs that are made of the same weights."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.networks.fill import filled, pixels
from tests.frames.networks.maximask_net import MaxiMaskNet
from tests.frames.networks.maxitrack_net import MaxiTrackNet

from skysieve.core.errors import ModelError

published = pytest.mark.skipif(
    find_spec("maximask_and_maxitrack") is None or find_spec("onnxruntime") is None,
    reason="the published weights or onnxruntime are not installed",
)


def weights_of(name):
    from skysieve.frames.maximask.savedmodel import find_installed

    installed = find_installed("maximask_and_maxitrack", name)
    assert installed is not None
    return installed.weights()


def run(graph, shown):
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"pixels": shown.numpy()})[0]


@published
class TestOfThePublishedWeights:
    # pooling meets odd sizes in the second shape, and ties where the frame is far below the sky
    @pytest.mark.parametrize("shape", [(64, 96), (48, 112)])
    def test_maximask_gives_what_its_graph_gives(self, shape):
        from skysieve.frames.maximask.maximask_graph import maximask_graph

        weights = weights_of("maximask")
        network = MaxiMaskNet().eval()
        network.load_published(weights)
        shown = pixels(2, 1, *shape)
        shown[..., : shape[0] // 2, :] = -50
        with torch.inference_mode():
            found = network.probabilities(shown).numpy()
        difference = np.abs(found - run(maximask_graph(weights, "indices"), shown))
        assert difference.mean() < 1e-6
        assert (difference > 1e-4).mean() < 1e-4

    def test_maxitrack_gives_what_its_graph_gives(self):
        from skysieve.frames.maximask.maxitrack_graph import maxitrack_graph

        weights = weights_of("maxitrack")
        network = MaxiTrackNet().eval()
        network.load_published(weights)
        shown = pixels(1, 1, 400, 400)
        with torch.inference_mode():
            found = network.probabilities(shown).numpy()
        assert found == pytest.approx(run(maxitrack_graph(weights), shown), abs=1e-5)


class TestLoading:
    def test_names_a_missing_tensor(self):
        with pytest.raises(ModelError, match="no tensor 'conv1/kernel'"):
            MaxiMaskNet().load_published({})

    def test_names_a_tensor_of_another_shape(self):
        with pytest.raises(
            ModelError, match=r"'conv1/kernel' has shape \(3, 3, 2, 32\), expected \(3, 3, 1, 32\)"
        ):
            MaxiMaskNet().load_published({"conv1/kernel": np.zeros((3, 3, 2, 32), np.float32)})


class TestMaxiMaskNet:
    def test_gives_five_intermediate_predictions_for_the_loss(self):
        with torch.inference_mode():
            final, intermediate = filled(MaxiMaskNet()).all_logits(pixels(1, 1, 32, 48))
        assert final.shape == (1, 14, 32, 48)
        assert [logits.shape for logits in intermediate] == [final.shape] * 5
        assert min(float(logits.min()) for logits in intermediate) < 0  # before their ReLU

    def test_takes_the_first_of_equal_pixels_in_a_window(self):
        """Torch, and so the graph, must break ties as TensorFlow does."""
        from tests.frames.networks.maximask_net import _pool

        _, (_, indices) = _pool(torch.zeros(1, 1, 4, 5))
        assert indices.flatten().tolist() == [0, 2, 4, 10, 12, 14]
