"""Recognise products of Skysieve by the provenance in their headers, whatever their names."""

from __future__ import annotations

import bz2
import gzip
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from astropy.io import fits

__all__ = ["is_own_file", "is_own_product"]

_MAX_HEADERS = 64
_MAX_BYTES = 2**27
"""Offset beyond which no image is inspected: listing a folder must not decompress more."""


def is_own_file(path: Path) -> bool:
    """Check whether a file is a product of Skysieve, such as a mask, by its first image.

    Only headers are read. An unreadable file is not a product.

    Parameters
    ----------
    path
        Path of the file.

    Returns
    -------
    bool
        Whether it is.
    """
    from astropy.io import fits

    from skysieve.core.fits.hdu_layout import parse_layout, quiet, read_header

    try:
        with _opened(path) as stream:
            position = 0
            for index in range(_MAX_HEADERS):
                stream.seek(position)
                content = read_header(stream, index, path)
                if index == 0 and not content.startswith(b"SIMPLE"):
                    return False
                with quiet(path):
                    header = fits.Header.fromstring(content)
                    if is_own_product(header):
                        return True
                    is_table = "TABLE" in str(header.get("XTENSION", "")) and "ZIMAGE" not in header
                layout = parse_layout(content, index, position, path)
                if (layout.data_size and not is_table) or layout.end > _MAX_BYTES:
                    return False
                position = layout.end
    except Exception:  # noqa: BLE001 (damaged files raise many kinds of errors; the reader reports them)
        return False
    return False


def is_own_product(header: fits.Header) -> bool:
    """Check whether an HDU is a product of Skysieve, by its provenance cards.

    Parameters
    ----------
    header
        Header of the HDU.

    Returns
    -------
    bool
        Whether it is, whatever its name and values.
    """
    try:
        creator = header.get("CREATOR")
    except Exception:  # noqa: BLE001 (astropy raises many kinds for cards that break the standard)
        return False
    return isinstance(creator, str) and creator.strip().startswith("skysieve ") and "MODEL" in header


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file; decompress it if it is in gzip or bzip2."""
    if not path.is_file():  # reading a pipe would block
        raise OSError(f"{path}: no regular file")
    with path.open("rb") as stream:
        magic = stream.read(3)
        stream.seek(0)
        if magic == b"BZh":
            yield cast("IO[bytes]", bz2.BZ2File(stream))
        elif magic == b"\x1f\x8b\x08":
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
        else:
            yield stream
