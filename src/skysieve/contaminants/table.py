"""The table of masked fractions: one row a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.contaminants.classes import CLASSES, NODATA
from skysieve.imaging.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.table import Table

    from skysieve.contaminants.job import MaskRecord
    from skysieve.imaging.locations import Location

__all__ = ["fractions_table", "write_table"]


def fractions_table(records: Mapping[Location, MaskRecord]) -> Table:
    """Return the table of all frames: where each is, its size in pixels, and the part of it in each class."""
    from astropy import units
    from astropy.table import QTable

    frames = [(location, record, frame) for location, record in records.items() for frame in record.frames]
    table = QTable()
    table["file"] = [str(location.path) for location, _, _ in frames]
    table["hdu"] = [frame.hdu for _, _, frame in frames]
    table["name"] = [frame.name for _, _, frame in frames]
    table["plane"] = [frame.plane for _, _, frame in frames]
    table["width"] = [frame.shape[1] for _, _, frame in frames] * units.pix
    table["height"] = [frame.shape[0] for _, _, frame in frames] * units.pix
    for wanted in (*CLASSES, NODATA):
        if any(wanted.name in frame.fractions for _, _, frame in frames):
            column = [frame.fractions.get(wanted.name, float("nan")) for _, _, frame in frames]
            table[wanted.name] = column * units.dimensionless_unscaled
            table[wanted.name].info.description = f"part of the pixels: {wanted.description}"
    table["mask"] = [str(record.product) for _, record, _ in frames]
    return table


def write_table(records: Mapping[Location, MaskRecord], path: Path, *, overwrite: bool) -> None:
    """Write the table as ECSV.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced, or cannot be written.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        fractions_table(records).write(temporary, format="ascii.ecsv", overwrite=True)
