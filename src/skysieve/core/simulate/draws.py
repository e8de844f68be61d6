"""Random numbers from the ranges in a recipe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Range", "log_uniform", "power_law", "uniform"]

Range = tuple[float, float]
"""Minimum and maximum."""


def uniform(rng: Generator, limits: Range) -> float:
    """Draw a number from a uniform distribution.

    Parameters
    ----------
    rng
        Random generator.
    limits
        Minimum and maximum.

    Returns
    -------
    float
        Number within the limits.
    """
    return float(rng.uniform(*limits))


def log_uniform(rng: Generator, limits: Range) -> float:
    """Draw a number from a log-uniform distribution.

    Parameters
    ----------
    rng
        Random generator.
    limits
        Minimum and maximum, both positive.

    Returns
    -------
    float
        Number within the limits.
    """
    low, high = limits
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def power_law(rng: Generator, count: int, *, low: float, high: float, slope: float) -> NDArray[np.float64]:
    """Draw values from a power law: the number above F is proportional to F^-slope.

    Parameters
    ----------
    rng
        Random generator.
    count
        Number of values.
    low, high
        Minimum and maximum, both positive.
    slope
        Exponent of the cumulative number.

    Returns
    -------
    ndarray
        ``(count,)`` float64.
    """
    u = rng.uniform(size=count)
    values: NDArray[np.float64] = (low**-slope + u * (high**-slope - low**-slope)) ** (-1 / slope)
    return values
