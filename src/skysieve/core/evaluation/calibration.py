"""Whether probabilities are what they say, after they are modified for the proportions of the frames at hand.

In log-odds the published change of priors (Saerens, Latinne & Decaestecker 2002, equation 2.4) is a shift by
``logit(new prior) - logit(training prior)``, so that all of this works on histograms of log-odds.

Pixels are grouped by the log-odds of their modified probability, in bins one wide from -10 to 10.  Bins of
equal width in probability would put nearly all pixels of a rare class into the first one, and bins of equal
counts all that matters into the last: errors up and down cancel within a bin and would go unseen.

References
----------
Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21; Naeini, Cooper & Hauskrecht 2015, AAAI 29,
2901 (expected calibration error); Platt 1999, Advances in Large Margin Classifiers, 61.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.evaluation.histograms import Tally

__all__ = [
    "Platt",
    "Reliability",
    "expected_calibration_error",
    "fit_platt",
    "prior_shift",
    "reliability",
]

GROUP_EDGES: NDArray[np.float64] = np.arange(-10.0, 11.0)
"""Log-odds between the groups; all below and all above are groups too, which makes 22."""

_ROUNDS = 100
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Reliability:
    """A reliability curve, one point a group with pixels.

    Attributes
    ----------
    predicted
        ``(G,)`` mean probability.
    observed
        ``(G,)`` part of the pixels that belong to the class.
    pixels
        ``(G,)`` number of pixels.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    pixels: NDArray[np.float64]


@dataclass(frozen=True)
class Platt:
    """A straight line through log-odds: calibrated log-odds are ``slope * log-odds + intercept``.

    Attributes
    ----------
    slope, intercept
        1 and 0 change nothing; a slope below 1 takes away confidence.
    """

    slope: float
    intercept: float


def prior_shift(training_prior: float, prior: float) -> float:
    """Return what a change of priors adds to log-odds; NaN if one of them is not within (0, 1).

    Examples
    --------
    >>> round(float(expit(0 + prior_shift(0.5, 0.05))), 3)
    0.05
    """
    if not (0 < training_prior < 1 and 0 < prior < 1):
        return float("nan")
    return float(logit(prior) - logit(training_prior))


def reliability(tally: Tally, shift: float = 0.0) -> Reliability:
    """Return the reliability curve.

    Parameters
    ----------
    tally
        Counts ``(B,)``.
    shift
        Of :func:`prior_shift`.
    """
    pixels, predicted, observed = _by_group(tally, shift)
    used = pixels > 0
    return Reliability(predicted[used] / pixels[used], observed[used] / pixels[used], pixels[used])


def expected_calibration_error(tally: Tally, shift: float = 0.0) -> NDArray[np.float64]:
    """Return ``Σ n_g / N |predicted_g - observed_g|`` over groups, of shape ``(...)``; NaN without pixels.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.
    shift
        Of :func:`prior_shift`; NaN gives NaN.
    """
    pixels, predicted, observed = _by_group(tally, shift)
    total = pixels.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.asarray(
            np.abs(predicted - observed).sum(axis=-1) / total + 0.0 * shift
        )
    return found


def fit_platt(tally: Tally, shift: float = 0.0) -> Platt:
    """Fit the line that makes probabilities likeliest, given the truth.

    Parameters
    ----------
    tally
        Counts ``(B,)`` with pixels of both kinds.
    shift
        What a change of priors from the training set to these pixels adds to log-odds; it is left out of the
        line, so that this holds for probabilities at the training prior.

    Returns
    -------
    Platt
        With a slope above 0; the line that changes nothing if one kind of pixels is missing.

    References
    ----------
    Platt 1999, section 2.2, with his targets, which keep the line finite where scores separate the classes;
    Lin, Lin & Weng 2007, Machine Learning 68, 267 (Newton's method with backtracking).
    """
    positives, negatives, z = tally.positives, tally.negatives, tally.centres
    if not (positives.sum() > 0 and negatives.sum() > 0):
        return Platt(1.0, 0.0)
    count = positives + negatives
    high, low = (positives.sum() + 1) / (positives.sum() + 2), 1 / (negatives.sum() + 2)
    target = (positives * high + negatives * low) / np.maximum(count, 1e-300)

    def loss(line: NDArray[np.float64]) -> float:
        odds = line[0] * z + line[1] + shift
        return float((count * (np.logaddexp(0, odds) - target * odds)).sum())

    line, current = np.array([1.0, 0.0]), loss(np.array([1.0, 0.0]))
    for _ in range(_ROUNDS):
        probability = expit(line[0] * z + line[1] + shift)
        residual, curvature = count * (probability - target), count * probability * (1 - probability)
        gradient = np.array([(residual * z).sum(), residual.sum()])
        mixed = (curvature * z).sum()
        hessian = np.array([[(curvature * z * z).sum() + 1e-12, mixed], [mixed, curvature.sum() + 1e-12]])
        direction = -np.linalg.solve(hessian, gradient)
        step = 1.0
        while step > 1e-10 and loss(line + step * direction) > current + 1e-4 * step * gradient @ direction:
            step /= 2
        line = line + step * direction
        before, current = current, loss(line)
        if abs(before - current) <= _TOLERANCE * max(1.0, abs(current)):
            break
    return Platt(float(max(line[0], 1e-3)), float(line[1]))


def _by_group(
    tally: Tally, shift: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return pixels, the sum of their probabilities, and those that belong, each ``(..., G)``."""
    odds = tally.centres + (shift if np.isfinite(shift) else 0.0)
    member = np.digitize(odds, GROUP_EDGES)[:, None] == np.arange(len(GROUP_EDGES) + 1)
    groups = member.astype(np.float64)
    pixels = tally.positives + tally.negatives
    return pixels @ groups, (pixels * expit(odds)) @ groups, tally.positives @ groups
