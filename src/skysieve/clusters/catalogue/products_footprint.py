"""The footprint: where candidates were looked for, as a map of booleans, an area, and a MOC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.maps.sky_directions import from_galactic, lon_lat, unit_vectors
from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_out import write_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["area_of", "covers", "read_footprint", "write_footprint"]

SPHERE = 4 * np.pi * np.degrees(1) ** 2
"""Square degrees of the whole sky."""

FINEST = 9
"""Largest order of a MOC: cells of 6.9 arcminutes."""

MOST_RANGES = 30_000
"""So many ranges of cells a MOC may have, each of 16 bytes; else its order is lowered."""

_PART = 2**20


def area_of(footprint: NDArray[np.bool_]) -> float:
    """Return the area of a footprint ``(npix,)`` in square degrees."""
    return float(SPHERE * np.count_nonzero(footprint) / footprint.size)


def covers(
    footprint: NDArray[np.bool_], lon: ArrayLike, lat: ArrayLike, *, nested: bool
) -> NDArray[np.bool_]:
    """Return which places, Galactic in degrees, lie on a Galactic footprint ``(npix,)``."""
    import healpy

    nside = _side(footprint)
    pixels = healpy.ang2pix(nside, np.asarray(lon), np.asarray(lat), nest=nested, lonlat=True)
    return np.asarray(footprint[pixels], np.bool_)


def write_footprint(
    footprint: NDArray[np.bool_],
    path: Path,
    *,
    nested: bool,
    cards: Iterable[HeaderCard],
    overwrite: bool,
    finest: int = FINEST,
) -> None:
    """Write a footprint as a MOC.

    MOCs are of equatorial cells: each is there whose centre lies on the footprint.

    Parameters
    ----------
    footprint : ndarray of bool, shape (npix,)
        Where there are data; Galactic pixels.
    path
        Where to.
    nested
        Order of the pixels.
    cards
        What made it.
    overwrite
        Whether a file that is there may be replaced.
    finest
        Largest order; the map's own is never exceeded, and it is lowered until the file is small.

    Raises
    ------
    OutputError
        If the file is there or cannot be written.
    FrameError
        If the footprint is empty.

    References
    ----------
    Fernique et al. 2022, "MOC: Multi-Order Coverage map", version 2.0, IVOA Recommendation, section 2.
    """
    from mocpy import MOC

    if not footprint.any():
        raise FrameError("the footprint is empty: no pixel of the maps has data")
    order = min(finest, int(np.log2(_side(footprint))))
    while True:
        cells = _cells(footprint, order, nested=nested)
        if order == 0 or 1 + np.count_nonzero(np.diff(cells) > 1) <= MOST_RANGES:
            break
        order -= 1
    hdus: Any = MOC.from_healpix_cells(cells.astype(np.uint64), order, order).serialize("fits")
    set_cards(hdus[1].header, cards)
    write_fits(hdus, path, overwrite=overwrite)


def read_footprint(path: Path) -> Callable[[ArrayLike, ArrayLike], NDArray[np.bool_]]:
    """Return what tells of Galactic directions, in degrees, whether they lie on the footprint of a MOC.

    Raises
    ------
    SourceError
        If the file is no MOC.
    """
    from astropy import units
    from mocpy import MOC

    try:
        moc = MOC.from_fits(str(path))
    except Exception as error:  # whatever its reader raises
        reason = " ".join(str(error).split())[:160]
        raise SourceError(f"{path}: cannot be read as a MOC ({reason})") from error
    turn = from_galactic("C")

    def contains(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        ra, dec = lon_lat(unit_vectors(lon, lat) @ turn.T)
        return np.asarray(moc.contains_lonlat(ra * units.deg, dec * units.deg), np.bool_)

    return contains


def _cells(footprint: NDArray[np.bool_], order: int, *, nested: bool) -> NDArray[np.int64]:
    """Return the equatorial NESTED cells of an order whose centres lie on the footprint."""
    import healpy

    nside, npix = 2**order, 12 * 4**order
    turn = from_galactic("C")
    found = []
    for first in range(0, npix, _PART):
        cells = np.arange(first, min(first + _PART, npix))
        lon, lat = healpy.pix2ang(nside, cells, nest=True, lonlat=True)
        # Rows times the matrix: that of the inverse
        x, y, z = (unit_vectors(lon, lat) @ turn).T
        pixels = healpy.vec2pix(_side(footprint), x, y, z, nest=nested)
        found.append(cells[footprint[pixels]])
    return np.concatenate(found)


def _side(footprint: NDArray[np.bool_]) -> int:
    import healpy

    return int(healpy.npix2nside(footprint.size))
