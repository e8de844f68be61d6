"""What every network for maps of several bands must do, whichever it is."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("onnx")

import torch
from safetensors.torch import load, save
from tests.core.networks.fill import filled
from tests.core.training.test_export import ENGINES, card
from torch.nn import functional

from skysieve.clusters.networks.segmenters import DEEPLY_SUPERVISED, SEGMENTERS, build_segmenter
from skysieve.core.models.card import CARD_FILE, GraphFile, read_model
from skysieve.core.networks.blocks import macs_per_pixel, parameter_count
from skysieve.core.networks.margin import measure_margin
from skysieve.core.training.export import GRAPH_FILE, Calibration, export_graph
from skysieve.core.training.initial import load_graph_weights

SMALL = (4, 6, 8)

SCALE, OFFSET = (0.5, 2.0), (1.0, -1.0)

# Layers as the papers have them, for 6 bands and 1 class: inputs, outputs, side of the kernel, how often,
# and what follows: "n" a normalisation of two values a channel, "b" a bias of one, "-" nothing, "p" the slope
# of a PReLU alone.

DOUBLE_DOWN = [(6, 64, 3), (64, 64, 3), (64, 128, 3), (128, 128, 3), (128, 256, 3), (256, 256, 3)]
DOUBLE_DOWN += [(256, 512, 3), (512, 512, 3), (512, 1024, 3), (1024, 1024, 3)]
DOUBLE_UP = [(1024, 512, 3), (512, 512, 3), (512, 256, 3), (256, 256, 3)]
DOUBLE_UP += [(256, 128, 3), (128, 128, 3), (128, 64, 3), (64, 64, 3)]
UP_CONVOLUTIONS = [(1024, 512, 2), (512, 256, 2), (256, 128, 2), (128, 64, 2)]


def normalised(layers):
    return [(*layer, 1, "n") for layer in layers]


def biased(layers):
    return [(*layer, 1, "b") for layer in layers]


UNET = [*normalised([*DOUBLE_DOWN, *DOUBLE_UP]), *biased([*UP_CONVOLUTIONS, (64, 1, 1)])]

ATTENTION_UNET = [
    *UNET,
    *[(64, 32, 2, 1, "-"), (128, 32, 1, 1, "b"), (32, 1, 1, 1, "b")],
    *[(128, 64, 2, 1, "-"), (256, 64, 1, 1, "b"), (64, 1, 1, 1, "b")],
    *[(256, 128, 2, 1, "-"), (512, 128, 1, 1, "b"), (128, 1, 1, 1, "b")],
    *[(512, 256, 2, 1, "-"), (1024, 256, 1, 1, "b"), (256, 1, 1, 1, "b")],
]

# four nodes at full resolution, of 2, 3, 4 and 5 inputs, three below, …
UNET_PLUS_PLUS = [
    *normalised(DOUBLE_DOWN),
    *[(inputs * 64, 64, 3, 1, "n") for inputs in (2, 3, 4, 5)],
    *[(inputs * 128, 128, 3, 1, "n") for inputs in (2, 3, 4)],
    *[(inputs * 256, 256, 3, 1, "n") for inputs in (2, 3)],
    (2 * 512, 512, 3, 1, "n"),
    *[(64, 64, 3, 4, "n"), (128, 128, 3, 3, "n"), (256, 256, 3, 2, "n"), (512, 512, 3, 1, "n")],
    *[(128, 64, 2, 4, "b"), (256, 128, 2, 3, "b"), (512, 256, 2, 2, "b"), (1024, 512, 2, 1, "b")],
    (64, 1, 1, 1, "b"),
]

# 1, 2, 3, 3, 3 convolutions down and 3, 3, 2, 1 up, where stages are twice as wide
VNET = [
    *[(6, 16, 5, 1, "n"), (6, 16, 1, 1, "b"), (32, 32, 5, 2, "n"), (64, 64, 5, 3, "n")],
    *[(128, 128, 5, 3, "n"), (256, 256, 5, 3, "n")],
    *[(256, 256, 5, 3, "n"), (128, 128, 5, 3, "n"), (64, 64, 5, 2, "n"), (32, 32, 5, 1, "n")],
    *[(16, 32, 2, 1, "n"), (32, 64, 2, 1, "n"), (64, 128, 2, 1, "n"), (128, 256, 2, 1, "n")],
    *[(256, 128, 2, 1, "b"), (256, 64, 2, 1, "b"), (128, 32, 2, 1, "b"), (64, 16, 2, 1, "b")],
    *[(0, 16, 0, 1, "p"), (0, 32, 0, 2, "p"), (0, 64, 0, 3, "p"), (0, 128, 0, 3, "p"), (0, 256, 0, 3, "p")],
    *[(0, 256, 0, 3, "p"), (0, 128, 0, 3, "p"), (0, 64, 0, 2, "p"), (0, 32, 0, 1, "p")],
    *[(0, 32, 0, 1, "p"), (0, 64, 0, 1, "p"), (0, 128, 0, 1, "p"), (0, 256, 0, 1, "p")],
    *[(0, 128, 0, 1, "p"), (0, 64, 0, 1, "p"), (0, 32, 0, 1, "p"), (0, 16, 0, 1, "p")],
    (32, 1, 1, 1, "b"),
]

R2UNET = [
    *[(6, 64, 1, 1, "n"), (64, 128, 1, 1, "n"), (128, 256, 1, 1, "n"), (256, 512, 1, 1, "n")],
    *[(512, 1024, 1, 1, "n"), (1024, 512, 1, 1, "n"), (512, 256, 1, 1, "n")],
    *[(256, 128, 1, 1, "n"), (128, 64, 1, 1, "n")],
    *[(64, 64, 3, 4, "b"), (128, 128, 3, 4, "b"), (256, 256, 3, 4, "b"), (512, 512, 3, 4, "b")],
    (1024, 1024, 3, 2, "b"),
    *biased([*UP_CONVOLUTIONS, (64, 1, 1)]),
]

# branches of two convolutions: 4, 4, 3, 1, 1 down, and all but the last of these up
RESUNET_A = [
    (6, 64, 1, 1, "n"),
    *[(64, 64, 3, 16, "n"), (128, 128, 3, 16, "n"), (256, 256, 3, 12, "n")],
    *[(512, 512, 3, 4, "n"), (1024, 1024, 3, 2, "n")],
    *[(64, 128, 1, 1, "n"), (128, 256, 1, 1, "n"), (256, 512, 1, 1, "n"), (512, 1024, 1, 1, "n")],
    *[(1024, 512, 1, 2, "n"), (512, 256, 1, 2, "n"), (256, 128, 1, 2, "n"), (128, 64, 1, 2, "n")],
    *[(1024, 256, 1, 4, "-"), (2048, 1024, 1, 1, "n")],
    *[(128, 16, 1, 4, "-"), (192, 64, 1, 1, "n")],
    (64, 1, 1, 1, "b"),
]


def residual_u_block(height, inputs, inner, outputs):
    """Return the layers of a stage of U²-Net, as table 1 there has it."""
    same = height - 1  # inner to inner, the bottom one among them
    return [
        (inputs, outputs, 3, 1, "n"),
        (outputs, inner, 3, 1, "n"),
        (inner, inner, 3, same, "n"),
        (2 * inner, inner, 3, height - 2, "n"),
        (2 * inner, outputs, 3, 1, "n"),
    ]


U2NET = [
    *residual_u_block(7, 6, 32, 64),
    *residual_u_block(6, 64, 32, 128),
    *residual_u_block(5, 128, 64, 256),
    *residual_u_block(4, 256, 128, 512),
    *residual_u_block(4, 512, 256, 512),
    *residual_u_block(4, 512, 256, 512),
    *residual_u_block(4, 1024, 256, 512),
    *residual_u_block(4, 1024, 128, 256),
    *residual_u_block(5, 512, 64, 128),
    *residual_u_block(6, 256, 32, 64),
    *residual_u_block(7, 128, 16, 64),
    *biased([(64, 1, 3), (64, 1, 3), (128, 1, 3), (256, 1, 3), (512, 1, 3), (512, 1, 3), (6, 1, 1)]),
]

# each of three decoders sees four levels, each by 64 channels
UNET_3PLUS = [
    *normalised(DOUBLE_DOWN[:8]),
    *normalised([(64, 64, 3), (128, 64, 3), (256, 64, 3), (512, 64, 3)]),
    *normalised([(64, 64, 3), (128, 64, 3), (256, 64, 3), (512, 64, 3)]),
    *normalised([(64, 64, 3), (256, 64, 3), (256, 64, 3), (512, 64, 3)]),
    (256, 256, 3, 3, "n"),
    (256, 1, 3, 1, "b"),
]

LAYERS = {
    "unet": UNET,
    "vnet": VNET,
    "unet++": UNET_PLUS_PLUS,
    "r2unet": R2UNET,
    "attention-unet": ATTENTION_UNET,
    "resunet-a": RESUNET_A,
    "u2net": U2NET,
    "unet3+": UNET_3PLUS,
}

VALUES_AFTER = {"n": 2, "b": 1, "-": 0, "p": 1}


def counted(layers):
    return sum(
        times * (inputs * outputs * side**2 + VALUES_AFTER[after] * outputs)
        for inputs, outputs, side, times, after in layers
    )


def bands_of_sky(*shape, seed=1):
    """Return pixels as they come from the stretch of the preprocessing."""
    drawn = np.random.default_rng(seed).normal(0, 1.5, shape)
    return torch.from_numpy(drawn.astype(np.float32))


def planted(number, side=32, bands=4, seed=3):
    """Return noise with one blob a patch, dark in some bands and bright in others, and where it is."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0, 1, (number, bands, side, side))
    y, x = np.mgrid[:side, :side]
    centres = rng.uniform(5, side - 5, (number, 2))
    squares = (y - centres[:, 0, None, None]) ** 2 + (x - centres[:, 1, None, None]) ** 2
    spectrum = np.linspace(-1, 1, bands)[:, None, None]
    pixels += 3 * spectrum * np.exp(-squares / 8)[:, None]
    targets = (squares < 6)[:, None]
    return torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(targets.astype(np.float32))


