"""Footprint of a search: area, lookup of positions, and multi-order coverage map (MOC)."""

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
"""Area of the sky in square degrees."""

MAX_ORDER = 9
"""Maximum order of a MOC: cells of 6.9 arcminutes."""

MAX_RANGES = 30_000
"""Maximum number of cell ranges of a MOC, each of 16 bytes.  With more, the order is lowered."""

_CHUNK = 2**20


def area_of(footprint: NDArray[np.bool_]) -> float:
    """Compute the area of a footprint.

    Parameters
    ----------
    footprint : ndarray of bool, shape (npix,)
        HEALPix map.

    Returns
    -------
    float
        Area in square degrees.
    """
    return float(SPHERE * np.count_nonzero(footprint) / footprint.size)


def covers(
    footprint: NDArray[np.bool_], lon: ArrayLike, lat: ArrayLike, *, nested: bool
) -> NDArray[np.bool_]:
    """Return which positions lie on a footprint.

    Parameters
    ----------
    footprint : ndarray of bool, shape (npix,)
        HEALPix map in Galactic coordinates.
    lon, lat : array_like, shape (...)
        Galactic coordinates in degrees.
    nested
        Whether the map is in NESTED order.

    Returns
    -------
    ndarray of bool, shape (...)
        True on the footprint.
    """
    import healpy

    nside = _nside(footprint)
    pixels = healpy.ang2pix(nside, np.asarray(lon), np.asarray(lat), nest=nested, lonlat=True)
    return np.asarray(footprint[pixels], np.bool_)


def write_footprint(
    footprint: NDArray[np.bool_],
    path: Path,
    *,
    nested: bool,
    cards: Iterable[HeaderCard],
    overwrite: bool,
    max_order: int = MAX_ORDER,
) -> None:
    """Write a footprint as a MOC.

    The cells of a MOC are equatorial.  A cell is covered if its centre lies on the footprint.

    Parameters
    ----------
    footprint : ndarray of bool, shape (npix,)
        Covered pixels, in Galactic coordinates.
    path
        Output file.
    nested
        Whether the footprint is in NESTED order.
    cards
        Provenance.
    overwrite
        Whether an existing file may be replaced.
    max_order
        Maximum order.  It is lowered to that of the map, and until the MOC has few enough ranges.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    FrameError
        If the footprint is empty.

    References
    ----------
    Fernique et al. 2022, "MOC: Multi-Order Coverage map", version 2.0, IVOA Recommendation, section 2.
    """
    from mocpy import MOC

    if not footprint.any():
        raise FrameError("the footprint is empty: no pixel of the maps has data")
    order = min(max_order, int(np.log2(_nside(footprint))))
    while True:
        cells = _cells(footprint, order, nested=nested)
        if order == 0 or 1 + np.count_nonzero(np.diff(cells) > 1) <= MAX_RANGES:
            break
        order -= 1
    hdus: Any = MOC.from_healpix_cells(cells.astype(np.uint64), order, order).serialize("fits")
    set_cards(hdus[1].header, cards)
    write_fits(hdus, path, overwrite=overwrite)


def read_footprint(path: Path) -> Callable[[ArrayLike, ArrayLike], NDArray[np.bool_]]:
    """Read a footprint from a MOC.

    Parameters
    ----------
    path
        FITS file of the MOC.

    Returns
    -------
    callable
        Takes Galactic longitudes and latitudes in degrees, and returns which lie on the footprint.

    Raises
    ------
    SourceError
        If the file is not a MOC.
    """
    from astropy import units
    from mocpy import MOC

    try:
        moc = MOC.from_fits(str(path))
    except Exception as error:  # mocpy raises various exceptions for damaged files
        reason = " ".join(str(error).split())[:160]
        raise SourceError(f"{path}: cannot be read as a MOC ({reason})") from error
    rotation = from_galactic("C")

    def contains(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
        ra, dec = lon_lat(unit_vectors(lon, lat) @ rotation.T)
        return np.asarray(moc.contains_lonlat(ra * units.deg, dec * units.deg), np.bool_)

    return contains


def _cells(footprint: NDArray[np.bool_], order: int, *, nested: bool) -> NDArray[np.int64]:
    """Return the equatorial NESTED cells of an order whose centres lie on the footprint."""
    import healpy

    nside, npix = 2**order, 12 * 4**order
    rotation = from_galactic("C")
    found = []
    for first in range(0, npix, _CHUNK):
        cells = np.arange(first, min(first + _CHUNK, npix))
        lon, lat = healpy.pix2ang(nside, cells, nest=True, lonlat=True)
        # Row vectors times the matrix apply its inverse: equatorial to Galactic
        x, y, z = (unit_vectors(lon, lat) @ rotation).T
        pixels = healpy.vec2pix(_nside(footprint), x, y, z, nest=nested)
        found.append(cells[footprint[pixels]])
    return np.concatenate(found)


def _nside(footprint: NDArray[np.bool_]) -> int:
    import healpy

    return int(healpy.npix2nside(footprint.size))
