"""Read and write full-sky and partial-sky maps in HEALPix FITS files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import OutputError, SkysieveError, SourceError
from skysieve.core.fits.healpix_headers import Frame, MapHeader, nside_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderValue
    from skysieve.core.fits.fits_out import HDU

    MapCards = Mapping[str, HeaderValue | tuple[HeaderValue, str]]

__all__ = ["UNSEEN", "Frame", "HealpixMap", "healpix_hdus", "read_healpix_map", "write_healpix_map"]

UNSEEN = -1.6375e30
"""Value of pixels without data in HEALPix files."""

# Relative tolerance of UNSEEN: conversions between types change its last digits
_UNSEEN_TOLERANCE = 1e-5
_PIXEL_COLUMNS = {"PIXEL", "PIX"}
_CHUNK = 2**22
# Maps are held in memory as full-sky maps, of 200 MB at this NSIDE.  At a larger NSIDE, a file must cover at
# least this fraction of the sky.
_MAX_SPARSE_NSIDE = 2048
_MIN_SKY_FRACTION = 0.01
# Values per row, as in most maps; long rows are fast to read
_ROW = 1024


@dataclass(frozen=True, eq=False)
class HealpixMap:
    """A HEALPix map.

    Attributes
    ----------
    values : ndarray of float32, shape (npix,)
        Values in `unit`; NaN where there are no data.
    nside
        Resolution: the map has 12 nside² pixels.
    nested
        Whether pixels are in NESTED order; else they are in RING order.
    frame
        Coordinate frame of the pixels: ``G`` Galactic, ``C`` equatorial, ``E`` ecliptic.
    unit
        Unit as stated by the file, or as given.
    name
        Name of the column.
    path
        File of the map.
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
    """Read one map from a HEALPix FITS file, of the full sky or of a part.

    Only one column is held in memory, once, as float32.  UNSEEN, the value of BAD_DATA, values that are not
    finite, and pixels that a partial-sky map leaves out become NaN.

    Parameters
    ----------
    path
        The file, plain or compressed with gzip or bzip2.
    field
        Number of the column, from 0, without the column of pixel numbers; or its name.
    hdu
        Number of the HDU with the table, or its name.
    frame, unit, ordering
        Values for files without COORDSYS, TUNIT or ORDERING; their use is logged as a warning.

    Returns
    -------
    HealpixMap
        The map, as a full-sky map.

    Raises
    ------
    SourceError
        If the file is missing, truncated or damaged; if it has no such map; if frame, unit or ordering is
        neither stated nor given; or if length, NSIDE and ORDERING are inconsistent.
    ConfigError
        If `frame` or `ordering` is not valid.
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
    except Exception as error:  # astropy raises various exceptions for tables that violate the standard
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
        pixels = _pixel_column(hdus[number])
        columns = [other for other in hdus[number].columns if other is not pixels]
        column = column_of(columns, field, label)
        nested = stated.nested(ordering)
        stored = int(header["NAXIS2"]) * values_in_row(column)
        nside = stated.nside(stored, nested=nested, partial=pixels is not None)
        _check_sky_fraction(stored, nside, label)
        coordinates = stated.frame(frame)
        measured_in = stated.unit(column.unit, unit)
        if pixels is None:
            first = _first_pixel(header, stored, nside, label)
            values = np.full(12 * nside**2, np.nan, np.float32)
            for offset, (part,) in read_columns(hdus, number, [column]):
                values[first + offset : first + offset + part.size] = part
        else:
            pixels = column_of([pixels], 0, label)
            if values_in_row(pixels) != values_in_row(column):
                raise SourceError(f"{label}: its rows hold more values than pixels, or fewer; it is damaged")
            values = np.full(12 * nside**2, np.nan, np.float32)
            for _, (numbers, part) in read_columns(hdus, number, [pixels, column]):
                values[_checked(numbers, nside, label)] = part
    _replace_missing(values, header)
    return HealpixMap(values, nside, nested, coordinates, measured_in, column.name, path)


def write_healpix_map(
    path: Path,
    values: NDArray[np.generic],
    *,
    nested: bool,
    frame: Frame,
    unit: str,
    column: str,
    overwrite: bool,
    cards: MapCards | None = None,
    partial: bool = False,
) -> None:
    """Write a map as a HEALPix FITS file, atomically and with checksums.

    Parameters
    ----------
    path
        Output file; it is compressed if the name ends in ``.gz``.
    values, nested, frame, unit, column, cards, partial
        See :func:`healpix_hdus`.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If `values` is not a map, or the file exists or cannot be written.
    """
    from skysieve.core.fits.fits_out import write_fits

    hdus = healpix_hdus(
        values, nested=nested, frame=frame, unit=unit, column=column, cards=cards, partial=partial
    )
    write_fits(hdus, path, overwrite=overwrite)


def healpix_hdus(
    values: NDArray[np.generic],
    *,
    nested: bool,
    frame: Frame,
    unit: str,
    column: str,
    cards: MapCards | None = None,
    partial: bool = False,
) -> list[HDU]:
    """Return the HDUs of a HEALPix FITS file with one map.

    Parameters
    ----------
    values : ndarray, shape (npix,)
        Values, stored as float32; NaN is stored as UNSEEN.
    nested, frame, unit
        See :class:`HealpixMap`; the unit of dimensionless values is an empty string.
    column
        Name of the column.
    cards
        Further header cards by keyword: a value, or a value and a comment.
    partial
        Whether to store only the pixels with data, with their numbers.

    Returns
    -------
    list of HDU
        An empty primary HDU, and the map.

    Raises
    ------
    OutputError
        If `values` is not a map.
    """
    from astropy.io import fits

    nside = nside_of(values.size) if values.ndim == 1 else None
    if nside is None:
        raise OutputError(f"a HEALPix map is a row of 12 nside² values; this has shape {values.shape}")
    table = _explicit_table(values, column) if partial else _implicit_table(values, column)
    hdu = fits.BinTableHDU(table, name="MAP")
    if unit:
        hdu.columns[column].unit = unit
    map_cards: dict[str, tuple[HeaderValue, str]] = {
        "PIXTYPE": ("HEALPIX", "HEALPix pixelisation"),
        "ORDERING": ("NESTED" if nested else "RING", "order of the pixels"),
        "COORDSYS": (frame, "G Galactic, C equatorial, E ecliptic"),
        "NSIDE": (nside, "12 nside^2 pixels make the sky"),
        "INDXSCHM": ("EXPLICIT" if partial else "IMPLICIT", "pixels are listed, or counted"),
        "OBJECT": ("PARTIAL" if partial else "FULLSKY", "part of the sky"),
        "BAD_DATA": (UNSEEN, "nothing was measured here"),
    }
    if not partial:
        map_cards |= {"FIRSTPIX": (0, "first pixel"), "LASTPIX": (values.size - 1, "last pixel")}
    for keyword, card in {**map_cards, **(cards or {})}.items():
        hdu.header[keyword] = card
    return [fits.PrimaryHDU(), hdu]


def _check_sky_fraction(stored: int, nside: int, label: str) -> None:
    """Reject a map of a tiny part of the sky whose full-sky map would take gigabytes."""
    npix = 12 * nside**2
    if nside > _MAX_SPARSE_NSIDE and stored < _MIN_SKY_FRACTION * npix:
        raise SourceError(
            f"{label}: holds {stored} of the {npix} pixels of NSIDE {nside}, which would take"
            f" {4 * npix / 1e9:.3g} GB; give a map of at least {_MIN_SKY_FRACTION:.0%} of the sky, or of"
            f" NSIDE {_MAX_SPARSE_NSIDE} or less (healpy.ud_grade makes one)"
        )


def _pixel_column(table: fits.BinTableHDU) -> fits.Column | None:
    """Return the column with the numbers of the pixels, if the table has one."""
    scheme = str(table.header.get("INDXSCHM", "")).strip().upper()
    names = [name.strip().upper() for name in table.columns.names]
    if names and (scheme == "EXPLICIT" or (scheme != "IMPLICIT" and names[0] in _PIXEL_COLUMNS)):
        return table.columns[0]
    return None


def _first_pixel(header: fits.Header, stored: int, nside: int, label: str) -> int:
    """Return the pixel of the first value; a partial-sky map without pixel numbers may start above 0."""
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


def _checked(pixels: NDArray[np.integer | np.floating], nside: int, label: str) -> NDArray[np.int64]:
    npix = 12 * nside**2
    wrong = ~((pixels >= 0) & (pixels < npix))
    if wrong.any():
        raise SourceError(
            f"{label}: lists pixel {pixels[wrong][0]:.0f}, and a map of NSIDE {nside} has {npix};"
            " the file is damaged, or its header wrong"
        )
    return pixels.astype(np.int64, copy=False)


def _replace_missing(values: NDArray[np.float32], header: fits.Header) -> None:
    """Set missing values to NaN, chunk by chunk, so that memory holds no second map."""
    bad = header.get("BAD_DATA")
    sentinels = {UNSEEN, *([float(bad)] if isinstance(bad, int | float) and np.isfinite(bad) else [])}
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK]
        missing = ~np.isfinite(part)
        for sentinel in sentinels:
            tolerance = np.float32(abs(sentinel) * _UNSEEN_TOLERANCE)
            missing |= np.abs(part - np.float32(sentinel)) <= tolerance
        part[missing] = np.nan


def _implicit_table(values: NDArray[np.generic], column: str) -> NDArray[np.generic]:
    """Return a table of all values, in long rows if their number allows it."""
    length = _ROW if values.size % _ROW == 0 else 1
    stored = np.empty(values.size, ">f4")
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK]
        stored[start : start + _CHUNK] = np.where(np.isfinite(part), part, UNSEEN)
    return stored.view([(column, ">f4", (length,) if length > 1 else ())])


def _explicit_table(values: NDArray[np.generic], column: str) -> NDArray[np.generic]:
    """Return a table of the pixels with data, with their numbers and values."""
    pixels = np.flatnonzero(np.isfinite(values) & (values != np.float32(UNSEEN)))
    table = np.empty(pixels.size, [("PIXEL", ">i4" if values.size < 2**31 else ">i8"), (column, ">f4")])
    table["PIXEL"] = pixels
    table[column] = values[pixels]
    return table
