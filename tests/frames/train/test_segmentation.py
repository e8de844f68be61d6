"""The network for contaminants as it learns."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from skysieve.core.errors import ConfigError
from skysieve.core.training.recipe import LossSettings, NetworkSettings, TrainingRecipe
from skysieve.core.training.schedule import optimiser_with_schedule
from skysieve.frames.mask.classes import CLASS_NAMES, NODATA, find_class
from skysieve.frames.train.segmentation import Segmentation, build_loss, cross_entropy_loss, sieve_net

PRIORS = dict.fromkeys(CLASS_NAMES, 0.01) | {"CR": 0.1, "BG": 0.8}
SMALL = NetworkSettings(widths=(8, 16), depths=(1, 1))


def recipe(**settings):
    return TrainingRecipe(
        **{"name": "tiny", "job": "contaminants", "network": SMALL, "steps": 60, "warm_up": 0.0, **settings}
    )


def batch():
    """Return two tiles of noise; the bright pixels are cosmic rays."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 1, (2, 1, 32, 32)).astype(np.float32)
    struck = rng.uniform(size=(2, 32, 32)) < 0.1
    pixels[:, 0][struck] += 50
    bits = np.where(struck, np.int16(find_class("CR").code), np.int16(0))
    return torch.from_numpy(pixels), torch.from_numpy(bits)


def learn(module, steps=60):
    """Return the loss of each step on one batch."""
    optimiser, _ = optimiser_with_schedule(module.network, module.recipe)
    shown, losses = batch(), []
    module.train()
    for _ in range(steps):
        loss = module.training_loss(shown)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    "loss",
    [
        LossSettings(),
        LossSettings(kind="focal", dice=1.0),
        LossSettings(kind="published"),
        LossSettings(balance=0.6, most=100.0, dice=1.0),
    ],
    ids=["sigmoid", "focal and Dice", "published", "sigmoid and Dice"],
)
def test_the_loss_falls_on_a_batch_that_is_shown_again_and_again(loss):
    torch.manual_seed(1)
    module = Segmentation(recipe(loss=loss, learning_rate=1e-2), PRIORS)
    losses = learn(module)
    assert losses[-1] < 0.5 * losses[0]


def test_what_was_learnt_is_seen_in_the_logits():
    torch.manual_seed(1)
    module = Segmentation(recipe(learning_rate=1e-2), PRIORS)
    learn(module)
    pixels, bits = batch()
    with torch.inference_mode():
        logits = module.eval()(pixels)[:, CLASS_NAMES.index("CR")]
    assert ((logits > 0) == (bits != 0)).float().mean() > 0.97


def test_an_untrained_network_says_the_priors():
    module = Segmentation(recipe(), PRIORS).eval()
    with torch.inference_mode():
        found = torch.sigmoid(module(batch()[0])).mean((0, 2, 3))
    assert found.numpy() == pytest.approx([PRIORS[name] for name in CLASS_NAMES], rel=0.25)


def test_pixels_without_data_teach_nothing():
    torch.manual_seed(1)
    module = Segmentation(recipe(), PRIORS).eval()
    pixels, bits = batch()

    def loss(upper, lower):
        shown = bits.clone()
        shown[:, :16] |= upper
        shown[:, 16:] |= lower
        return module.training_loss((pixels, shown)).item()

    nothing, trail = NODATA.code, find_class("TRL").code
    assert loss(nothing, 0) == loss(nothing | trail, 0)
    assert loss(nothing, 0) != loss(nothing, trail)


def test_rare_classes_weigh_more_up_to_the_given_most():
    logits = torch.zeros(1, len(CLASS_NAMES), 8, 8)
    targets, valid = torch.zeros_like(logits), torch.ones(1, 1, 8, 8)
    targets[:, CLASS_NAMES.index("OV")] = 1  # its prior is 0.01: (1 - p) / p is 99
    plain, balanced, bounded = (
        float(build_loss(LossSettings(balance=balance, most=most), PRIORS)(logits, targets, valid))
        for balance, most in ((0.0, 1e3), (1.0, 1e3), (1.0, 20.0))
    )
    assert balanced / plain == pytest.approx(1 + 98 / len(CLASS_NAMES), rel=1e-3)
    assert bounded / plain == pytest.approx(1 + 19 / len(CLASS_NAMES), rel=1e-3)


class TestProperLoss:
    """The last part of a training, in which true posteriors are best."""

    SETTINGS = LossSettings(balance=0.5, most=100.0, dice=1.0, proper=0.25)

    def test_is_least_at_the_proportion_of_a_class(self):
        targets, valid = torch.zeros(1, len(CLASS_NAMES), 8, 8), torch.ones(1, 1, 8, 8)
        targets[:, :, :2] = 1  # a quarter of the pixels, in every class
        loss = cross_entropy_loss(self.SETTINGS, PRIORS)

        def at(proportion):
            logit = math.log(proportion / (1 - proportion))
            return float(loss(torch.full_like(targets, logit), targets, valid))

        assert at(0.25) < min(at(0.22), at(0.28))

    def test_weighs_all_pixels_of_a_rare_class_more(self):
        targets, valid = torch.zeros(1, len(CLASS_NAMES), 8, 8), torch.ones(1, 1, 8, 8)

        def loss(name, settings):
            logits = torch.full_like(targets, -50.0)  # without doubt, and right
            logits[:, CLASS_NAMES.index(name)] = 0
            return float(cross_entropy_loss(settings, PRIORS)(logits, targets, valid))

        # its prior is 0.01: ((1 - p) / p) ^ 0.5 is 9.95
        plain = loss("OV", replace(self.SETTINGS, balance=0.0))
        assert loss("OV", self.SETTINGS) / plain == pytest.approx(9.95, rel=1e-3)

    def test_begins_after_the_other_with_what_its_weights_added_taken_from_the_logits(self):
        torch.manual_seed(1)
        module = Segmentation(recipe(loss=self.SETTINGS, steps=4), PRIORS).eval()
        place, pixels = CLASS_NAMES.index("OV"), batch()[0]
        found = []
        for step in range(5):
            module.step = step
            module.before_step()
            with torch.inference_mode():
                found.append((module.loss, float(module(pixels)[:, place].mean())))
        assert [loss is module.final_loss for loss, _ in found] == [False, False, False, True, True]
        shifts = [after - before for (_, before), (_, after) in itertools.pairwise(found)]
        assert shifts == pytest.approx([0, 0, -math.log(9.95), 0], abs=1e-3)

    def test_is_not_there_unless_asked_for(self):
        module = Segmentation(recipe(loss=replace(self.SETTINGS, proper=0.0), steps=4), PRIORS)
        # after the last step comes a validation
        module.step = 4
        assert module.loss is module.first_loss


def test_frozen_statistics_stay_while_weights_learn():
    torch.manual_seed(1)
    module = Segmentation(recipe(learning_rate=1e-2), PRIORS, frozen_statistics=True)
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    learn(module, steps=2)
    after = module.network.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in before if "running" in n or "tracked" in n)
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_statistics_move_otherwise():
    module = Segmentation(recipe(), PRIORS)
    before = module.network.stem[1].running_mean.clone()
    learn(module, steps=1)
    assert not torch.equal(module.network.stem[1].running_mean, before)


def test_a_network_that_cannot_be_is_one_line():
    wrong = recipe(network=NetworkSettings(widths=(8, 16, 32), depths=(1, 1)))
    with pytest.raises(ConfigError, match=r"^recipe tiny: network: 3 widths and 2 depths: expected as many$"):
        sieve_net(wrong)
