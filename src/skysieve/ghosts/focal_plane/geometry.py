"""Places in both directions: pixels of a CCD, pixels of the picture of the focal plane, and the sky.

All pixel coordinates count from 0 at the centre of the first pixel, ``x`` along columns and ``y`` along rows;
in the picture row 0 is at the top.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from skysieve.ghosts.focal_plane.cameras import Box, Camera

__all__ = ["SkyMap", "ccd_mask", "ccd_to_picture", "covered_fractions", "nearest_ccd", "picture_to_ccd"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


def ccd_to_picture(camera: Camera, number: int, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return where in the picture a place on a CCD is.

    Parameters
    ----------
    camera
        The camera.
    number
        The CCD.
    x, y
        Pixel coordinates on the CCD without overscan, of one shape; beyond its edges they go on.

    Returns
    -------
    x, y : ndarray of float64
        Pixel coordinates in the picture, of the same shape.
    """
    box = camera.by_number[number].lit
    shares = {
        "x": (np.asarray(x, float) + 0.5) / camera.ccd_shape[1],
        "y": (np.asarray(y, float) + 0.5) / camera.ccd_shape[0],
    }
    right, down = (
        shares[axis[1]] if axis[0] == "+" else 1 - shares[axis[1]] for axis in (camera.right, camera.down)
    )
    rows, columns = box.shape
    return box.x0 + right * columns - 0.5, box.y0 + down * rows - 0.5


def picture_to_ccd(
    camera: Camera, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return which CCD a place in the picture is on, and where on it.

    Parameters
    ----------
    camera
        The camera.
    x, y
        Pixel coordinates in the picture, of one shape.

    Returns
    -------
    number : ndarray of int64
        Number of the CCD, 0 in a gap and outside.
    x, y : ndarray of float64
        Pixel coordinates on it without overscan; NaN in a gap.
    """
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    numbers = np.zeros(x.shape, np.int64)
    on_x, on_y = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for ccd in camera.ccds:
        box = ccd.lit
        here = (x >= box.x0 - 0.5) & (x < box.x1 - 0.5) & (y >= box.y0 - 0.5) & (y < box.y1 - 0.5)
        if here.any():
            numbers[here] = ccd.number
            on_x[here], on_y[here] = _on_ccd(camera, box, x[here], y[here])
    return numbers, on_x, on_y


def nearest_ccd(camera: Camera, x: float, y: float, among: Mapping[int, Any] | None = None) -> int:
    """Return the number of the CCD whose box in the picture is nearest to a place, of those in `among`."""
    numbers = camera.numbers if among is None else [number for number in camera.numbers if number in among]

    def distance(number: int) -> float:
        box = camera.by_number[number].lit
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
        In the picture, ``(H, W)`` bool.

    Returns
    -------
    ndarray of float64, shape (CCDs,)
        In the order of :attr:`Camera.ccds`; of the pixels that lie in the picture, where a CCD is cut.
    """
    return np.array([mask[ccd.lit.inside(camera.picture_shape)].mean() for ccd in camera.ccds])


def ccd_mask(camera: Camera, number: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask in the picture as a mask of a CCD's own pixels.

    Parameters
    ----------
    camera
        The camera.
    number
        The CCD.
    mask
        In the picture, ``(H, W)`` bool.

    Returns
    -------
    ndarray of bool, shape `camera.ccd_shape`
        Each pixel as that of the picture on which it lies; the part of a CCD that is cut by the picture is as
        the last column or row of the picture beside it.
    """
    box = camera.by_number[number].lit
    height, width = camera.picture_shape
    rows = np.clip(np.arange(box.y0, box.y1), 0, height - 1)
    columns = np.clip(np.arange(box.x0, box.x1), 0, width - 1)
    cell = camera.turned_back(mask[np.ix_(rows, columns)])
    # as in ccd_to_picture: pixel i of n lies on cell (i + 1/2) m / n, rounded down
    down, across = (
        ((2 * np.arange(pixels) + 1) * cells) // (2 * pixels)
        for pixels, cells in zip(camera.ccd_shape, cell.shape, strict=True)
    )
    return cell[np.ix_(down, across)]


class SkyMap:
    """The picture and the sky, by the WCS of its CCDs.

    Parameters
    ----------
    camera
        The camera.
    headers
        Image header of each CCD whose place on the sky is known, by number; others may be missing.
    origins
        Column and row, on the CCD without overscan, of the pixel that a header counts as its first; (0, 0)
        for those that are not named.

    Attributes
    ----------
    numbers
        The CCDs with a celestial WCS, in order.
    """

    def __init__(
        self,
        camera: Camera,
        headers: Mapping[int, Any],
        origins: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        from astropy.wcs import WCS

        self._camera = camera
        self._origins = dict(origins or {})
        self._systems: dict[int, Any] = {}
        for number in camera.numbers:
            if number not in headers:
                continue
            with warnings.catch_warnings():
                # users cannot mend headers of archives
                warnings.simplefilter("ignore")
                try:
                    system = WCS(headers[number])
                except Exception:  # noqa: BLE001, S112 - whatever astropy raises: the place is not known then
                    continue
            if system.has_celestial and system.naxis == 2:
                self._systems[number] = system
        self.numbers = tuple(self._systems)

    def sky(self, x: float, y: float) -> tuple[float, float] | None:
        """Return right ascension and declination of a place in the picture, in degrees.

        In gaps and outside, the WCS of the nearest CCD is continued.  None if no CCD has one.
        """
        if not self._systems:
            return None
        number = nearest_ccd(self._camera, x, y, self._systems)
        on_x, on_y = _on_ccd(self._camera, self._camera.by_number[number].lit, np.array(x), np.array(y))
        first_x, first_y = self._origins.get(number, (0, 0))
        ra, dec = self._systems[number].all_pix2world(
            float(on_x) - first_x, float(on_y) - first_y, 0, ra_dec_order=True
        )
        place = float(ra), float(dec)
        return place if np.isfinite(place).all() else None

    def picture(self, ra: float, dec: float) -> tuple[float, float] | None:
        """Return the pixel coordinates in the picture of a place on the sky, given in degrees.

        Where it falls on no CCD, the WCS of the CCD that it is nearest to is continued.  None if no CCD has a
        WCS, or the place is on the other side of the sky.
        """
        best: tuple[float, tuple[float, float]] | None = None
        height, width = self._camera.ccd_shape
        for number, system in self._systems.items():
            try:
                place = system.all_world2pix(ra, dec, 0, ra_dec_order=True, quiet=True)
                on_x, on_y = (float(value) for value in place)
            except Exception:  # noqa: BLE001, S112 - a place that this projection cannot reach
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


def _on_ccd(camera: Camera, box: Box, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return pixel coordinates on the CCD with this box in the picture."""
    rows, columns = box.shape
    places = {}
    for axis, share in (
        (camera.right, (x + 0.5 - box.x0) / columns),
        (camera.down, (y + 0.5 - box.y0) / rows),
    ):
        places[axis[1]] = share if axis[0] == "+" else 1 - share
    return places["x"] * camera.ccd_shape[1] - 0.5, places["y"] * camera.ccd_shape[0] - 0.5
