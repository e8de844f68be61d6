"""Learners of pixel classes: validation scores, and calibration on pixels with truth."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from skysieve.core.evaluation.calibration import fit_platt
from skysieve.core.evaluation.histograms import LIMIT, ScoreHistograms, count_pixels
from skysieve.core.training.learner import Learner

if TYPE_CHECKING:
    from torch import Tensor, nn

    from skysieve.core.evaluation.calibration import Platt
    from skysieve.core.evaluation.histograms import Tally
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["PixelCalibration", "PixelLearner", "add_logits", "calibrate_pixels"]

MIN_PRIOR = 1e-7
"""Prior of classes without pixels."""


class PixelLearner(Learner):
    """Base of the learners of pixel classes.

    Parameters
    ----------
    recipe, network, frozen_statistics
        See :class:`skysieve.core.training.learner.Learner`.
    classes
        Names of the classes, in the order of the network's outputs.
    """

    loss: nn.Module
    """Takes logits, targets and valid pixels."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        network: nn.Module,
        classes: tuple[str, ...],
        *,
        frozen_statistics: bool = False,
    ) -> None:
        super().__init__(recipe, network, frozen_statistics=frozen_statistics)
        self._histograms = ScoreHistograms(classes)

    def add_scores(self, logits: Tensor, targets: Tensor, valid: Tensor) -> None:
        """Add the loss and the scores of a validation batch.

        Parameters
        ----------
        logits
            ``(N, C, H, W)`` float32.
        targets
            ``(N, C, H, W)`` float32, at least one half for pixels of the class.
        valid
            ``(N, 1, H, W)`` float32, 1 for pixels that count.
        """
        self.record(**{"validation loss": self.loss(logits, targets, valid)})
        add_logits(self._histograms, logits, targets, valid)

    def scores(self) -> dict[str, float]:
        """Return the scores of the classes and the mean loss, and begin the next validation."""
        found = self.class_scores(self._histograms) | super().scores()
        self._histograms = ScoreHistograms(self._histograms.classes)
        return found

    @abstractmethod
    def class_scores(self, histograms: ScoreHistograms) -> dict[str, float]:
        """Return the scores of the classes by name."""


def add_logits(histograms: ScoreHistograms, logits: Tensor, targets: Tensor, valid: Tensor) -> None:
    """Add the logits of images to histograms; each image counts as a frame.

    Parameters
    ----------
    histograms
        Histograms of all classes, changed in place.
    logits
        ``(N, C, H, W)``.
    targets
        ``(N, C, H, W)``, at least one half for pixels of the class.
    valid
        ``(N, 1, H, W)``, positive for pixels that count.
    """
    log_odds = logits.float().clamp(-LIMIT, LIMIT).cpu().numpy()
    truth, counted = (targets >= 0.5).cpu().numpy(), (valid > 0).cpu().numpy()
    for scores, classes, known in zip(log_odds, truth, counted[:, 0], strict=True):
        counts = {
            name: count_pixels(plane, belongs, decided=plane > 0, valid=known)
            for name, plane, belongs in zip(histograms.classes, scores, classes, strict=True)
        }
        histograms.add(str(len(histograms.frames)), counts)


class PixelCalibration(NamedTuple):
    """Calibration of pixel classes.

    Attributes
    ----------
    tallies
        Pixels inside and outside of each class by log-odds.
    lines
        Calibration of the logits of each class.
    priors
        Fraction of the pixels in each class, within (0, 1).
    """

    tallies: dict[str, Tally]
    lines: dict[str, Platt]
    priors: dict[str, float]


def calibrate_pixels(histograms: ScoreHistograms) -> PixelCalibration:
    """Calibrate the logits of each class on pixels with truth.

    Parameters
    ----------
    histograms
        Histograms of all classes.

    Returns
    -------
    PixelCalibration
        By class.
    """
    tallies = {name: histograms.tally(name) for name in histograms.classes}
    return PixelCalibration(
        tallies,
        {name: fit_platt(tally) for name, tally in tallies.items()},
        {name: _clipped(float(tally.prevalence)) for name, tally in tallies.items()},
    )


def _clipped(prior: float) -> float:
    """Return a prior with finite log-odds."""
    return min(max(prior, MIN_PRIOR), 1 - MIN_PRIOR) if math.isfinite(prior) else MIN_PRIOR
