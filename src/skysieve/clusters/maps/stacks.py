"""Stack patches: the mean of many patches shows a signal that is too faint in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Stack", "radial_profile", "random_positions", "remove_large_scales", "stack_patches"]

_FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))


@dataclass(frozen=True, eq=False)
class Stack:
    """Weighted mean of patches.

    Attributes
    ----------
    mean : ndarray of float64, shape (B, H, W)
        Mean in the units of the patches; NaN where no patch has data.
    count
        Number of patches.
    """

    mean: NDArray[np.float64]
    count: int


def stack_patches(patches: NDArray[np.float32]) -> Stack:
    """Stack patches: their inverse-variance weighted mean, after subtraction of the median of each.

    The variance of a patch is measured by its median absolute deviation.  Without weights, the few patches
    behind bright dust would dominate the mean.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, B, H, W)
        Patches; NaN where there are no data.

    Returns
    -------
    Stack
        The mean of each band.
    """
    total = np.zeros(patches.shape[1:])
    weights = np.zeros(patches.shape[1:])
    for patch in patches:
        for band, values in enumerate(patch):
            valid = np.isfinite(values)
            if not valid.any():
                continue
            level = np.median(values[valid])
            spread = np.median(np.abs(values[valid] - level))
            weight = 1 / float(spread) ** 2 if spread > 0 else 0.0
            total[band][valid] += weight * (values[valid] - level)
            weights[band][valid] += weight
    with np.errstate(invalid="ignore"):
        return Stack(total / weights, len(patches))


def remove_large_scales(
    patches: NDArray[np.float32], *, width: float, resolution: float
) -> NDArray[np.float32]:
    """Apply a high-pass filter: subtract patches smoothed with a Gaussian.

    Parameters
    ----------
    patches : ndarray of float32, shape (..., H, W)
        Patches; NaN where there are no data, which the smoothing ignores.
    width
        FWHM of the Gaussian in arcminutes.
    resolution
        Arcminutes per pixel.

    Returns
    -------
    ndarray of float32, shape (..., H, W)
        Filtered patches; NaN where there are no data.
    """
    from scipy.ndimage import gaussian_filter

    sigma = width / _FWHM_PER_SIGMA / resolution
    spread = (*[0.0] * (patches.ndim - 2), sigma, sigma)
    valid = np.isfinite(patches)
    smooth = gaussian_filter(np.where(valid, patches, np.float32(0)).astype(np.float64), spread)
    weight = gaussian_filter(valid.astype(np.float64), spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(valid, patches - smooth / weight, np.nan).astype(np.float32)


def radial_profile(
    stack: Stack, *, resolution: float, rings: int = 16
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the radial profile of a stack about its centre.

    Parameters
    ----------
    stack
        Stack of B bands.
    resolution
        Arcminutes per pixel.
    rings
        Number R of rings of equal width, out to the edge.

    Returns
    -------
    radius : ndarray of float64, shape (R,)
        Central radii of the rings in arcminutes.
    profile : ndarray of float64, shape (B, R)
        Mean in each ring; NaN without data.
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


def random_positions(
    footprint: NDArray[np.bool_], count: int, rng: Generator, *, nested: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw random positions on a footprint: centres of pixels with uniform probability.

    Parameters
    ----------
    footprint : ndarray of bool, shape (npix,)
        HEALPix map.
    count
        Number N of positions.
    rng
        Random generator.
    nested
        Whether the map is in NESTED order.

    Returns
    -------
    lon, lat : ndarray of float64, shape (N,)
        Coordinates in degrees.  Pixels repeat only if there are fewer than N.
    """
    import healpy

    pixels = np.flatnonzero(footprint)
    drawn = rng.choice(pixels, count, replace=pixels.size < count)
    lon, lat = healpy.pix2ang(healpy.npix2nside(footprint.size), drawn, nest=nested, lonlat=True)
    return np.asarray(lon, np.float64), np.asarray(lat, np.float64)
