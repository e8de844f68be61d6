"""FITS files that are whole: opened for reading, or refused with the reason.

Astropy pads a truncated file in silence, or fails in the middle of the work;
it only warns of a wrong checksum, and its check of compressed images fails
for good ones.  So the file is walked here, header by header, before astropy
has it.
"""

from __future__ import annotations

import logging
import os
import stat
from typing import IO, TYPE_CHECKING

from astropy.io import fits

from skysieve.core.errors import SourceError
from skysieve.core.fits.fits_units import (
    BLOCK,
    FETCH,
    MOST_HDUS,
    Unit,
    fold,
    one_line,
    ones_sum,
    quiet,
    read_header,
    unit_of,
)
from skysieve.core.fits.unpacking import unpack

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_intact", "open_intact", "stored_data_sum"]

logger = logging.getLogger(__name__)

_ALL_ONES = 0xFFFFFFFF


def open_intact(path: Path, *, sums: bool = True) -> fits.HDUList:
    """Open a FITS file after making sure that it is whole.

    Images are left as stored: astropy applies no BSCALE, BZERO or BLANK.
    Strips of them are read from the file when they are asked for.  A file in
    gzip, bzip2 or LZW is unpacked into an anonymous temporary file for that.
    A last block that is shorter than the standard says is no damage.

    Parameters
    ----------
    path
        The file.
    sums
        Whether to make sure of DATASUM and CHECKSUM, for which all of the file is read.

    Returns
    -------
    astropy.io.fits.HDUList
        With all HDUs loaded; to be closed by the caller.

    Raises
    ------
    SourceError
        If the file is missing, unreadable, empty, not FITS, truncated or
        damaged, or fails its DATASUM or CHECKSUM.
    """
    stream = _open_stream(path)
    try:
        units = _walk(stream, path)
        for unit in units if sums else ():
            _verify_sums(stream, unit, path)
        stream.seek(0)
        with quiet(path):
            # Not mapped into memory: if the file were cut by another program while it is read, the system
            # would kill this process, and all pages that were read would count as its memory.
            hdus = fits.open(
                stream, mode="readonly", memmap=False, do_not_scale_image_data=True, lazy_load_hdus=False
            )
            for hdu in hdus:
                _ = (hdu.header, hdu.name, hdu.ver)  # now, so that warnings about them come here
    except SourceError:
        stream.close()
        raise
    except Exception as error:  # whatever astropy raises for a header it cannot understand
        stream.close()
        raise SourceError(f"{path}: cannot be opened as FITS ({one_line(error)}); {FETCH}") from error
    if len(hdus) < len(units):
        count = len(hdus)
        hdus.close()
        raise SourceError(f"{path}: the header of HDU {count} is damaged; {FETCH}")
    return hdus


def is_intact(path: Path) -> bool:
    """Tell whether a FITS file is there and whole, by the rules of :func:`open_intact`."""
    try:
        open_intact(path).close()
    except SourceError:
        return False
    return True


def stored_data_sum(hdu: fits.PrimaryHDU | fits.ImageHDU) -> int:
    """Return the 32-bit sum of the data of an HDU in an open file, read a piece at a time.

    Raises
    ------
    SourceError
        If the file has become shorter than its headers say.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    place = hdu.fileinfo()
    return ones_sum(place["file"], place["datLoc"], hdu.size)


def _open_stream(path: Path) -> IO[bytes]:
    """Open a regular file for reading, unpacked if it is packed."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: is a directory; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path}: is no regular file; save its content to a file first")
        if status.st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes); {FETCH}")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be opened ({one_line(error)}); check the permissions") from error
    return unpack(stream, path)


def _walk(stream: IO[bytes], path: Path) -> list[Unit]:
    """Return the header and data units of a file, none of which ends beyond its end."""
    size = stream.seek(0, os.SEEK_END)
    units: list[Unit] = []
    position = 0
    while position < size:
        stream.seek(position)
        start = stream.read(8)
        if not units and not start.startswith(b"SIMPLE"):
            raise SourceError(
                f"{path}: is not a FITS file; give a FITS file, plain or in .fz, .gz, .bz2 or .Z"
            )
        if units and not b"XTENSION".startswith(start):
            # The standard allows special records after the last HDU.
            logger.debug("%s: %d bytes after the last HDU are left alone", path, size - position)
            break
        if len(units) == MOST_HDUS:
            raise SourceError(f"{path}: has more than {MOST_HDUS} HDUs; it is damaged, {FETCH}")
        stream.seek(position)
        unit = unit_of(read_header(stream, len(units), path), len(units), position, path)
        missing = unit.data_start + unit.data_size - size
        if missing > 0:
            raise SourceError(
                f"{path}: is truncated, {missing} bytes of HDU {unit.index} are missing; {FETCH}"
            )
        units.append(unit)
        position = unit.end
    if position > size:
        # Programs of small cameras leave the last block short; all data are there.
        logger.info("%s: its last block is not filled up to %d bytes", path, BLOCK)
    return units


def _verify_sums(stream: IO[bytes], unit: Unit, path: Path) -> None:
    """Make sure that the data are those of which the header states the sum.

    A wrong sum does not always mean damage.  Programs that cut out or edit
    frames leave the old cards behind.  CHECKSUM is such that header and data
    add up to all ones; if the header and the *stated* DATASUM do not, the
    header was changed too since the sums were written, and they say nothing
    about the data.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    if unit.datasum is None and not unit.checksum:
        return
    header = ones_sum(stream, unit.header_start, unit.data_start - unit.header_start)
    data = ones_sum(stream, unit.data_start, unit.data_size)
    intact = not unit.checksum or fold(header + data) == _ALL_ONES
    if unit.datasum is None:
        if not intact:
            raise SourceError(f"{path}: HDU {unit.index} fails its CHECKSUM: the file is corrupt; {FETCH}")
    elif data != unit.datasum:
        if not unit.checksum or fold(header + unit.datasum) == _ALL_ONES:
            raise SourceError(f"{path}: HDU {unit.index} fails its DATASUM: the file is corrupt; {FETCH}")
        logger.warning(
            "%s: HDU %d: header and data are newer than CHECKSUM and DATASUM, which are therefore ignored",
            path,
            unit.index,
        )
    elif not intact:
        logger.debug("%s: HDU %d: the header was edited after its CHECKSUM", path, unit.index)
