"""Identify exposures by date and exposure number, from headers or file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["UNKNOWN", "ExposureId", "identify_exposure"]

UNKNOWN = "nan"
"""Text for an unknown value in exclusion lists."""

NOON = timedelta(hours=12)
"""Subtracted from universal time, so that all exposures of a night in the Americas have one date."""

EXPNUM_IN_NAME = re.compile(r"D(\d{8})(?!\d)")


@dataclass(frozen=True)
class ExposureId:
    """Date and number of an exposure.

    Attributes
    ----------
    date
        Date of the evening on which the night began, such as 20210815; ``nan`` if unknown.
    expnum
        Exposure number; ``nan`` if unknown.
    """

    date: str = UNKNOWN
    expnum: str = UNKNOWN


def identify_exposure(header: fits.Header | None, name: str) -> ExposureId:
    """Identify an exposure by its primary header, or else by a file name such as ``D00361535``.

    The date is DTCALDAT, or the date 12 hours before DATE-OBS.

    Parameters
    ----------
    header
        The primary header; None for a picture.
    name
        Name of the file.

    Returns
    -------
    ExposureId
        Date and number, as far as they are known.
    """
    named = EXPNUM_IN_NAME.search(name)
    expnum = str(int(named[1])) if named else UNKNOWN
    if header is None:
        return ExposureId(expnum=expnum)
    if isinstance(header.get("EXPNUM"), int):
        expnum = str(header["EXPNUM"])
    date = str(header.get("DTCALDAT", ""))[:10].replace("-", "")
    if not re.fullmatch(r"\d{8}", date):
        try:
            begun = datetime.fromisoformat(str(header.get("DATE-OBS", "")))
            date = (begun - NOON).strftime("%Y%m%d")
        except ValueError:
            date = UNKNOWN
    return ExposureId(date, expnum)
