"""Make the maps of a survey from its parts, block by block."""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, FrameError, OutputError, SkysieveError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_integrity import is_intact, open_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.tables.result_table import write_table
from skysieve.frames.survey.map_files import MapWriter
from skysieve.frames.survey.mask_files import MASKED, OBSERVED
from skysieve.frames.survey.parts import Parts
from skysieve.frames.survey.settings import NSIDE_COVERAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.frames.survey.settings import MapSettings

__all__ = ["AREAS", "SurveyMap", "write_maps"]

logger = logging.getLogger(__name__)

AREAS = "areas.ecsv"
"""Name of the table of areas."""

SKY = 4 * np.pi * np.degrees(1.0) ** 2
"""Area of the sky in square degrees."""


@dataclass(frozen=True)
class SurveyMap:
    """A map that has been written.

    Attributes
    ----------
    path
        The healsparse file.
    name
        Name of the plane.
    band
        Name of the band; empty for all bands together.
    nside
        NSIDE of the map.
    pixels
        Number of marked pixels.
    parts
        Number of files of masks.
    moc
        The MOC, or None.
    kept
        Whether the map was there already, of the same masks.
    """

    path: Path
    name: str
    band: str
    nside: int
    pixels: int
    parts: int
    moc: Path | None = None
    kept: bool = False

    @property
    def area(self) -> float:
        """Area of the marked pixels in square degrees."""
        return float(self.pixels * SKY / (12 * self.nside**2))


def write_maps(
    folder: Path,
    nside: int,
    settings: MapSettings,
    *,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda _line: None,
) -> list[SurveyMap]:
    """Write the maps of all parts of a survey, their MOCs, and the table of their areas.

    A map is kept if it was made of the same parts.

    Parameters
    ----------
    folder
        Folder of the survey.
    nside
        NSIDE of the parts.
    settings
        Which maps are made.
    overwrite
        Whether to make all maps anew, and to replace files of other programs under their names.
    progress
        Called with a line on the progress.

    Returns
    -------
    list of SurveyMap
        The maps, in the order of bands and planes.

    Raises
    ------
    ConfigError
        If no mask has one of the classes.
    FrameError
        If there are no parts, or one has no band.
    SkysieveError
        If a part is damaged, or a file cannot be written.
    """
    parts = Parts(folder)
    if not parts.parts:
        raise FrameError(f"{folder}: has no parts, so there is nothing to make maps of")
    names = _planes(parts, settings.classes)
    bands: list[str | None] = [None]
    if settings.by_band:
        nameless = [part for part in parts.parts if not part.band]
        if nameless:
            raise FrameError(
                f"--by-band: {len(nameless)} of {len(parts.parts)} files of masks state no band, first that "
                f"of {nameless[0].path}; name its card with --band-card, or leave --by-band out"
            )
        bands = [*parts.bands]
    done: list[SurveyMap] = []
    for band in bands:
        done += _write_band(parts, band, names, nside, settings, overwrite=overwrite, progress=progress)
    _write_areas(done, folder / AREAS)
    return done


def _planes(parts: Parts, wanted: Sequence[str]) -> list[str]:
    """Return the names of the maps."""
    known = dict.fromkeys(name for part in parts.parts for name in part.planes)
    default = dict.fromkeys(name for part in parts.parts for name in part.bad)
    for name in wanted:
        if name.upper() not in {plane.upper() for plane in known}:
            listed = ", ".join(plane for plane in known if plane not in (MASKED, OBSERVED))
            raise ConfigError(f"--classes {name}: no mask has this class; they have {listed}")
    upper = {name.upper() for name in wanted}
    chosen = [plane for plane in known if plane.upper() in upper] if wanted else list(default)
    for name in chosen:
        lacking = sum(name not in part.planes for part in parts.parts)
        if lacking:
            logger.warning(
                "%d of %d files of masks were made without the class %s: it is not marked there",
                lacking,
                len(parts.parts),
                name,
            )
    return [*(name for name in chosen if name not in (MASKED, OBSERVED)), MASKED, OBSERVED]


