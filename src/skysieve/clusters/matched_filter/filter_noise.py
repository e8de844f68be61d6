"""Noise of the matched filter: auto- and cross-spectra of all bands, measured on the patch itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CrossSpectra", "FourierModes", "edge_window", "fill_holes", "measure_spectra", "subtract_plane"]

_TAPER = 1 / 16
"""Width of the taper at each edge, as a fraction of the patch's side."""

_FILL = 5.0, 20.0
"""Sigma in pixels of the two Gaussian means that fill holes; the wider one fills the centre of wide holes."""

_MIN_WEIGHT = 0.02
"""A quarter of the share of known pixels below which the wide mean is blended into the narrow one."""
_FIRST_WIDTH, _RELATIVE_WIDTH = 3, 0.08
"""Minimum width of a ring in modes, and width relative to its radius."""
_RIDGE = 1e-9
"""Relative ridge that keeps the matrices of bands invertible."""


@dataclass(frozen=True, eq=False)
class FourierModes:
    """Fourier modes of square patches, grouped by their wave number alone.

    Attributes
    ----------
    side
        Side of the patches in pixels.
    radius : ndarray of int, shape (side, side // 2 + 1)
        Wave number of each mode of a real transform, rounded, in periods per side.
    counts : ndarray, shape (R,)
        Number of modes of each radius, including those that a real transform omits.
    """

    side: int
    radius: NDArray[np.intp]
    counts: NDArray[np.float64]

    def wave_numbers(self, resolution: float) -> NDArray[np.float64]:
        """Return the wave numbers of all radii.

        Parameters
        ----------
        resolution
            Pixel size in arcminutes.

        Returns
        -------
        ndarray, shape (R,)
            Radians per arcminute.
        """
        return np.arange(self.counts.size, dtype=np.float64) * (2 * np.pi / (self.side * resolution))

    @classmethod
    @lru_cache(maxsize=4)
    def of_side(cls, side: int) -> FourierModes:
        """Return the modes of patches of one size.

        Parameters
        ----------
        side
            Side in pixels.

        Returns
        -------
        FourierModes
            From a cache, if possible.
        """
        rows, columns = np.fft.fftfreq(side, 1 / side), np.fft.rfftfreq(side, 1 / side)
        radius = np.rint(np.hypot(rows[:, None], columns)).astype(np.intp)
        multiplicities = np.full(columns.size, 2.0)
        multiplicities[0] = 1
        if side % 2 == 0:
            multiplicities[-1] = 1
        counts = np.bincount(radius.ravel(), np.broadcast_to(multiplicities, radius.shape).ravel())
        return cls(side, radius, np.asarray(counts, np.float64))


@dataclass(frozen=True, eq=False)
class CrossSpectra:
    """Auto- and cross-spectra of all bands.

    Attributes
    ----------
    power : ndarray, shape (R, B, B)
        By radius, see :class:`FourierModes`; for white noise the variance of a pixel.
    inverse : ndarray, shape (R, B, B)
        Inverse matrices; 0 for the mean of the patch.
    """

    power: NDArray[np.float64]
    inverse: NDArray[np.float64]


def measure_spectra(
    transforms: NDArray[np.complexfloating], weight: float, modes: FourierModes
) -> CrossSpectra:
    """Measure spectra in rings of Fourier modes, and interpolate them linearly between the rings.

    Parameters
    ----------
    transforms : ndarray of complex, shape (B, side, side // 2 + 1)
        Fourier transforms of windowed patches.
    weight
        Mean square of the window, zero in filled pixels.
    modes
        Fourier modes of the patches.

    Returns
    -------
    CrossSpectra
        At all radii.
    """
    size, rings = transforms.shape[0], _rings(modes.counts.size)
    ring = np.searchsorted(rings, np.arange(modes.counts.size), side="right") - 1
    count = rings.size
    total = np.bincount(ring, modes.counts, minlength=count)
    mean_radius = np.bincount(ring, modes.counts * np.arange(modes.counts.size), minlength=count) / total
    ring_of_mode, multiplicities = ring[modes.radius].ravel(), _multiplicities(modes)
    power = np.empty((count, size, size))
    for i in range(size):
        for j in range(i, size):
            cross = transforms[i].real * transforms[j].real + transforms[i].imag * transforms[j].imag
            sums = np.bincount(ring_of_mode, (cross * multiplicities).ravel(), minlength=count)
            power[:, i, j] = power[:, j, i] = sums / total
    power /= modes.side**2 * weight
    radii = np.arange(modes.counts.size)
    # Ring 0 is the mean of the patch, which was subtracted
    flat = power[1:].reshape(count - 1, -1)
    smooth = np.stack([np.interp(radii, mean_radius[1:], column) for column in flat.T], axis=-1)
    smooth = smooth.reshape(-1, size, size)
    return CrossSpectra(smooth, _inverse(smooth))


