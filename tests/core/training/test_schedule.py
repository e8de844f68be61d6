"""The optimiser: how its rate rises and falls, and what decays."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from torch import nn

from skysieve.core.training.recipe import TrainingRecipe
from skysieve.core.training.schedule import optimiser_with_schedule


def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))


def rates(**settings):
    """Return the rate of each step."""
    recipe = TrainingRecipe(name="", job="contaminants", **settings)
    optimiser, schedule = optimiser_with_schedule(network(), recipe)
    found = []
    for _ in range(recipe.steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    found = rates(steps=100, warm_up=0.1, learning_rate=0.01)
    assert found[:10] == pytest.approx([0.001 * step for step in range(1, 11)])
    assert max(found) == pytest.approx(0.01)
    assert found[55] == pytest.approx(0.005)
    assert found[-1] < 1e-5
    assert found[10:] == sorted(found[10:], reverse=True)


def test_without_a_warm_up_the_rate_is_highest_at_once():
    found = rates(steps=20, warm_up=0.0, learning_rate=0.01)
    assert found[0] == pytest.approx(0.01)
    assert found == sorted(found, reverse=True)


def test_kernels_decay_and_nothing_else():
    net = network()
    net[2].weight.requires_grad_(requires_grad=False)
    optimiser, _ = optimiser_with_schedule(net, TrainingRecipe(name="", job="tracking", weight_decay=0.03))
    decaying, others = optimiser.param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.03, 0.0)
    assert [id(p) for p in decaying["params"]] == [id(net[0].weight)]
    expected = [net[0].bias, net[1].weight, net[1].bias, net[2].bias]
    assert [id(p) for p in others["params"]] == [id(p) for p in expected]


def test_loaded_weights_have_a_part_of_the_rate_and_new_parts_all_of_it():
    recipe = TrainingRecipe(
        name="", job="tracking", learning_rate=0.01, loaded_rate=0.1, warm_up=0.0, steps=9
    )
    net = network()
    optimiser, schedule = optimiser_with_schedule(net, recipe, new_parts=["2"])
    found = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    expected = [0.001] * 4 + [0.01] * 2
    assert [found[id(p)] for p in net.parameters()] == pytest.approx(expected)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.01, 0.01, 0.0, 0.0]
    for _ in range(5):
        optimiser.step()
        schedule.step()
    rates = [group["lr"] for group in optimiser.param_groups]
    assert max(rates) < 0.01
    assert max(rates) == pytest.approx(10 * min(rates))


def test_random_weights_have_the_whole_rate():
    recipe = TrainingRecipe(
        name="", job="tracking", learning_rate=0.01, loaded_rate=0.1, warm_up=0.0, steps=9
    )
    optimiser, _ = optimiser_with_schedule(network(), recipe)
    assert {group["lr"] for group in optimiser.param_groups} == {0.01}
