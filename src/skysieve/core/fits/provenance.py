"""Provenance: header cards that state the software, input and settings of a product."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.fits.fits_integrity import stored_data_sum
from skysieve.core.fits.hdu_layout import fold_carries, one_line
from skysieve.core.fits.tall_tiles import tile_bands

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["data_sum", "provenance_cards"]

_MAX_KEYWORD_LENGTH = 8


def provenance_cards(
    *,
    source: str | Path | None = None,
    source_sum: str | None = None,
    model: str | None = None,
    model_sha256: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    priors: Mapping[str, float] | None = None,
    thresholds: Mapping[str, float] | None = None,
    options: Mapping[str, object] | None = None,
    when: datetime | None = None,
) -> list[HeaderCard]:
    """Return the provenance cards of a product; arguments that are None are left out.

    Parameters
    ----------
    source
        File of the frame; its name without the folder becomes ``SRCFILE``.
    source_sum
        ``DATASUM`` of the frame's HDU, as :func:`data_sum` returns it; ``SRCSUM``.
    model, model_sha256
        Name of the model and SHA-256 of its graph, 64 hexadecimal digits; ``MODEL``, ``MODELSHA``.
    engine, precision
        Inference engine and its arithmetic; ``ENGINE``, ``PRECISN``.
    priors, thresholds
        Probability for each class, by its name of at most four characters; ``PRI_<NAME>``, ``THR_<NAME>``.
    options
        Further options by name, each a ``HISTORY`` line.
    when
        Time for ``DATE``, with a time zone; now if None.

    Returns
    -------
    list of (str, value, str)
        Cards as ``(keyword, value, comment)``.

    Raises
    ------
    ConfigError
        If a class name is too long for a keyword, a prior or threshold is not a finite number, or `when` has
        no time zone.
    """
    moment = when or datetime.now(UTC)
    if moment.tzinfo is None:
        raise ConfigError(f"the time {moment.isoformat()} has no time zone; give one, such as UTC")
    date = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    cards: list[HeaderCard] = [
        ("CREATOR", f"skysieve {__version__}", "program that made this HDU"),
        ("DATE", date, "[UTC] when this HDU was made"),
    ]
    stated = (
        ("SRCFILE", None if source is None else Path(source).name, "file of the frame"),
        ("SRCSUM", source_sum, "DATASUM of the frame's HDU"),
        ("MODEL", model, "model"),
        ("MODELSHA", model_sha256, "SHA-256"),
        ("ENGINE", engine, "inference engine"),
        ("PRECISN", precision, "arithmetic of the engine"),
    )
    cards += [(keyword, value, comment) for keyword, value, comment in stated if value is not None]
    cards += _class_cards("PRI_", priors, "prior")
    cards += _class_cards("THR_", thresholds, "threshold")
    cards += [("HISTORY", f"skysieve: {name} = {value}", "") for name, value in (options or {}).items()]
    return cards


def data_sum(hdu: fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU) -> str:
    """Return the ``DATASUM`` of an HDU: from its header, or computed if the header has none.

    The computed sum is that of the data in the file, or else in memory. Use an HDU whose values have not been
    scaled. The HDU is not changed.

    Parameters
    ----------
    hdu
        The HDU.

    Returns
    -------
    str
        The sum as a decimal number.

    Raises
    ------
    SourceError
        If the data cannot be read, such as when the file is shorter than its headers state.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    stated = str(hdu.header.get("DATASUM", "")).strip()
    if stated:
        return stated
    if isinstance(hdu, fits.CompImageHDU):
        # The sum of the values, as fpack states it: that of the compressed table depends on the compression.
        return str(_sum_of_values(hdu))
    if hdu.fileinfo() is not None:
        return str(stored_data_sum(hdu))
    computed = hdu.add_datasum()
    del hdu.header["DATASUM"]
    return str(int(computed))


def _sum_of_values(hdu: fits.CompImageHDU) -> int:
    """Return the sum of a compressed image's values as stored uncompressed, computed band by band."""
    total, rest = 0, b""
    try:
        for band in tile_bands(hdu):
            content = rest + _as_stored(hdu.section[band]).tobytes()
            whole = len(content) - len(content) % 4  # 4-byte words may span two bands
            total = fold_carries(total + int(np.frombuffer(content[:whole], ">u4").sum(dtype=np.uint64)))
            rest = content[whole:]
    except Exception as error:  # each decompressor raises its own kind of error
        raise SourceError(f"its values cannot be read ({one_line(error)}); fetch the file again") from error
    return fold_carries(total + int.from_bytes(rest + bytes(-len(rest) % 4), "big"))


def _as_stored(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return values as FITS stores them: big-endian, and with BZERO for integer types that FITS lacks."""
    bits = 8 * values.dtype.itemsize
    if values.dtype.kind == ("i" if bits == 8 else "u"):
        values = values.view(f"u{bits // 8}") ^ np.array(1 << (bits - 1), f"u{bits // 8}")
    return values.astype(values.dtype.newbyteorder(">"))


def _class_cards(prefix: str, values: Mapping[str, float] | None, what: str) -> list[HeaderCard]:
    cards: list[HeaderCard] = []
    for name, value in (values or {}).items():
        keyword = f"{prefix}{name.upper()}"
        if len(keyword) > _MAX_KEYWORD_LENGTH:
            raise ConfigError(
                f"class {name!r}: its card {keyword} would have more than {_MAX_KEYWORD_LENGTH} characters"
            )
        number = float(value)
        if not isfinite(number):
            raise ConfigError(f"class {name!r}: its {what} is {number}, which no FITS card can hold")
        cards.append((keyword, number, f"{what} of {name}"))
    return cards
