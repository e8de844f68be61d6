"""Clusters in flat patches of all bands, by their spectrum, profile and size: the matched filter.

For maps ``d`` with cross-power spectra ``P`` and a cluster whose maps are ``Y500 t``, the estimate of least
variance is ``Y500 = sum(t P^-1 d) / sum(t P^-1 t)`` over all waves, with the variance ``1 / sum(t P^-1 t)``.

References
----------
Herranz et al. 2002, MNRAS 336, 1057; Melin, Bartlett & Delabrouille 2006, A&A 459, 341, eq. 9 to 13; Planck
Collaboration 2016, A&A 594, A27, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.matched_filter.filter_noise import (
    Waves,
    edge_window,
    fill_holes,
    level_out,
    measure_spectra,
)
from skysieve.clusters.matched_filter.filter_templates import (
    beam_transforms,
    gas_transform,
    responses,
    source_responses,
)
from skysieve.core.errors import ConfigError, FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = [
    "GRID_RESOLUTION",
    "GRID_SIDE",
    "LEAST_DATA",
    "SIZES",
    "FilterSettings",
    "FilteredPatch",
    "matched_filter",
]

GRID_SIDE, GRID_RESOLUTION = 512, 1.5
"""Of the patches of a search: 12.8 degrees, in pixels of so many arcminutes."""

SIZES: tuple[float, ...] = tuple(float(f"{size:.3g}") for size in np.geomspace(1.0, 35.0, 12))
"""Theta500 in arcminutes, as in the searches of Planck (2014, A&A 571, A29, section 2.2)."""

LEAST_DATA = 0.02
"""Part of a patch that must have data in all bands: from less no noise can be told."""

_MASKED_AROUND = 4.0
"""Arcminutes by which a cluster reaches beyond where it is above the limit."""


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """How the filter works.

    Attributes
    ----------
    sizes
        Theta500 of the clusters that it looks for, arcminutes.
    source_snr
        Point sources that are as significant, and more so than a cluster there would be, are masked.
    cluster_snr
        Clusters that are as significant are left out of what the noise is measured on.
    passes
        How often the noise is measured: sources and clusters are known from the second time on.
    """

    sizes: tuple[float, ...] = SIZES
    source_snr: float = 8.0
    cluster_snr: float = 5.0
    passes: int = 2

    def __post_init__(self) -> None:
        """Refuse sizes that clusters have not."""
        if not self.sizes or not all(0 < size < 180 for size in self.sizes):
            raise ConfigError(f"sizes of clusters {self.sizes}: give at least one, between 0 and 180 arcmin")
        if self.passes < 1 or not (self.source_snr > 0 and self.cluster_snr > 0):
            raise ConfigError(
                f"{self.passes} passes, sources from {self.source_snr} and clusters from {self.cluster_snr} "
                "sigma: each must be above 0"
            )


@dataclass(frozen=True, eq=False)
class FilteredPatch:
    """What the filter says of a patch.

    Attributes
    ----------
    sizes
        Theta500 in arcminutes, S of them.
    sigma : ndarray, shape (S,)
        Noise of Y500 of clusters of each size, in square arcminutes.
    snr : ndarray, shape (S, H, W), float32
        Signal to noise of a cluster of each size, centred on each pixel; NaN where nothing can be said.
    source : ndarray, shape (H, W), float32
        Signal to noise of the kind of source that fits best.
    masked : ndarray of bool, shape (H, W)
        Where a bright source hides whatever there is.
    """

    sizes: tuple[float, ...]
    sigma: NDArray[np.float64]
    snr: NDArray[np.float32]
    source: NDArray[np.float32]
    masked: NDArray[np.bool_]

    @property
    def amplitude(self) -> NDArray[np.float32]:
        """Y500 ``(S, H, W)`` in square arcminutes."""
        return self.snr * self.sigma[:, None, None].astype(np.float32)

    def best(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return the highest signal to noise of each pixel ``(H, W)``, and the number of its size."""
        size = np.nan_to_num(self.snr, nan=-np.inf).argmax(axis=0)
        snr = np.take_along_axis(self.snr, size[None], axis=0)[0]
        return snr, size.astype(np.uint8)


def matched_filter(
    patch: NDArray[np.float32],
    bands: Sequence[Band],
    resolution: float,
    *,
    nside: int | None = None,
    settings: FilterSettings | None = None,
) -> FilteredPatch:
    """Look for clusters in a patch.

    Parameters
    ----------
    patch : ndarray, shape (B, H, H)
        Each band in its own unit; NaN where there is no data.
    bands
        With unit, beam and response to Compton parameters.
    resolution
        Arcminutes a pixel.
    nside
        Of the maps that the patch was interpolated from, whose pixels blur it; None if it was not.
    settings
        How.

    Raises
    ------
    FrameError
        If the patch is not square, has another number of bands, or hardly any data.
    """
    settings = settings or FilterSettings()
    if patch.ndim != 3 or patch.shape[1] != patch.shape[2] or len(patch) != len(bands):
        raise FrameError(f"a patch of shape {patch.shape} is no square of {len(bands)} bands (B, H, H)")
    known = np.asarray(np.isfinite(patch).all(axis=0))
    if known.mean() < LEAST_DATA:
        raise FrameError(f"only {known.mean():.1%} of the patch have data in all bands")
    scale = np.nanstd(patch[:, known], axis=1, dtype=float)
    if not (scale > 0).all():
        raise FrameError(f"band {bands[int(scale.argmin())].name} is constant in this patch")
    return _Look(bands, resolution, nside, scale, settings, Waves.of(patch.shape[1])).at(patch, known)