def edge_window(valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a window that falls smoothly to 0 at the edges of a patch and of its data.

    Parameters
    ----------
    valid
        Pixels with data ``(H, W)``.

    Returns
    -------
    ndarray, shape (H, W), float32
        0 to 1.
    """
    width = max(2.0, _TAPER * valid.shape[0])
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5 for n in valid.shape)
    distance = np.minimum(rows[:, None], columns)
    if not valid.all():
        from scipy.ndimage import distance_transform_edt

        distance = np.minimum(distance, distance_transform_edt(valid))
    rise = np.clip(distance / width, 0, 1)
    return np.asarray(np.where(valid, np.sin(np.pi / 2 * rise) ** 2, 0), np.float32)


def subtract_plane(patch: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract the weighted mean and slope of each band.

    Parameters
    ----------
    patch
        ``(B, H, W)`` float32.
    weights
        ``(H, W)`` float32.

    Returns
    -------
    ndarray, shape (B, H, W), float32
        0 where the weight is 0.
    """
    height, width = weights.shape
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (height, width))
    basis = np.stack([np.ones_like(weights), np.broadcast_to(x, weights.shape), y[:, None] + 0 * weights])
    basis = basis.reshape(3, -1)
    known = weights.ravel() > 0
    weighted = (basis * weights.ravel())[:, known].astype(np.float64)
    gram = weighted @ basis[:, known].T
    flat = patch.reshape(len(patch), -1)
    fit = np.linalg.solve(gram, weighted @ flat[:, known].T.astype(np.float64))
    return np.where(known, flat - (fit.T.astype(np.float32) @ basis), np.float32(0)).reshape(patch.shape)


def fill_holes(patch: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill holes with the mean of their surroundings.

    Parameters
    ----------
    patch
        ``(B, H, W)`` float32.
    holes
        Pixels to fill ``(H, W)``.

    Returns
    -------
    ndarray, shape (B, H, W), float32
        A copy, or `patch` itself if there are no holes.
    """
    if not holes.any():
        return patch
    from scipy.ndimage import gaussian_filter

    filled = patch.copy()
    kept = (~holes).astype(np.float32)
    narrow, wide = (np.maximum(gaussian_filter(kept, s, mode="nearest", truncate=3), 1e-6) for s in _FILL)
    # In the centre of a wide hole no known pixel is within the narrow mean
    share = np.clip(narrow / (4 * _MIN_WEIGHT), 0, 1)[holes]
    for band in filled:
        masked = np.where(holes, np.float32(0), band)
        near = (gaussian_filter(masked, _FILL[0], mode="nearest", truncate=3) / narrow)[holes]
        if share.min() < 1:
            far = (gaussian_filter(masked, _FILL[1], mode="nearest", truncate=3) / wide)[holes]
            near = share * near + (1 - share) * far
        band[holes] = near
    return filled


def _rings(radii: int) -> NDArray[np.intp]:
    """Return the first radius of each ring: 0 alone, then rings of increasing width."""
    starts = [0, 1]
    while starts[-1] < radii:
        starts.append(starts[-1] + max(_FIRST_WIDTH, math.ceil(_RELATIVE_WIDTH * starts[-1])))
    # The last ring includes the incomplete one after it
    return np.array(starts[:-2] if len(starts) > 3 else starts[:-1])


@lru_cache(maxsize=4)
def _multiplicities(modes: FourierModes) -> NDArray[np.float32]:
    """Return how many modes of the full transform each mode of the real transform stands for."""
    weights = np.full(modes.radius.shape, 2, np.float32)
    weights[:, 0] = 1
    if modes.side % 2 == 0:
        weights[:, -1] = 1
    return weights


def _inverse(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return inverse matrices ``(R, B, B)``, stable for nearly identical bands."""
    scale = np.sqrt(np.maximum(np.einsum("rii->ri", power), np.finfo(float).tiny))
    unit = power / (scale[:, :, None] * scale[:, None, :]) + _RIDGE * np.eye(power.shape[1])
    inverse = np.linalg.inv(unit) / (scale[:, :, None] * scale[:, None, :])
    inverse[0] = 0
    return np.asarray(inverse)
