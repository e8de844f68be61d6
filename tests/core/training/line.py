"""A training of two numbers: all that the loop does, in no time."""

from __future__ import annotations

from dataclasses import replace

import lightning
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from skysieve.core.models.card import Model, ModelCard, Tiling
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
        self.at_step, self.at_validation = at_step or _nothing, at_validation or _nothing
        self.at_finish = at_finish or _nothing
        self.steps, self.validated, self.asked = [], 0, []
        self.finished, self.facts = [], {}

    def describe(self):
        return self.recipe.to_yaml()

    def module(self):
        self.line = Line(self)
        return self.line

    def training_batches(self, *, done, workers, rank, ranks):
        self.asked.append((done, workers, rank, ranks))
        return DataLoader(Numbers(done * self.recipe.batch), batch_size=self.recipe.batch)

    def validation_batches(self):
        return DataLoader(TensorDataset(torch.arange(4.0)[:, None]), batch_size=2)

    def finish(self, module, folder, *, facts):
        assert not module.training
        self.finished.append({name: value.clone() for name, value in module.state_dict().items()})
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


class Line(lightning.LightningModule):
    """A line through points that lie on a line."""

    def __init__(self, training):
        super().__init__()
        self.training_of = [training]  # in a list, so that copies of the module share it
        self.layer = torch.nn.Linear(training.width, 1)

    def training_step(self, batch, _index):
        training = self.training_of[0]
        step = int(batch[0, 0]) // training.recipe.batch
        training.at_step(step)
        training.steps.append(step)
        x = batch / 10
        return ((self.layer(x.expand(-1, training.width)) - 2 * x) ** 2).mean()

    def validation_step(self, batch, index):
        [numbers] = batch
        self.training_of[0].at_validation(index)
        self.training_of[0].validated += 1
        self.log("AP", self.layer(numbers.expand(-1, self.training_of[0].width)).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.training_of[0].recipe.learning_rate)


def _nothing(_number):
    pass
