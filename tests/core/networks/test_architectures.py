"""What every architecture must do, whichever it is."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("onnx")

import torch
from safetensors.torch import load, save
from tests.core.networks.fill import filled, pixels
from tests.frames.networks.maximask_net import MaxiMaskNet
from tests.frames.networks.maxitrack_net import MaxiTrackNet
from torch.nn import functional

from skysieve.core.networks.blocks import macs_per_pixel, parameter_count
from skysieve.core.training.export import export_graph
from skysieve.frames.networks.sieve_net import SieveNet
from skysieve.frames.networks.tracking_net import TrackingNet

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    """An architecture, what it takes, and what it is known to give."""

    make: Callable[[], Any]
    shapes: tuple[tuple[int, int], ...]
    of_frames: bool
    parameters: int
    check: tuple[float, ...]


CASES = {
    "sieve": Case(
        lambda: SieveNet(14), ((32, 64), (96, 64)), False, 3_617_720, (0.2369, -3.3187, 1.1588, 3.1881)
    ),
    "maximask": Case(MaxiMaskNet, ((32, 64), (48, 16)), False, 5_727_944, (0.3704, -0.0214, -0.7689, 0.6755)),
    "tracking": Case(TrackingNet, ((32, 64), (77, 130)), True, 528_762, (2.6099,)),
    "tracking 0.1": Case(lambda: TrackingNet(pairs=False), ((32, 64), (77, 130)), True, 504_455, (-0.1521,)),
    "maxitrack": Case(MaxiTrackNet, ((400, 400),), True, 8_263_810, (8.1963,)),
}


@pytest.fixture(scope="module", params=list(CASES.values()), ids=list(CASES))
def case(request):
    return request.param


@pytest.fixture(scope="module")
def original(case):
    return filled(case.make())


@pytest.fixture
def network(original):
    """A copy, to be changed as a test likes."""
    return deepcopy(original)


def expected_shape(case, batch, shape):
    return (batch, 1) if case.of_frames else (batch, 14, *shape)


def test_gives_one_logit_for_each_class_and_pixel_or_one_for_each_frame(case, network):
    for shape in case.shapes:
        with torch.inference_mode():
            assert network(pixels(2, 1, *shape)).shape == expected_shape(case, 2, shape)


def test_gives_the_logits_that_it_always_gave(case, network):
    """Who changes an architecture changes what stored weights mean."""
    with torch.inference_mode():
        logits = network(pixels(1, 1, *case.shapes[0])).flatten()
    found = logits[:: max(1, len(logits) // 4)][:4].tolist()
    assert parameter_count(network) == case.parameters
    assert found == pytest.approx(list(case.check), rel=1e-3, abs=1e-3)


def test_looks_at_each_frame_of_a_batch_by_itself(case, network):
    both = pixels(2, 1, *case.shapes[0])
    with torch.inference_mode():
        assert torch.allclose(network(both)[1:], network(both[1:]), atol=1e-4)


def test_learns_with_all_its_parameters(case, network):
    network.train()
    logits = network(pixels(2, 1, *case.shapes[-1]))
    functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
    learning = {name: value for name, value in network.named_parameters() if value.requires_grad}
    idle = [name for name, value in learning.items() if value.grad is None or not value.grad.any()]
    assert not idle


def test_gives_the_same_after_its_weights_were_stored(case, network):
    other = filled(case.make(), seed=2)
    shown = pixels(1, 1, *case.shapes[0])
    with torch.inference_mode():
        before = network(shown)
        assert not torch.allclose(other(shown), before)
        other.load_state_dict(load(save(network.state_dict())))
        assert torch.equal(other(shown), before)


def test_gives_the_runtime_posteriors_of_its_logits(case, network):
    shown = pixels(2, 1, *case.shapes[0])
    with torch.inference_mode():
        posteriors, expected = network.probabilities(shown), torch.sigmoid(network(shown))
    if case.of_frames:
        assert torch.allclose(posteriors.sum(1), torch.ones(2))
        posteriors = posteriors[:, 1:]
    assert torch.allclose(posteriors, expected, atol=1e-6)


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_gives_the_same_as_a_graph_at_every_size(case, network):
    import onnxruntime

    session = onnxruntime.InferenceSession(export_graph(network, compact=False))
    for shape in case.shapes:
        shown = pixels(3 if len(case.shapes) > 1 else 1, 1, *shape)
        with torch.inference_mode():
            expected = network.probabilities(shown).numpy()
        difference = np.abs(session.run(["probabilities"], {"pixels": shown.numpy()})[0] - expected)
        # the last digits decide where MaxiMask puts values back when two pixels are as good as equal
        assert (difference > 1e-4).mean() <= (1e-3 if isinstance(network, MaxiMaskNet) else 0)
        assert difference.mean() < 1e-5


def test_changes_its_logits_by_the_calibration(case, network):
    scale, offset = torch.linspace(0.5, 2, network.classes), torch.linspace(-1, 1.5, network.classes)
    shown = pixels(1, 1, *case.shapes[0])
    with torch.inference_mode():
        before = network(shown)
        network.fold_calibration(scale, offset)
        by_class = (1, -1, 1, 1) if not case.of_frames else (1, -1)
        assert torch.allclose(
            network(shown), before * scale.view(by_class) + offset.view(by_class), atol=1e-4
        )


@pytest.mark.parametrize(
    ("make", "most"), [(SieveNet, 35_000), (TrackingNet, 7_000)], ids=["contaminants", "tracking"]
)
def test_of_our_own_are_within_the_budget_of_multiplications(make, most):
    assert 0 < macs_per_pixel(make()) <= most


def test_of_the_published_kind_cost_what_was_counted():
    assert macs_per_pixel(MaxiMaskNet(), (400, 400)) == pytest.approx(131_267.0016)
    assert macs_per_pixel(MaxiTrackNet(), (400, 400)) * 400**2 == 6_014_623_872
