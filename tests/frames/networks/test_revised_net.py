"""A second network that revises the answers of a trained one."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from tests.core.networks.fill import filled, pixels

from skysieve.core.networks.blocks import macs_per_pixel
from skysieve.frames.networks.revised_net import LARGEST_LOGIT, RevisedNet
from skysieve.frames.networks.sieve_net import SieveNet


def first():
    torch.manual_seed(0)
    return SieveNet(3, widths=(8, 16), depths=(1, 1), priors=[0.001, 0.1, 0.9]).eval()


class TestRevisedNet:
    def test_begins_with_the_answers_of_the_first_network(self):
        network, shown = RevisedNet(first()).eval(), pixels(2, 1, 96, 128)
        with torch.inference_mode():
            answers = network.first(shown)
            assert answers.abs().max() < LARGEST_LOGIT
            assert torch.allclose(network(shown), answers, atol=1e-4)
            assert torch.allclose(network.probabilities(shown), torch.sigmoid(answers), atol=1e-4)

    def test_learns_with_the_first_network_as_it_is(self):
        network = RevisedNet(first())
        assert not any(one.requires_grad for one in network.first.parameters())
        assert all(one.requires_grad for one in network.revision.parameters())

    def test_sees_hundreds_of_pixels_around(self):
        network = filled(RevisedNet(first()))
        shown = torch.zeros(1, 1, 512, 512)
        shown[..., 250:260, 250:260] = 1000
        with torch.inference_mode():
            change = (network(shown) - network(torch.zeros_like(shown))).abs().amax((0, 1))
        assert (change[:, 16] > 0).any()
        assert (change[16] > 0).any()

    def test_takes_sides_that_both_networks_take(self):
        assert RevisedNet(first()).multiple == 32
        assert RevisedNet(SieveNet(widths=(8,) * 6, depths=(1,) * 6)).multiple == 64

    def test_costs_little_beside_the_first_network(self):
        network = RevisedNet(SieveNet())
        assert macs_per_pixel(network) <= 35_000
        assert macs_per_pixel(network) < 1.2 * macs_per_pixel(network.first)

    def test_is_calibrated_by_class(self):
        network, shown = filled(RevisedNet(first())), pixels(1, 1, 64, 64)
        scale, offset = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.0, -1.0, 3.0])
        with torch.inference_mode():
            before = network(shown)
            network.fold_calibration(scale, offset)
            expected = before * scale.view(-1, 1, 1) + offset.view(-1, 1, 1)
            assert torch.allclose(network(shown), expected, rtol=1e-4, atol=1e-3)
