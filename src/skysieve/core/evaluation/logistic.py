"""Logistic regression, for the calibration of scores and for scores of several features."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LogisticFit", "fit_logistic"]

PRECISION = 1e-9
"""Gradient of the mean loss at which a fit ends, in units of the features."""


class LogisticFit(NamedTuple):
    """Coefficients of a logistic regression.

    Attributes
    ----------
    intercept
        Log-odds where all features are 0.
    slopes
        ``(F,)`` float64, change of the log-odds per unit of each feature.
    """

    intercept: float
    slopes: NDArray[np.float64]


def fit_logistic(
    features: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    weights: NDArray[np.float64] | float = 1.0,
    offset: NDArray[np.float64] | float = 0.0,
    ridge: float = 0.0,
    positive: bool = False,
) -> LogisticFit:
    """Fit a logistic regression by maximum likelihood, with an optional penalty on the slopes.

    Parameters
    ----------
    features
        ``(N, F)``.
    target
        ``(N,)``, from 0 to 1; fractions are allowed.
    weights
        ``(N,)`` weight of each row, for example a number of pixels.
    offset
        Known part of the log-odds, ``(N,)`` or the same for all rows; it is not part of the result.
    ridge
        Factor of half of the sum of squared slopes that is added to the negative log-likelihood.
    positive
        Whether slopes are at least 0.

    Returns
    -------
    LogisticFit
        Intercept and slopes.

    References
    ----------
    le Cessie & van Houwelingen 1992, Applied Statistics 41, 191 (the penalty).
    """
    weights = np.broadcast_to(np.asarray(weights, np.float64), target.shape)
    design = np.column_stack([np.ones(len(target)), features])
    total = weights.sum()
    penalty = np.array([0.0] + [ridge / total] * features.shape[1])

    def loss(x: NDArray[np.float64]) -> float:
        odds = design @ x + offset
        return float((weights * (np.logaddexp(0, odds) - target * odds)).sum() / total + penalty @ x**2 / 2)

    def gradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
        residual = weights * (expit(design @ x + offset) - target) / total
        return np.asarray(design.T @ residual + penalty * x)

    def hessian(x: NDArray[np.float64]) -> NDArray[np.float64]:
        probability = expit(design @ x + offset)
        curvature = weights * probability * (1 - probability) / total
        return np.asarray((design * curvature[:, None]).T @ design + np.diag(penalty))

    start = np.zeros(design.shape[1])
    if positive:
        bounds = [(None, None)] + [(0, None)] * features.shape[1]
        found = minimize(
            loss,
            start,
            jac=gradient,
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 0, "gtol": PRECISION},
        )
    else:
        found = minimize(
            loss, start, jac=gradient, hess=hessian, method="trust-exact", options={"gtol": PRECISION}
        )
    return LogisticFit(float(found.x[0]), np.asarray(found.x[1:]))
