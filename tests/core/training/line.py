"""A training of two numbers: all that the loop does, in no time."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from skysieve.core.models.card import Model, ModelCard, Tiling
from skysieve.core.training.learner import Learner
from skysieve.core.training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(
    name="line",
    job="contaminants",
    steps=6,
    batch=2,
    validations=2,
    precision="f32",
    learning_rate=0.1,
    averaging=0.5,
)

CARD = ModelCard(
    name="line",
    job="contaminants",
    version="1",
    description="",
    licence="",
    reference="",
    source="",
    normalisation="",
    classes=(),
    tiling=Tiling(multiple=1, remainder=0, minimum=1, margin=0),
    training_priors={},
    default_priors={},
    default_thresholds={},
    graphs=(),
)


class LineTraining:
    """Learns y = 2 x; records what the loop asks for.

    Attributes
    ----------
    steps
        Number of each step that was done, as the first item of its batch tells.
    at_step
        Called before the work of each step, with its number.
    line
        What learns.
    finished
        Weights of the networks that came out.
    """

    def __init__(self, *, at_step=None, at_validation=None, at_finish=None, width=1, **settings):
        self.recipe = replace(RECIPE, **settings)
        self.origin, self.width = "", width
        self.initial, self.new_parts = None, ()
        self.at_step, self.at_validation = at_step or _nothing, at_validation or _nothing
        self.at_finish = at_finish or _nothing
        self.steps, self.validated, self.asked = [], 0, []
        self.finished, self.facts = [], {}

    def describe(self):
        return self.recipe.to_yaml()

    def learner(self):
        self.line = Line(self)
        return self.line

    def training_batches(self, *, done, workers, rank, ranks):
        self.asked.append((done, workers, rank, ranks))
        return DataLoader(Numbers(done * self.recipe.batch), batch_size=self.recipe.batch)

    def validation_batches(self):
        return DataLoader(TensorDataset(torch.arange(4.0)[:, None]), batch_size=2)

    def finish(self, learner, folder, *, facts):
        assert not learner.training
        self.finished.append({name: value.clone() for name, value in learner.network.state_dict().items()})
        self.facts = facts
        self.at_finish(len(self.finished))
        return Model(CARD, folder)


class Numbers(IterableDataset[torch.Tensor]):
    """The numbers from one on."""

    def __init__(self, first):
        self.first = first

    def __iter__(self):
        number = self.first
        while True:
            yield torch.tensor([float(number)])
            number += 1


class Line(Learner):
    """A line through points that lie on a line."""

    def __init__(self, training):
        super().__init__(training.recipe, torch.nn.Linear(training.width, 1))
        self.training_of = [training]  # in a list, so that it is no part of the state

    def training_loss(self, batch):
        training = self.training_of[0]
        step = int(batch[0, 0]) // training.recipe.batch
        training.at_step(step)
        training.steps.append(step)
        x = batch / 10
        return ((self.network(x.expand(-1, training.width)) - 2 * x) ** 2).mean()

    def validate(self, batch):
        [numbers] = batch
        training = self.training_of[0]
        training.at_validation(training.validated % 2)
        training.validated += 1
        self.record(AP=self.network(numbers.expand(-1, training.width)).mean())


def _nothing(_number):
    pass