class _Look:
    """Templates for patches of one size, in units of each band's scatter."""

    def __init__(  # noqa: PLR0917 (called once)
        self,
        bands: Sequence[Band],
        resolution: float,
        nside: int | None,
        scale: NDArray[np.float64],
        settings: FilterSettings,
        waves: Waves,
    ) -> None:
        self.waves, self.scale, self.settings, self.resolution = waves, scale, settings, resolution
        self.widest = max(band.fwhm for band in bands)
        numbers = waves.numbers(resolution)
        beams = beam_transforms(numbers, bands, nside=nside).T / resolution**2 / scale
        self.cluster = beams * responses(bands)
        self.sources = beams * source_responses(bands)[:, None]
        self.gas = np.stack([gas_transform(numbers * size) for size in settings.sizes])

    def at(self, patch: NDArray[np.float32], known: NDArray[np.bool_]) -> FilteredPatch:
        """Measure the noise, filter, and begin again without what was found."""
        window = edge_window(known)
        scaled = (patch / self.scale[:, None, None]).astype(np.float32)
        scaled[:, ~known] = 0
        flat = level_out(scaled, window)
        bright = clusters = np.zeros(known.shape, bool)
        for _ in range(self.settings.passes - 1):
            snr, _, source = self._filtered(flat, window, bright, clusters)
            best = snr.max(axis=0)
            bright = bright | self._hidden(source, best)
            clusters = self._around(best > self.settings.cluster_snr)
        snr, sigma, source = self._filtered(flat, window, bright, clusters)
        snr[:, bright | (window < 1)] = np.nan
        return FilteredPatch(self.settings.sizes, sigma, snr, source, bright)

    def _filtered(
        self,
        patch: NDArray[np.float32],
        window: NDArray[np.float32],
        bright: NDArray[np.bool_],
        clusters: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float32]]:
        """Return S/N of clusters by size, the noise of Y500, and the highest S/N of a source.

        The filter sees the clusters that the noise is measured without, and bright sources in neither.
        """
        clean = fill_holes(patch, bright)
        weight = float(np.mean((window * ~(bright | clusters)).astype(np.float64) ** 2))
        quiet = self._transform(fill_holes(clean, clusters) * window)
        spectra = measure_spectra(quiet, weight, self.waves)
        transform = self._transform(clean * window) if clusters.any() else quiet
        radius, counts = self.waves.radius, self.waves.counts / self.waves.side**2
        kinds = np.concatenate([self.cluster[None], self.sources])
        weights = np.einsum("srb,rbc->src", kinds, spectra.inverse)
        fisher = np.einsum("src,src,r->sr", weights, kinds, counts)
        weighted = [self._weighted(one, transform) for one in weights]
        sigma = 1 / np.sqrt(self.gas**2 @ fisher[0])
        snr = np.empty((len(self.gas), *window.shape), np.float32)
        for number, profile in enumerate(self.gas * sigma[:, None]):
            snr[number] = self._back(weighted[0] * profile.astype(np.float32)[radius])
        source = np.full(window.shape, -np.inf, np.float32)
        for one, information in zip(weighted[1:], fisher[1:].sum(axis=1), strict=True):
            np.maximum(source, self._back(one / np.float32(np.sqrt(information))), out=source)
        return snr, sigma, source

    def _transform(self, patch: NDArray[np.float32]) -> NDArray[np.complex64]:
        from scipy.fft import rfft2

        return np.asarray(rfft2(patch), np.complex64)

    def _back(self, waves: NDArray[np.complex64]) -> NDArray[np.float32]:
        from scipy.fft import irfft2

        return np.asarray(irfft2(waves, s=(self.waves.side, self.waves.side)), np.float32)

    def _weighted(
        self, weights: NDArray[np.float64], transform: NDArray[np.complex64]
    ) -> NDArray[np.complex64]:
        total = np.zeros(transform.shape[1:], np.complex64)
        for column, band in zip(weights.T.astype(np.float32), transform, strict=True):
            total += column[self.waves.radius] * band
        return total

    def _hidden(self, source: NDArray[np.float32], cluster: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return discs about bright sources, as wide as their light is above the noise in the widest beam."""
        from scipy.ndimage import label, maximum_position

        hidden = np.zeros(source.shape, bool)
        labels, count = label((source > self.settings.source_snr) & (source > cluster))
        peaks = maximum_position(source, labels, range(1, count + 1)) if count else []
        sigma = self.widest / np.sqrt(8 * np.log(2)) / self.resolution
        for row, column in peaks:
            reach = sigma * np.sqrt(2 * np.log(max(source[row, column], np.e)))
            low = np.maximum(np.array([row, column]) - int(reach) - 1, 0)
            part = hidden[low[0] : row + int(reach) + 2, low[1] : column + int(reach) + 2]
            y, x = np.ogrid[: part.shape[0], : part.shape[1]]
            part |= (y + low[0] - row) ** 2 + (x + low[1] - column) ** 2 <= reach**2
        return hidden

    def _around(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return what was found, and what is close to it."""
        if not found.any():
            return found
        from scipy.ndimage import distance_transform_edt

        return np.asarray(distance_transform_edt(~found) * self.resolution <= _MASKED_AROUND)
