"""Files that this software made, whatever they are called: told by the provenance in their headers."""

from __future__ import annotations

import bz2
import gzip
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from skysieve.core.fits.auxiliary import is_own_product

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_own_file"]

_MOST_HEADERS = 64
_MOST_BYTES = 2**27
"""Where the first image is further behind, it is not looked at: listing a folder must not unpack so much."""


def is_own_file(path: Path) -> bool:
    """Tell whether a file is a product of this software, such as a mask, by its first image.

    Only headers are read.  Whatever cannot be read is no product.
    """
    from astropy.io import fits

    from skysieve.core.fits.fits_units import quiet, read_header, unit_of

    try:
        with _opened(path) as stream:
            position = 0
            for index in range(_MOST_HEADERS):
                stream.seek(position)
                content = read_header(stream, index, path)
                if index == 0 and not content.startswith(b"SIMPLE"):
                    return False
                with quiet(path):
                    header = fits.Header.fromstring(content)
                    if is_own_product(header):
                        return True
                    is_table = "TABLE" in str(header.get("XTENSION", "")) and "ZIMAGE" not in header
                unit = unit_of(content, index, position, path)
                if (unit.data_size and not is_table) or unit.end > _MOST_BYTES:
                    return False
                position = unit.end
    except Exception:  # noqa: BLE001 (of files of every kind of damage, which others report)
        return False
    return False


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked if it is in gzip or bzip2."""
    if not path.is_file():  # as of a pipe, which would wait
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
