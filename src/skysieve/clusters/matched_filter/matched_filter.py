"""Multi-frequency matched filter: find clusters in flat patches by their spectrum, profile and size.

For maps ``d`` with cross-power spectra ``P`` and a cluster whose maps are ``Y500 t``, the minimum-variance
estimate is ``Y500 = sum(t P^-1 d) / sum(t P^-1 t)`` over all Fourier modes, with the variance
``1 / sum(t P^-1 t)``.

References
----------
Herranz et al. 2002, MNRAS 336, 1057; Melin, Bartlett & Delabrouille 2006, A&A 459, 341, eq. 9 to 13; Planck
Collaboration 2016, A&A 594, A27, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.matched_filter.band_amplitudes import BandAmplitudes
from skysieve.clusters.matched_filter.filter_noise import (
    FourierModes,
    edge_window,
    fill_holes,
    measure_spectra,
    subtract_plane,
)
from skysieve.clusters.matched_filter.filter_templates import (
    beam_transforms,
    gas_transform,
    responses,
    source_responses,
)
from skysieve.clusters.matched_filter.settings import FilterSettings
from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = [
    "GRID_RESOLUTION",
    "GRID_SIDE",
    "MIN_DATA",
    "FilteredPatch",
    "matched_filter",
]

GRID_SIDE, GRID_RESOLUTION = 512, 1.5
"""Side in pixels, and pixel size in arcminutes, of the patches of a search: 12.8 degrees."""

MIN_DATA = 0.02
"""Minimum fraction of a patch with data in all bands; less does not determine the noise."""

_MASK_RADIUS = 4.0
"""Arcminutes by which masks of clusters extend beyond the pixels above the limit."""


@dataclass(frozen=True, eq=False)
class FilteredPatch:
    """Result of the matched filter for a patch.

    Attributes
    ----------
    sizes
        Theta500 in arcminutes, S of them.
    sigma : ndarray, shape (S,)
        Noise of Y500 of clusters of each size, in square arcminutes.
    snr : ndarray, shape (S, H, W), float32
        Signal-to-noise ratio of a cluster of each size, centred on each pixel; NaN where it is not measured.
    source : ndarray, shape (H, W), float32
        Signal-to-noise ratio of the best-fitting kind of source.
    masked : ndarray of bool, shape (H, W)
        Pixels masked because of a bright source.
    bands
        Amplitudes in each band, for tests of candidates; None if they are not known.
    """

    sizes: tuple[float, ...]
    sigma: NDArray[np.float64]
    snr: NDArray[np.float32]
    source: NDArray[np.float32]
    masked: NDArray[np.bool_]
    bands: BandAmplitudes | None = None

    @property
    def amplitude(self) -> NDArray[np.float32]:
        """Y500 ``(S, H, W)`` in square arcminutes."""
        return self.snr * self.sigma[:, None, None].astype(np.float32)

    def best(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return the maximum over sizes.

        Returns
        -------
        snr : ndarray, shape (H, W), float32
            Highest signal-to-noise ratio of each pixel.
        size : ndarray, shape (H, W), uint8
            Index of its size.
        """
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
    """Filter a patch for clusters of several sizes.

    Parameters
    ----------
    patch : ndarray, shape (B, H, H), float32
        Maps, each in the unit of its band; NaN where there is no data.
    bands
        Bands with unit, beam and response to the Compton parameter.
    resolution
        Pixel size in arcminutes.
    nside
        Nside of the maps from which the patch was interpolated, whose pixels blur it; None if it was not.
    settings
        Settings of the filter; the defaults if None.

    Returns
    -------
    FilteredPatch
        Signal-to-noise ratios of clusters and of sources.

    Raises
    ------
    FrameError
        If the patch is not square, has another number of bands, hardly any data, or a constant band.
    """
    settings = settings or FilterSettings()
    if patch.ndim != 3 or patch.shape[1] != patch.shape[2] or len(patch) != len(bands):
        raise FrameError(f"a patch of shape {patch.shape}: expected a square of {len(bands)} bands (B, H, H)")
    known = np.asarray(np.isfinite(patch).all(axis=0))
    if known.mean() < MIN_DATA:
        raise FrameError(f"only {known.mean():.1%} of the patch have data in all bands")
    scale = np.nanstd(patch[:, known], axis=1, dtype=float)
    if not (scale > 0).all():
        raise FrameError(f"band {bands[int(scale.argmin())].name} is constant in this patch")
    modes = FourierModes.of_side(patch.shape[1])
    return _PatchFilter(bands, resolution, nside, scale, settings, modes).apply(patch, known)


