"""Pixel scores: a map of probabilities compared with discs about true clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PixelCounts", "count_pixels", "true_discs"]


@dataclass(frozen=True)
class PixelCounts:
    """Counts of pixels of a map, or sums over several maps.

    Attributes
    ----------
    true_positive
        Pixels in a disc and at or above the threshold.
    false_positive
        Pixels at or above the threshold only.
    false_negative
        Pixels in a disc only.
    """

    true_positive: int
    false_positive: int
    false_negative: int

    def __add__(self, other: PixelCounts) -> PixelCounts:
        """Return the sums of both."""
        return PixelCounts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
        )

    @property
    def precision(self) -> float:
        """Fraction of the pixels above the threshold that are in a disc; NaN if there are none."""
        return _fraction(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Fraction of the pixels in discs that are above the threshold; NaN if there are none."""
        return _fraction(self.true_positive, self.true_positive + self.false_negative)

    @property
    def dice(self) -> float:
        """Dice coefficient, 2 TP / (2 TP + FP + FN) (Dice 1945, Ecology 26, 297)."""
        return _fraction(
            2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative
        )


def count_pixels(
    probability: NDArray[np.floating], discs: NDArray[np.bool_], *, threshold: float
) -> PixelCounts:
    """Count true positive, false positive and false negative pixels.

    Parameters
    ----------
    probability : ndarray of floating, shape (npix,)
        Map of probabilities; NaN in pixels that do not count.
    discs : ndarray of bool, shape (npix,)
        Discs of :func:`true_discs`.
    threshold
        Pixels at or above the threshold are predicted to be clusters.

    Returns
    -------
    PixelCounts
        The counts.
    """
    valid = np.isfinite(probability)
    predicted = np.where(valid, probability, -np.inf) >= threshold
    return PixelCounts(
        int(np.count_nonzero(predicted & discs)),
        int(np.count_nonzero(predicted & ~discs)),
        int(np.count_nonzero(valid & ~predicted & discs)),
    )


def true_discs(
    lon: ArrayLike, lat: ArrayLike, radius: ArrayLike, *, nside: int, nested: bool
) -> NDArray[np.bool_]:
    """Make a map of discs about positions.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        Galactic coordinates in degrees.
    radius : array_like, shape () or (N,)
        Radius in arcminutes.  The pixel of a position is always part of its disc.
    nside, nested
        Resolution and order of the map.

    Returns
    -------
    ndarray of bool, shape (npix,)
        True in a disc.
    """
    import healpy

    across, up, radii = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, float)) for x in (lon, lat, radius))
    )
    discs = np.zeros(12 * nside**2, bool)
    if across.size:
        discs[healpy.ang2pix(nside, across, up, nest=nested, lonlat=True)] = True
    for centre, size in zip(healpy.ang2vec(across, up, lonlat=True).reshape(-1, 3), radii, strict=True):
        discs[healpy.query_disc(nside, centre, np.radians(size / 60), nest=nested)] = True
    return discs


def _fraction(count: int, total: int) -> float:
    return count / total if total else float("nan")