def learn(network, pixels, targets, *, steps, rate=1e-2):
    """Return the loss of each step."""
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        loss = functional.binary_cross_entropy_with_logits(network(pixels), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def idle_parameters(network):
    return [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]


def calibrated(logits):
    scale, offset = (torch.tensor(values)[:, None, None] for values in (SCALE, OFFSET))
    return logits * scale + offset


def runner(engine, content):
    """Return what takes pixels to the probabilities that an engine gives."""
    if engine == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(content)
        return lambda pixels: session.run(["probabilities"], {"pixels": pixels})[0]
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pixels: compiled(pixels)[0]


def stored(content, folder):
    """Return a graph as a model."""
    graph = GraphFile(GRAPH_FILE, hashlib.sha256(content).hexdigest(), ("onnxruntime",))
    text = dataclasses.replace(card("clusters", ("cluster", "source")), graphs=(graph,)).to_json()
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    (folder / GRAPH_FILE).write_bytes(content)
    return read_model(folder)


def small(kind, seed=0, **options):
    """Return a network of three levels with weights that leave signals as they are."""
    network = filled(build_segmenter(kind, **{"bands": 3, "classes": 2, "widths": SMALL, **options}), seed)
    # what has no normalisation would grow otherwise, and with it the last digits that differ
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d) and name.endswith("convolution"):
            module.weight.data *= 0.5
    return network


