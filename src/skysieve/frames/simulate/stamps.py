"""Add small images (stamps) to a large one, cut off at its edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_stamp", "add_stamps", "overlap", "stamp"]


def stamp(
    shape: tuple[int, ...], *, y: float, x: float, radius: int
) -> tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the part of an image within a square around a point.

    Parameters
    ----------
    shape
        ``(H, W)`` of the image.
    y, x
        Centre of the square, in pixels.
    radius
        Half of its side, in pixels.

    Returns
    -------
    tuple or None
        Slices, and offsets of the pixels from the point: ``(h, 1)`` along y and ``(1, w)`` along x, float32.
        None if the square lies outside the image.
    """
    height, width = shape
    top, bottom = max(0, round(y) - radius), min(height, round(y) + radius + 1)
    left, right = max(0, round(x) - radius), min(width, round(x) + radius + 1)
    if top >= bottom or left >= right:
        return None
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    return (slice(top, bottom), slice(left, right)), dy, dx


def overlap(
    shape: tuple[int, ...], row: int, column: int, radius: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return the overlap of an image and a stamp.

    Parameters
    ----------
    shape
        ``(H, W)`` of the image.
    row, column
        Pixel of the image at the centre of the stamp.
    radius
        Half of the side of the stamp, in pixels.

    Returns
    -------
    tuple or None
        Slices of the image, and slices of the stamp. None if they do not overlap.
    """
    top, left = max(0, row - radius), max(0, column - radius)
    bottom, right = min(shape[0], row + radius + 1), min(shape[1], column + radius + 1)
    if top >= bottom or left >= right:
        return None
    y, x = row - radius, column - radius
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def add_stamp(
    image: NDArray[np.float32], core: NDArray[np.float32], *, row: int, column: int, flux: float
) -> None:
    """Add a scaled stamp to the image in place.

    Parameters
    ----------
    image
        ``(H, W)`` float32.
    core
        Stamp ``(n, n)`` float32, n odd.
    row, column
        Pixel of the image at the centre of the stamp, inside the image or not.
    flux
        Factor on the stamp.
    """
    found = overlap(image.shape, row, column, core.shape[0] // 2)
    if found is not None:
        here, there = found
        image[here] += np.float32(flux) * core[there]


def add_stamps(
    image: NDArray[np.float32],
    stamps: NDArray[np.float32],
    which: NDArray[np.intp],
    *,
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    flux: NDArray[np.float64],
) -> None:
    """Add many small stamps of one size to the image in place.

    Parameters
    ----------
    image
        ``(H, W)`` float32.
    stamps
        ``(..., n, n)`` float32, n odd.
    which
        ``(k,)`` indices of stamps, over all their first axes.
    row, column
        ``(k,)`` pixels of their centres, inside the image or not.
    flux
        ``(k,)`` factors.
    """
    radius = stamps.shape[-1] // 2
    height, width = image.shape
    inside = (row >= -radius) & (row < height + radius) & (column >= -radius) & (column < width + radius)
    which, row, column, flux = which[inside], row[inside], column[inside], flux[inside]
    side = 2 * radius + 1
    flat = stamps.reshape(-1, side * side)
    span = width + 4 * radius
    canvas = np.zeros((height + 4 * radius, span), np.float32)
    grid = (np.arange(side)[:, None] * span + np.arange(side)).ravel()
    for start in range(0, which.size, 2000):
        part = slice(start, start + 2000)
        values = flat.take(which[part], axis=0)
        values *= flux[part].astype(np.float32)[:, None]
        corner = (row[part] + radius) * span + column[part] + radius
        np.add.at(canvas.reshape(-1), (corner[:, None] + grid).ravel(), values.ravel())
    image += canvas[2 * radius : 2 * radius + height, 2 * radius : 2 * radius + width]
