"""The table of masked fractions, with one row per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.printable import one_line, printable
from skysieve.frames.mask.classes import CLASSES, NODATA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskRecord

__all__ = ["fractions_table"]


def fractions_table(records: Mapping[Location, MaskRecord]) -> Table:
    """Return a table of the frames of several files.

    Parameters
    ----------
    records
        Record of each file by its location.

    Returns
    -------
    Table
        One row per frame: its position, its size in pixels, and the fraction of its pixels in each class.
    """
    from astropy import units
    from astropy.table import QTable

    frames = [(location, record, frame) for location, record in records.items() for frame in record.frames]
    table = QTable()
    table["file"] = [printable(location.path) for location, _, _ in frames]
    table["hdu"] = [frame.hdu for _, _, frame in frames]
    table["name"] = [one_line(frame.name) for _, _, frame in frames]
    table["plane"] = [frame.plane for _, _, frame in frames]
    table["width"] = [frame.shape[1] for _, _, frame in frames] * units.pix
    table["height"] = [frame.shape[0] for _, _, frame in frames] * units.pix
    for wanted in (*CLASSES, NODATA):
        if any(wanted.name in frame.fractions for _, _, frame in frames):
            column = [frame.fractions.get(wanted.name, float("nan")) for _, _, frame in frames]
            table[wanted.name] = column * units.dimensionless_unscaled
            table[wanted.name].info.description = f"part of the pixels: {wanted.description}"
    table["bad"] = [frame.bad for _, _, frame in frames] * units.dimensionless_unscaled
    table["bad"].info.description = "part of the pixels that are bad: of the classes chosen, or without data"
    if any(frame.ood is not None for _, _, frame in frames):
        score = [float("nan") if frame.ood is None else frame.ood.score for _, _, frame in frames]
        table["unlike"] = score * units.dimensionless_unscaled
        table["unlike"].info.description = "distance from the training frames; warned of above 1"
        table["unlike_by"] = ["" if frame.ood is None else frame.ood.worst for _, _, frame in frames]
    table["mask"] = [printable(record.product) for _, record, _ in frames]
    return table