@pytest.fixture(params=list(SEGMENTERS), scope="class")
def kind(request):
    return request.param


@pytest.fixture(scope="class")
def exported(kind):
    """Return a network and its graph, with calibration."""
    network = small(kind)
    return network, export_graph(network, calibration=Calibration(SCALE, OFFSET), compact=False)


class TestEachNetwork:
    """Of all kinds, one after another."""

    @pytest.mark.parametrize(
        ("bands", "classes", "widths", "shape"),
        [(6, 1, (4, 6), (16, 32)), (1, 2, (4, 4), (32, 16)), (3, 3, (3, 4, 5, 6), (32, 64))],
    )
    def test_gives_a_logit_for_each_class_and_pixel(self, kind, bands, classes, widths, shape):
        network = small(kind, bands=bands, classes=classes, widths=widths)
        assert all(side % network.multiple == 0 for side in shape)
        shown = bands_of_sky(2, bands, *shape)
        with torch.inference_mode():
            logits = network(shown)
            assert logits.shape == (2, classes, *shape)
            assert (network(shown[1:]) - logits[1:]).abs().max() < 1e-5 * logits.abs().max()
            assert torch.allclose(network.probabilities(shown), torch.sigmoid(logits), atol=1e-6)

    def test_has_the_parameters_of_the_published_layers(self, kind):
        with torch.device("meta"):  # shapes alone
            assert parameter_count(build_segmenter(kind, bands=6)) == counted(LAYERS[kind])

    def test_begins_at_the_prior_and_learns_what_it_is_shown(self, kind):
        torch.manual_seed(0)
        network = build_segmenter(kind, bands=4, widths=SMALL, prior=0.03).train()
        pixels, targets = planted(8, side=16)
        with torch.no_grad():
            assert float(network.probabilities(pixels).mean()) == pytest.approx(0.03, rel=0.2)
        before, *_, after = learn(network, pixels, targets, steps=24)
        assert after < 0.6 * before

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(3))
    def test_learns_eight_patches_by_heart(self, kind, seed):
        torch.manual_seed(seed)
        network = build_segmenter(kind, bands=4, widths=(8, 12, 16))
        pixels, targets = planted(8)
        before = learn(network, pixels, targets, steps=150, rate=5e-3)[0]
        with torch.inference_mode():
            logits = network.eval()(pixels)
        after = float(functional.binary_cross_entropy_with_logits(logits, targets))
        assert after < 0.1 * before

    def test_learns_with_all_its_parameters(self, kind):
        network = small(kind).train()
        logits = network(bands_of_sky(2, 3, 32, 32))
        functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
        assert not idle_parameters(network)

    def test_gives_the_same_after_its_weights_were_stored(self, kind):
        network, other = small(kind), small(kind, seed=2)
        shown = bands_of_sky(1, 3, 16, 16)
        with torch.inference_mode():
            before = network(shown)
            assert not torch.allclose(other(shown), before)
            other.load_state_dict(load(save(network.state_dict())))
            assert torch.equal(other(shown), before)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_gives_the_same_as_its_graph_at_every_size(self, exported, engine):
        network, content = exported
        run = runner(engine, content)
        for shape in ((1, 3, 32, 48), (2, 3, 16, 16)):
            shown = bands_of_sky(*shape)
            with torch.inference_mode():
                expected = torch.sigmoid(calibrated(network(shown))).numpy()
            assert np.abs(run(shown.numpy()) - expected).max() < 1e-4

    def test_has_no_normalisation_left_in_its_graph(self, exported):
        import onnx

        nodes = onnx.load_from_string(exported[1]).graph.node
        assert "BatchNormalization" not in {node.op_type for node in nodes}

    def test_begins_again_from_its_graph(self, kind, exported, tmp_path):
        network, content = exported
        fresh = small(kind, seed=5)
        load_graph_weights(fresh, stored(content, tmp_path))
        shown = bands_of_sky(1, 3, 32, 32)
        with torch.inference_mode():
            assert torch.allclose(fresh(shown), calibrated(network(shown)), rtol=1e-3, atol=1e-3)

    def test_says_how_far_a_border_reaches(self, kind):
        torch.manual_seed(0)
        network = build_segmenter(kind, bands=2, widths=(4, 4)).eval()
        margin = measure_margin(network, bands_of_sky(1, 2, 96, 96), border=16, tolerance=1e-5)
        assert 0 < margin <= 32


