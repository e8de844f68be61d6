"""Wilson's confidence interval of a binomial fraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["wilson_interval"]


def wilson_interval(
    hits: ArrayLike, trials: ArrayLike, *, level: float = 0.6827
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Wilson's confidence interval of the probability of a hit.

    Parameters
    ----------
    hits, trials
        Number of hits and of trials, of any shape; they may be weighted.
    level
        Approximate probability that the interval contains the true value.

    Returns
    -------
    low, high
        Ends of the interval; NaN without trials.

    References
    ----------
    Wilson 1927, Journal of the American Statistical Association 22, 209; Brown, Cai & DasGupta 2001,
    Statistical Science 16, 101, equation 4.

    Examples
    --------
    >>> [end.round(3).tolist() for end in wilson_interval([0, 5, 10], 10, level=0.95)]
    [[0.0, 0.237, 0.722], [0.278, 0.763, 1.0]]
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    count = np.asarray(trials, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.asarray(hits, np.float64) / count
        centre = (fraction + z**2 / (2 * count)) / (1 + z**2 / count)
        half = z * np.sqrt(fraction * (1 - fraction) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
