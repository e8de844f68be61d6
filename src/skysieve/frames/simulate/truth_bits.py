"""Convert truth masks to the bits of one mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.classes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["class_fractions", "truth_bits"]


def truth_bits(truth: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.int16]:
    """Return the sum of the codes of the classes of each pixel.

    Parameters
    ----------
    truth
        At least one mask ``(H, W)`` bool, by the abbreviation of its class.

    Returns
    -------
    numpy.ndarray
        Codes ``(H, W)`` int16.
    """
    bits = np.zeros(next(iter(truth.values())).shape, np.int16)
    for cls in CLASSES:
        if cls.name in truth:
            bits |= truth[cls.name] * np.int16(cls.code)
    return bits


def class_fractions(bits: NDArray[np.int16]) -> dict[str, float]:
    """Return the fraction of pixels in each class that has a code.

    Parameters
    ----------
    bits
        Codes ``(H, W)`` int16.

    Returns
    -------
    dict
        Fraction by the abbreviation of the class.
    """
    return {c.name: int(np.count_nonzero(bits & c.code)) / bits.size for c in CLASSES if c.code}
