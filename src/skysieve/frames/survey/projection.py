"""Project a mask to the sky: which pixels of HEALPix it marks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["project_mask"]

BLOCK = 1 << 19
"""Number of pixels that are projected at a time."""

STEP, TOLERANCE = 8, 1e-4
"""Distance of the pixels between which positions are interpolated, and the largest error, in pixels."""

MIN_INRADIUS = 0.33
"""Distance from the centre of a pixel of HEALPix to its nearest edge, at least, relative to the square root
of its area; 0.340 is the minimum at NSIDE 256."""

MARGIN = 1.1
"""How much larger pixels of the frame may be at its border than at its reference pixel."""


def project_mask(
    values: NDArray[np.int64], wcs: Any, nside: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels of HEALPix that a mask covers, and the bits of each.

    A pixel of HEALPix gets the bits of all pixels of the mask whose centres lie in it, and those of the pixel
    of the mask in which its own centre lies.  So marks have no gaps, whichever pixels are larger.

    Parameters
    ----------
    values
        ``(H, W)`` int64, bits of each pixel of the mask.
    wcs
        World coordinates with two celestial axes, an :class:`astropy.wcs.WCS`.
    nside
        NSIDE of the pixels.

    Returns
    -------
    pixels
        ``(N,)`` int64, NESTED, equatorial (ICRS), ascending.
    bits
        ``(N,)`` int64, the bitwise OR of the values.

    Raises
    ------
    FrameError
        If the coordinates cannot be computed, or no pixel lies on the sky.
    """
    sky = _Sky(wcs)
    found = [_reduced(*part) for part in _centres_in_healpix(values, sky, nside)]
    if sky.half_diagonal > MIN_INRADIUS * _side(nside):
        # else a pixel of the mask around the centre of a pixel of HEALPix has its own centre in that, too
        found += list(_healpix_centres_in_mask(values, sky, nside))
    pixels, bits = _reduced(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    if not pixels.size:
        raise FrameError("no pixel of the mask lies on the sky; check the world coordinates")
    return pixels, bits


class _Sky:
    """World coordinates of a mask in ICRS.

    Parameters
    ----------
    wcs
        World coordinates with two celestial axes.
    """

    def __init__(self, wcs: Any) -> None:
        from astropy.coordinates import ICRS
        from astropy.wcs.utils import proj_plane_pixel_scales, wcs_to_celestial_frame

        self._wcs = wcs
        try:
            self._frame = wcs_to_celestial_frame(wcs)
            scales = np.asarray(proj_plane_pixel_scales(wcs), np.float64)
        except Exception as error:
            raise FrameError(f"its world coordinates cannot be used ({_reason(error)})") from error
        self._is_icrs = isinstance(self._frame, ICRS)
        self._axes = [wcs.wcs.lng, wcs.wcs.lat]
        self.half_diagonal = 0.5 * MARGIN * math.hypot(*scales)
        """Half of the diagonal of a pixel, in degrees."""
        self.pixel_area = float(scales[0] * scales[1])
        """Area of a pixel in square degrees."""

    def of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return right ascension and declination in degrees; NaN where a pixel is not on the sky."""
        try:
            world = self._wcs.all_pix2world(x, y, 0)
            lon, lat = (np.asarray(world[axis], np.float64) for axis in self._axes)
            if not self._is_icrs:
                lon, lat = self._turned(lon, lat, inverse=False)
        except Exception as error:
            raise FrameError(f"its world coordinates cannot be computed ({_reason(error)})") from error
        return lon, lat

    def pixels_of(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64], *, near: tuple[int, int], margin: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pixel coordinates counted from 0; NaN for positions far from the mask.

        Distortions may have no solution far from the mask, so that positions are first found without them.
        """
        try:
            lon, lat = (ra, dec) if self._is_icrs else self._turned(ra, dec, inverse=True)
            world = [lon, lat] if self._axes == [0, 1] else [lat, lon]
            x, y = (np.asarray(axis, np.float64) for axis in self._wcs.wcs_world2pix(*world, 0))
            with np.errstate(invalid="ignore"):
                close = (np.abs(x - near[1] / 2) < near[1] / 2 + margin) & (
                    np.abs(y - near[0] / 2) < near[0] / 2 + margin
                )
            exact = np.full((2, x.size), np.nan)
            if close.any():
                exact[:, close] = self._wcs.all_world2pix(*(axis[close] for axis in world), 0, quiet=True)
        except Exception as error:
            raise FrameError(f"its world coordinates cannot be inverted ({_reason(error)})") from error
        return exact[0], exact[1]

    def _turned(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], *, inverse: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from astropy import units
        from astropy.coordinates import SkyCoord

        known = np.isfinite(lon) & np.isfinite(lat)
        turned = np.full((2, lon.size), np.nan)
        start, end = ("icrs", self._frame) if inverse else (self._frame, "icrs")
        sky = SkyCoord(lon[known] * units.deg, lat[known] * units.deg, frame=start).transform_to(end)
        turned[0, known], turned[1, known] = sky.spherical.lon.deg, sky.spherical.lat.deg
        return turned[0], turned[1]


def _centres_in_healpix(
    values: NDArray[np.int64], sky: _Sky, nside: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, for blocks of the mask, the pixels of HEALPix of its pixels' centres, and their values."""
    import hpgeom

    height, width = values.shape
    rows = max(1, BLOCK // width)
    for start in range(0, height, rows):
        part = values[start : start + rows]
        lon, lat = _positions(sky, start, part.shape)
        known = np.isfinite(lon) & np.isfinite(lat)
        flat = part.ravel()
        if not known.all():
            lon, lat, flat = lon[known], lat[known], flat[known]
        yield hpgeom.angle_to_pixel(nside, lon, lat), flat


def _positions(
    sky: _Sky, start: int, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return right ascension and declination of the pixels of rows, flattened; NaN where there is no sky.

    Positions are interpolated linearly between every 8th pixel, if those in between differ by less than 1e-4
    of a pixel from the exact ones.
    """
    y, x = (np.arange(length, dtype=np.float64) for length in shape)
    nodes = [np.arange(0.0, length + STEP, STEP) for length in shape]
    grid = _on_grid(sky, nodes[0] + start, nodes[1])
    middle = _on_grid(sky, nodes[0][:-1] + STEP / 2 + start, nodes[1][:-1] + STEP / 2)
    if grid is not None and middle is not None:
        between = [(g[:-1, :-1] + g[1:, :-1] + g[:-1, 1:] + g[1:, 1:]) / 4 for g in grid]
        error = [np.abs((b - m + 180) % 360 - 180).max() for b, m in zip(between, middle, strict=True)]
        if max(error) < TOLERANCE * math.sqrt(sky.pixel_area):
            cells = [
                np.minimum((axis // STEP).astype(np.intp), len(n) - 2)
                for axis, n in zip((y, x), nodes, strict=True)
            ]
            parts = [axis / STEP - cell for axis, cell in zip((y, x), cells, strict=True)]
            lon, lat = (_interpolated(values, cells, parts).ravel() for values in grid)
            return lon, lat
    rows, columns = np.indices(shape, np.float64).reshape(2, -1)
    return sky.of(columns, rows + start)


def _on_grid(
    sky: _Sky, y: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return positions on a grid, without steps of 360 degrees; None if one is not on the sky."""
    columns, rows = (axis.ravel() for axis in np.meshgrid(x, y))
    lon, lat = (axis.reshape(len(y), len(x)) for axis in sky.of(columns, rows))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    return lon[0, 0] + (lon - lon[0, 0] + 180) % 360 - 180, lat


def _interpolated(
    grid: NDArray[np.float64], cells: list[NDArray[np.intp]], parts: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return values between the nodes of a grid."""
    rows = grid[cells[0]] * (1 - parts[0])[:, None] + grid[cells[0] + 1] * parts[0][:, None]
    steps = np.diff(rows, axis=1)
    return rows[:, cells[1]] + steps[:, cells[1]] * parts[1]


def _healpix_centres_in_mask(
    values: NDArray[np.int64], sky: _Sky, nside: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, for blocks of the mask, the pixels of HEALPix whose centres lie in it, and the values there."""
    import hpgeom

    height, width = values.shape
    step = max(1, min(1024, math.isqrt(int(BLOCK * _side(nside) ** 2 / sky.pixel_area))))
    for top in range(0, height, step):
        for left in range(0, width, step):
            bottom, right = min(top + step, height), min(left + step, width)
            circle = _circle(sky, (top - 0.5, bottom - 0.5), (left - 0.5, right - 0.5))
            if circle is None:
                continue
            pixels = hpgeom.query_circle(nside, *circle, nest=True)
            x, y = sky.pixels_of(
                *hpgeom.pixel_to_angle(nside, pixels), near=(height, width), margin=float(step + 64)
            )
            with np.errstate(invalid="ignore"):
                column, row = np.floor(x + 0.5), np.floor(y + 0.5)
                inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
            rows, columns = row[inside].astype(np.intp), column[inside].astype(np.intp)
            yield pixels[inside], values[rows, columns]


def _circle(
    sky: _Sky, rows: tuple[float, float], columns: tuple[float, float]
) -> tuple[float, float, float] | None:
    """Return right ascension, declination and radius, in degrees, of a circle around a block of the mask."""
    t = np.linspace(0, 1, 9)
    y, x = (
        axis.ravel() for axis in np.meshgrid(rows[0] + t * np.ptp(rows), columns[0] + t * np.ptp(columns))
    )
    lon, lat = map(np.radians, sky.of(x, y))
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return None
    vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])[:, known]
    middle = vectors.mean(axis=1)
    middle /= np.linalg.norm(middle)
    chord = float(np.linalg.norm(vectors - middle[:, None], axis=0).max())
    radius = math.degrees(2 * math.asin(min(1.0, chord / 2)))
    centre = math.degrees(math.atan2(middle[1], middle[0])) % 360, math.degrees(math.asin(middle[2]))
    return *centre, min(180.0, 1.02 * radius + sky.half_diagonal)


def _reduced(
    pixels: NDArray[np.int64], bits: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels in ascending order, each once, with the bitwise OR of its bits."""
    order = np.argsort(pixels, kind="stable")
    ordered = pixels[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    if not first.size:
        return ordered, bits[:0]
    return ordered[first], np.bitwise_or.reduceat(bits[order], first)


def _side(nside: int) -> float:
    """Return the square root of the area of a pixel of HEALPix, in degrees."""
    return math.degrees(math.sqrt(math.pi / 3) / nside)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
