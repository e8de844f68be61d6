"""The nine losses for clusters: each by hand, and that the background counts in all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")

import torch

from skysieve.clusters.train.losses import cluster_loss
from skysieve.clusters.train.settings import LOSSES
from skysieve.core.errors import ConfigError

NAMES = list(LOSSES)
P = np.array([[0.9, 0.2, 0.4, 0.1], [0.3, 0.6, 0.05, 0.5]])
T = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
V = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
"""Two patches of one class and four pixels, the last of which does not count."""


def tensors(*arrays):
    return [torch.tensor(values, dtype=torch.float32).reshape(2, 1, 2, 2) for values in arrays]


def logit(p):
    return np.log(p / (1 - p))


# by hand, of the pixels that count: tp = 0.9 + 0.4, fn = 0.1 + 0.6, fp = 0.2 + 0.1 + 0.3 + 0.6 + 0.05
TP, FN, FP = 1.3, 0.7, 1.25
DICE = (2 * TP + 1) / (2 * TP + FN + FP + 1)
TVERSKY = (TP + 1) / (TP + 0.7 * FN + 0.3 * FP + 1)


def mean_focal(power):
    found = 0.7 * (0.1**power * -math.log(0.9) + 0.6**power * -math.log(0.4))
    false = sum(p**power * -math.log(1 - p) for p in (0.2, 0.1, 0.3, 0.6, 0.05))
    return (found + 0.3 * false) / 7


ENTROPY = -(math.log(0.9) + math.log(0.4) + sum(math.log(1 - p) for p in (0.2, 0.1, 0.3, 0.6, 0.05))) / 7

BY_HAND = {
    "bce": ENTROPY,
    "focal": mean_focal(2),
    "dice": 1 - DICE,
    "focal-dice": (1 - DICE) ** 0.75,
    "tversky": 1 - TVERSKY,
    "focal-tversky": (1 - TVERSKY) ** 0.75,
    "combo": 0.5 * mean_focal(0) + 0.5 * (1 - DICE),
    "cosine-tversky": (1 + math.cos(math.pi * TVERSKY)) / 2,
    "mixed-focal": 0.5 * mean_focal(0.25) + 0.5 * (1 - TVERSKY) ** 0.75,
}


def test_all_nine_are_there_under_the_names_that_users_know():
    assert list(BY_HAND) == NAMES


@pytest.mark.parametrize("kind", NAMES)
def test_is_what_the_formula_says(kind):
    logits, targets, valid = tensors(logit(P), T, V)
    assert float(cluster_loss(kind)(logits, targets, valid)) == pytest.approx(BY_HAND[kind], rel=1e-5)


@pytest.mark.parametrize("kind", NAMES)
def test_two_classes_are_the_mean_of_both(kind):
    (logits, targets), loss = tensors(logit(P), T), cluster_loss(kind)
    both = loss(torch.cat([logits, -logits], 1), torch.cat([targets, targets], 1))
    assert float(both) == pytest.approx((float(loss(logits, targets)) + float(loss(-logits, targets))) / 2)


@pytest.mark.parametrize("kind", NAMES)
def test_a_false_detection_on_an_empty_patch_costs_more_than_none(kind):
    """Alone, and beside a patch with a cluster that is found."""
    loss = cluster_loss(kind)
    nothing = torch.full((1, 1, 8, 8), -10.0)
    false = nothing.clone()
    false[..., 3:6, 3:6] = 9.0
    empty = torch.zeros(1, 1, 8, 8)
    cluster = empty.clone()
    cluster[..., 1:4, 1:4] = 1
    found = torch.where(cluster > 0, 9.0, -9.0)
    assert float(loss(nothing, empty)) < 0.02
    assert float(loss(false, empty)) > float(loss(nothing, empty)) + 0.1
    beside = [
        float(loss(torch.cat([found, other]), torch.cat([cluster, empty]))) for other in (nothing, false)
    ]
    assert beside[1] > beside[0] + 0.02


@pytest.mark.parametrize("kind", NAMES)
def test_pixels_of_the_background_have_a_slope(kind):
    logits, targets, valid = tensors(logit(P), T, V)
    for truth in (targets, torch.zeros_like(targets)):
        logits = logits.detach().requires_grad_()
        cluster_loss(kind)(logits, truth, valid).backward()
        slopes = logits.grad[(truth == 0) & (valid > 0)]
        assert (slopes > 1e-5).all()
        assert (logits.grad[valid == 0] == 0).all()


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("size", [0.0, 30.0, 200.0])
def test_is_finite_however_sure_the_network_is(kind, size):
    """Right and wrong; with clusters, without, with nothing that counts."""
    loss = cluster_loss(kind)
    cluster = torch.zeros(2, 1, 8, 8)
    cluster[0, 0, 2:5, 2:5] = 1
    for targets in (cluster, torch.zeros_like(cluster), torch.ones_like(cluster)):
        for sign in (1, -1):
            for counted in (1.0, 0.0):
                logits = (sign * size * (2 * targets - 1)).requires_grad_()
                value = loss(logits, targets, torch.full_like(targets, counted))
                value.backward()
                assert torch.isfinite(value)
                assert value >= 0
                assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", NAMES)
def test_is_least_where_the_network_is_right(kind):
    targets = torch.zeros(2, 1, 8, 8)
    targets[0, 0, 2:5, 2:5] = 1
    loss = cluster_loss(kind)
    values = [float(loss(size * (2 * targets - 1), targets)) for size in (-8, -2, 0, 2, 8)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.02


@pytest.mark.parametrize(
    "kind", ["focal", "tversky", "focal-tversky", "combo", "cosine-tversky", "mixed-focal"]
)
def test_delta_is_the_weight_of_what_is_missed(kind):
    targets = torch.zeros(1, 1, 8, 8)
    targets[..., 2:5, 2:5] = 1
    missed, false = torch.full_like(targets, -2.0), torch.full_like(targets, 2.0)

    def cost(delta, logits):
        return float(cluster_loss(kind, delta=delta)(logits, targets))

    assert cost(0.9, missed) > cost(0.1, missed)
    assert cost(0.9, false) < cost(0.1, false)


@pytest.mark.parametrize("kind", ["focal", "focal-dice", "focal-tversky", "cosine-tversky", "mixed-focal"])
def test_gamma_changes_those_that_have_one(kind):
    logits, targets, valid = tensors(logit(P), T, V)
    values = {float(cluster_loss(kind, gamma=gamma)(logits, targets, valid)) for gamma in (0.5, 1.0)}
    assert len(values) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hinge", {}), "loss hinge: not known; choose from bce, focal, dice, focal-dice, tversky"),
        (("tversky", {"delta": 1.5}), "loss tversky: delta 1.5, expected 0 to 1"),
        (("focal-dice", {"gamma": 0.0}), "loss focal-dice: gamma 0, expected more than 0"),
        (("mixed-focal", {"gamma": 2.0}), "loss mixed-focal: gamma 2, expected more than 0 and at most 1"),
    ],
)
def test_what_is_no_loss_is_said_in_one_line(arguments, message):
    kind, settings = arguments
    with pytest.raises(ConfigError, match=message):
        cluster_loss(kind, **settings)
