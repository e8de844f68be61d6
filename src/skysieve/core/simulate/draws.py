"""Random numbers drawn from the ranges that a recipe gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Range", "log_uniform", "power_law", "uniform"]

Range = tuple[float, float]
"""Lowest and highest value."""


def uniform(rng: Generator, limits: Range) -> float:
    """Draw a number, all values within the limits being as likely."""
    return float(rng.uniform(*limits))


def log_uniform(rng: Generator, limits: Range) -> float:
    """Draw a positive number, all orders of magnitude within the limits being as likely."""
    low, high = limits
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def power_law(rng: Generator, count: int, *, low: float, high: float, slope: float) -> NDArray[np.float64]:
    """Draw values ``(count,)`` whose number above F goes as F^-slope, between two limits."""
    u = rng.uniform(size=count)
    values: NDArray[np.float64] = (low**-slope + u * (high**-slope - low**-slope)) ** (-1 / slope)
    return values
