"""From probabilities to decisions: pure functions on arrays."""

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
    "told_apart",
]

BACKGROUND_MARK = 16384
"""Stands for the background, which has no bit, until :func:`told_apart` takes it out."""


def prior_factors(training_priors: ArrayLike, priors: ArrayLike) -> NDArray[np.float64]:
    """Return the odds factor of a change of priors, ``[tr / (1 - tr)] [(1 - pr) / pr]``, one a class.

    Parameters
    ----------
    training_priors, priors
        ``(C,)`` proportions of each class in the training set and in the frames at hand, in (0, 1).
    """
    training, new = np.asarray(training_priors, np.float64), np.asarray(priors, np.float64)
    factors: NDArray[np.float64] = training / (1 - training) * (1 - new) / new
    return factors


def modify_priors(
    probabilities: NDArray[np.float32], training_priors: ArrayLike, priors: ArrayLike
) -> NDArray[np.float32]:
    """Return probabilities for other class proportions than the training set's.

    Parameters
    ----------
    probabilities
        ``(C, ...)`` probabilities of the network.
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
    """Return thresholds on the network's own probabilities.

    A probability grows with the one before the change of priors, so that comparing this one with a
    moved threshold decides the same, at the cost of a comparison a pixel.

    Parameters
    ----------
    thresholds
        ``(C,)`` thresholds on probabilities after the change of priors.
    training_priors, priors
        ``(C,)`` proportions; no change if ``priors`` is None.

    Returns
    -------
    ndarray
        ``(C,)`` float32.
    """
    wanted = np.asarray(thresholds, np.float64)
    if priors is None:
        return wanted.astype(np.float32)
    scaled = prior_factors(training_priors, priors) * wanted
    moved: NDArray[np.float64] = scaled / (1 - wanted + scaled)
    return moved.astype(np.float32)


def bit_mask(
    probabilities: NDArray[np.float32], thresholds: NDArray[np.float32], codes: Sequence[int]
) -> NDArray[np.int16]:
    """Return the sum of the codes of all classes whose probability is above its threshold.

    Parameters
    ----------
    probabilities
        ``(C, H, W)``; NaN is never above.
    thresholds, codes
        One a class.

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


def told_apart(
    marks: NDArray[np.int16], nodata: NDArray[np.bool_]
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return bits and background of marks, which hold both; pixels without data are nothing else.

    Parameters
    ----------
    marks
        ``(H, W)`` sums of codes and :data:`BACKGROUND_MARK`.
    nodata
        ``(H, W)``, True where there is no data.

    Returns
    -------
    bits
        ``(H, W)`` int16, and 8192 where there is no data.
    background
        ``(H, W)`` bool.
    """
    background = ((marks & BACKGROUND_MARK) != 0) & ~nodata
    bits = marks & np.int16(~BACKGROUND_MARK)
    bits[nodata] = NODATA.code
    return bits, background


def class_fractions(bits: NDArray[np.integer], codes: Sequence[int]) -> list[float]:
    """Return the part of the pixels of a mask, any shape, that carry each code."""
    histogram = np.zeros(int(bits.max(initial=0)) + 1, np.int64)
    for row in bits.reshape(-1, bits.shape[-1]):  # counting all at once would make 64-bit copies of all
        histogram += np.bincount(row, minlength=histogram.size)
    values = np.nonzero(histogram)[0]
    counts = histogram[values]
    return [float(counts[(values & code) != 0].sum()) / max(1, bits.size) for code in codes]
