"""From what the matched filter says of a patch to candidates, and which of these are no clusters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.matched_filter.matched_filter import FilteredPatch

__all__ = ["FilterCandidates", "mmf_candidates"]

_NEAR = 5
_AROUND = 3


@dataclass(frozen=True, eq=False)
class FilterCandidates:
    """Candidates of the matched filter: arrays ``(N,)``.

    Attributes
    ----------
    row, column
        Where in the patch, between pixels.
    snr
        Signal to noise at the best size.
    size
        Theta500 in arcminutes.
    y500, y500_error
        Square arcminutes, at this size.
    source
        Signal to noise of the kind of point source that fits best, within a pixel.
    """

    row: NDArray[np.float64]
    column: NDArray[np.float64]
    snr: NDArray[np.float64]
    size: NDArray[np.float64]
    y500: NDArray[np.float64]
    y500_error: NDArray[np.float64]
    source: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.snr)

    def __getitem__(self, chosen: Any) -> FilterCandidates:
        """Return some of them."""
        return FilterCandidates(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[FilterCandidates]) -> FilterCandidates:
        """Return the candidates of several lists in one."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def mmf_candidates(
    filtered: FilteredPatch, *, least_snr: float = 4.5, most_source: float = 1.0
) -> FilterCandidates:
    """Return the maxima of the signal to noise over place and size.

    Parameters
    ----------
    filtered
        Of :func:`skysieve.clusters.matched_filter.matched_filter.matched_filter`.
    least_snr
        Weaker ones are left out.
    most_source
        So are those whose signal to noise as a point source, radio galaxy, dusty galaxy or cold core, is
        more than this times that as a cluster: the source then explains the maps better.

    Returns
    -------
    FilterCandidates
        The most significant first.
    """
    from scipy.ndimage import maximum_filter

    snr, size = filtered.best()
    snr = np.nan_to_num(snr, nan=-np.inf)
    found = (snr >= least_snr) & (snr == maximum_filter(snr, _NEAR, mode="constant", cval=-np.inf))
    source = maximum_filter(filtered.source, _AROUND, mode="nearest")
    found &= source <= most_source * snr
    row, column = np.nonzero(found)
    order = np.argsort(-snr[row, column], kind="stable")
    row, column = row[order], column[order]
    best = size[row, column]
    sizes, sigma = np.array(filtered.sizes), filtered.sigma
    height, width = snr.shape
    up, down = snr[np.maximum(row - 1, 0), column], snr[np.minimum(row + 1, height - 1), column]
    left, right = snr[row, np.maximum(column - 1, 0)], snr[row, np.minimum(column + 1, width - 1)]
    peak = snr[row, column].astype(np.float64)
    return FilterCandidates(
        row + _vertex(up, peak, down),
        column + _vertex(left, peak, right),
        peak,
        sizes[best],
        peak * sigma[best],
        sigma[best],
        source[row, column].astype(np.float64),
    )


def _vertex(
    before: NDArray[np.float32], peak: NDArray[np.float64], after: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return where a parabola through three values has its top, from -0.5 to 0.5; 0 where there is none."""
    curvature = before + after - 2 * peak
    bent = np.isfinite(curvature) & (curvature < 0)
    top = np.divide(before - after, 2 * curvature, out=np.zeros(peak.size), where=bent)
    return np.asarray(np.clip(top, -0.5, 0.5))
