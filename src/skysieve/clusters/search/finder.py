"""Search one unit of the sky with the network and the matched filter."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.tiling import MIN_MARGIN, UNIT_NSIDE, cover_unit, unit_pixels
from skysieve.clusters.matched_filter.filter_candidates import mmf_candidates
from skysieve.clusters.matched_filter.matched_filter import (
    GRID_RESOLUTION,
    GRID_SIDE,
    MIN_DATA,
    matched_filter,
)
from skysieve.clusters.search.augmentation import interpolate, predict_patches
from skysieve.clusters.search.model import CLUSTERS, NetworkInput, network_input
from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.models.network_runner import NetworkRunner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.maps.map_sets import MapSet
    from skysieve.clusters.maps.tiling import OwnedPatch
    from skysieve.clusters.matched_filter.filter_candidates import FilterCandidates
    from skysieve.clusters.search.settings import ClusterSettings
    from skysieve.core.models.card import Model
    from skysieve.core.models.shared_network import SharedNetwork

__all__ = ["CANDIDATE_COLUMNS", "ClusterFinder", "FoundUnit"]

logger = logging.getLogger(__name__)

FILTER_MARGIN = 40.0
"""Margin in pixels at the edges of the matched filter's patches, from which nothing is taken."""

CANDIDATE_COLUMNS = (
    *("lon", "lat", "snr", "size", "y500", "y500_error", "source"),
    *("chi2", "joint", "dust", "co", "consistent"),
)
"""Columns of candidates of the matched filter: Galactic coordinates in degrees, and those of
:class:`skysieve.clusters.matched_filter.filter_candidates.FilterCandidates`."""

_OVERLAP = 2.0
"""Distance, in pixels of the matched filter's patches, by which candidates may lie outside of a unit.  Two
units measure slightly different positions of a candidate near their border, and both could leave it out."""


@dataclass(frozen=True, eq=False)
class FoundUnit:
    """Results in one unit, at the pixels that it owns.

    Attributes
    ----------
    probability : ndarray of float32, shape (P,)
        Probability of the network; NaN where it was not computed.
    snr : ndarray of float32, shape (P,)
        Signal to noise of the matched filter at the best size; NaN where it was not computed.
    source : ndarray of float32, shape (P,)
        Signal to noise of a point source.
    candidates : mapping of ndarray of float64, shape (N,)
        Candidates of the matched filter, with the columns :data:`CANDIDATE_COLUMNS`.
    """

    probability: NDArray[np.float32]
    snr: NDArray[np.float32]
    source: NDArray[np.float32]
    candidates: Mapping[str, NDArray[np.float64]]


