"""Whether an exposure has any ghost: what the network says of the picture as a whole, and what it outlined.

Tanoglidis et al. 2022 (Astronomy and Computing, arXiv 2109.08246) called an exposure ghosted if anything was
outlined on it, and proposed to combine that with a classifier.  The networks here are both; a line through
the logits of the two, fitted on simulated pictures with every training, combines them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["WEAKEST", "Screening", "best_score"]

WEAKEST = 0.05
"""Least score of a ghost that is looked at."""

SUREST = 1e-4
"""Probabilities count as at least this, and at most one minus this."""

RIDGE = 0.05
"""Weight of the squares of the line's slopes beside the mean loss: where all pictures are told rightly they
would grow without end."""


@dataclass(frozen=True)
class Screening:
    """A line through two logits.

    Attributes
    ----------
    offset
        Of the line.
    picture
        Slope along the logit of what the network says of the whole picture.
    ghosts
        Slope along the logit of the score of the likeliest ghost.
    """

    offset: float
    picture: float
    ghosts: float

    def probability(self, whole: float, ghosts: Sequence[Ghost]) -> float:
        """Return the probability of any ghost.

        Parameters
        ----------
        whole
            What the network says of the whole picture.
        ghosts
            Those with a score of :data:`WEAKEST` and more.

        Examples
        --------
        >>> round(Screening(0.0, 0.5, 0.5).probability(0.5, []), 3)
        0.01
        """
        return float(expit(_logits(whole, best_score(ghosts)) @ [self.picture, self.ghosts] + self.offset))

    @classmethod
    def of_card(cls, values: Mapping[str, float], *, origin: str) -> Self | None:
        """Return what a model's card says; None if it says nothing.

        Raises
        ------
        ModelError
            If that is no line; `origin` names the card in the message.
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
    def fit(cls, wholes: Sequence[float], best: Sequence[float], truth: Sequence[bool]) -> Self:
        """Return the line that tells pictures with ghosts from others best: logistic regression.

        Parameters
        ----------
        wholes
            What the network says of each picture.
        best
            Score of the likeliest ghost of each; 0 where there is none.
        truth
            Whether each has a ghost.
        """
        seen = np.stack([_logits(one, other) for one, other in zip(wholes, best, strict=True)])
        sign = np.where(np.asarray(truth, bool), 1.0, -1.0)

        def loss(line: NDArray[np.float64]) -> float:
            wrong = np.logaddexp(0, -sign * (seen @ line[1:] + line[0]))
            return float(wrong.mean() + RIDGE * np.square(line[1:]).sum())

        # neither may speak against a ghost that the other sees
        found = minimize(loss, [0.0, 0.5, 0.5], bounds=[(None, None), (0, None), (0, None)])
        offset, picture, ghosts = (round(float(value), 4) for value in found.x)
        return cls(offset, picture, ghosts)


def best_score(ghosts: Sequence[Ghost]) -> float:
    """Return the score of the likeliest ghost; 0 if there is none."""
    return max((ghost.score for ghost in ghosts), default=0.0)


def _logits(whole: float, best: float) -> NDArray[np.float64]:
    values: NDArray[np.float64] = logit(np.clip([whole, best], SUREST, 1 - SUREST))
    return values
