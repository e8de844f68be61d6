"""The pages of a report: written when the files of all frames are there."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.extras import require
from skysieve.core.printable import one_line
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.mask.preview import WIDE
from skysieve.frames.report.job import FOLDERS, script
from skysieve.frames.report.ranking import rank_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysieve.core.report.preview import PreviewPlane
    from skysieve.frames.report.entries import FrameEntry

__all__ = ["INDEX", "check_folder", "check_jinja", "write_pages"]

INDEX = "index.html"
"""The page to open."""

ASSETS = ("report.css", "report.js", "table.js", "chart.js", "viewer.js", "verdicts.js")
"""Files of the package that each report gets, scripts in the order of their loading."""

_LIST = "report-data.js"
_FRAME_FILE = re.compile(r"[0-9a-f]{12}-\d+-\d+\.(js|jpg)")


def check_jinja() -> None:
    """Check that Jinja2 is installed.

    Raises
    ------
    ConfigError
        If it is not.
    """
    require("a report", "report")


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Check that a report may be written to a folder.

    Parameters
    ----------
    folder
        The folder; it need not exist.
    overwrite
        Whether an earlier report in it may be replaced.

    Raises
    ------
    OutputError
        If it is a file, has other files than those of a report, or has a report that may not be replaced.
    """
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise OutputError(f"{folder}: is a file; name a folder for the report")
        names = {one.name for one in folder.iterdir()}
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read ({error.strerror}); choose another folder") from error
    if not names:
        return
    if names - {INDEX, _LIST, "assets", *FOLDERS}:
        raise OutputError(f"{folder}: has other files than those of a report; name an empty or new folder")
    if not overwrite:
        raise OutputError(f"{folder}: has a report; use --overwrite or another --output")


def write_pages(
    folder: Path,
    entries: Sequence[FrameEntry],
    planes: Sequence[PreviewPlane],
    *,
    title: str,
    failures: Sequence[str] = (),
    skipped: int = 0,
) -> Path:
    """Write the pages of a report, and remove files of frames that it does not have.

    Parameters
    ----------
    folder
        Folder of the report, with the files of the frames.
    entries
        The frames.
    planes
        Planes of their masks.
    title
        Title of the report.
    failures
        What failed, one line each.
    skipped
        Number of files that were no masks.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    ConfigError
        If Jinja2 is not installed.
    OutputError
        If a file cannot be written.
    """
    check_jinja()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    ranks = rank_frames(entries)
    order = sorted(range(len(entries)), key=lambda index: -ranks[index].attention)
    rows = [
        _row(entries[index], ranks[index].attention, ranks[index].reasons, ranks[index].night)
        for index in order
    ]
    classes = [_class(plane) for plane in _ordered(planes)]
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    content = {
        "id": hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12],
        "title": one_line(title),
        "classes": classes,
        "frames": rows,
    }
    page = Environment(
        loader=PackageLoader("skysieve.frames.report"), autoescape=True, undefined=StrictUndefined
    ).get_template("index.html.jinja")
    named = [row for row in rows if row["reasons"]]
    text = page.render(
        title=one_line(title),
        version=__version__,
        made=made,
        frames=len(rows),
        exposures=len({entry.exposure for entry in entries}),
        nights=len({rank.night for rank in ranks if rank.night >= 0}),
        named=len(named),
        lost=sum(bool(entry.note) for entry in entries),
        failures=[one_line(line) for line in failures],
        skipped=skipped,
        classes=classes,
        scripts=[name for name in ASSETS if name.endswith(".js")],
        data=_LIST,
        has_tracking=any(entry.tracking is not None for entry in entries),
        has_unlike=any(entry.unlike is not None for entry in entries),
    )
    try:
        (folder / "assets").mkdir(parents=True, exist_ok=True)
        for name in ASSETS:
            with atomic_write(folder / "assets" / name, overwrite=True) as path:
                path.write_bytes((files("skysieve.frames.report") / "assets" / name).read_bytes())
        with atomic_write(folder / _LIST, overwrite=True) as path:
            path.write_text(script("skysieveReport.begin", content), encoding="ascii")
        with atomic_write(folder / INDEX, overwrite=True) as path:
            path.write_text(text, encoding="utf-8")
        _remove_others(folder, {entry.key for entry in entries})
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({one_line(error)})") from error
    return folder / INDEX


def _row(entry: FrameEntry, attention: float, reasons: Sequence[str], night: int) -> dict[str, object]:
    """Return the values of a frame in the table."""
    return {
        "key": entry.key,
        "file": entry.file,
        "hdu": entry.hdu,
        "name": entry.name,
        "plane": entry.plane,
        "mask": entry.mask,
        "height": entry.shape[0],
        "width": entry.shape[1],
        "fractions": {name: float(f"{part:.4g}") for name, part in entry.fractions.items() if part},
        "bad": float(f"{entry.bad:.4g}"),
        "unlike": entry.unlike,
        "unlikeBy": entry.unlike_by,
        "tracking": None if entry.tracking is None else round(entry.tracking, 4),
        "mjd": entry.mjd,
        "night": night,
        "exposure": entry.exposure,
        "filter": entry.filter,
        "corners": entry.corners,
        "note": entry.note,
        "attention": round(attention, 3),
        "reasons": list(reasons),
    }


def _class(plane: PreviewPlane) -> Mapping[str, str]:
    return {"name": plane.name, "colour": plane.colour, "description": plane.description}


def _ordered(planes: Sequence[PreviewPlane]) -> list[PreviewPlane]:
    """Return the planes of several masks, each name once, in the order of the classes."""
    known = [one.name for one in (*CLASSES, NODATA)]
    once = {plane.name: plane for plane in planes}
    return sorted(
        once.values(),
        key=lambda plane: (plane.name in WIDE, known.index(plane.name) if plane.name in known else -1),
    )


def _remove_others(folder: Path, keys: set[str]) -> None:
    """Remove the files of frames of an earlier report."""
    for name in FOLDERS:
        for path in (folder / name).glob("*"):
            if _FRAME_FILE.fullmatch(path.name) and path.stem not in keys:
                path.unlink()