class ClusterFinder(NetworkRunner):
    """The network and the matched filter, ready to search units.

    Parameters
    ----------
    settings
        Settings of the search.

    Raises
    ------
    ModelError
        If the model is missing or damaged, or its card does not describe its input.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self.model: Model | None = None
        self.input: NetworkInput | None = None
        if settings.uses_network:
            self.model = CLUSTERS.load(settings.model)
            self.input = network_input(self.model.card)
        self._stopped = False

    def _load_network(self) -> SharedNetwork:
        if self.model is None:
            raise ConfigError("the matched filter alone has no network")
        return self.settings.load(self.model, output_kind="probabilities of pixels")

    @property
    def threshold(self) -> float:
        """Minimum probability of the pixels of the network's candidates."""
        if self.settings.threshold is not None or self.model is None or self.input is None:
            return self.settings.threshold or 1.0
        card = self.model.card
        return float(card.default_thresholds[card.classes[self.input.channel]])

    def check_maps(self, maps: MapSet) -> None:
        """Check that all bands that are needed are present.

        Parameters
        ----------
        maps
            Maps to search.

        Raises
        ------
        SourceError
            If a band of the network is missing, or no band is suited to the matched filter.
        """
        if self.input is not None:
            maps.select(self.input.bands)
        if self.settings.uses_filter and not _with_spectra(maps):
            raise SourceError(
                f"the matched filter needs maps of the sky in bands; there is only {', '.join(maps.names)}"
            )

    def find(self, unit: int, maps: MapSet, valid: NDArray[np.bool_], *, nside: int) -> FoundUnit:
        """Search one unit of the sky.

        Parameters
        ----------
        unit, nside
            See :func:`skysieve.clusters.maps.tiling.unit_pixels`.
        maps
            Maps to search.
        valid : ndarray of bool, shape (P,)
            Pixels of the unit to search.

        Returns
        -------
        FoundUnit
            Maps and candidates of the unit.

        Raises
        ------
        KeyboardInterrupt
            If the finder was stopped.
        """
        empty = np.full(valid.size, np.nan, np.float32)
        found = FoundUnit(empty, empty, empty, _joined([]))
        if self.settings.uses_filter:
            found = self._filtered(unit, maps.select(_with_spectra(maps)), valid, nside)
        if self.input is not None:
            chosen = maps.select(self.input.bands)
            found = replace(found, probability=self._probabilities(unit, chosen, valid, nside))
        return found

    def load(self) -> None:
        """Load the network, if the settings use one."""
        if self.settings.uses_network:
            super().load()

    def stop(self) -> None:
        """Stop the units that are running, in any thread, with a KeyboardInterrupt."""
        self._stopped = True
        super().stop()

    def _probabilities(
        self, unit: int, maps: MapSet, valid: NDArray[np.bool_], nside: int
    ) -> NDArray[np.float32]:
        """Return the probability of the network at each pixel."""
        assert self.input is not None  # noqa: S101 (only called with a network)
        assert self.model is not None  # noqa: S101
        start = unit_pixels(unit, nside)[0]
        margin = max(MIN_MARGIN, self.model.card.tiling.margin)
        patches = [
            patch
            for patch in cover_unit(unit, nside, self.input.grid, margin=margin)
            if valid[patch.pixels - start].any()
        ]
        predicted = predict_patches(
            self.network,
            maps.stack,
            patches,
            self.input,
            batch=self.settings.batch,
            views=self.settings.views,
        )
        result = np.full(valid.size, np.nan, np.float32)
        for values, patch in zip(predicted, patches, strict=True):
            result[patch.pixels - start] = values
        result[~valid] = np.nan
        return np.clip(result, 0, 1)

    def _filtered(self, unit: int, maps: MapSet, valid: NDArray[np.bool_], nside: int) -> FoundUnit:
        """Return the S/N of the matched filter at each pixel, and its candidates."""
        grid, start = PatchGrid(GRID_SIDE, GRID_RESOLUTION), unit_pixels(unit, nside)[0]
        empty = np.full(valid.size, np.nan, np.float32)
        snr, source, found = empty.copy(), empty.copy(), []
        for patch in cover_unit(unit, nside, grid, margin=FILTER_MARGIN):
            if self._stopped:
                raise KeyboardInterrupt
            image = maps.stack.cut(patch.lon, patch.lat, grid, patch.rotation)
            if np.isfinite(image).all(axis=0).mean() < MIN_DATA:
                continue  # most of the patch lies beyond the edge of the maps
            try:
                filtered = matched_filter(
                    image,
                    maps.bands,
                    grid.resolution,
                    nside=maps.stack.nside,
                    settings=self.settings.filter,
                )
            except FrameError as error:
                logger.warning("unit %d at l, b = %.1f, %.1f: %s", unit, patch.lon, patch.lat, error)
                continue
            best, _ = filtered.best()
            snr[patch.pixels - start] = interpolate(best, patch.row, patch.column)
            source[patch.pixels - start] = interpolate(filtered.source, patch.row, patch.column)
            candidates = mmf_candidates(
                filtered, min_snr=self.settings.snr, max_source=self.settings.most_source
            )
            found.append(_within_unit(unit, patch, grid, candidates))
        snr[~valid] = source[~valid] = np.nan
        return FoundUnit(empty, snr, source, _joined(found))


def _with_spectra(maps: MapSet) -> list[str]:
    """Return the names of the bands that the matched filter uses: all but a map of the Compton parameter."""
    return [band.name for band in maps.bands if np.isfinite(band.frequency)]


def _joined(parts: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    empty = np.empty(0)
    return {name: np.concatenate([empty, *(part[name] for part in parts)]) for name in CANDIDATE_COLUMNS}


def _within_unit(
    unit: int, patch: OwnedPatch, grid: PatchGrid, candidates: FilterCandidates
) -> dict[str, NDArray[np.float64]]:
    """Return the candidates in a unit or close to it."""
    import healpy

    inside = np.zeros(len(candidates), bool)
    for down, right in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        lon, lat = grid.sky_of(
            candidates.row + down * _OVERLAP,
            candidates.column + right * _OVERLAP,
            patch.lon,
            patch.lat,
            patch.rotation,
        )
        inside |= healpy.ang2pix(UNIT_NSIDE, lon, lat, nest=True, lonlat=True) == unit
    kept = candidates[inside]
    lon, lat = grid.sky_of(kept.row, kept.column, patch.lon, patch.lat, patch.rotation)
    return {"lon": lon, "lat": lat} | {name: getattr(kept, name) for name in CANDIDATE_COLUMNS[2:]}
