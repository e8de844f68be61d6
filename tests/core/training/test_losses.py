"""Losses: by hand on a few pixels, whatever the precision, and what they do to the posteriors."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")

import torch

from skysieve.core.training.fused_loss import EntropyDiceLoss
from skysieve.core.training.losses import (
    CombinedLoss,
    DiceLoss,
    FocalLoss,
    WeightedSigmoidLoss,
)

LOSSES = {
    "published": lambda: WeightedSigmoidLoss([0.01, 0.99]),
    "sigmoid": lambda: FocalLoss(0),
    "focal": lambda: FocalLoss(2.0, [3.0, 1.0]),
    "dice": DiceLoss,
    "fused": lambda: EntropyDiceLoss([3.0, 1.0]),
    "combined": lambda: CombinedLoss({"focal": (1.0, FocalLoss()), "dice": (0.5, DiceLoss())}),
}


@pytest.fixture(params=list(LOSSES.values()), ids=list(LOSSES))
def loss(request):
    return request.param()


def batch(shape=(2, 2, 8, 8)):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator).requires_grad_()
    return logits, (torch.rand(shape, generator=generator) < 0.3).float()


class TestEveryLoss:
    def test_is_a_positive_scalar_with_a_slope(self, loss):
        logits, targets = batch()
        value = loss(logits, targets)
        value.backward()
        assert value.shape == ()
        assert value.item() > 0
        assert logits.grad.isfinite().all()
        assert logits.grad.any()

    def test_is_nearly_zero_where_all_is_right(self, loss):
        _, targets = batch()
        assert loss(40 * targets - 20, targets).item() < 1e-6

    def test_does_not_look_at_pixels_that_are_not_valid(self, loss):
        logits, targets = batch()
        valid = torch.ones(2, 1, 8, 8)
        valid[..., 4:] = 0
        wrong = torch.where(valid > 0, logits, -100 * (2 * targets - 1))
        loss(wrong, targets, valid).backward()
        assert loss(wrong, targets, valid).item() == pytest.approx(
            loss(logits, targets, valid).item(), rel=1e-5
        )
        assert not logits.grad[..., 4:].any()

    def test_is_zero_where_nothing_is_valid(self, loss):
        logits, targets = batch()
        value = loss(logits, targets, torch.zeros(2, 1, 8, 8))
        value.backward()
        assert value.item() == 0
        assert logits.grad.isfinite().all()

    def test_is_finite_and_has_a_slope_for_the_worst_logits(self, loss):
        _, targets = batch()
        logits = (-1e4 * (2 * targets - 1)).requires_grad_()
        value = loss(logits, targets)
        value.backward()
        assert value.isfinite()
        assert logits.grad.isfinite().all()

    def test_is_float32_however_the_network_computed(self, loss):
        logits, targets = batch()
        half = logits.detach().bfloat16()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(half, targets)
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(loss(half.float(), targets).item(), rel=1e-6)

    def test_of_frames_is_that_of_pixels(self, loss):
        logits, targets = batch((6, 2))
        of_pixels = loss(logits.view(6, 2, 1, 1), targets.view(6, 2, 1, 1), torch.ones(6, 1, 1, 1))
        assert loss(logits, targets, torch.ones(6, 1)).item() == pytest.approx(of_pixels.item())

    def test_keeps_its_settings_out_of_checkpoints(self, loss):
        assert not loss.state_dict()


def single(values):
    """Return a row of pixels of one class and of its opposite."""
    row = torch.tensor(values).view(1, 1, 1, -1)
    return torch.cat([row, -row], 1)


class TestWeightedSigmoidLoss:
    """Pixels on whose two classes the network is equally sure: the loss of a pixel is one logarithm."""

    def loss(self, logits, classes, priors=(0.2, 0.8)):
        first = torch.tensor(classes).view(1, 1, 1, -1)
        return WeightedSigmoidLoss(priors)(single(logits), torch.cat([first, 1 - first], 1)).item()

    def test_weights_pixels_by_the_inverse_frequency_of_their_classes(self):
        # apart by more than a neighbour; the first is four times as rare
        one, two = math.log1p(math.exp(-1)), math.log1p(math.exp(-3))
        padded = self.loss([1.0, 30.0, -30.0, -3.0], [1.0, 1.0, 0.0, 0.0])
        assert padded == pytest.approx((4 * one + two) / (4 + 4 + 4 + 1), rel=1e-5)

    def test_gives_neighbours_of_rare_pixels_their_weight(self):
        wrong = [1.0, 0.0, 0.0, 0.0]
        beside = self.loss([30.0, 1.0, -30.0, -30.0], wrong)
        away = self.loss([30.0, -30.0, -30.0, 1.0], wrong)
        assert beside == pytest.approx(4 * away)

    def test_is_plain_cross_entropy_for_equal_proportions(self):
        logits, targets = single([0.3, -2.0, 1.5]), single([1.0, 0.0, 1.0]).abs()
        targets[:, 1] = 1 - targets[:, 0]
        found = WeightedSigmoidLoss([0.5, 0.5])(logits, targets).item()
        assert found == pytest.approx(FocalLoss(0)(logits, targets).item())


class TestFocalLoss:
    def test_with_gamma_zero_is_cross_entropy(self):
        logits, targets = batch()
        expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        assert FocalLoss(0)(logits, targets).item() == pytest.approx(expected.item())

    def test_is_the_formula(self):
        probability = 0.8
        logits = torch.full((1, 1, 1, 1), math.log(probability / (1 - probability)))
        found = FocalLoss(2, [3.0])(logits, torch.ones(1, 1, 1, 1))
        assert found.item() == pytest.approx(-3 * 0.2**2 * math.log(0.8))

    def test_refuses_exponents_whose_slope_is_infinite(self):
        with pytest.raises(ValueError, match="gamma"):
            FocalLoss(0.5)


class TestDiceLoss:
    def test_is_the_formula(self):
        logits = torch.tensor([0.0, 0.0, 100.0]).view(1, 1, 1, 3)
        targets = torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 1, 3)
        assert DiceLoss(1.0)(logits, targets).item() == pytest.approx(1 - (2 * 1.5 + 1) / (2 + 2 + 1))

    def test_leaves_out_classes_that_the_batch_does_not_have(self):
        logits, targets = batch()
        targets[:, 1] = 0
        assert DiceLoss()(logits, targets).item() == pytest.approx(
            DiceLoss()(logits[:, :1], targets[:, :1]).item()
        )


class TestFused:
    @pytest.mark.parametrize("dice", [0.0, 0.5])
    def test_is_the_sum_of_its_parts_and_so_is_its_slope(self, dice):
        logits, targets = batch()
        valid = (torch.rand(2, 1, 8, 8) < 0.8).float()
        targets[:, 1] *= 0  # a class that is not there
        weights, whole = [3.0, 1.5], [0.5, 4.0]
        entropy = FocalLoss(0.0, weights, class_weights=whole)
        parts = CombinedLoss({"sigmoid": (1.0, entropy), "dice": (dice, DiceLoss())})
        values, slopes = [], []
        for loss in (EntropyDiceLoss(weights, dice, whole), parts):
            value = 2 * loss(logits, targets, valid)
            slopes.append(torch.autograd.grad(value, logits)[0])
            values.append(value)
        torch.testing.assert_close(*values)
        torch.testing.assert_close(*slopes)


class TestCombinedLoss:
    def test_is_the_weighted_sum_of_its_terms(self):
        logits, targets = batch()
        entropy, dice = FocalLoss(0), DiceLoss()
        loss = CombinedLoss({"sigmoid": (1.0, entropy), "dice": (0.25, dice)})
        expected = entropy(logits, targets) + 0.25 * dice(logits, targets)
        assert loss(logits, targets).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("weight", [1.0, 4.0, 30.0])
def test_a_positive_weight_multiplies_the_odds(weight):
    """What a network without any evidence learns is the prior: here, from 1 positive in 10."""
    logit = torch.zeros(1, 1, requires_grad=True)
    targets = torch.tensor([[1.0]] + [[0.0]] * 9)
    loss = FocalLoss(0, [weight])
    optimiser = torch.optim.LBFGS([logit], max_iter=50)

    def evaluate():
        optimiser.zero_grad()
        value = loss(logit.expand(10, 1), targets)
        value.backward()
        return value

    optimiser.step(evaluate)
    assert torch.exp(logit).item() == pytest.approx(weight / 9, rel=1e-3)
