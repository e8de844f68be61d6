"""Decisions from probabilities: pure functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.classes import NODATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BACKGROUND_MARK",
    "bit_mask",
    "class_fractions",
    "modify_priors",
    "prior_factors",
    "raw_thresholds",
    "split_marks",
]

BACKGROUND_MARK = 16384
"""Temporary bit of the background, which has no code; :func:`split_marks` removes it."""


def prior_factors(training_priors: ArrayLike, priors: ArrayLike) -> NDArray[np.float64]:
    """Return the factors by which a change of priors divides the odds of each class.

    Parameters
    ----------
    training_priors, priors
        ``(C,)`` proportions of each class in the training set and in the frame, in (0, 1).

    Returns
    -------
    ndarray
        ``(C,)`` float64, ``[tr / (1 - tr)] [(1 - pr) / pr]``.
    """
    training, new = np.asarray(training_priors, np.float64), np.asarray(priors, np.float64)
    factors: NDArray[np.float64] = training / (1 - training) * (1 - new) / new
    return factors


def modify_priors(
    probabilities: NDArray[np.float32], training_priors: ArrayLike, priors: ArrayLike
) -> NDArray[np.float32]:
    """Convert probabilities from the class proportions of the training set to others.

    Parameters
    ----------
    probabilities
        ``(C, ...)`` float32, probabilities of the network.
    training_priors, priors
        ``(C,)`` proportions, in (0, 1).

    Returns
    -------
    ndarray
        ``(C, ...)`` float32, ``p / (p + f (1 - p))`` with the factors ``f`` of :func:`prior_factors`.

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21, equation 2.4;
    Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.4.

    Examples
    --------
    >>> modify_priors(np.array([0.5], np.float32), [0.5], [0.05]).round(3)
    array([0.05], dtype=float32)
    """
    factors = prior_factors(training_priors, priors).astype(np.float32)
    factors = factors.reshape(-1, *[1] * (probabilities.ndim - 1))
    return (probabilities / (probabilities + factors * (1 - probabilities))).astype(np.float32, copy=False)


def raw_thresholds(
    thresholds: ArrayLike, training_priors: ArrayLike, priors: ArrayLike | None
) -> NDArray[np.float32]:
    """Convert thresholds to thresholds on the network's own probabilities.

    The change of priors is monotonic.  Comparing the original probability with the converted threshold
    therefore gives the same decision, at the cost of one comparison per pixel.

    Parameters
    ----------
    thresholds
        ``(C,)`` thresholds on probabilities after the change of priors.
    training_priors, priors
        ``(C,)`` proportions; no change if `priors` is None.

    Returns
    -------
    ndarray
        ``(C,)`` float32.
    """
    wanted = np.asarray(thresholds, np.float64)
    if priors is None:
        return wanted.astype(np.float32)
    scaled = prior_factors(training_priors, priors) * wanted
    converted: NDArray[np.float64] = scaled / (1 - wanted + scaled)
    return converted.astype(np.float32)


def bit_mask(
    probabilities: NDArray[np.float32], thresholds: NDArray[np.float32], codes: Sequence[int]
) -> NDArray[np.int16]:
    """Return the sum of the codes of all classes whose probability is above its threshold.

    Parameters
    ----------
    probabilities
        ``(C, H, W)``; NaN is never above a threshold.
    thresholds, codes
        Threshold and code of each class.

    Returns
    -------
    ndarray
        ``(H, W)`` int16.
    """
    bits = np.zeros(probabilities.shape[1:], np.int16)
    for plane, threshold, code in zip(probabilities, thresholds, codes, strict=True):
        if code:
            bits |= (plane > threshold) * np.int16(code)
    return bits


def split_marks(
    marks: NDArray[np.int16], nodata: NDArray[np.bool_]
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Split marks into bits and background, and set pixels without data.

    Parameters
    ----------
    marks
        ``(H, W)`` int16, sums of codes and :data:`BACKGROUND_MARK`.
    nodata
        ``(H, W)`` bool, True where there is no data.

    Returns
    -------
    bits
        ``(H, W)`` int16, sums of codes; 8192 where there is no data.
    background
        ``(H, W)`` bool, True in pixels of the background.
    """
    background = ((marks & BACKGROUND_MARK) != 0) & ~nodata
    bits = marks & np.int16(~BACKGROUND_MARK)
    bits[nodata] = NODATA.code
    return bits, background


def class_fractions(bits: NDArray[np.integer], codes: Sequence[int]) -> list[float]:
    """Return the fraction of the pixels of a mask that have each code.

    Parameters
    ----------
    bits
        Mask of any shape.
    codes
        The codes.

    Returns
    -------
    list
        One fraction for each code.
    """
    histogram = np.zeros(int(bits.max(initial=0)) + 1, np.int64)
    for row in bits.reshape(-1, bits.shape[-1]):  # counting all rows at once would copy them to 64 bits
        histogram += np.bincount(row, minlength=histogram.size)
    values = np.nonzero(histogram)[0]
    counts = histogram[values]
    return [float(counts[(values & code) != 0].sum()) / max(1, bits.size) for code in codes]
