"""Transformations between pixels of a CCD, pixels of the picture of the focal plane, and the sky.

Pixel coordinates are 0 at the centre of the first pixel; ``x`` is the column and ``y`` the row.  Row 0 of the
picture is at the top.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from astropy.io import fits
    from astropy.wcs import WCS
    from numpy.typing import ArrayLike, NDArray

    from skysieve.ghosts.focal_plane.cameras import Box, Camera

__all__ = ["SkyMap", "ccd_mask", "ccd_to_picture", "covered_fractions", "nearest_ccd", "picture_to_ccd"]

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def ccd_to_picture(camera: Camera, number: int, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Transform CCD pixels to picture pixels.

    Parameters
    ----------
    camera
        The camera.
    number
        Number of the CCD.
    x, y
        Pixel coordinates on the CCD without overscan, of one shape; they may lie beyond its edges.

    Returns
    -------
    x, y : ndarray of float64
        Pixel coordinates in the picture, of the same shape.
    """
    box = camera.by_number[number].picture_box
    fractions = {
        "x": (np.asarray(x, float) + 0.5) / camera.ccd_shape[1],
        "y": (np.asarray(y, float) + 0.5) / camera.ccd_shape[0],
    }
    right, down = (
        fractions[axis[1]] if axis[0] == "+" else 1 - fractions[axis[1]]
        for axis in (camera.right, camera.down)
    )
    rows, columns = box.shape
    return box.x0 + right * columns - 0.5, box.y0 + down * rows - 0.5


