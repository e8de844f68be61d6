"""From a network in torch to a model that the runtime runs as any other."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnx
import torch
from tests.core.networks.fill import filled, pixels

from skysieve.core.errors import OutputError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.models.card import ModelCard, Tiling, read_model
from skysieve.core.models.engine import load_network
from skysieve.core.training.export import GRAPH_FILE, Calibration, export_graph, graph_weights, write_model
from skysieve.frames.image.normalise import NAME as NORMALISATION
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.networks.sieve_net import SieveNet
from skysieve.frames.networks.tracking_net import TrackingNet
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("openvino", "onnxruntime")
]


def card(job="contaminants", classes=CLASS_NAMES, **tiling):
    sizes = {"multiple": 32, "remainder": 0, "minimum": 128, "margin": 32, **tiling}
    return ModelCard(
        name="exported",
        job=job,
        version="1",
        description="a test",
        licence="MIT",
        reference="",
        source="",
        normalisation=NORMALISATION,
        classes=classes,
        tiling=Tiling(**sizes, bytes_per_pixel={"f32": 500, "bf16": 400}),
        training_priors=dict.fromkeys(classes, 0.5),
        default_priors=dict.fromkeys(classes, 0.5),
        default_thresholds=dict.fromkeys(classes, 0.5),
        graphs=(),
    )


def small_net():
    return filled(SieveNet(14, widths=(8, 16, 16), depths=(1, 2, 1), regions=(7, 8)))


def run(network, folder, engine, shown, **options):
    """Write a network as a model and return what an engine makes of pixels."""
    model = write_model(network, folder, card(), overwrite=True, **options)
    return load_network(model, engine=engine, precision="f32", threads=1)(shown.numpy())


@pytest.mark.parametrize("engine", ENGINES)
class TestGraphs:
    def test_give_in_each_engine_what_the_network_gives(self, engine, tmp_path):
        """Nearly: the kernels are stored as float16."""
        network = filled(SieveNet(14))
        model = write_model(network, tmp_path, card())
        loaded = load_network(model, engine=engine, precision="f32", threads=1)
        for shape in ((2, 1, 64, 96), (1, 1, 160, 32)):
            shown = pixels(*shape)
            with torch.inference_mode():
                expected = network.probabilities(shown).numpy()
            difference = np.abs(loaded(shown.numpy()) - expected)
            assert difference.max() < 2e-2
            assert difference.mean() < 1e-3

    def test_give_the_same_to_1e_4_with_whole_kernels(self, engine, tmp_path):
        network, shown = filled(SieveNet(14)), pixels(1, 1, 96, 64)
        content = export_graph(network, compact=False)
        model = write_model(network, tmp_path, card())
        (tmp_path / GRAPH_FILE).write_bytes(content)
        text = (
            (tmp_path / "card.json")
            .read_text()
            .replace(model.card.graphs[0].sha256, hashlib.sha256(content).hexdigest())
        )
        (tmp_path / "card.json").write_text(text)
        found = load_network(read_model(tmp_path), engine=engine, precision="f32", threads=1)(shown.numpy())
        with torch.inference_mode():
            assert np.abs(found - network.probabilities(shown).numpy()).max() < 1e-4

    def test_of_kernels_that_float16_holds_lose_nothing(self, engine, tmp_path):
        network, shown = small_net(), pixels(1, 1, 64, 64)
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.data = module.weight.half().float()
            elif isinstance(module, torch.nn.BatchNorm2d) and module.running_var is not None:
                # nothing to be folded but powers of two
                module.weight.data.fill_(1)
                module.running_var.data.fill_(1 - module.eps)
        with torch.inference_mode():
            expected = network.probabilities(shown).numpy()
        assert np.abs(run(network, tmp_path, engine, shown) - expected).max() < 1e-4

    def test_carry_the_calibration(self, engine, tmp_path):
        network, shown = small_net(), pixels(1, 1, 64, 64)
        scale, offset = np.linspace(0.5, 2, 14), np.linspace(-1, 1, 14)
        plain = run(network, tmp_path, engine, shown).astype(np.float64).clip(1e-6, 1 - 1e-6)
        found = run(network, tmp_path, engine, shown, calibration=Calibration(list(scale), list(offset)))
        logits = np.log(plain / (1 - plain)) * scale.reshape(1, -1, 1, 1) + offset.reshape(1, -1, 1, 1)
        assert np.abs(found - 1 / (1 + np.exp(-logits))).max() < 1e-2

    def test_of_frames_give_good_and_error_at_any_size(self, engine, tmp_path):
        network = filled(TrackingNet())
        model = write_model(network, tmp_path, card("tracking", ("good", "tracking error")))
        loaded = load_network(model, engine=engine, precision="f32", threads=1)
        for shape in ((2, 1, 64, 64), (1, 1, 100, 131)):
            shown = pixels(*shape)
            with torch.inference_mode():
                expected = torch.sigmoid(network(shown))[:, 0].numpy()
            found = loaded(shown.numpy())
            assert found.shape == (shape[0], 2)
            assert found[:, 1] == pytest.approx(expected, abs=2e-3)


class TestExportGraph:
    def test_leaves_the_network_as_it_was(self):
        network = small_net().train()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        export_graph(network, calibration=Calibration([2.0] * 14, [1.0] * 14))
        assert network.training
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

    def test_of_the_whole_network_is_within_8_mb(self):
        assert len(export_graph(SieveNet())) <= 8e6

    @pytest.mark.parametrize("opset", [17, 20])
    def test_makes_a_valid_graph_that_says_what_it_takes(self, opset):
        graph = onnx.load_from_string(export_graph(small_net(), opset=opset))
        onnx.checker.check_model(graph, full_check=True)
        assert graph.opset_import[0].version == opset
        assert [tensor.name for tensor in graph.graph.input] == ["pixels"]
        assert [tensor.name for tensor in graph.graph.output] == ["probabilities"]
        assert not [node for node in graph.graph.node if node.op_type == "BatchNormalization"]
        assert graph.producer_name == "skysieve"

    def test_is_the_same_each_time(self):
        assert export_graph(small_net()) == export_graph(small_net())

    @pytest.mark.parametrize("compact", [True, False])
    def test_keeps_weights_that_can_be_read_again(self, compact):
        network = small_net()
        graph = onnx.load_from_string(export_graph(network, compact=compact)).graph
        weights = graph_weights(graph)
        inputs = [node.input for node in graph.node if node.op_type == "Conv"]
        assert len(inputs) == sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
        assert all(weights[name].dtype == np.float32 for _, kernel, bias in inputs for name in (kernel, bias))
        kernel = network.head.weight.detach().numpy()
        assert weights[inputs[-1][1]] == pytest.approx(kernel, rel=1e-3, abs=1e-6)

    def test_refuses_a_calibration_of_other_classes(self):
        with pytest.raises(ValueError, match="3 scales and 3 offsets for 14 classes"):
            export_graph(small_net(), calibration=Calibration([1.0] * 3, [0.0] * 3))


class TestWriteModel:
    def test_writes_a_model_that_proves_whole(self, tmp_path):
        model = write_model(small_net(), tmp_path / "new" / "model", card())
        model.verify()
        assert read_model(tmp_path / "new" / "model").card == model.card
        assert sorted(path.name for path in model.folder.iterdir()) == ["card.json", GRAPH_FILE]

    def test_replaces_a_model_only_if_told(self, tmp_path):
        first = write_model(small_net(), tmp_path, card())
        with pytest.raises(OutputError, match="exists"):
            write_model(filled(SieveNet(14, widths=(8,), depths=(1,))), tmp_path, card())
        first.verify()
        second = write_model(filled(SieveNet(14, widths=(8,), depths=(1,))), tmp_path, card(), overwrite=True)
        second.verify()
        assert second.card.graphs != first.card.graphs

    def test_that_fails_keeps_the_model_there_was(self, tmp_path, monkeypatch):
        first = write_model(small_net(), tmp_path, card())
        monkeypatch.setattr(ModelCard, "to_json", lambda _: "\ud800")  # cannot be written as UTF-8
        with pytest.raises(UnicodeEncodeError):
            write_model(filled(SieveNet(14, widths=(8,), depths=(1,))), tmp_path, card(), overwrite=True)
        read_model(tmp_path).verify()
        assert read_model(tmp_path).card == first.card
        assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", GRAPH_FILE]

    def test_refuses_a_card_of_other_classes(self, tmp_path):
        with pytest.raises(ValueError, match="the card has 2 classes, the network 14"):
            write_model(small_net(), tmp_path, card(classes=("CR", "BG")))

    def test_makes_what_the_masker_runs_as_any_model(self, tmp_path):
        write_model(small_net(), tmp_path, card())
        frame = np.random.default_rng(0).normal(500, 5, (150, 210)).astype(np.float32)
        masker = Masker(MaskSettings(model=str(tmp_path), priors=None, precision="f32", threads=1))
        result = masker.mask(ArrayFrame(frame), keep_probabilities=True)
        assert result.bits.shape == frame.shape
        assert result.posteriors is not None
        assert 0 < result.posteriors.min() < 0.5 < result.posteriors.max() < 1

    def test_makes_what_the_tracker_runs_as_any_model(self, tmp_path):
        tracking_error = card(
            "tracking", ("good", "tracking error"), multiple=64, minimum=64, margin=0, fixed_size=64
        )
        write_model(filled(TrackingNet()), tmp_path, tracking_error)
        frame = np.random.default_rng(0).normal(500, 5, (150, 210)).astype(np.float32)
        tracker = Tracker(TrackSettings(model=str(tmp_path), prior=0.5, precision="f32", threads=1))
        assert 0 < tracker.track(ArrayFrame(frame)).probability < 1
