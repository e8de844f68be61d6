"""Whatever is no cluster in a patch: spectra of all bands and between them, measured on the patch itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CrossSpectra", "Waves", "edge_window", "fill_holes", "level_out", "measure_spectra"]

_EDGE = 1 / 16
"""Of a patch's side, at each of its edges: there the window rises from 0 to 1."""

_FILL = 5.0, 20.0
"""Sigma, in pixels, of the means that holes are filled with: the wider one in the middle of wide holes."""

_LEAST_WEIGHT = 0.02
_FIRST, _WIDENING = 3, 0.08
_RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Waves:
    """The waves of square patches, by their length alone.

    Attributes
    ----------
    side
        Pixels.
    radius : ndarray of int, shape (side, side // 2 + 1)
        Periods along the side, rounded, of each wave of a real transform.
    counts : ndarray, shape (R,)
        Waves of each radius, with those that a real transform leaves out.
    """

    side: int
    radius: NDArray[np.intp]
    counts: NDArray[np.float64]

    def numbers(self, resolution: float) -> NDArray[np.float64]:
        """Return wave numbers ``(R,)`` in radians an arcminute, for pixels of so many arcminutes."""
        return np.arange(self.counts.size, dtype=np.float64) * (2 * np.pi / (self.side * resolution))

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, side: int) -> Waves:
        """Return the waves of patches of a side."""
        rows, columns = np.fft.fftfreq(side, 1 / side), np.fft.rfftfreq(side, 1 / side)
        radius = np.rint(np.hypot(rows[:, None], columns)).astype(np.intp)
        twice = np.full(columns.size, 2.0)
        twice[0] = 1
        if side % 2 == 0:
            twice[-1] = 1
        counts = np.bincount(radius.ravel(), np.broadcast_to(twice, radius.shape).ravel())
        return cls(side, radius, np.asarray(counts, np.float64))


@dataclass(frozen=True, eq=False)
class CrossSpectra:
    """Spectra of all bands and between them.

    Attributes
    ----------
    power : ndarray, shape (R, B, B)
        By radius, see :class:`Waves`; variance of a pixel for white noise.
    inverse : ndarray, shape (R, B, B)
        The inverse matrices; 0 for the mean of the patch.
    """

    power: NDArray[np.float64]
    inverse: NDArray[np.float64]


def measure_spectra(transforms: NDArray[np.complexfloating], weight: float, waves: Waves) -> CrossSpectra:
    """Measure spectra in rings of waves, and let them run straight from ring to ring.

    Parameters
    ----------
    transforms : ndarray of complex, shape (B, side, side // 2 + 1)
        Of windowed patches.
    weight
        Mean square of the window, where it is not filled.
    waves
        Of the patches.
    """
    size, rings = transforms.shape[0], _rings(waves.counts.size)
    ring = np.searchsorted(rings, np.arange(waves.counts.size), side="right") - 1
    count = rings.size
    total = np.bincount(ring, waves.counts, minlength=count)
    middle = np.bincount(ring, waves.counts * np.arange(waves.counts.size), minlength=count) / total
    where, twice = ring[waves.radius].ravel(), _twice(waves)
    power = np.empty((count, size, size))
    for i in range(size):
        for j in range(i, size):
            cross = transforms[i].real * transforms[j].real + transforms[i].imag * transforms[j].imag
            sums = np.bincount(where, (cross * twice).ravel(), minlength=count)
            power[:, i, j] = power[:, j, i] = sums / total
    power /= waves.side**2 * weight
    radii = np.arange(waves.counts.size)
    # The mean was taken away, and is in no ring
    flat = power[1:].reshape(count - 1, -1)
    smooth = np.stack([np.interp(radii, middle[1:], column) for column in flat.T], axis=-1)
    smooth = smooth.reshape(-1, size, size)
    return CrossSpectra(smooth, _inverse(smooth))


def edge_window(valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a window ``(H, W)`` that falls to 0 at the edges of a patch, and of where it has data."""
    width = max(2.0, _EDGE * valid.shape[0])
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5 for n in valid.shape)
    away = np.minimum(rows[:, None], columns)
    if not valid.all():
        from scipy.ndimage import distance_transform_edt

        away = np.minimum(away, distance_transform_edt(valid))
    rise = np.clip(away / width, 0, 1)
    return np.asarray(np.where(valid, np.sin(np.pi / 2 * rise) ** 2, 0), np.float32)


def level_out(patch: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a patch ``(B, H, W)`` without the mean and slope of each band, 0 where the weight is."""
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
    """Return a patch ``(B, H, W)`` whose holes ``(H, W)`` hold the mean of what is around them."""
    if not holes.any():
        return patch
    from scipy.ndimage import gaussian_filter

    filled = patch.copy()
    kept = (~holes).astype(np.float32)
    narrow, wide = (np.maximum(gaussian_filter(kept, s, mode="nearest", truncate=3), 1e-6) for s in _FILL)
    # In the middle of a wide hole the narrow mean knows nothing
    share = np.clip(narrow / (4 * _LEAST_WEIGHT), 0, 1)[holes]
    for band in filled:
        masked = np.where(holes, np.float32(0), band)
        near = (gaussian_filter(masked, _FILL[0], mode="nearest", truncate=3) / narrow)[holes]
        if share.min() < 1:
            far = (gaussian_filter(masked, _FILL[1], mode="nearest", truncate=3) / wide)[holes]
            near = share * near + (1 - share) * far
        band[holes] = near
    return filled


def _rings(radii: int) -> NDArray[np.intp]:
    """Return the first radius of each ring: 0 alone, then ever wider ones."""
    starts = [0, 1]
    while starts[-1] < radii:
        starts.append(starts[-1] + max(_FIRST, math.ceil(_WIDENING * starts[-1])))
    # What is left at the end joins the last whole ring
    return np.array(starts[:-2] if len(starts) > 3 else starts[:-1])


@lru_cache(maxsize=4)
def _twice(waves: Waves) -> NDArray[np.float32]:
    weights = np.full(waves.radius.shape, 2, np.float32)
    weights[:, 0] = 1
    if waves.side % 2 == 0:
        weights[:, -1] = 1
    return weights


def _inverse(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return inverse matrices ``(R, B, B)``, safely where bands are nearly the same."""
    scale = np.sqrt(np.maximum(np.einsum("rii->ri", power), np.finfo(float).tiny))
    unit = power / (scale[:, :, None] * scale[:, None, :]) + _RIDGE * np.eye(power.shape[1])
    inverse = np.linalg.inv(unit) / (scale[:, :, None] * scale[:, None, :])
    inverse[0] = 0
    return np.asarray(inverse)
