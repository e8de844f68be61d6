"""Maps of the whole sky, or of parts of it, in HEALPix FITS files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import OutputError, SkysieveError, SourceError
from skysieve.core.fits.healpix_headers import Frame, MapHeader, nside_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["UNSEEN", "Frame", "HealpixMap", "read_healpix_map", "write_healpix_map"]

UNSEEN = -1.6375e30
"""What stands in HEALPix files where nothing was measured."""

# A value that went through other types has lost digits, and is still that mark.
_SAME_MARK = 1e-5
_LISTS_OF_PIXELS = {"PIXEL", "PIX"}
_PART = 2**22
# Maps are held whole, 200 MB at this resolution.  Finer ones must hold a part of the sky that is worth it.
_ALWAYS_HELD = 2048
_LEAST_SHARE = 0.01
# So long are the rows of most maps, which makes them quick to read.
_ROW = 1024


@dataclass(frozen=True, eq=False)
class HealpixMap:
    """One map.

    Attributes
    ----------
    values : ndarray, shape (npix,), float32
        In `unit`; NaN where nothing was measured.
    nside
        The map has 12 nside² pixels.
    nested
        Whether pixels are in the order NESTED; else they are in RING.
    frame
        The coordinates in which pixels are counted: ``G`` Galactic, ``C`` equatorial, ``E`` ecliptic.
    unit
        As the file states it, or as it was given.
    name
        Of the column.
    path
        The file.
    """

    values: NDArray[np.float32]
    nside: int
    nested: bool
    frame: Frame
    unit: str
    name: str
    path: Path


def read_healpix_map(
    path: Path | str,
    *,
    field: int | str = 0,
    hdu: int | str = 1,
    frame: str | None = None,
    unit: str | None = None,
    ordering: str | None = None,
) -> HealpixMap:
    """Read one map of a HEALPix FITS file, of the full sky or of a part, whole or refused.

    Only the column asked for is held in memory, once, as float32. UNSEEN, the value that BAD_DATA states
    and whatever is not finite become NaN, as does the sky that a map of a part leaves out.

    Parameters
    ----------
    path
        The file, plain or in gzip or bzip2.
    field
        Number of the column, 0 for the first (a list of pixels does not count), or its name.
    hdu
        Number of the HDU with the table, or its name.
    frame, unit, ordering
        What holds where the file has no COORDSYS, TUNIT or ORDERING, which the log then warns of. What
        the file states goes before these.

    Raises
    ------
    SourceError
        If the file is missing, truncated or damaged; if it holds no such map; if frame, unit or ordering
        is neither stated nor given; or if length, NSIDE and ORDERING do not fit together.
    ConfigError
        If `frame` or `ordering` has no valid value.
    """
    from skysieve.core.fits.hdu_layout import FETCH, one_line, quiet

    path = Path(path)
    try:
        with quiet(path), np.errstate(all="ignore"):
            return _read(path, field, hdu, frame=frame, unit=unit, ordering=ordering)
    except SkysieveError:
        raise
    except MemoryError as error:
        raise SourceError(f"{path}: its map does not fit into memory ({one_line(error)})") from error
    except Exception as error:  # whatever astropy raises for a table against the standard
        raise SourceError(f"{path}: cannot be read as a HEALPix map ({one_line(error)}); {FETCH}") from error


def _read(
    path: Path,
    field: int | str,
    hdu: int | str,
    *,
    frame: str | None,
    unit: str | None,
    ordering: str | None,
) -> HealpixMap:
    from skysieve.core.fits.fits_integrity import open_intact
    from skysieve.core.fits.table_columns import column_of, find_table, read_columns, values_in_row

    with open_intact(path) as hdus:
        number = find_table(hdus, hdu, str(path))
        label = f"{path}[{number}]"
        header = hdus[number].header
        stated = MapHeader(header, label)
        pixels = _list_of_pixels(hdus[number])
        columns = [other for other in hdus[number].columns if other is not pixels]
        column = column_of(columns, field, label)
        nested = stated.nested(ordering)
        stored = int(header["NAXIS2"]) * values_in_row(column)
        nside = stated.nside(stored, nested=nested, partial=pixels is not None)
        _check_share(stored, nside, label)
        coordinates = stated.frame(frame)
        measured_in = stated.unit(column.unit, unit)
        if pixels is None:
            first = _first_pixel(header, stored, nside, label)
            values = np.full(12 * nside**2, np.nan, np.float32)
            for before, (part,) in read_columns(hdus, number, [column]):
                values[first + before : first + before + part.size] = part
        else:
            pixels = column_of([pixels], 0, label)
            if values_in_row(pixels) != values_in_row(column):
                raise SourceError(f"{label}: its rows hold more values than pixels, or fewer; it is damaged")
            values = np.full(12 * nside**2, np.nan, np.float32)
            for _, (where, part) in read_columns(hdus, number, [pixels, column]):
                values[_checked(where, nside, label)] = part
    _blank(values, header)
    return HealpixMap(values, nside, nested, coordinates, measured_in, column.name, path)


def write_healpix_map(
    path: Path,
    values: NDArray[Any],
    *,
    nested: bool,
    frame: Frame,
    unit: str,
    column: str,
    overwrite: bool,
    cards: Mapping[str, Any] | None = None,
    partial: bool = False,
) -> None:
    """Write a map as a HEALPix FITS file, whole or not at all, with check sums.

    Parameters
    ----------
    path
        The file; a name that ends in ``.gz`` makes a gzip file.
    values : ndarray, shape (npix,)
        Stored as float32; NaN is stored as UNSEEN.
    nested, frame, unit
        As in :class:`HealpixMap`; that of plain numbers is the empty text.
    column
        Name of the column.
    overwrite
        Whether a file that is already there may be replaced.
    cards
        Further cards by keyword: each a value, or a value and a comment.
    partial
        Leave out pixels without data, and list the numbers of the others.

    Raises
    ------
    OutputError
        If `values` is no map, or the file exists or cannot be written.
    """
    from astropy.io import fits

    from skysieve.core.fits.fits_out import write_fits

    nside = nside_of(values.size) if values.ndim == 1 else None
    if nside is None:
        raise OutputError(f"a HEALPix map is a row of 12 nside² values; this has shape {values.shape}")
    table = _listed(values, column) if partial else _counted(values, column)
    hdu = fits.BinTableHDU(table, name="MAP")
    if unit:
        hdu.columns[column].unit = unit
    cards_of_maps: dict[str, tuple[Any, str]] = {
        "PIXTYPE": ("HEALPIX", "HEALPix pixelisation"),
        "ORDERING": ("NESTED" if nested else "RING", "order of the pixels"),
        "COORDSYS": (frame, "G Galactic, C equatorial, E ecliptic"),
        "NSIDE": (nside, "12 nside^2 pixels make the sky"),
        "INDXSCHM": ("EXPLICIT" if partial else "IMPLICIT", "pixels are listed, or counted"),
        "OBJECT": ("PARTIAL" if partial else "FULLSKY", "part of the sky"),
        "BAD_DATA": (UNSEEN, "nothing was measured here"),
    }
    if not partial:
        cards_of_maps |= {"FIRSTPIX": (0, "first pixel"), "LASTPIX": (values.size - 1, "last pixel")}
    for keyword, card in {**cards_of_maps, **(cards or {})}.items():
        hdu.header[keyword] = card
    write_fits([fits.PrimaryHDU(), hdu], path, overwrite=overwrite)


def _check_share(stored: int, nside: int, label: str) -> None:
    """Refuse a map of next to nothing that would take gigabytes."""
    npix = 12 * nside**2
    if nside > _ALWAYS_HELD and stored < _LEAST_SHARE * npix:
        raise SourceError(
            f"{label}: holds {stored} of the {npix} pixels of NSIDE {nside}, which would take"
            f" {4 * npix / 1e9:.3g} GB; give a map of at least {_LEAST_SHARE:.0%} of the sky, or of NSIDE"
            f" {_ALWAYS_HELD} or less (healpy.ud_grade makes one)"
        )


def _list_of_pixels(table: fits.BinTableHDU) -> Any | None:
    """Return the column with the numbers of the pixels, if the table has one."""
    scheme = str(table.header.get("INDXSCHM", "")).strip().upper()
    names = [name.strip().upper() for name in table.columns.names]
    if names and (scheme == "EXPLICIT" or (scheme != "IMPLICIT" and names[0] in _LISTS_OF_PIXELS)):
        return table.columns[0]
    return None


def _first_pixel(header: fits.Header, stored: int, nside: int, label: str) -> int:
    """Return the pixel of the first value: not 0 if a map without list covers a part of the sky."""
    npix = 12 * nside**2
    first, last = header.get("FIRSTPIX", 0), header.get("LASTPIX", npix - 1)
    if stored == npix:
        return 0
    numbers = isinstance(first, int) and isinstance(last, int)
    if not numbers or not 0 <= first <= last < npix or last - first + 1 != stored:
        raise SourceError(
            f"{label}: has {stored} values, and a map of NSIDE {nside} has {npix};"
            " the file is damaged, or its header wrong"
        )
    return int(first)


def _checked(pixels: NDArray[Any], nside: int, label: str) -> NDArray[np.int64]:
    npix = 12 * nside**2
    wrong = ~((pixels >= 0) & (pixels < npix))
    if wrong.any():
        raise SourceError(
            f"{label}: lists pixel {pixels[wrong][0]:.0f}, and a map of NSIDE {nside} has {npix};"
            " the file is damaged, or its header wrong"
        )
    return pixels.astype(np.int64, copy=False)


def _blank(values: NDArray[np.float32], header: fits.Header) -> None:
    """Set NaN where nothing was measured, part by part, so that memory holds no second map."""
    bad = header.get("BAD_DATA")
    marks = {UNSEEN, *([float(bad)] if isinstance(bad, int | float) and np.isfinite(bad) else [])}
    for start in range(0, values.size, _PART):
        part = values[start : start + _PART]
        missing = ~np.isfinite(part)
        for mark in marks:
            missing |= np.abs(part - np.float32(mark)) <= np.float32(abs(mark) * _SAME_MARK)
        part[missing] = np.nan


def _counted(values: NDArray[Any], column: str) -> NDArray[Any]:
    """Return a table of all values, in long rows where they fill them."""
    length = _ROW if values.size % _ROW == 0 else 1
    stored = np.empty(values.size, ">f4")
    for start in range(0, values.size, _PART):
        part = values[start : start + _PART]
        stored[start : start + _PART] = np.where(np.isfinite(part), part, UNSEEN)
    return stored.view([(column, ">f4", (length,) if length > 1 else ())])


def _listed(values: NDArray[Any], column: str) -> NDArray[Any]:
    """Return a table of the pixels that have data, and their values."""
    pixels = np.flatnonzero(np.isfinite(values) & (values != np.float32(UNSEEN)))
    table = np.empty(pixels.size, [("PIXEL", ">i4" if values.size < 2**31 else ">i8"), (column, ">f4")])
    table["PIXEL"] = pixels
    table[column] = values[pixels]
    return table
