"""Distortion look-up tables that the world coordinates of a header refer to.

Headers of HST refer to two kinds, each in its own HDU: ``WCSDVARR`` (residuals of the optical distortion,
from the NPOLFILE) and ``D2IMARR`` (irregular detector pixels, from the D2IMFILE). A product that copies such
a header must hold the tables too. Otherwise the cards that refer to them must be removed, because readers of
world coordinates fail on them.

References
----------
Calabretta et al. 2004, draft "Representations of distortions in FITS world coordinate systems" (CPDISja,
DPja); Hack, Dencheva & Fruchter 2013, "DrizzlePac: Managing Multi-component WCS Solutions for HST Data",
ADASS XXII, ASP Conf. Ser. 475, 49 (D2IMDISj).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skysieve.core.fits.header_checks import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io import fits

__all__ = ["drop_lookups", "find_tables"]

_LOOKUP = re.compile(r"(?P<kind>CPDIS|CQDIS|D2IMDIS)(?P<axis>\d)(?P<alternate>[A-Z]?)")
_RECORDS = {"CPDIS": "DP", "CQDIS": "DQ", "D2IMDIS": "D2IM"}
_TABLES = {"CPDIS": "WCSDVARR", "CQDIS": "WCSDVARR", "D2IMDIS": "D2IMARR"}


def find_tables(hdus: fits.HDUList, header: fits.Header) -> frozenset[int] | None:
    """Return the numbers of the HDUs with the tables that a header refers to.

    Parameters
    ----------
    hdus
        The open file of the header.
    header
        Header of one of its images.

    Returns
    -------
    frozenset of int or None
        Empty if the header refers to none; None if the file lacks one that it refers to.
    """
    numbers = {(hdu.name, version_of(hdu)): index for index, hdu in enumerate(hdus)}
    found = set()
    for kind, records in _lookups(header):
        try:
            version = int(header.get(f"{records}.EXTVER", 1))
        except (TypeError, ValueError):
            return None
        index = numbers.get((_TABLES[kind], version))
        if index is None:
            return None
        found.add(index)
    return frozenset(found)


def drop_lookups(header: fits.Header) -> list[str]:
    """Remove, in place, the cards that refer to look-up tables.

    Parameters
    ----------
    header
        The header to change.

    Returns
    -------
    list of str
        Keywords that announced the tables, such as ``CPDIS1``.
    """
    dropped = []
    for kind, records in list(_lookups(header)):
        keyword = kind + records.removeprefix(_RECORDS[kind])
        for other in list(header):
            if other in (keyword, records) or other.startswith(f"{records}."):
                header.remove(other, ignore_missing=True, remove_all=True)
        dropped.append(keyword)
    return dropped


def _lookups(header: fits.Header) -> Iterator[tuple[str, str]]:
    """Yield the kind of each look-up that a header announces, and the keyword of its records."""
    for keyword in list(header):
        match = _LOOKUP.fullmatch(keyword)
        if match is not None and str(header[keyword]).strip().upper() == "LOOKUP":
            yield match["kind"], f"{_RECORDS[match['kind']]}{match['axis']}{match['alternate']}"
