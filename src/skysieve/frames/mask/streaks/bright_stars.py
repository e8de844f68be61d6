"""Bright stars of a frame: their positions, cutouts, and light by radius and angle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.known_values import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = [
    "ANGLES",
    "MAD",
    "RADIUS",
    "Rings",
    "StarCutout",
    "cut_out_stars",
    "find_stars",
    "rings_around",
    "sample",
]

RADIUS = 160
"""Maximum distance from a star in pixels, and half of the side of its cutout."""

ANGLES = 360

MIN_PEAK = 400.0
"""Minimum peak of stars in units of the noise; vanes diffract too little light for fainter ones."""

MAX_STARS = 24
SCALES = (3, 9, 21)
"""Sides of the squares, in blocks, over which light is averaged to find the centres of stars."""

MIN_SEPARATION = 6
"""Minimum distance between stars in blocks."""

PART_OF_PEAK = 0.05
MIN_LEVEL = 20.0
"""The shape of a star is that of its pixels above this part of its peak, and above this multiple of the
noise."""

SATURATED_PART = 0.7
"""Pixels brighter than this part of the peak are of the core or of its bleed trail."""

POSITION_ERROR = 0.15
"""Error of the centre, and of interpolation between pixels, in pixels: noise where the light is steep."""

MAD = 1.4826
"""Ratio of the standard deviation of normal values to their median absolute deviation."""


class StarCutout(NamedTuple):
    """The pixels around a star.

    Attributes
    ----------
    row, column
        Position of the star in the frame.
    peak
        Its maximum in units of the noise.
    pixels
        ``(2 RADIUS + 1, 2 RADIUS + 1)`` float32, in units of the noise; NaN outside of the frame.
    top, left
        Position of the first pixel in the frame.
    """

    row: float
    column: float
    peak: float
    pixels: NDArray[np.float32]
    top: int
    left: int


class Rings(NamedTuple):
    """The light of a star by radius and angle.

    Attributes
    ----------
    row, column
        Centre of the star in its cutout.
    polar
        ``(RADIUS - 1, ANGLES)`` float32, light at radii from 1 px, in units of the noise of the sky; NaN
        outside of the frame and in pixels as bright as the core.
    outside
        ``(RADIUS - 1, ANGLES)`` bool, positions without data or outside of the frame.
    light
        ``(RADIUS - 1,)`` float32, median along each circle; 0 outside of the frame.
    noise
        ``(RADIUS - 1,)`` float32, noise of the pixels.
    """

    row: float
    column: float
    polar: NDArray[np.float32]
    outside: NDArray[np.bool_]
    light: NDArray[np.float32]
    noise: NDArray[np.float32]

    @property
    def core(self) -> int:
        """Radius in pixels at which the light is half of that in the centre."""
        return int(np.argmax(self.light < 0.5 * self.light[0]))

    @property
    def flux(self) -> float:
        """Light of the star to where it is fainter than the noise, in units of the noise of a pixel."""
        faint = np.flatnonzero(self.light < 1.0)
        end = int(faint[0]) if faint.size else self.light.size
        return float((2 * math.pi * np.arange(1, end + 1) * self.light[:end]).sum())


def find_stars(peaks: NDArray[np.float32], block: int) -> list[tuple[float, float, float]]:
    """Find bright stars, including saturated ones with bleed trails.

    Parameters
    ----------
    peaks
        ``(H / block, W / block)`` float32, maxima of blocks of pixels in units of the noise.
    block
        Side of a block in pixels.

    Returns
    -------
    list
        Row, column and peak of each star, the brightest first.
    """
    # the logarithm and the large squares prefer the wide core of a star to its narrow bleed trail
    levels = np.log(np.maximum(peaks, 1.0))
    wide = np.sum([ndimage.uniform_filter(levels, size, mode="constant") for size in SCALES], axis=0)
    highest = ndimage.maximum_filter(wide, 2 * MIN_SEPARATION + 1, mode="constant")
    near = ndimage.maximum_filter(peaks, 3)
    rows, columns = np.nonzero((wide >= highest) & (near >= MIN_PEAK))
    order = np.argsort(-wide[rows, columns])[:MAX_STARS]
    return [
        ((row + 0.5) * block - 0.5, (column + 0.5) * block - 0.5, float(near[row, column]))
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    ]


def cut_out_stars(
    frame: Frame, stars: Sequence[tuple[float, float, float]], *, rows_at_once: int = 256
) -> list[StarCutout]:
    """Read the pixels around stars, each row of the frame at most once.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.
    stars
        Row, column and peak of each star.
    rows_at_once
        Number of rows that are read at once.

    Returns
    -------
    list
        Cutouts in the order of `stars`.
    """
    height, width = frame.shape
    side = 2 * RADIUS + 1
    cutouts = [
        StarCutout(
            row, column, peak, np.full((side, side), np.nan, np.float32),
            round(row) - RADIUS, round(column) - RADIUS,
        )
        for row, column, peak in stars
    ]  # fmt: skip
    for start in range(0, height, rows_at_once):
        stop = min(start + rows_at_once, height)
        near = [cutout for cutout in cutouts if cutout.top < stop and cutout.top + side > start]
        if not near:
            continue
        pixels, nodata = frame.rows(start, stop)
        pixels = np.where(nodata, np.float32(np.nan), pixels)
        for cutout in near:
            top, bottom = max(start, cutout.top), min(stop, cutout.top + side)
            left, right = max(0, cutout.left), min(width, cutout.left + side)
            cutout.pixels[
                top - cutout.top : bottom - cutout.top, left - cutout.left : right - cutout.left
            ] = pixels[top - start : bottom - start, left:right]
    return cutouts


def rings_around(cutout: StarCutout) -> Rings | None:
    """Measure the light of a star by radius and angle.

    Parameters
    ----------
    cutout
        The star.

    Returns
    -------
    Rings or None
        None if there is no round star.
    """
    centre = _centre(cutout)
    if centre is None:
        return None
    row, column = centre
    radii, angles = np.arange(1.0, RADIUS)[:, None], np.arange(ANGLES) * (2 * math.pi / ANGLES)
    rows, columns = row + radii * np.sin(angles), column + radii * np.cos(angles)
    # a bleed trail is as bright as the saturated core
    full = cutout.pixels > SATURATED_PART * cutout.peak
    usable = np.where(ndimage.binary_dilation(full, np.ones((5, 5))), np.float32(np.nan), cutout.pixels)
    polar = sample(usable, rows, columns)
    nearest = sample(cutout.pixels, rows, columns, order=0)
    # differences between pixels 3 px apart, so that halos and nebulae do not add to the noise
    shifted = sample(cutout.pixels, rows + 3 * np.cos(angles), columns - 3 * np.sin(angles), order=0)
    light = np.nan_to_num(median_of(nearest, axis=1))
    noise = np.float32(MAD / math.sqrt(2)) * median_of(np.abs(nearest - shifted), axis=1)
    inner = sample(cutout.pixels, rows[1:4], columns[1:4])
    medians = median_of(inner, axis=1)
    scatter = median_of(np.abs(inner - medians[:, None]), axis=1)
    # hot columns, cosmic rays and trails are not round
    if not (medians[0] > 0.1 * cutout.peak and (scatter < 0.3 * medians).all()):
        return None
    noise = np.hypot(np.nan_to_num(noise, nan=1.0), np.float32(POSITION_ERROR) * np.gradient(light))
    noise = np.maximum(noise, np.float32(0.7))
    return Rings(row, column, polar, np.isnan(nearest), light, noise)


def sample(
    pixels: NDArray[np.float32], rows: NDArray[np.floating], columns: NDArray[np.floating], *, order: int = 1
) -> NDArray[np.float32]:
    """Interpolate pixels.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32.
    rows, columns
        Positions in pixels, arrays of one shape.
    order
        0 for the nearest pixel, 1 for bilinear interpolation.

    Returns
    -------
    ndarray
        float32 of the same shape; NaN outside.
    """
    found = ndimage.map_coordinates(pixels, [rows, columns], order=order, cval=np.nan)
    return np.asarray(found, np.float32)


def _centre(cutout: StarCutout) -> tuple[float, float] | None:
    """Return the centre of a star in its cutout; None if nothing bright is there.

    It is the centre of the largest circle inside the bright pixels, which a bleed trail does not shift,
    moved to where the light around it is most symmetrical.
    """
    pixels = np.nan_to_num(cutout.pixels)
    bright = ndimage.binary_closing(pixels > max(MIN_LEVEL, PART_OF_PEAK * cutout.peak), np.ones((3, 3)))
    labels, _ = ndimage.label(bright)
    row, column = cutout.row - cutout.top, cutout.column - cutout.left
    top, left = max(0, round(row) - 3), max(0, round(column) - 3)
    label = int(labels[top : round(row) + 4, left : round(column) + 4].max(initial=0))
    if not label:
        return None
    depth = ndimage.distance_transform_edt(np.pad(labels == label, 1, mode="edge"))[1:-1, 1:-1]
    size = float(depth.max())
    row, column = ndimage.center_of_mass(depth >= size - 0.5)
    levels = np.arcsinh(pixels)
    radii = np.unique(np.linspace(max(2.0, 0.8 * size), 1.6 * size + 6, 10))
    for step, count in ((1.0, min(6, 1 + int(size / 3))), (0.5, 1)):
        shifts = np.arange(-count, count + 1) * step
        rows, columns = np.meshgrid(row + shifts, column + shifts, indexing="ij")
        asymmetry = _asymmetry(levels, rows, columns, radii) + 1e-3 * np.hypot(rows - row, columns - column)
        best = np.unravel_index(np.argmin(asymmetry), asymmetry.shape)
        row, column = float(rows[best]), float(columns[best])
    return row, column


def _asymmetry(
    levels: NDArray[np.floating],
    rows: NDArray[np.floating],
    columns: NDArray[np.floating],
    radii: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return the mean absolute deviation of levels along circles, for each of several centres."""
    angles = np.arange(36) * (math.pi / 18)
    y = np.rint(rows[..., None, None] + radii[:, None] * np.sin(angles)).astype(np.intp)
    x = np.rint(columns[..., None, None] + radii[:, None] * np.cos(angles)).astype(np.intp)
    around = levels[y.clip(0, levels.shape[0] - 1), x.clip(0, levels.shape[1] - 1)]
    deviation = np.abs(around - np.median(around, axis=-1, keepdims=True))
    return np.asarray(np.median(deviation, axis=-1).mean(axis=-1))