class _PatchFilter:
    """Matched filter for patches of one size, in units of the standard deviation of each band."""

    def __init__(  # noqa: PLR0917 (called once)
        self,
        bands: Sequence[Band],
        resolution: float,
        nside: int | None,
        scale: NDArray[np.float64],
        settings: FilterSettings,
        modes: FourierModes,
    ) -> None:
        self.modes, self.scale, self.settings, self.resolution = modes, scale, settings, resolution
        self.maps = bands
        self.widest = max(band.fwhm for band in bands)
        wave_numbers = modes.wave_numbers(resolution)
        self.beams = beam_transforms(wave_numbers, bands, nside=nside).T / resolution**2 / scale
        self.cluster, self.sources = responses(bands), source_responses(bands)
        self.gas = np.stack([gas_transform(wave_numbers * size) for size in settings.sizes])

    def apply(self, patch: NDArray[np.float32], known: NDArray[np.bool_]) -> FilteredPatch:
        """Measure the noise and filter; repeat with sources masked and clusters excluded from the noise."""
        window = edge_window(known)
        scaled = (patch / self.scale[:, None, None]).astype(np.float32)
        scaled[:, ~known] = 0
        flat = subtract_plane(scaled, window)
        bright = clusters = np.zeros(known.shape, bool)
        for _ in range(self.settings.passes - 1):
            filtered = self._filter(flat, window, bright, clusters)
            best = filtered.snr.max(axis=0)
            bright = bright | self._source_discs(filtered.source, best)
            clusters = self._dilated(best > self.settings.cluster_snr)
        filtered = self._filter(flat, window, bright, clusters)
        filtered.snr[:, bright | (window < 1)] = np.nan
        return filtered

    def _filter(
        self,
        patch: NDArray[np.float32],
        window: NDArray[np.float32],
        bright: NDArray[np.bool_],
        clusters: NDArray[np.bool_],
    ) -> FilteredPatch:
        """Return the S/N of clusters by size, the noise of Y500, and the highest S/N of a source.

        The filter is applied to clusters, but its noise excludes them; bright sources are excluded from both.
        """
        clean = fill_holes(patch, bright)
        weight = float(np.mean((window * ~(bright | clusters)).astype(np.float64) ** 2))
        quiet = self._transform(fill_holes(clean, clusters) * window)
        spectra = measure_spectra(quiet, weight, self.modes)
        transform = self._transform(clean * window) if clusters.any() else quiet
        radius, counts = self.modes.radius, self.modes.counts / self.modes.side**2
        bands = BandAmplitudes.of(self.maps, self.modes, spectra.inverse, self.beams, self.gas, transform)
        spectral = np.concatenate([self.cluster[None], self.sources])
        kinds = spectral[:, None] * self.beams
        fisher = np.einsum("srb,rbc,src,r->sr", kinds, spectra.inverse, kinds, counts, optimize=True)
        weighted = np.tensordot(spectral.astype(np.float32), bands.weighted, axes=1)
        sigma = 1 / np.sqrt(self.gas**2 @ fisher[0])
        snr = np.empty((len(self.gas), *window.shape), np.float32)
        for number, profile in enumerate(self.gas * sigma[:, None]):
            snr[number] = self._inverse_transform(weighted[0] * profile.astype(np.float32)[radius])
        source = np.full(window.shape, -np.inf, np.float32)
        for one, information in zip(weighted[1:], fisher[1:].sum(axis=1), strict=True):
            np.maximum(source, self._inverse_transform(one / np.float32(np.sqrt(information))), out=source)
        return FilteredPatch(self.settings.sizes, sigma, snr, source, bright, bands)

    def _transform(self, patch: NDArray[np.float32]) -> NDArray[np.complex64]:
        from scipy.fft import rfft2

        return np.asarray(rfft2(patch), np.complex64)

    def _inverse_transform(self, transform: NDArray[np.complex64]) -> NDArray[np.float32]:
        from scipy.fft import irfft2

        return np.asarray(irfft2(transform, s=(self.modes.side, self.modes.side)), np.float32)

    def _source_discs(self, source: NDArray[np.float32], cluster: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return discs around bright sources, out to where the source in the widest beam equals the noise."""
        from scipy.ndimage import label, maximum_position

        masked = np.zeros(source.shape, bool)
        labels, count = label((source > self.settings.source_snr) & (source > cluster))
        peaks = maximum_position(source, labels, range(1, count + 1)) if count else []
        sigma = self.widest / np.sqrt(8 * np.log(2)) / self.resolution
        for row, column in peaks:
            reach = sigma * np.sqrt(2 * np.log(max(source[row, column], np.e)))
            low = np.maximum(np.array([row, column]) - int(reach) - 1, 0)
            part = masked[low[0] : row + int(reach) + 2, low[1] : column + int(reach) + 2]
            y, x = np.ogrid[: part.shape[0], : part.shape[1]]
            part |= (y + low[0] - row) ** 2 + (x + low[1] - column) ** 2 <= reach**2
        return masked

    def _dilated(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask grown by some arcminutes."""
        if not found.any():
            return found
        from scipy.ndimage import distance_transform_edt

        return np.asarray(distance_transform_edt(~found) * self.resolution <= _MASK_RADIUS)