def _write_band(
    parts: Parts,
    band: str | None,
    names: Sequence[str],
    nside: int,
    settings: MapSettings,
    *,
    overwrite: bool,
    progress: Callable[[str], None],
) -> list[SurveyMap]:
    chosen = parts.of_band(band)
    identity = parts.identity(chosen)
    files = [_map_file(parts.folder, name, band) for name in names]
    mocs = [path.with_suffix(".moc.fits") if settings.moc is not None else None for path in files]
    records = [
        SurveyMap(path, name, band or "", nside, 0, len(chosen), moc)
        for path, name, moc in zip(files, names, mocs, strict=True)
    ]
    earlier = [None if overwrite else _kept(record, identity, settings.moc) for record in records]
    if not any(record is None for record in earlier):
        return [record for record in earlier if record is not None]
    blocks = parts.blocks(chosen)
    planes = {name: 1 << bit for bit, name in enumerate(names)}
    ranges: list[_Ranges] = [_Ranges(nside, settings.moc) for _ in names]
    target = np.zeros((nside // NSIDE_COVERAGE) ** 2, np.int64)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(MapWriter(record.path, nside, blocks, _cards(record, identity)))
            for record in records
        ]
        for number, block in enumerate(blocks, 1):
            target[:] = 0
            parts.block(int(block), chosen, planes, target)
            for name, writer, marks in zip(names, writers, ranges, strict=True):
                marked = (target & planes[name]) != 0
                writer.add(marked)
                marks.add(int(block), marked)
            progress(f"maps: block {number} of {len(blocks)}")
    progress("")
    for record, marks in zip(records, ranges, strict=True):
        if record.moc is not None:
            _write_moc(marks, record.moc, _cards(record, identity))
    return [
        SurveyMap(**{**vars(record), "pixels": writer.marked})
        for record, writer in zip(records, writers, strict=True)
    ]


def _kept(record: SurveyMap, identity: str, moc: int | None) -> SurveyMap | None:
    """Return the record of an existing map of the same parts; None if it is to be made.

    Raises
    ------
    OutputError
        If the file is not a map of a survey.
    """
    if not record.path.exists():
        return None
    try:
        with open_intact(record.path, sums=False) as hdus:
            header = hdus[-1].header
            found = str(header.get("SURVEYID", ""))
            pixels = int(header.get("NMARKED", 0))
    except (SkysieveError, TypeError, ValueError):
        found, pixels = "", 0
    if not found:
        raise OutputError(f"{record.path}: exists, and is no map of a survey; move it, or use --overwrite")
    if found != identity or not is_intact(record.path):
        return None
    if record.moc is not None and not _is_moc_of(record.moc, identity, moc):
        return None
    return SurveyMap(**{**vars(record), "pixels": pixels, "kept": True})


def _is_moc_of(path: Path, identity: str, order: int | None) -> bool:
    try:
        with open_intact(path) as hdus:
            header = hdus[-1].header
            return bool(header.get("SURVEYID") == identity and header.get("ASKORDER") == order)
    except SkysieveError:
        return False


def _cards(record: SurveyMap, identity: str) -> list[HeaderCard]:
    band: list[HeaderCard] = [("BAND", record.band, "band of the masks")] if record.band else []
    return [
        ("CLASS", record.name, "what is marked"),
        *band,
        ("COORDSYS", "C", "equatorial (ICRS)"),
        ("NPARTS", record.parts, "number of files of masks"),
        ("SURVEYID", identity, "of the masks that are in the map"),
        ("CREATOR", f"skysieve {__version__}", ""),
    ]


class _Ranges:
    """Ranges of cells of a MOC, of blocks in ascending order.

    Parameters
    ----------
    nside
        NSIDE of the map.
    order
        Order of the MOC, or None to collect nothing.
    """

    def __init__(self, nside: int, order: int | None) -> None:
        self.order, self._depth = order, nside.bit_length() - 1
        self._size = (nside // NSIDE_COVERAGE) ** 2
        self._parts: list[NDArray[np.int64]] = []

    def add(self, block: int, marked: NDArray[np.bool_]) -> None:
        """Add the marked pixels of a block."""
        if self.order is None:
            return
        order = min(self.order, self._depth)
        cells = (np.flatnonzero(marked) + block * self._size) >> 2 * (self._depth - order)
        if cells.size:
            new = np.flatnonzero(np.diff(cells) > 1) + 1
            first = cells[np.concatenate([[0], new])]
            last = cells[np.concatenate([new - 1, [cells.size - 1]])]
            self._parts.append(np.stack([first, last + 1], axis=1))

    def moc(self) -> Any:
        """Return the MOC."""
        from mocpy import MOC

        order = min(self.order or 0, self._depth)
        ranges = np.concatenate(self._parts) if self._parts else np.zeros((0, 2), np.int64)
        return MOC.from_depth29_ranges(order, ranges.astype(np.uint64) << np.uint64(2 * (29 - order)))


def _write_moc(marks: _Ranges, path: Path, cards: Sequence[HeaderCard]) -> None:
    hdus = marks.moc().serialize("fits")
    extra = [card for card in cards if card[0] != "COORDSYS"]
    set_cards(hdus[1].header, [*extra, ("ASKORDER", int(marks.order or 0), "order that was asked for")])
    write_fits(hdus, path, overwrite=True)


def _write_areas(maps: Sequence[SurveyMap], path: Path) -> None:
    """Write the table of the areas of all maps."""
    from astropy import units
    from astropy.table import QTable

    observed = {record.band: record.area for record in maps if record.name == OBSERVED}
    table = QTable(
        {
            "file": [record.path.name for record in maps],
            "class": [record.name for record in maps],
            "band": [record.band for record in maps],
            "masks": [record.parts for record in maps],
            "pixels": [record.pixels for record in maps],
            "area": np.array([record.area for record in maps]) * units.deg**2,
            "fraction": [
                record.area / observed[record.band] if observed[record.band] else np.nan for record in maps
            ],
        }
    )
    about = {
        "class": "plane of the masks",
        "band": "band; empty for all together",
        "masks": "number of files of masks",
        "pixels": "number of marked pixels",
        "area": "area of the marked pixels",
        "fraction": "area relative to that of OBSERVED",
    }
    for name, text in about.items():
        table[name].info.description = text
    write_table(table, path, overwrite=True)


def _map_file(folder: Path, name: str, band: str | None) -> Path:
    safe = "" if band is None else "-" + re.sub(r"[^A-Za-z0-9+_]", "_", band)
    return folder / f"{name}{safe}.hsp"
