"""Exclusion lists of CCDs, in the form that DELVE keeps: date, exposure number, CCD."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from skysieve.ghosts.predict.positions import touched_ccds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits

    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.job import GhostRecord

__all__ = ["Night", "exclusion_list", "night_of"]

HEADING = "#date     expnum ccd id ccdnum"

UNKNOWN = "nan"

NOON = timedelta(hours=12)
"""What is taken off universal time, so that a night in the Americas has one date."""

EXPNUM_IN_NAME = re.compile(r"D(\d{8})(?!\d)")


@dataclass(frozen=True)
class Night:
    """Which exposure a file holds.

    Attributes
    ----------
    date
        Of the evening, as 20210815; ``nan`` if it is not known.
    expnum
        Number of the exposure; ``nan`` if it is not known.
    """

    date: str = UNKNOWN
    expnum: str = UNKNOWN


def night_of(header: fits.Header | None, name: str) -> Night:
    """Return which exposure a file holds, by its primary header, or else by its name, as ``D00361535``.

    The date is DTCALDAT, or that of DATE-OBS twelve hours before.

    Parameters
    ----------
    header
        The primary header; None of a picture.
    name
        Of the file.
    """
    named = EXPNUM_IN_NAME.search(name)
    expnum = str(int(named[1])) if named else UNKNOWN
    if header is None:
        return Night(expnum=expnum)
    if isinstance(header.get("EXPNUM"), int):
        expnum = str(header["EXPNUM"])
    date = str(header.get("DTCALDAT", ""))[:10].replace("-", "")
    if not re.fullmatch(r"\d{8}", date):
        try:
            begun = datetime.fromisoformat(str(header.get("DATE-OBS", "")))
            date = (begun - NOON).strftime("%Y%m%d")
        except ValueError:
            date = UNKNOWN
    return Night(date, expnum)


def exclusion_list(records: Mapping[Location, GhostRecord], camera: Camera) -> str:
    """Return the CCDs that ghosts touch, a line each: date, exposure, ``nan``, name and number of the CCD.

    The third column of these lists is a number of the ray tracing, which is not known here.
    """
    lines = [HEADING]
    for record in records.values():
        for ccd in touched_ccds(record.ghosts):
            name = camera.by_number[ccd.number].name
            lines.append(
                f"{record.night.date:>8}  {record.night.expnum:>7} {UNKNOWN:>3} {name:>3}  {ccd.number:>2}"
            )
    return "\n".join(lines) + "\n"
