"""Pixel by pixel: a map of probabilities against discs about true clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PixelCounts", "count_pixels", "true_discs"]


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of a map, or sums over several maps.

    Attributes
    ----------
    right, false, missed
        In a disc and above the threshold, above it only, in a disc only.
    """

    right: int
    false: int
    missed: int

    def __add__(self, other: PixelCounts) -> PixelCounts:
        """Return the sums of both."""
        return PixelCounts(self.right + other.right, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Part of the pixels above the threshold that are in a disc; NaN if there are none."""
        return _part(self.right, self.right + self.false)

    @property
    def recall(self) -> float:
        """Part of the pixels in discs that are above the threshold; NaN if there are none."""
        return _part(self.right, self.right + self.missed)

    @property
    def dice(self) -> float:
        """Twice what both share, in the sum of both (Dice 1945, Ecology 26, 297)."""
        return _part(2 * self.right, 2 * self.right + self.false + self.missed)


def count_pixels(
    probability: NDArray[np.floating], discs: NDArray[np.bool_], *, threshold: float
) -> PixelCounts:
    """Count pixels.

    Parameters
    ----------
    probability : ndarray, shape (npix,)
        NaN where nothing counts.
    discs : ndarray of bool, shape (npix,)
        Of :func:`true_discs`.
    threshold
        What is above it, or on it, is said to be a cluster.
    """
    counts = np.isfinite(probability)
    said = np.where(counts, probability, -np.inf) >= threshold
    return PixelCounts(
        int(np.count_nonzero(said & discs)),
        int(np.count_nonzero(said & ~discs)),
        int(np.count_nonzero(counts & ~said & discs)),
    )


def true_discs(
    lon: ArrayLike, lat: ArrayLike, radius: ArrayLike, *, nside: int, nested: bool
) -> NDArray[np.bool_]:
    """Return a map of discs about places.

    Parameters
    ----------
    lon, lat
        ``(N,)``, Galactic, in degrees.
    radius
        In arcminutes: one for all, or one for each.  The pixel that a place is in always counts.
    nside, nested
        Of the map.

    Returns
    -------
    ndarray of bool, shape (npix,)
    """
    import healpy

    across, up, radii = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, float)) for x in (lon, lat, radius))
    )
    discs = np.zeros(12 * nside**2, bool)
    if across.size:
        discs[healpy.ang2pix(nside, across, up, nest=nested, lonlat=True)] = True
    for centre, reach in zip(healpy.ang2vec(across, up, lonlat=True).reshape(-1, 3), radii, strict=True):
        discs[healpy.query_disc(nside, centre, np.radians(reach / 60), nest=nested)] = True
    return discs


def _part(some: int, of_all: int) -> float:
    return some / of_all if of_all else float("nan")