def picture_to_ccd(
    camera: Camera, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Transform picture pixels to CCD pixels.

    Parameters
    ----------
    camera
        The camera.
    x, y
        Pixel coordinates in the picture, of one shape.

    Returns
    -------
    number : ndarray of int64
        Number of the CCD; 0 in gaps and outside the focal plane.
    x, y : ndarray of float64
        Pixel coordinates on this CCD without overscan; NaN where `number` is 0.
    """
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    numbers = np.zeros(x.shape, np.int64)
    on_x, on_y = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for ccd in camera.ccds:
        box = ccd.picture_box
        here = (x >= box.x0 - 0.5) & (x < box.x1 - 0.5) & (y >= box.y0 - 0.5) & (y < box.y1 - 0.5)
        if here.any():
            numbers[here] = ccd.number
            on_x[here], on_y[here] = _to_ccd_pixels(camera, box, x[here], y[here])
    return numbers, on_x, on_y


def nearest_ccd(camera: Camera, x: float, y: float, among: Container[int] | None = None) -> int:
    """Find the CCD whose box in the picture is nearest to a position.

    Parameters
    ----------
    camera
        The camera.
    x, y
        Pixel coordinates in the picture.
    among
        Numbers of the CCDs to consider; None for all.

    Returns
    -------
    int
        Number of the CCD.
    """
    numbers = camera.numbers if among is None else [number for number in camera.numbers if number in among]

    def distance(number: int) -> float:
        box = camera.by_number[number].picture_box
        across = max(box.x0 - 0.5 - x, x - (box.x1 - 0.5), 0.0)
        along = max(box.y0 - 0.5 - y, y - (box.y1 - 0.5), 0.0)
        return float(np.hypot(across, along))

    return min(numbers, key=distance)


def covered_fractions(camera: Camera, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the fraction of each CCD that a mask covers.

    Parameters
    ----------
    camera
        The camera.
    mask
        Mask ``(H, W)`` bool of the picture.

    Returns
    -------
    ndarray of float64, shape (CCDs,)
        Fractions in the order of :attr:`Camera.ccds`.  Only pixels of the CCD within the picture count.
    """
    return np.array([mask[ccd.picture_box.inside(camera.picture_shape)].mean() for ccd in camera.ccds])


def ccd_mask(camera: Camera, number: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Transform a mask of the picture to the pixels of a CCD.

    Parameters
    ----------
    camera
        The camera.
    number
        Number of the CCD.
    mask
        Mask ``(H, W)`` bool of the picture.

    Returns
    -------
    ndarray of bool, shape `camera.ccd_shape`
        Value of the picture pixel that contains each CCD pixel.  Beyond the picture, its last row or column
        is repeated.
    """
    box = camera.by_number[number].picture_box
    height, width = camera.picture_shape
    rows = np.clip(np.arange(box.y0, box.y1), 0, height - 1)
    columns = np.clip(np.arange(box.x0, box.x1), 0, width - 1)
    cell = camera.to_ccd_axes(mask[np.ix_(rows, columns)])
    # as in ccd_to_picture: pixel i of n lies in bin floor((i + 1/2) m / n) of m
    down, across = (
        ((2 * np.arange(pixels) + 1) * cells) // (2 * pixels)
        for pixels, cells in zip(camera.ccd_shape, cell.shape, strict=True)
    )
    return cell[np.ix_(down, across)]


class SkyMap:
    """Transformations between the picture and the sky, from the WCS of the CCDs.

    Parameters
    ----------
    camera
        The camera.
    headers
        Image headers by number of the CCD; CCDs may be missing.
    origins
        Column and row, on the CCD without overscan, of the first pixel of each header's WCS; (0, 0) by
        default.

    Attributes
    ----------
    numbers
        Numbers of the CCDs with a celestial WCS, in order.
    """

    def __init__(
        self,
        camera: Camera,
        headers: Mapping[int, fits.Header],
        origins: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        from astropy.wcs import WCS

        self._camera = camera
        self._origins = dict(origins or {})
        self._systems: dict[int, WCS] = {}
        for number in camera.numbers:
            if number not in headers:
                continue
            with warnings.catch_warnings():
                # users cannot change the headers of archives
                warnings.simplefilter("ignore")
                try:
                    system = WCS(headers[number])
                except Exception:  # noqa: BLE001, S112 - astropy raises various errors for an invalid WCS
                    continue
            if system.has_celestial and system.naxis == 2:
                self._systems[number] = system
        self.numbers = tuple(self._systems)

    def sky(self, x: float, y: float) -> tuple[float, float] | None:
        """Transform a position in the picture to the sky.

        In gaps and outside the CCDs, the WCS of the nearest CCD is extrapolated.

        Parameters
        ----------
        x, y
            Pixel coordinates in the picture.

        Returns
        -------
        tuple of float or None
            Right ascension and declination in degrees; None if unknown.
        """
        if not self._systems:
            return None
        number = nearest_ccd(self._camera, x, y, self._systems)
        on_x, on_y = _to_ccd_pixels(
            self._camera, self._camera.by_number[number].picture_box, np.array(x), np.array(y)
        )
        first_x, first_y = self._origins.get(number, (0, 0))
        ra, dec = self._systems[number].all_pix2world(
            float(on_x) - first_x, float(on_y) - first_y, 0, ra_dec_order=True
        )
        position = float(ra), float(dec)
        return position if np.isfinite(position).all() else None

    def picture(self, ra: float, dec: float) -> tuple[float, float] | None:
        """Transform a position on the sky to the picture.

        If it falls on no CCD, the WCS of the nearest CCD is extrapolated.

        Parameters
        ----------
        ra, dec
            Right ascension and declination in degrees.

        Returns
        -------
        tuple of float or None
            Pixel coordinates in the picture; None if no CCD has a WCS, or its projection does not reach
            there.
        """
        best: tuple[float, tuple[float, float]] | None = None
        height, width = self._camera.ccd_shape
        for number, system in self._systems.items():
            try:
                position = system.all_world2pix(ra, dec, 0, ra_dec_order=True, quiet=True)
                on_x, on_y = (float(value) for value in position)
            except Exception:  # noqa: BLE001, S112 - the projection does not reach this position
                continue
            if not np.isfinite((on_x, on_y)).all():
                continue
            first_x, first_y = self._origins.get(number, (0, 0))
            on_x, on_y = on_x + first_x, on_y + first_y
            outside = np.hypot(
                max(-0.5 - on_x, on_x - width + 0.5, 0.0), max(-0.5 - on_y, on_y - height + 0.5, 0.0)
            )
            if best is None or outside < best[0]:
                x, y = ccd_to_picture(self._camera, number, on_x, on_y)
                best = float(outside), (float(x), float(y))
        return None if best is None else best[1]


def _to_ccd_pixels(camera: Camera, box: Box, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Transform picture pixels to pixels of the CCD with this box in the picture."""
    rows, columns = box.shape
    fractions = {}
    for axis, fraction in (
        (camera.right, (x + 0.5 - box.x0) / columns),
        (camera.down, (y + 0.5 - box.y0) / rows),
    ):
        fractions[axis[1]] = fraction if axis[0] == "+" else 1 - fraction
    return fractions["x"] * camera.ccd_shape[1] - 0.5, fractions["y"] * camera.ccd_shape[0] - 0.5
