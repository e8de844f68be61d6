"""Stacks: the mean of many patches, in which what they share stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Stack", "radial_profile", "random_places", "stack_patches", "without_wide"]

_FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))


@dataclass(frozen=True, eq=False)
class Stack:
    """The mean of patches, band by band.

    Attributes
    ----------
    mean
        ``(B, H, W)`` float64, in the units of the patches; NaN where none has data.
    count
        Patches that it was made of.
    """

    mean: NDArray[np.float64]
    count: int


def stack_patches(patches: NDArray[np.float32]) -> Stack:
    """Return the mean of patches ``(N, B, H, W)``, each with its median taken away.

    Patches count by the inverse of their variance (from the median absolute deviation): else the few behind
    bright dust would be all that is seen.
    """
    total = np.zeros(patches.shape[1:])
    weights = np.zeros(patches.shape[1:])
    for patch in patches:
        for band, values in enumerate(patch):
            seen = np.isfinite(values)
            if not seen.any():
                continue
            level = np.median(values[seen])
            spread = np.median(np.abs(values[seen] - level))
            weight = 1 / float(spread) ** 2 if spread > 0 else 0.0
            total[band][seen] += weight * (values[seen] - level)
            weights[band][seen] += weight
    with np.errstate(invalid="ignore"):
        return Stack(total / weights, len(patches))


def without_wide(patches: NDArray[np.float32], *, width: float, resolution: float) -> NDArray[np.float32]:
    """Return patches ``(..., H, W)`` without what is wider than a Gaussian.

    Parameters
    ----------
    patches
        NaN where there are no data, which stay so and count for nothing.
    width
        Full width at half maximum of the Gaussian, in arcminutes.
    resolution
        Arcminutes a pixel.
    """
    from scipy.ndimage import gaussian_filter

    sigma = width / _FWHM_PER_SIGMA / resolution
    spread = (*[0.0] * (patches.ndim - 2), sigma, sigma)
    seen = np.isfinite(patches)
    wide = gaussian_filter(np.where(seen, patches, np.float32(0)).astype(np.float64), spread)
    share = gaussian_filter(seen.astype(np.float64), spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen, patches - wide / share, np.nan).astype(np.float32)


def radial_profile(
    stack: Stack, *, resolution: float, rings: int = 16
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean values of a stack in rings about its centre.

    Parameters
    ----------
    stack
        Of ``(B, H, W)``.
    resolution
        Arcminutes a pixel.
    rings
        How many, of one width, out to the edge.

    Returns
    -------
    radius
        Middles of the rings in arcminutes, ``(R,)``.
    profile
        ``(B, R)``; NaN for a ring without data.
    """
    height, width = stack.mean.shape[-2:]
    rows, columns = np.indices((height, width))
    distance = resolution * np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    edges = np.linspace(0, resolution * min(height, width) / 2, rings + 1)
    ring = np.digitize(distance, edges) - 1
    profile = np.full((len(stack.mean), rings), np.nan)
    for band, values in enumerate(stack.mean):
        usable = np.isfinite(values) & (ring < rings)
        count = np.bincount(ring[usable], minlength=rings)
        total = np.bincount(ring[usable], values[usable], minlength=rings)
        profile[band][count > 0] = total[count > 0] / count[count > 0]
    return (edges[1:] + edges[:-1]) / 2, profile


def random_places(
    footprint: NDArray[np.bool_], count: int, rng: Generator, *, nested: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return directions of pixels of a footprint ``(npix,)``, each as likely as any other, in degrees."""
    import healpy

    pixels = np.flatnonzero(footprint)
    drawn = rng.choice(pixels, count, replace=pixels.size < count)
    lon, lat = healpy.pix2ang(healpy.npix2nside(footprint.size), drawn, nest=nested, lonlat=True)
    return np.asarray(lon, np.float64), np.asarray(lat, np.float64)
