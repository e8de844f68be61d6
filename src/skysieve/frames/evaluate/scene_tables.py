"""Tables of the statistics of the classes in frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.evaluation.tables import to_ecsv, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysieve.frames.evaluate.scene_content import ClassSummary

__all__ = ["scene_table", "write_scenes"]

QUANTILES = ("p10", "p50", "p90")
UNITS = {"pixels": "pix"} | {f"{kind}_{end}": "pix" for kind in ("length", "width") for end in QUANTILES}


def scene_table(summaries: Sequence[ClassSummary], *, min_pixels: int) -> str:
    """Return the table for the terminal; fractions are in per cent.

    Parameters
    ----------
    summaries
        Statistics of each class.
    min_pixels
        Minimum number of pixels of a class for a frame or tile to count.

    Returns
    -------
    str
        The table.
    """

    def share(value: float) -> str:
        return "–" if math.isnan(value) else f"{100 * value:.1f}"

    def quantiles(values: tuple[float, float, float], form: str) -> str:
        return "–" if math.isnan(values[0]) else " ".join(format(value, form) for value in values)

    columns = {
        "class": [one.name for one in summaries],
        "put in %": [share(one.drawn) for one in summaries],
        "any %": [share(one.frames_any) for one in summaries],
        f"≥{min_pixels} px %": [share(one.frames_min) for one in summaries],
        f"≥{10 * min_pixels} px %": [share(one.frames_ten_min) for one in summaries],
        "tiles %": [share(one.tiles_min) for one in summaries],
        "pixels %": [f"{100 * one.share:.3f}" for one in summaries],
        "px a frame": [f"{one.pixels:.0f}" for one in summaries],
        "contrast σ": [quantiles(one.contrast, ".1f") for one in summaries],
        "length px": [quantiles(one.length, ".0f") for one in summaries],
        "width px": [quantiles(one.width, ".1f") for one in summaries],
    }
    return to_text(list(columns), list(zip(*columns.values(), strict=True)))


def write_scenes(
    found: Sequence[tuple[str, int, Sequence[ClassSummary]]],
    path: Path,
    *,
    meta: Mapping[str, object],
    overwrite: bool,
) -> None:
    """Write the statistics as ECSV, one row per class and set; fractions are from 0 to 1.

    Parameters
    ----------
    found
        Name, number of frames and statistics of each set.
    path
        The file.
    meta
        Metadata of the table; a description of the contrast is added.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    columns: dict[str, list[object]] = {}
    for name, count, summaries in found:
        for one in summaries:
            row: dict[str, object] = {"set": name, "frames": count, "class": one.name, "put_in": one.drawn}
            row |= {"any": one.frames_any, "least": one.frames_min, "ten_times_least": one.frames_ten_min}
            row |= {"tiles": one.tiles_min, "share": one.share, "pixels": one.pixels}
            for kind, values in (("contrast", one.contrast), ("length", one.length), ("width", one.width)):
                row |= {f"{kind}_{end}": value for end, value in zip(QUANTILES, values, strict=True)}
            for key, value in row.items():
                columns.setdefault(key, []).append(value)
    described = {
        "contrast": "median absolute value of the pixels of a piece, in standard deviations of the noise"
    }
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(to_ecsv(columns, units=UNITS, meta={**meta, **described}), encoding="utf-8")
