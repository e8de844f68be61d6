"""Decide whether an exposure has any ghost, from the network's picture probability and its instances.

Tanoglidis et al. 2022 (Astronomy and Computing, arXiv 2109.08246) classified an exposure as ghosted if their
network found any instance, and proposed to combine this with a classifier.  The networks here have both
outputs.  A logistic regression on the logits of the two combines them; each training fits it on simulated
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import expit, logit

from skysieve.core.errors import ModelError
from skysieve.core.evaluation.logistic import fit_logistic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["MIN_SCORE", "Screening", "best_score"]

MIN_SCORE = 0.05
"""Minimum score of a ghost that is considered at all."""

MIN_PROBABILITY = 1e-4
"""Probabilities are clipped to this value and one minus this value."""

RIDGE = 0.1
"""Weight of the L2 penalty on the slopes, per picture.  Without it, slopes diverge if all classifications are
correct."""


@dataclass(frozen=True)
class Screening:
    """Coefficients of the logistic regression.

    Attributes
    ----------
    offset
        Intercept.
    picture
        Slope of the logit of the network's picture probability.
    ghosts
        Slope of the logit of the highest score of a ghost.
    """

    offset: float
    picture: float
    ghosts: float

    def probability(self, picture_probability: float, ghosts: Sequence[Ghost]) -> float:
        """Return the probability that a picture has any ghost.

        Parameters
        ----------
        picture_probability
            The network's probability for the whole picture.
        ghosts
            Ghosts with a score of at least :data:`MIN_SCORE`.

        Returns
        -------
        float
            The probability.

        Examples
        --------
        >>> round(Screening(0.0, 0.5, 0.5).probability(0.5, []), 3)
        0.01
        """
        logits = _logits(picture_probability, best_score(ghosts))
        return float(expit(logits @ [self.picture, self.ghosts] + self.offset))

    @classmethod
    def from_card(cls, values: Mapping[str, float], *, origin: str) -> Self | None:
        """Read the coefficients from a model card.

        Parameters
        ----------
        values
            Coefficients by name; empty if the card has none.
        origin
            Name of the card in messages.

        Returns
        -------
        Screening or None
            The coefficients; None if the card has none.

        Raises
        ------
        ModelError
            If a coefficient is missing, unknown or not a number.
        """
        if not values:
            return None
        try:
            line = cls(**{name: float(value) for name, value in values.items()})
        except (TypeError, ValueError):
            raise ModelError(
                f"{origin}: screening: expected offset, picture and ghosts; import the model again"
            ) from None
        return line

    @classmethod
    def fit(
        cls, picture_probabilities: Sequence[float], best: Sequence[float], truth: Sequence[bool]
    ) -> Self:
        """Fit the coefficients by regularised logistic regression.

        Parameters
        ----------
        picture_probabilities
            The network's probability for each picture.
        best
            Highest score of a ghost in each picture; 0 if there is none.
        truth
            Whether each picture has a ghost.

        Returns
        -------
        Screening
            The coefficients, rounded to four decimals.
        """
        logits = np.stack(
            [_logits(one, other) for one, other in zip(picture_probabilities, best, strict=True)]
        )
        # positive slopes: a higher value of one output never lowers the probability
        found = fit_logistic(logits, np.asarray(truth, float), ridge=RIDGE * len(logits), positive=True)
        offset, picture, ghosts = (round(float(value), 4) for value in (found.intercept, *found.slopes))
        return cls(offset, picture, ghosts)


def best_score(ghosts: Sequence[Ghost]) -> float:
    """Return the highest score of the ghosts.

    Parameters
    ----------
    ghosts
        The ghosts.

    Returns
    -------
    float
        The highest score; 0 without ghosts.
    """
    return max((ghost.score for ghost in ghosts), default=0.0)


def _logits(picture_probability: float, best: float) -> NDArray[np.float64]:
    values: NDArray[np.float64] = logit(
        np.clip([picture_probability, best], MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    )
    return values
