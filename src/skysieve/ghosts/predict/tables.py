"""Tables of ghosts: one row a ghost, one row a CCD that ghosts touch, one row an exposure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import SourceError
from skysieve.core.printable import printable
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.positions import touched_ccds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from astropy.table import QTable
    from astropy.units import Quantity
    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.positions import PlacedGhost

__all__ = ["ccd_table", "exposure_table", "ghost_table", "write_table"]


class WithGhosts(Protocol):
    """What was found in an exposure."""

    @property
    def probability(self) -> float:
        """That there is any ghost."""
        ...

    @property
    def ghosts(self) -> tuple[PlacedGhost, ...]:
        """With their places, the likeliest first."""
        ...


def ghost_table(records: Mapping[Any, WithGhosts]) -> QTable:
    """Return a table with one row a ghost: class, score, where it is, and the CCDs it touches.

    ``x`` and ``y`` are pixels of the picture from 1, row 1 at the top; ``ccds`` is text, as
    ``31:0.52 32:0.08``, the part of each CCD that the ghost covers.

    Parameters
    ----------
    records
        What was found, by the file's name.
    """
    from astropy import units
    from astropy.table import QTable

    rows = [(location, ghost) for location, record in records.items() for ghost in record.ghosts]
    places = [ghost.sky or (math.nan, math.nan) for _, ghost in rows]
    table = QTable()
    table["file"] = [printable(location) for location, _ in rows] or _no_text()
    table["ghost"] = [ghost.number for _, ghost in rows] or _none(int)
    table["class"] = [ghost.class_name for _, ghost in rows] or _no_text()
    table["score"] = _plain([ghost.score for _, ghost in rows])
    table["area"] = [ghost.area for _, ghost in rows] * units.pix**2
    table["x"] = [ghost.centre[0] + 1 for _, ghost in rows] * units.pix
    table["y"] = [ghost.centre[1] + 1 for _, ghost in rows] * units.pix
    table["ra"] = [ra for ra, _ in places] * units.deg
    table["dec"] = [dec for _, dec in places] * units.deg
    table["ccds"] = [_listed(ghost.ccds) for _, ghost in rows] or _no_text()
    table["ccds"].info.description = "number of each CCD, and the part of it that is covered"
    return table


def ccd_table(records: Mapping[Any, WithGhosts], camera: Camera) -> QTable:
    """Return a table with one row a CCD that ghosts touch, as an exclusion list wants it."""
    from astropy.table import QTable

    rows = [(location, ccd) for location, record in records.items() for ccd in touched_ccds(record.ghosts)]
    table = QTable()
    table["file"] = [printable(location) for location, _ in rows] or _no_text()
    table["ccd"] = [ccd.number for _, ccd in rows] or _none(int)
    table["name"] = [camera.by_number[ccd.number].name for _, ccd in rows] or _no_text()
    table["score"] = _plain([ccd.score for _, ccd in rows])
    table["score"].info.description = "of the likeliest ghost on it"
    for name in CLASS_NAMES:
        column = name.lower()
        table[column] = _plain([ccd.parts.get(name, 0.0) for _, ccd in rows])
        table[column].info.description = f"largest part of the CCD that one ghost of class {name} covers"
    table["weight"] = _plain([1 - min(1.0, sum(ccd.parts.values())) for _, ccd in rows])
    table["weight"].info.description = "part of the CCD without ghosts, at least"
    table["ghosts"] = [" ".join(map(str, ccd.ghosts)) for _, ccd in rows] or _no_text()
    table["ghosts"].info.description = "their numbers in the table of ghosts"
    return table


def exposure_table(records: Mapping[Any, WithGhosts]) -> QTable:
    """Return a table with one row an exposure: whether it has ghosts."""
    from astropy.table import QTable

    table = QTable()
    table["file"] = [printable(location) for location in records] or _no_text()
    table["probability"] = _plain([record.probability for record in records.values()])
    table["probability"].info.description = "that there is any ghost"
    table["ghosts"] = [len(record.ghosts) for record in records.values()] or _none(int)
    table["score"] = _plain(
        [max((ghost.score for ghost in record.ghosts), default=0.0) for record in records.values()]
    )
    table["score"].info.description = "of the likeliest ghost"
    table["ccds"] = [len(touched_ccds(record.ghosts)) for record in records.values()] or _none(int)
    table["ccds"].info.description = "number of CCDs touched"
    return table


def write_table(
    table: QTable, path: Path, *, files: Iterable[str], overwrite: bool = False, extend: bool = False
) -> None:
    """Write a table as ECSV.

    Parameters
    ----------
    table
        One of those above.
    path
        Where to.
    files
        The files that were examined, those without a row too.
    overwrite
        Whether a table that is there may be replaced.
    extend
        Whether rows of other files that stand in it already are kept.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced, or cannot be written.
    SourceError
        If it shall be extended and is no such table.
    """
    from astropy.table import QTable, vstack

    if extend and path.exists():
        try:
            before = QTable.read(path, format="ascii.ecsv")
            others = before[~np.isin(before["file"].astype(str), [printable(file) for file in files])]
            table = (
                vstack([others, table]) if len(others) and len(table) else (others if len(others) else table)
            )
        except Exception as error:  # whatever the reader of tables raises
            reason = " ".join(str(error).split())[:200]
            raise SourceError(
                f"{path}: cannot be extended ({reason}); give the name of a new table"
            ) from error
    with atomic_write(path, overwrite=overwrite or extend) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)


def _listed(parts: Mapping[int, float]) -> str:
    return " ".join(f"{number}:{part:.3f}" for number, part in parts.items())


def _plain(values: list[float]) -> Quantity:
    from astropy import units

    return values * units.dimensionless_unscaled


def _none(kind: type) -> NDArray[Any]:
    """Return an empty column, which has a type all the same."""
    return np.empty(0, kind)


def _no_text() -> NDArray[Any]:
    return np.empty(0, "U1")
