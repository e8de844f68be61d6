"""The network for ghosts: what it gives, and that the runtime draws what it draws."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from scipy.special import expit
from tests.core.networks.fill import filled, pixels
from torch.nn import functional

from skysieve.core.networks.blocks import macs_per_pixel, parameter_count
from skysieve.core.training.export import export_graph
from skysieve.ghosts.networks.ghost_net import GhostNet, draw_masks
from skysieve.ghosts.predict.decide import GhostMaps
from skysieve.ghosts.predict.decide import draw_masks as draw_in_runtime

SHAPE = (64, 96)


@pytest.fixture
def network():
    return filled(GhostNet())


def test_gives_maps_at_a_quarter_and_at_an_eighth(network):
    seen = network(pixels(2, 1, *SHAPE))
    assert seen.ghost.shape == (2, 1)
    assert seen.classes.shape == (2, 3, 16, 24)
    assert seen.centres.shape == (2, 3, 8, 12)
    assert seen.kernels.shape == (2, 193, 8, 12)
    assert seen.features.shape == (2, 8, 16, 24)


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = GhostNet()
    seen = network(pixels(2, 1, *SHAPE))
    places = torch.tensor([[1, 2], [4, 7]])
    drawn = draw_masks(seen.features[0], seen.kernels[0, :, places[:, 0], places[:, 1]].T, places)
    (drawn.square().sum() + sum(part.square().sum() for part in seen)).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_an_untrained_network_sees_hardly_any_ghost():
    torch.manual_seed(0)
    with torch.inference_mode():
        assert torch.sigmoid(GhostNet()(pixels(1, 1, *SHAPE)).centres).mean() < 0.05


def test_the_runtime_unpacks_and_draws_the_same(network):
    picture = pixels(1, 1, *SHAPE)
    places = torch.tensor([[1, 2], [4, 7]])
    with torch.inference_mode():
        seen = network(picture)
        packed = network.probabilities(picture)[0].numpy()
        kernels = seen.kernels[0, :, places[:, 0], places[:, 1]].T
        logits = draw_masks(seen.features[0], kernels, places)
        drawn = torch.sigmoid(
            functional.interpolate(logits[None], scale_factor=4, mode="bilinear", align_corners=False)[0]
        )
    maps = GhostMaps.unpack(packed)
    rows, columns = places.numpy().T
    windows = draw_in_runtime(maps.features, maps.kernels[:, rows, columns].T, rows, columns)
    found = np.full(drawn.shape, -1.0, np.float32)
    for whole, (window, part) in zip(found, windows, strict=True):
        whole[window] = part
    assert maps.probability == pytest.approx(torch.sigmoid(seen.ghost).item(), rel=1e-5)
    np.testing.assert_allclose(maps.centres, torch.sigmoid(seen.centres)[0].numpy(), rtol=1e-5)
    inside = drawn.numpy() > 0.5
    assert inside.any()
    assert np.array_equal(found > 0, inside)  # the runtime draws no more than it needs
    np.testing.assert_allclose(expit(found[inside]), drawn.numpy()[inside], atol=1e-3)


def test_one_layer_draws_an_ellipse():
    # down² / 4 + 4 right² / 4 < 1 in units of 64 pixels: an ellipse of 128 by 64 pixels around the place
    first = torch.zeros(8, 8 + 5)
    first[0, 8 + 2], first[0, 8 + 4] = -1.0, -4.0
    first_bias = torch.zeros(8)
    first_bias[0] = 1.0
    second, last = torch.eye(8), torch.zeros(1, 8)
    last[0, 0] = 1.0
    weights = (first, first_bias, second, torch.zeros(8), last, torch.full((1,), -1e-6))
    kernel = torch.cat([part.flatten() for part in weights])[None]
    (drawn,) = draw_masks(torch.zeros(8, 100, 100), kernel, torch.tensor([[25, 25]]))
    rows, columns = np.nonzero(drawn.numpy() > 0)
    assert 4 * np.ptp(rows) == pytest.approx(2 * 128, abs=8)
    assert 4 * np.ptp(columns) == pytest.approx(2 * 64, abs=8)
    assert np.count_nonzero(drawn.numpy() > 0) * 16 == pytest.approx(np.pi * 128 * 64, rel=0.02)


def test_every_place_looks_at_every_other():
    torch.manual_seed(0)
    network = filled(GhostNet())
    picture = pixels(1, 1, 64, 256)
    other = picture.clone()
    other[..., :8] += 3
    with torch.inference_mode():
        one, two = (network(seen).centres[..., -1] for seen in (picture, other))
    assert not torch.allclose(one, two)


def test_the_graph_gives_the_same(network):
    onnxruntime = pytest.importorskip("onnxruntime")
    picture = pixels(1, 1, *SHAPE)
    session = onnxruntime.InferenceSession(export_graph(network, compact=False))
    (found,) = session.run(None, {"pixels": picture.numpy()})
    with torch.inference_mode():
        expected = network.probabilities(picture).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_stays_within_its_cost(network):
    assert macs_per_pixel(network, (400, 400)) < 20_000
    assert parameter_count(network) < 2_000_000


@pytest.mark.parametrize(("widths", "depths"), [((8, 16), (1, 1)), ((8, 16, 32, 64), (1, 1, 1))])
def test_other_levels_are_refused(widths, depths):
    with pytest.raises(ValueError, match="four of each"):
        GhostNet(3, widths, depths)
