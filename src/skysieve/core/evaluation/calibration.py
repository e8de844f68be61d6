"""Calibration of probabilities, after they are adapted to the class proportions of the evaluated frames.

In log-odds the published change of priors (Saerens, Latinne & Decaestecker 2002, equation 2.4) is a shift by
``logit(new prior) - logit(training prior)``.  So all functions work on histograms of log-odds.

Pixels are grouped by the log-odds of their adapted probability, in bins of width 1 from -10 to 10.  Bins of
equal width in probability would put nearly all pixels of a rare class into the first bin.  Bins of equal
counts would put all relevant pixels into the last bin.  Positive and negative errors cancel within a bin, so
such bins would hide them.

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

from skysieve.core.evaluation.logistic import fit_logistic

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
"""Log-odds between the groups.  With the groups below and above all edges there are 22."""

_MIN_SLOPE = 1e-3
_RIDGE = 1e-9
"""Weight of a penalty on the change of the slope, far below that of a pixel."""


@dataclass(frozen=True)
class Reliability:
    """A reliability curve with one point for each group with pixels.

    Attributes
    ----------
    predicted
        ``(G,)`` mean probability.
    observed
        ``(G,)`` fraction of the pixels that belong to the class.
    pixels
        ``(G,)`` number of pixels.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    pixels: NDArray[np.float64]


@dataclass(frozen=True)
class Platt:
    """Platt scaling: calibrated log-odds are ``slope * log-odds + intercept``.

    Attributes
    ----------
    slope, intercept
        1 and 0 for the identity; a slope below 1 reduces the confidence.
    """

    slope: float
    intercept: float


def prior_shift(training_prior: float, prior: float) -> float:
    """Return the shift of log-odds for a change of priors.

    Parameters
    ----------
    training_prior, prior
        Proportion of the class in the training set and in the evaluated frames.

    Returns
    -------
    float
        Shift to add to log-odds; NaN if a prior is not within (0, 1).

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
        Shift of :func:`prior_shift`.

    Returns
    -------
    Reliability
        Groups without pixels are left out.
    """
    pixels, predicted, observed = _by_group(tally, shift)
    used = pixels > 0
    return Reliability(predicted[used] / pixels[used], observed[used] / pixels[used], pixels[used])


def expected_calibration_error(tally: Tally, shift: float = 0.0) -> NDArray[np.float64]:
    """Return the expected calibration error, ``Σ n_g / N |predicted_g - observed_g|`` over groups.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.
    shift
        Shift of :func:`prior_shift`; NaN gives NaN.

    Returns
    -------
    ndarray
        ``(...)`` float64; NaN without pixels.
    """
    pixels, predicted, observed = _by_group(tally, shift)
    total = pixels.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.asarray(
            np.abs(predicted - observed).sum(axis=-1) / total + 0.0 * shift
        )
    return found


def fit_platt(tally: Tally, shift: float = 0.0) -> Platt:
    """Fit Platt scaling by maximum likelihood.

    Parameters
    ----------
    tally
        Counts ``(B,)`` with positive and negative pixels.
    shift
        Shift of :func:`prior_shift` from the training set to these pixels. It is not part of the result,
        which holds for probabilities at the training prior.

    Returns
    -------
    Platt
        Its slope is above 0. It is the identity if positive or negative pixels are missing.

    References
    ----------
    Platt 1999, section 2.2, with his targets, which keep the fit finite if scores separate the classes.
    """
    positives, negatives, z = tally.positives, tally.negatives, tally.centres
    if not (positives.sum() > 0 and negatives.sum() > 0):
        return Platt(1.0, 0.0)
    count = positives + negatives
    high, low = (positives.sum() + 1) / (positives.sum() + 2), 1 / (negatives.sum() + 2)
    target = (positives * high + negatives * low) / np.maximum(count, 1e-300)
    # Fitted as a change of the identity, so that the slope stays near 1 where all scores are equal
    change = fit_logistic(z[:, None], target, weights=count, offset=z + shift, ridge=_RIDGE)
    return Platt(max(1 + float(change.slopes[0]), _MIN_SLOPE), change.intercept)


def _by_group(
    tally: Tally, shift: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the number of pixels, the sum of their probabilities, and the positives, each ``(..., G)``."""
    odds = tally.centres + (shift if np.isfinite(shift) else 0.0)
    member = np.digitize(odds, GROUP_EDGES)[:, None] == np.arange(len(GROUP_EDGES) + 1)
    groups = member.astype(np.float64)
    pixels = tally.positives + tally.negatives
    return pixels @ groups, (pixels * expit(odds)) @ groups, tally.positives @ groups
