"""A network as it learns clusters, and how it is scored on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch.optim.swa_utils import update_bn

from skysieve.clusters.networks.segmenters import build_segmenter
from skysieve.clusters.train.losses import cluster_loss
from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.histograms import LIMIT, ScoreHistograms, count_pixels
from skysieve.core.training.learner import Learner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from skysieve.clusters.networks.segmenters import Segmenter
    from skysieve.clusters.train.stream import ClusterBatch
    from skysieve.core.evaluation.histograms import Tally
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = [
    "CLUSTER",
    "SOURCE",
    "ClusterLearning",
    "PixelScores",
    "add_pixels",
    "class_names",
    "pixel_scores",
    "segmenter",
]

CLUSTER, SOURCE = "cluster", "source"

DEFAULT_NETWORK = "unet"


def class_names(recipe: TrainingRecipe) -> tuple[str, ...]:
    """Return what the network tells apart."""
    return (CLUSTER, SOURCE) if recipe.labels.sources else (CLUSTER,)


def segmenter(recipe: TrainingRecipe, bands: int) -> Segmenter:
    """Return an untrained network of the recipe's kind and size.

    Raises
    ------
    ConfigError
        If there is no such network, or it does not take patches of the recipe's size.
    """
    settings = recipe.network
    try:
        network = build_segmenter(
            settings.kind or DEFAULT_NETWORK,
            bands=bands,
            classes=len(class_names(recipe)),
            widths=settings.widths,
        )
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error
    if recipe.patches.side % network.multiple:
        raise ConfigError(
            f"recipe {recipe.name}: patches.side: {recipe.patches.side}, expected a multiple of "
            f"{network.multiple} px, as {settings.kind or DEFAULT_NETWORK} takes"
        )
    return network


class ClusterLearning(Learner):
    """A network that learns clusters.

    Parameters
    ----------
    recipe
        How.
    bands
        Number of maps.
    network
        What learns; by default an untrained one of the recipe's kind and size.
    frozen_statistics
        Whether batch normalisation keeps its statistics.
    typical
        Input as in training, of which the statistics of averaged weights are measured before each
        validation; see :meth:`settle`.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        bands: int,
        *,
        network: Segmenter | None = None,
        frozen_statistics: bool = False,
        typical: Sequence[Tensor] = (),
    ) -> None:
        super().__init__(recipe, network or segmenter(recipe, bands), frozen_statistics=frozen_statistics)
        self._typical = typical
        self.loss = cluster_loss(recipe.loss.kind, delta=recipe.loss.delta, gamma=recipe.loss.gamma)
        self._validation = ScoreHistograms(class_names(recipe))
        self._losses: list[float] = []

    def training_step(self, batch: ClusterBatch, _index: int) -> Tensor:
        """Return the loss of a batch."""
        logits = self.network(batch.pixels.to(memory_format=self.memory_format))
        loss: Tensor = self.loss(logits, batch.targets, batch.counted)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Give the averaged weights, which are scored, their statistics."""
        self.settle()

    def settle(self) -> None:
        """Measure the statistics of batch normalisation that belong to the averaged weights.

        Averages of the statistics themselves do not, least of all in a short training, and where few pixels
        are far brighter than the others.

        References
        ----------
        Izmailov et al. 2018, UAI, 876, section 3.2.
        """
        if self._typical and not self.frozen_statistics:
            update_bn(self._typical, self.network, self.device)

    def validation_step(self, batch: ClusterBatch, _index: int) -> None:
        """Add a batch to the scores."""
        logits = self.network(batch.pixels).float()
        self._losses.append(float(self.loss(logits, batch.targets, batch.counted)))
        add_pixels(self._validation, logits, batch)

    def on_validation_epoch_end(self) -> None:
        """Log the mean loss, and precision, recall and Dice coefficient of the pixels of each class."""
        for name in self._validation.classes:
            scores = pixel_scores(self._validation.tally(name))
            values = {"precision": scores.precision, "recall": scores.recall, "Dice": scores.dice}
            self.log_dict({f"{what} of {name}s": value for what, value in values.items()}, sync_dist=True)
        self.log("validation loss", float(np.mean(self._losses)), sync_dist=True)
        self._validation = ScoreHistograms(self._validation.classes)
        self._losses = []


def add_pixels(histograms: ScoreHistograms, logits: Tensor, batch: ClusterBatch) -> None:
    """Add patches to histograms; a pixel belongs to a class if half of it does.

    Parameters
    ----------
    histograms
        Of all classes.
    logits
        ``(N, C, H, W)``.
    batch
        The patches.
    """
    odds = logits.float().clamp(-LIMIT, LIMIT).cpu().numpy()
    truth = (batch.targets >= 0.5).cpu().numpy()
    counted = (batch.counted > 0).cpu().numpy()
    for scores, classes, known in zip(odds, truth, counted[:, 0], strict=True):
        counts = {
            name: count_pixels(plane, belongs, decided=plane > 0, valid=known)
            for name, plane, belongs in zip(histograms.classes, scores, classes, strict=True)
        }
        histograms.add(str(len(histograms.frames)), counts)


class PixelScores(NamedTuple):
    """How well pixels are told, at the threshold of the highest Dice coefficient.

    Attributes
    ----------
    precision, recall, dice
        Part of the pixels that are found that are right, part of the right ones that are found, and their
        harmonic mean; NaN where no pixel is right.
    threshold
        On the log-odds.
    """

    precision: float
    recall: float
    dice: float
    threshold: float


def pixel_scores(tally: Tally) -> PixelScores:
    """Return how well the pixels of a class are told."""
    found = tally.positives[::-1].cumsum()[::-1]
    false = tally.negatives[::-1].cumsum()[::-1]
    true = tally.positives.sum()
    if not true > 0:
        return PixelScores(*[float("nan")] * 4)
    dice = 2 * found / (found + false + true)
    best = int(np.argmax(dice))
    precision = found[best] / (found[best] + false[best])
    return PixelScores(
        float(precision), float(found[best] / true), float(dice[best]), float(tally.centres[best])
    )