class TestDeepSupervision:
    @pytest.fixture(params=sorted(DEEPLY_SUPERVISED))
    def network(self, request):
        return small(request.param, deep_supervision=True)

    def test_gives_the_logits_of_more_stages_first_those_that_count(self, network):
        shown = bands_of_sky(2, 3, 16, 16)
        with torch.inference_mode():
            first, *others = network.all_logits(shown)
            assert torch.equal(network(shown), first)
        assert len(others) >= 2
        assert all(logits.shape == first.shape for logits in others)
        assert not any(torch.allclose(logits, first) for logits in others)

    def test_reaches_all_parameters(self, network):
        network.train()
        logits = torch.stack(network.all_logits(bands_of_sky(2, 3, 32, 32)))
        functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
        assert not idle_parameters(network)

    def test_leaves_calibration_exact(self, network):
        shown = bands_of_sky(1, 3, 16, 16)
        with torch.inference_mode():
            before = network(shown)
            network.fold_calibration(torch.tensor(SCALE), torch.tensor(OFFSET))
            assert torch.allclose(network(shown), calibrated(before), atol=1e-4)

    def test_of_the_others_there_is_one_prediction(self):
        for kind in SEGMENTERS.keys() - DEEPLY_SUPERVISED:
            network = build_segmenter(kind, bands=1, widths=(2, 2))
            assert len(network.all_logits(bands_of_sky(2, 1, 8, 8))) == 1
            with pytest.raises(ValueError, match=r"one prediction only: deep supervision is for u2net, unet"):
                build_segmenter(kind, bands=1, deep_supervision=True)


class TestBuildSegmenter:
    def test_knows_the_names_that_users_give(self):
        assert list(SEGMENTERS) == list(LAYERS)

    def test_takes_patches_that_every_level_can_halve(self):
        def multiple(kind, levels):
            return build_segmenter(kind, bands=1, widths=(2,) * levels).multiple

        assert [multiple("unet", 3), multiple("unet3+", 5), multiple("u2net", 3)] == [4, 16, 16]

    def test_costs_what_its_layers_do(self):
        """A transposed convolution gives four pixels for each that it takes."""
        network = build_segmenter("unet", bands=2, classes=3, widths=(4, 8))
        at_full = (2 * 4 + 4 * 4 + 8 * 4 + 4 * 4) * 9 + 4 * 3
        below = (4 * 8 + 8 * 8) * 9 + 8 * 4 * 4
        assert macs_per_pixel(network, (32, 32)) == at_full + below / 4

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "wnet"}, r"no network is called 'wnet': expected one of unet, vnet, unet\+\+, "),
            ({"widths": (8,)}, r"widths \[8\]: expected the channels of two levels or more"),
            ({"widths": (8, 0)}, r"widths \[8, 0\]: expected the channels"),
            ({"bands": 0}, "0 bands and 1 classes"),
            ({"classes": 0}, "6 bands and 0 classes"),
            ({"prior": 1.0}, "prior 1.0: expected a probability between 0 and 1"),
        ],
    )
    def test_refuses_what_does_not_fit(self, change, message):
        with pytest.raises(ValueError, match=message):
            build_segmenter(**{"kind": "unet", "bands": 6, **change})
