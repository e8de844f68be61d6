"""Tables of a PSF: radial profile far from the star, its envelope, and the profile of a line source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.simulate.wings import Wings

__all__ = ["FARTHEST", "PER_PIXEL", "envelope_table", "far_table", "line_table"]

FARTHEST = 4096
"""Radius beyond which the light of a star is neglected, in pixels."""

PER_PIXEL = 16
"""Table entries per pixel."""

_FARTHEST_LINE = 1024


def far_table(wings: Wings) -> NDArray[np.float32]:
    """Tabulate the profile of a PSF far from the star.

    Parameters
    ----------
    wings
        Wings of the PSF.

    Returns
    -------
    numpy.ndarray
        Fraction float32 of the flux in a pixel, in steps of 1 / PER_PIXEL pixel.
    """
    distance = np.arange(FARTHEST * PER_PIXEL, dtype=np.float32) / PER_PIXEL
    table = wings.at(distance**2)
    table[-1] = 0
    return table


def envelope_table(
    image: NDArray[np.float32], sampling: int, wings: Wings, radius: int
) -> NDArray[np.float32]:
    """Tabulate the maximum of a PSF at a distance or beyond.

    Parameters
    ----------
    image
        ``(n, n)`` float32, fraction of the flux in a pixel for a star at the central sample.
    sampling
        Samples per pixel.
    wings
        Light beyond the radius.
    radius
        Radius of the image, in pixels.

    Returns
    -------
    numpy.ndarray
        Fraction float32 of the flux in a pixel, in steps of a pixel.
    """
    largest = wings.at(np.arange(FARTHEST, dtype=np.float32) ** 2)
    half = image.shape[0] // 2
    axis = (np.arange(-half, half + 1, dtype=np.float32) / sampling) ** 2
    ring = np.sqrt(axis[:, None] + axis).astype(np.int32)
    inner = ring <= radius
    largest[: radius + 1] = ndimage.maximum(image[inner], ring[inner], np.arange(radius + 1))
    return np.maximum.accumulate(largest[::-1])[::-1]


def line_table(image: NDArray[np.float32], sampling: int, wings: Wings) -> NDArray[np.float32]:
    """Tabulate the profile across a line of light of flux 1 per pixel.

    Parameters
    ----------
    image
        ``(n, n)`` float32, fraction of the flux in a pixel for a star at the central sample.
    sampling
        Samples per pixel.
    wings
        Light beyond the image.

    Returns
    -------
    numpy.ndarray
        Profile float32, in steps of 1 / PER_PIXEL pixel.
    """
    half = image.shape[0] // 2
    across = (image.sum(axis=0) + image.sum(axis=1)) / (2 * sampling)
    folded = (across[half:] + across[half::-1]) / 2
    offset = np.arange(half + 1) / sampling
    # Add the wings of the parts of the line beyond both ends of the image, and of lines beside it
    side = half / sampling
    along = np.geomspace(side, FARTHEST, 100)
    within, coarse = np.linspace(0, side, 30), np.linspace(0, side, 16)
    beside = np.geomspace(side, _FARTHEST_LINE, 100)[1:]
    ends = 2 * np.trapezoid(wings.at(coarse[:, None] ** 2 + along**2), along, axis=1)
    inside = folded + np.interp(offset, coarse, ends)
    outside = 2 * np.trapezoid(wings.at(beside[:, None] ** 2 + along**2), along, axis=1)
    outside += 2 * np.trapezoid(wings.at(beside[:, None] ** 2 + within**2), within, axis=1)
    steps = np.arange(_FARTHEST_LINE * PER_PIXEL) / PER_PIXEL
    profile = np.interp(steps, np.concatenate([offset, beside]), np.concatenate([inside, outside]))
    table: NDArray[np.float32] = profile.astype(np.float32)
    return table
