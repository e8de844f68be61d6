"""Learner of a segmentation network for clusters, and its validation scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch.optim.swa_utils import update_bn

from skysieve.clusters.networks.segmenters import build_segmenter
from skysieve.clusters.train.losses import cluster_loss
from skysieve.core.errors import ConfigError
from skysieve.core.training.pixels import PixelLearner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from skysieve.clusters.networks.segmentation_blocks import Segmenter
    from skysieve.clusters.train.stream import ClusterBatch
    from skysieve.core.evaluation.histograms import ScoreHistograms, Tally
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = [
    "CLUSTER",
    "SOURCE",
    "ClusterLearner",
    "PixelScores",
    "class_names",
    "pixel_scores",
    "segmenter",
]

CLUSTER, SOURCE = "cluster", "source"
"""Names of the classes."""

DEFAULT_NETWORK = "unet"
"""Network of recipes that name none."""


def class_names(recipe: TrainingRecipe) -> tuple[str, ...]:
    """Return the names of the classes that a network predicts.

    Parameters
    ----------
    recipe
        Recipe of the training.

    Returns
    -------
    tuple of str
        Clusters and, if the recipe labels them, sources.
    """
    return (CLUSTER, SOURCE) if recipe.labels.sources else (CLUSTER,)


def segmenter(recipe: TrainingRecipe, bands: int) -> Segmenter:
    """Build an untrained network of the recipe's kind and size.

    Parameters
    ----------
    recipe
        Recipe of the training.
    bands
        Number of maps.

    Returns
    -------
    Segmenter
        With random weights.

    Raises
    ------
    ConfigError
        If the network is unknown, or does not accept patches of the recipe's size.
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


class ClusterLearner(PixelLearner):
    """Segmentation network with its loss and validation scores.

    Parameters
    ----------
    recipe
        Recipe of the training.
    bands
        Number of maps.
    network
        Network to train; by default an untrained one of the recipe's kind and size.
    frozen_statistics
        Whether batch normalisation keeps its statistics.
    statistics_batches
        Input pixels, distributed as in training; see :meth:`before_validation`.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        bands: int,
        *,
        network: Segmenter | None = None,
        frozen_statistics: bool = False,
        statistics_batches: Sequence[Tensor] = (),
    ) -> None:
        super().__init__(
            recipe,
            network or segmenter(recipe, bands),
            class_names(recipe),
            frozen_statistics=frozen_statistics,
        )
        self._statistics_batches = statistics_batches
        self.loss = cluster_loss(recipe.loss.kind, delta=recipe.loss.delta, gamma=recipe.loss.gamma)

    def training_loss(self, batch: ClusterBatch) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        batch
            Patches with targets.

        Returns
        -------
        Tensor
            Scalar float32.
        """
        logits = self.network(batch.pixels.to(memory_format=self.memory_format))
        loss: Tensor = self.loss(logits, batch.targets, batch.valid)
        return loss

    def before_validation(self) -> None:
        """Measure the statistics of batch normalisation for the averaged weights.

        Averages of the statistics themselves do not match averaged weights, in particular after a short
        training, and where few pixels are far brighter than the others.

        References
        ----------
        Izmailov et al. 2018, UAI, 876, section 3.2.
        """
        if self._statistics_batches and not self.frozen_statistics:
            update_bn(self._statistics_batches, self.network, self.device)

    def validate(self, batch: ClusterBatch) -> None:
        """Add a batch to the scores.

        Parameters
        ----------
        batch
            Patches with targets.
        """
        self.add_scores(self.network(batch.pixels).float(), batch.targets, batch.valid)

    def class_scores(self, histograms: ScoreHistograms) -> dict[str, float]:
        """Return pixel precision, recall and Dice coefficient of each class."""
        found: dict[str, float] = {}
        for name in histograms.classes:
            scores = pixel_scores(histograms.tally(name))
            values = {"precision": scores.precision, "recall": scores.recall, "Dice": scores.dice}
            found |= {f"{what} of {name}s": value for what, value in values.items()}
        return found


class PixelScores(NamedTuple):
    """Scores of the pixels of a class, at the threshold with the highest Dice coefficient.

    Attributes
    ----------
    precision, recall, dice
        Fraction of detected pixels that are right, fraction of right pixels that are detected, and their
        harmonic mean; NaN if no pixel belongs to the class.
    threshold
        Threshold on the log-odds.
    """

    precision: float
    recall: float
    dice: float
    threshold: float


def pixel_scores(tally: Tally) -> PixelScores:
    """Return the scores of the pixels of a class.

    Parameters
    ----------
    tally
        Histograms of the log-odds of pixels inside and outside of the class.

    Returns
    -------
    PixelScores
        At the threshold with the highest Dice coefficient.
    """
    true_positives = tally.positives[::-1].cumsum()[::-1]
    false_positives = tally.negatives[::-1].cumsum()[::-1]
    positives = tally.positives.sum()
    if not positives > 0:
        return PixelScores(*[float("nan")] * 4)
    dice = 2 * true_positives / (true_positives + false_positives + positives)
    best = int(np.argmax(dice))
    precision = true_positives[best] / (true_positives[best] + false_positives[best])
    recall = true_positives[best] / positives
    return PixelScores(float(precision), float(recall), float(dice[best]), float(tally.centres[best]))
