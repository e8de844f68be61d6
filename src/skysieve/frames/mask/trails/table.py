"""The table of trails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.frames.mask.trails.sky import number_trails

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import QTable

    from skysieve.frames.mask.trails.records import TrailRecord

__all__ = ["trails_table", "write_trails"]

_COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("x1", "pix", "column of one end; the centre of the first pixel is 1", 2),
    ("y1", "pix", "row of this end", 2),
    ("x2", "pix", "column of the other end", 2),
    ("y2", "pix", "row of the other end", 2),
    ("length", "pix", "length between the ends", 2),
    ("width", "pix", "full width at half maximum", 2),
    ("curvature", "1/pix", "inverse of the radius of the line", 9),
    ("angle", "deg", "direction from the columns' axis (x) to the rows' axis (y), 0 to 180", 4),
    ("brightness", "", "mean within the full width at half maximum, in the unit of the frame per pixel", 6),
    ("noise", "", "standard deviation of a pixel of the sky, in the unit of the frame", 6),
    ("surface_brightness", "", "brightness in units of the noise", 4),
    ("snr", "", "total signal-to-noise ratio with optimal weights", 1),
    ("significance", "", "light above the sides, divided by the scatter of lines beside the trail", 1),
    ("period", "pix", "period of regular flashes", 2),
    ("ra1", "deg", "right ascension (ICRS) of the first end", 7),
    ("dec1", "deg", "declination of this end", 7),
    ("ra2", "deg", "right ascension of the other end", 7),
    ("dec2", "deg", "declination of the other end", 7),
    ("position_angle", "deg", "direction at the middle, from north to east, 0 to 180", 4),
    ("sky_length", "arcsec", "angle between the ends", 3),
    ("sky_width", "arcsec", "full width at half maximum", 3),
    ("total_length", "arcsec", "angle between the outermost ends of all pieces of the trail", 3),
)
"""Name, unit, description and digits of the columns with numbers."""


def trails_table(records: Sequence[TrailRecord]) -> QTable:
    """Return the table of trails, one row for each trail in each frame.

    Parameters
    ----------
    records
        The trails.

    Returns
    -------
    QTable
        Place, ends, width, brightness and kind of each.  Rows with the same number in the column ``trail``
        are pieces of one trail on several detectors of an exposure.
    """
    from astropy import units
    from astropy.table import QTable

    numbers = number_trails(
        [record.trail for record in records],
        [record.sky for record in records],
        exposures=[record.exposure for record in records],
        frames=[record.place for record in records],
    )
    totals = _total_lengths(records, numbers)
    rows = [
        _numbers(record, total) for record, total in zip(records, (totals[n] for n in numbers), strict=True)
    ]
    table = QTable()
    table["trail"] = np.array(numbers, int)
    table["file"] = np.array([record.place.file for record in records], str)
    table["hdu"] = np.array([record.place.hdu for record in records], int)
    table["name"] = np.array([record.place.name for record in records], str)
    table["plane"] = np.array([record.place.plane for record in records], int)
    table["kind"] = np.array([record.trail.kind for record in records], str)
    for index, name in enumerate(("border1", "border2")):
        table[name] = np.array([record.trail.at_border[index] for record in records], bool)
        table[name].info.description = "the trail goes on beyond the border of the frame at this end"
    for index, (name, unit, description, digits) in enumerate(_COLUMNS):
        values = np.array([_rounded(row[index], name, digits) for row in rows], float)
        table[name] = values * (units.Unit(unit) if unit else units.dimensionless_unscaled)
        table[name].info.description = description
    table["unit"] = np.array([record.unit for record in records], str)
    table["unit"].info.description = "unit of brightness and noise, as the frame states it"
    table["mask"] = np.array([record.place.mask for record in records], str)
    table["trail"].info.description = "pieces of one trail on several detectors have one number"
    table["kind"].info.description = "what made the trail, where its brightness along it tells"
    return table


def write_trails(
    records: Sequence[TrailRecord], path: Path, *, overwrite: bool, extend: bool = False
) -> None:
    """Write the table of trails as ECSV.

    Parameters
    ----------
    records
        The trails of a run.
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
    table = trails_table(records)
    if extend and path.exists():
        table = _extended(path, table)
    with atomic_write(path, overwrite=overwrite) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)


def _numbers(record: TrailRecord, total: float) -> list[float]:
    trail, sky = record.trail, record.sky
    ends = trail.points() + 1
    on_sky = [math.nan] * 7
    if sky is not None:
        on_sky = [
            *sky.coordinates.ravel().tolist(),
            sky.position_angle,
            sky.length,
            trail.width * sky.scale,
        ]
    return [
        *ends.ravel().tolist(),
        trail.length,
        trail.width,
        trail.curvature,
        math.degrees(trail.course.angle) % 180,
        trail.brightness,
        trail.noise,
        trail.brightness / trail.noise,
        trail.snr,
        trail.significance,
        trail.period,
        *on_sky,
        total,
    ]


def _rounded(value: float, name: str, digits: int) -> float:
    if name in ("brightness", "noise"):
        return float(f"{value:.{digits}g}")
    return round(value, digits)


def _total_lengths(records: Sequence[TrailRecord], numbers: Sequence[int]) -> dict[int, float]:
    """Return the greatest angle between ends of the pieces of each trail in arcsec; NaN without any."""
    found: dict[int, float] = {}
    for number in set(numbers):
        lines = [r.sky for r, n in zip(records, numbers, strict=True) if n == number and r.sky is not None]
        if not lines:
            found[number] = math.nan
            continue
        ends = np.concatenate([line.vectors[[0, 2]] for line in lines])
        chords = np.linalg.norm(ends[:, None] - ends[None], axis=2)
        found[number] = math.degrees(2 * math.asin(min(1.0, float(chords.max()) / 2))) * 3600
    return found


def _extended(path: Path, table: QTable) -> QTable:
    from astropy.table import QTable, vstack

    try:
        older = QTable.read(path, format="ascii.ecsv")
        others = older[[file not in set(table["file"]) for file in older["file"]]]
        if len(others):
            table["trail"] += int(max(others["trail"]))
            table = vstack([others, table], metadata_conflicts="silent")
    except Exception as error:  # each reader fails in ways of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OutputError(f"{path}: is no table to be extended ({reason}); name another") from error
    return table
