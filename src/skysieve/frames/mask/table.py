"""The table of masked fractions, with one row per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.printable import one_line, printable
from skysieve.frames.mask.classes import CLASSES, NODATA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.table import Table

    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskRecord

__all__ = ["fractions_table", "write_table"]


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


def write_table(
    records: Mapping[Location, MaskRecord], path: Path, *, overwrite: bool, extend: bool = False
) -> None:
    """Write the table as ECSV.

    Parameters
    ----------
    records
        Record of each file by its location.
    path
        Path of the table.
    overwrite
        Whether to replace an existing table.
    extend
        Whether to keep the rows of other files in it.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, cannot be written, or is not a table that can be extended.
    """
    table = fractions_table(records)
    if extend and path.exists():
        table = _extended(path, table)
    with atomic_write(path, overwrite=overwrite) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)


def _extended(path: Path, table: Table) -> Table:
    from astropy.table import QTable, vstack

    try:
        older = QTable.read(path, format="ascii.ecsv")
        others = older[[file not in set(table["file"]) for file in older["file"]]]
    except Exception as error:  # each reader fails in ways of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OutputError(f"{path}: is no table to be extended ({reason}); name another") from error
    return vstack([others, table], metadata_conflicts="silent")
