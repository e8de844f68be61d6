"""Tables of tracking probabilities, and the text output of MaxiTrack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.errors import OutputError
from skysieve.core.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.table import Table

    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.job import TrackRecord

__all__ = ["append_published_line", "block_table", "frame_table"]


def frame_table(records: Mapping[Location, TrackRecord]) -> Table:
    """Return a table with one row per frame: its probability, and that of its file.

    Parameters
    ----------
    records
        Records of the files.

    Returns
    -------
    astropy.table.QTable
        Columns ``file``, ``hdu``, ``name``, ``plane``, ``width``, ``height``, ``blocks``, ``probability``,
        ``largest`` and ``file_probability``.
    """
    from astropy import units
    from astropy.table import QTable

    frames = [(location, record, frame) for location, record in records.items() for frame in record.frames]
    plain = units.dimensionless_unscaled
    table = QTable()
    table["file"] = [printable(location.path) for location, _, _ in frames]
    table["hdu"] = [frame.hdu for _, _, frame in frames]
    table["name"] = [one_line(frame.name) for _, _, frame in frames]
    table["plane"] = [frame.plane for _, _, frame in frames]
    table["width"] = [frame.shape[1] for _, _, frame in frames] * units.pix
    table["height"] = [frame.shape[0] for _, _, frame in frames] * units.pix
    table["blocks"] = [frame.result.blocks.size for _, _, frame in frames]
    table["probability"] = [frame.result.probability for _, _, frame in frames] * plain
    table["probability"].info.description = "of a tracking error in this frame, pooled over its blocks"
    table["largest"] = [float(frame.result.blocks.max()) for _, _, frame in frames] * plain
    table["largest"].info.description = "the largest of the blocks"
    table["file_probability"] = [record.probability for _, record, _ in frames] * plain
    table["file_probability"].info.description = "of the file, pooled over the blocks of all its frames"
    return table


def block_table(records: Mapping[Location, TrackRecord]) -> Table:
    """Return a table with one row per block.

    Parameters
    ----------
    records
        Records of the files.

    Returns
    -------
    astropy.table.QTable
        Columns ``file``, ``hdu``, ``name``, ``plane``, ``x``, ``y``, ``width``, ``height`` and
        ``probability``; ``x`` and ``y`` are the first pixel of the block, counted from 1 as in FITS.
    """
    from astropy import units
    from astropy.table import QTable

    rows = [
        (
            printable(location.path),
            frame.hdu,
            one_line(frame.name),
            frame.plane,
            x + 1,
            y + 1,
            frame.result.block_shape[1],
            frame.result.block_shape[0],
            float(p),
        )
        for location, record in records.items()
        for frame in record.frames
        for y, line in zip(frame.result.rows, frame.result.blocks, strict=True)
        for x, p in zip(frame.result.columns, line, strict=True)
    ]
    names = ("file", "hdu", "name", "plane", "x", "y", "width", "height", "probability")
    table = QTable(rows=rows, names=names)
    for name in ("x", "y", "width", "height"):
        table[name].unit = units.pix
    table["probability"].unit = units.dimensionless_unscaled
    return table


def append_published_line(path: Path, name: str, probability: float) -> None:
    """Append the line that MaxiTrack writes for a file.

    One call writes the whole line, so that lines of several processes do not mix.

    Parameters
    ----------
    path
        Text file; created if it does not exist.
    name
        Name of the examined file.
    probability
        Probability of a tracking error.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"{printable(name)} {probability:.4f}\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
