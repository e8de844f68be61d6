"""One unit of the sky through the network and the matched filter: maps of both, and what the filter found."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.tiling import LEAST_MARGIN, UNIT_NSIDE, cover_unit, unit_pixels
from skysieve.clusters.matched_filter.filter_candidates import mmf_candidates
from skysieve.clusters.matched_filter.matched_filter import (
    GRID_RESOLUTION,
    GRID_SIDE,
    LEAST_DATA,
    matched_filter,
)
from skysieve.clusters.search.augmentation import interpolate, look
from skysieve.clusters.search.model import NetworkInput, load_model, network_input
from skysieve.core.errors import ConfigError, FrameError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.maps.map_sets import MapSet
    from skysieve.clusters.maps.tiling import OwnedPatch
    from skysieve.clusters.matched_filter.filter_candidates import FilterCandidates
    from skysieve.clusters.search.search_settings import ClusterSettings
    from skysieve.core.models.card import Model
    from skysieve.core.models.shared_network import SharedNetwork

__all__ = ["CANDIDATE_COLUMNS", "ClusterFinder", "FoundUnit"]

logger = logging.getLogger(__name__)

FILTER_MARGIN = 40.0
"""Pixels of the filter's patches between what is taken from them and their edges."""

CANDIDATE_COLUMNS = ("lon", "lat", "snr", "size", "y500", "y500_error", "source")
"""Of candidates of the matched filter: Galactic degrees, and see
:class:`skysieve.clusters.matched_filter.filter_candidates.FilterCandidates`."""

_ACROSS = 2.0
"""Pixels of the filter's patches by which its candidates may lie beyond what a unit owns: two units may not
agree on which of them one is in."""


@dataclass(frozen=True, eq=False)
class FoundUnit:
    """What was found in one unit: arrays over the pixels that it owns, in their order.

    Attributes
    ----------
    probability : ndarray, shape (P,), float32
        What the network says; NaN where it was not asked.
    snr : ndarray, shape (P,), float32
        Signal to noise of the matched filter at the best size; NaN where it says nothing.
    source : ndarray, shape (P,), float32
        Signal to noise of a point source.
    candidates : dict of ndarray, shape (N,)
        Of the matched filter, by :data:`CANDIDATE_COLUMNS`.
    """

    probability: NDArray[np.float32]
    snr: NDArray[np.float32]
    source: NDArray[np.float32]
    candidates: Mapping[str, NDArray[np.float64]]


class ClusterFinder:
    """A loaded network and the matched filter.

    Parameters
    ----------
    settings
        How the sky is searched.

    Raises
    ------
    ModelError
        If the model is missing or damaged, or its card does not say what it takes.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self.model: Model | None = None
        self.input: NetworkInput | None = None
        if settings.uses_network:
            self.model = load_model(settings.model)
            self.input = network_input(self.model.card)
        self._stopped = False

    @cached_property
    def network(self) -> SharedNetwork:
        """The loaded network."""
        if self.model is None:
            raise ConfigError("the matched filter alone has no network")
        return self.settings.load(self.model, output_kind="probabilities of pixels")

    @property
    def threshold(self) -> float:
        """Least probability of the pixels of a candidate of the network."""
        if self.settings.threshold is not None or self.model is None or self.input is None:
            return self.settings.threshold or 1.0
        card = self.model.card
        return float(card.default_thresholds[card.classes[self.input.channel]])

    def check_maps(self, maps: MapSet) -> None:
        """Make sure that there is all that is needed.

        Raises
        ------
        SourceError
            If a band that the network takes is missing, or the matched filter has none.
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
            What is searched.
        valid : ndarray of bool, shape (P,)
            Which of the unit's pixels are searched.

        Raises
        ------
        KeyboardInterrupt
            If the finder was stopped.
        """
        nothing = np.full(valid.size, np.nan, np.float32)
        found = FoundUnit(nothing, nothing, nothing, _joined([]))
        if self.settings.uses_filter:
            found = self._filtered(unit, maps.select(_with_spectra(maps)), valid, nside)
        if self.input is not None:
            chosen = maps.select(self.input.bands)
            found = replace(found, probability=self._probabilities(unit, chosen, valid, nside))
        return found

    def stop(self) -> None:
        """End the units at work, in whatever thread, with an interrupt."""
        self._stopped = True
        if "network" in self.__dict__:
            self.network.stop()

    def _probabilities(
        self, unit: int, maps: MapSet, valid: NDArray[np.bool_], nside: int
    ) -> NDArray[np.float32]:
        """Return what the network says of each pixel."""
        assert self.input is not None  # noqa: S101 (only then is it asked)
        assert self.model is not None  # noqa: S101
        start = unit_pixels(unit, nside)[0]
        margin = max(LEAST_MARGIN, self.model.card.tiling.margin)
        patches = [
            patch
            for patch in cover_unit(unit, nside, self.input.grid, margin=margin)
            if valid[patch.pixels - start].any()
        ]
        seen = look(
            self.network,
            maps.stack,
            patches,
            self.input,
            batch=self.settings.batch,
            views=self.settings.views,
        )
        result = np.full(valid.size, np.nan, np.float32)
        for values, patch in zip(seen, patches, strict=True):
            result[patch.pixels - start] = values
        result[~valid] = np.nan
        return np.clip(result, 0, 1)

    def _filtered(self, unit: int, maps: MapSet, valid: NDArray[np.bool_], nside: int) -> FoundUnit:
        """Return what the matched filter says of each pixel, and its candidates."""
        grid, start = PatchGrid(GRID_SIDE, GRID_RESOLUTION), unit_pixels(unit, nside)[0]
        nothing = np.full(valid.size, np.nan, np.float32)
        snr, source, found = nothing.copy(), nothing.copy(), []
        for patch in cover_unit(unit, nside, grid, margin=FILTER_MARGIN):
            if self._stopped:
                raise KeyboardInterrupt
            image = maps.stack.cut(patch.lon, patch.lat, grid, patch.rotation)
            if np.isfinite(image).all(axis=0).mean() < LEAST_DATA:
                continue  # a corner, at the edge of the maps
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
                filtered, least_snr=self.settings.snr, most_source=self.settings.most_source
            )
            found.append(_within_unit(unit, patch, grid, candidates))
        snr[~valid] = source[~valid] = np.nan
        return FoundUnit(nothing, snr, source, _joined(found))


def _with_spectra(maps: MapSet) -> list[str]:
    """Return the names of the bands that the matched filter uses: not a map of the Compton parameter."""
    return [band.name for band in maps.bands if np.isfinite(band.frequency)]


def _joined(parts: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    empty = np.empty(0)
    return {name: np.concatenate([empty, *(part[name] for part in parts)]) for name in CANDIDATE_COLUMNS}


def _within_unit(
    unit: int, patch: OwnedPatch, grid: PatchGrid, candidates: FilterCandidates
) -> dict[str, NDArray[np.float64]]:
    """Return the candidates that lie in a unit or close to it."""
    import healpy

    inside = np.zeros(len(candidates), bool)
    for down, right in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        lon, lat = grid.sky_of(
            candidates.row + down * _ACROSS,
            candidates.column + right * _ACROSS,
            patch.lon,
            patch.lat,
            patch.rotation,
        )
        inside |= healpy.ang2pix(UNIT_NSIDE, lon, lat, nest=True, lonlat=True) == unit
    kept = candidates[inside]
    lon, lat = grid.sky_of(kept.row, kept.column, patch.lon, patch.lat, patch.rotation)
    return {"lon": lon, "lat": lat} | {name: getattr(kept, name) for name in CANDIDATE_COLUMNS[2:]}
