"""Candidates of the matched filter: maxima of the signal-to-noise ratio, without those that are sources."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skysieve.clusters.matched_filter.consistency import Consistency, check_consistency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.matched_filter.matched_filter import FilteredPatch

    Selection: TypeAlias = NDArray[np.bool_] | NDArray[np.intp] | slice

__all__ = ["FilterCandidates", "mmf_candidates"]

_PEAK_WINDOW = 5
"""Side in pixels of the window in which a candidate is the maximum."""
_SOURCE_WINDOW = 3
"""Side in pixels of the window in which the source signal-to-noise ratio is the maximum."""


@dataclass(frozen=True, eq=False)
class FilterCandidates:
    """Candidates of the matched filter: arrays ``(N,)``.

    Attributes
    ----------
    row, column
        Position in the patch, in fractional pixels.
    snr
        Signal-to-noise ratio at the best size.
    size
        Theta500 in arcminutes.
    y500, y500_error
        Y500 at this size, and its error, in square arcminutes.
    source
        Signal-to-noise ratio of the best-fitting kind of point source, within a pixel.
    chi2, joint, dust, co
        See :class:`skysieve.clusters.matched_filter.consistency.Consistency`.
    consistent : ndarray of bool
        Whether the amplitudes in the bands agree with a cluster.
    """

    row: NDArray[np.float64]
    column: NDArray[np.float64]
    snr: NDArray[np.float64]
    size: NDArray[np.float64]
    y500: NDArray[np.float64]
    y500_error: NDArray[np.float64]
    source: NDArray[np.float64]
    chi2: NDArray[np.float64]
    joint: NDArray[np.float64]
    dust: NDArray[np.float64]
    co: NDArray[np.float64]
    consistent: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.snr)

    def __getitem__(self, chosen: Selection) -> FilterCandidates:
        """Return a selection of the candidates, by mask, slice or indices."""
        return FilterCandidates(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[FilterCandidates]) -> FilterCandidates:
        """Join several lists of candidates into one.

        Parameters
        ----------
        parts
            Lists to join.

        Returns
        -------
        FilterCandidates
            All candidates, in the order of the lists.
        """
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def mmf_candidates(
    filtered: FilteredPatch, *, min_snr: float = 4.5, max_source: float = 1.0
) -> FilterCandidates:
    """Return the maxima of the signal-to-noise ratio over position and size.

    Parameters
    ----------
    filtered
        Result of :func:`skysieve.clusters.matched_filter.matched_filter.matched_filter`.
    min_snr
        Minimum signal-to-noise ratio.
    max_source
        Maximum ratio of the signal-to-noise ratio as a point source (radio galaxy, dusty galaxy or cold core)
        to that as a cluster; above it the source explains the maps better.

    Returns
    -------
    FilterCandidates
        In descending order of significance.
    """
    from scipy.ndimage import maximum_filter

    snr, size = filtered.best()
    snr = np.nan_to_num(snr, nan=-np.inf)
    found = (snr >= min_snr) & (snr == maximum_filter(snr, _PEAK_WINDOW, mode="constant", cval=-np.inf))
    source = maximum_filter(filtered.source, _SOURCE_WINDOW, mode="nearest")
    found &= source <= max_source * snr
    row, column = np.nonzero(found)
    order = np.argsort(-snr[row, column], kind="stable")
    row, column = row[order], column[order]
    best = size[row, column]
    sizes, sigma = np.array(filtered.sizes), filtered.sigma
    height, width = snr.shape
    up, down = snr[np.maximum(row - 1, 0), column], snr[np.minimum(row + 1, height - 1), column]
    left, right = snr[row, np.maximum(column - 1, 0)], snr[row, np.minimum(column + 1, width - 1)]
    peak = snr[row, column].astype(np.float64)
    places = row + _vertex(up, peak, down), column + _vertex(left, peak, right)
    if filtered.bands is None:
        unknown = np.full(peak.size, np.nan)
        tested = Consistency(unknown, unknown, unknown, unknown, np.ones(peak.size, bool))
    else:
        tested = check_consistency(filtered.bands, *places, best.astype(np.intp))
    return FilterCandidates(
        *places,
        peak,
        sizes[best],
        peak * sigma[best],
        sigma[best],
        source[row, column].astype(np.float64),
        tested.chi2,
        tested.joint,
        tested.dust,
        tested.co,
        tested.consistent,
    )


def _vertex(
    before: NDArray[np.float32], peak: NDArray[np.float64], after: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the position of a parabola's maximum, -0.5 to 0.5, from three values; 0 if it has none."""
    curvature = before + after - 2 * peak
    is_maximum = np.isfinite(curvature) & (curvature < 0)
    top = np.divide(before - after, 2 * curvature, out=np.zeros(peak.size), where=is_maximum)
    return np.asarray(np.clip(top, -0.5, 0.5))
