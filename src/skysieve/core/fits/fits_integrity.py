"""Open FITS files that are complete; refuse others with the reason.

Astropy silently pads a truncated file, or fails later during processing. It only warns of a wrong checksum,
and its checksum test fails for intact compressed images. Therefore every header of the file is checked here
before astropy opens it.
"""

from __future__ import annotations

import logging
import os
import stat
from typing import IO, TYPE_CHECKING

from astropy.io import fits

from skysieve.core.errors import SourceError
from skysieve.core.fits.hdu_layout import (
    BLOCK,
    FETCH,
    MAX_HDUS,
    HDULayout,
    fold_carries,
    one_line,
    ones_complement_sum,
    parse_layout,
    quiet,
    read_header,
)
from skysieve.core.fits.unpacking import unpack

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_intact", "open_intact", "stored_data_sum"]

logger = logging.getLogger(__name__)

_ALL_ONES = 0xFFFFFFFF


def open_intact(path: Path, *, sums: bool = True) -> fits.HDUList:
    """Open a FITS file after checking that it is complete.

    Images stay as stored: astropy applies no BSCALE, BZERO or BLANK. Strips are read from the file on demand.
    A file in gzip, bzip2 or LZW is therefore decompressed into an unnamed temporary file. A last block
    shorter than the standard requires is accepted.

    Parameters
    ----------
    path
        The file.
    sums
        Whether to verify DATASUM and CHECKSUM, which reads the whole file.

    Returns
    -------
    astropy.io.fits.HDUList
        All HDUs are loaded; the caller closes it.

    Raises
    ------
    SourceError
        If the file is missing, unreadable, empty, not FITS, truncated or damaged, or fails its DATASUM or
        CHECKSUM.
    """
    stream = _open_stream(path)
    try:
        layouts = _walk(stream, path)
        for layout in layouts if sums else ():
            _verify_sums(stream, layout, path)
        stream.seek(0)
        with quiet(path):
            # No memory mapping: if another program truncated the file meanwhile, the system would kill this
            # process. All pages that were read would also count as its memory.
            hdus = fits.open(
                stream, mode="readonly", memmap=False, do_not_scale_image_data=True, lazy_load_hdus=False
            )
            for hdu in hdus:
                _ = (hdu.header, hdu.name, hdu.ver)  # parse them now, so that their warnings occur here
    except SourceError:
        stream.close()
        raise
    except Exception as error:  # astropy raises many kinds of errors for headers that it cannot parse
        stream.close()
        raise SourceError(f"{path}: cannot be opened as FITS ({one_line(error)}); {FETCH}") from error
    if len(hdus) < len(layouts):
        count = len(hdus)
        hdus.close()
        raise SourceError(f"{path}: the header of HDU {count} is damaged; {FETCH}")
    return hdus


def is_intact(path: Path) -> bool:
    """Check whether a FITS file exists and is complete, by the rules of :func:`open_intact`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bool
        Whether it is.
    """
    try:
        open_intact(path).close()
    except SourceError:
        return False
    return True


def stored_data_sum(hdu: fits.PrimaryHDU | fits.ImageHDU) -> int:
    """Return the 32-bit sum of the data of an HDU in an open file, read in parts.

    Parameters
    ----------
    hdu
        HDU of an open file.

    Returns
    -------
    int
        The sum, as for DATASUM.

    Raises
    ------
    SourceError
        If the file has become shorter than its headers state.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    location = hdu.fileinfo()
    return ones_complement_sum(location["file"], location["datLoc"], hdu.size)


def _open_stream(path: Path) -> IO[bytes]:
    """Open a regular file for reading; decompress it if it is compressed."""
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


def _walk(stream: IO[bytes], path: Path) -> list[HDULayout]:
    """Return the layouts of a file's HDUs, after checking that none ends beyond the end of the file."""
    size = stream.seek(0, os.SEEK_END)
    layouts: list[HDULayout] = []
    position = 0
    while position < size:
        stream.seek(position)
        start = stream.read(8)
        if not layouts and not start.startswith(b"SIMPLE"):
            raise SourceError(
                f"{path}: is not a FITS file; give a FITS file, plain or in .fz, .gz, .bz2 or .Z"
            )
        if layouts and not b"XTENSION".startswith(start):
            # The standard allows special records after the last HDU.
            logger.debug("%s: %d bytes after the last HDU are left alone", path, size - position)
            break
        if len(layouts) == MAX_HDUS:
            raise SourceError(f"{path}: has more than {MAX_HDUS} HDUs; it is damaged, {FETCH}")
        stream.seek(position)
        layout = parse_layout(read_header(stream, len(layouts), path), len(layouts), position, path)
        missing = layout.data_start + layout.data_size - size
        if missing > 0:
            raise SourceError(
                f"{path}: is truncated, {missing} bytes of HDU {layout.index} are missing; {FETCH}"
            )
        layouts.append(layout)
        position = layout.end
    if position > size:
        # Software of small cameras does not pad the last block; all data are there.
        logger.info("%s: its last block is not filled up to %d bytes", path, BLOCK)
    return layouts


def _verify_sums(stream: IO[bytes], layout: HDULayout, path: Path) -> None:
    """Check the data of an HDU against the checksums in its header.

    A wrong sum does not always mean damage: programs that cut out or edit frames leave the old cards in
    place. CHECKSUM makes the sum of header and data all ones. If the sum of the header and the *stated*
    DATASUM is not all ones, the header was changed after the sums were written, and they no longer describe
    the data.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    if layout.datasum is None and not layout.checksum:
        return
    header = ones_complement_sum(stream, layout.header_start, layout.data_start - layout.header_start)
    # with the fill of the last block, which is of blanks in ASCII tables; some files end before it
    end = min(layout.end, stream.seek(0, os.SEEK_END))
    data = ones_complement_sum(stream, layout.data_start, end - layout.data_start)
    intact = not layout.checksum or fold_carries(header + data) == _ALL_ONES
    if layout.datasum is None:
        if not intact:
            raise SourceError(f"{path}: HDU {layout.index} fails its CHECKSUM: the file is corrupt; {FETCH}")
    elif data != layout.datasum:
        if not layout.checksum or fold_carries(header + layout.datasum) == _ALL_ONES:
            raise SourceError(f"{path}: HDU {layout.index} fails its DATASUM: the file is corrupt; {FETCH}")
        logger.warning(
            "%s: HDU %d: header and data are newer than CHECKSUM and DATASUM, which are therefore ignored",
            path,
            layout.index,
        )
    elif not intact:
        logger.debug("%s: HDU %d: the header was edited after its CHECKSUM", path, layout.index)
