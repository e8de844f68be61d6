"""Exclusion lists of CCDs in the format of DELVE: date, exposure number, CCD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.ghosts.predict.exposure_ids import UNKNOWN
from skysieve.ghosts.predict.positions import touched_ccds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.job import GhostRecord

__all__ = ["exclusion_list"]

HEADING = "#date     expnum ccd id ccdnum"


def exclusion_list(records: Mapping[Location, GhostRecord], camera: Camera) -> str:
    """Return the text of an exclusion list with the CCDs that ghosts touch.

    A line has date, exposure number, ``nan``, and name and number of the CCD.  The third column of DELVE's
    lists is a number from ray tracing, which is unknown here.

    Parameters
    ----------
    records
        Ghosts of each exposure.
    camera
        The camera.

    Returns
    -------
    str
        The text, with a heading.
    """
    lines = [HEADING]
    for record in records.values():
        for ccd in touched_ccds(record.ghosts):
            date, expnum = record.exposure_id.date, record.exposure_id.expnum
            name = camera.by_number[ccd.number].name
            lines.append(f"{date:>8}  {expnum:>7} {UNKNOWN:>3} {name:>3}  {ccd.number:>2}")
    return "\n".join(lines) + "\n"
