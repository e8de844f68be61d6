"""``skysieve evaluate scenes``: statistics of the classes in frames with known truth."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Quiet
from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skysieve.cli.running import Failures
    from skysieve.frames.evaluate.scene_content import ClassSummary, FrameContent, SceneJob

__all__ = ["evaluate_scenes"]

QUANTILES = ("p10", "p50", "p90")
UNITS = {"pixels": "pix"} | {f"{kind}_{end}": "pix" for kind in ("length", "width") for end in QUANTILES}


def evaluate_scenes(
    *,
    recipe: Annotated[
        list[str],
        typer.Option(
            "--recipe",
            help="Recipe from which frames are simulated: a file or name; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006 - typer copies it
    frames: Annotated[
        list[str],
        typer.Option(
            "--frames",
            metavar="PATH",
            help="Frames of `skysieve simulate contaminants`: a folder, glob or list; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="Number of frames to simulate for each recipe.")
    ] = 120,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated frames.")] = 0,
    size: Annotated[
        int, typer.Option("--size", min=64, help="Side of the simulated frames, in pixels.")
    ] = 768,
    tile: Annotated[int, typer.Option("--tile", min=16, help="Side of the tiles, in pixels.")] = 256,
    least: Annotated[
        int,
        typer.Option(
            "--least", min=1, help="Minimum number of pixels of a class for a frame or tile to count."
        ),
    ] = 100,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Output table, as ECSV.", show_default=False),
    ] = None,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure how often each class occurs in frames, and how strong and large it is.

    Prints one table per recipe or path. Its columns: fraction of the frames into which the class was put;
    fraction of the frames with any pixel of it, with --least pixels and with ten times that; fraction of the
    tiles with --least pixels; fraction of all pixels; the median number of pixels in frames that have any;
    and the 10, 50 and 90 % quantiles of contrast (in standard deviations of the noise), length and mean width
    (in pixels) of the pieces, weighted by length. A piece is a connected group of pixels of the class; its
    contrast is the median absolute value of its pixels, which is 0.67 for pure noise.

    Examples
    --------
    `skysieve evaluate scenes --recipe default -n 120`

    `skysieve evaluate scenes --recipe mine.yaml --tile 384 -o mine.ecsv -j 2`
    """
    from skysieve.cli.running import Failures, start_logging
    from skysieve.core.atomic import check_target
    from skysieve.frames.evaluate.scene_content import SceneJob, summarise

    start_logging()
    if not recipe and not frames:
        raise ConfigError("no frames to measure; give --recipe or --frames")
    if output is not None:
        check_target(output, overwrite=overwrite)
    failures = Failures(debug=debug)
    sets: list[tuple[str, Iterable[FrameContent]]] = [
        (path, _from_files(path, tile, failures)) for path in frames
    ]
    if recipe:
        require("simulation", "simulate")
    drawn = [SceneJob(name, side=size, tile=tile, seed=seed) for name in recipe]
    sets += [(job.recipe, _simulated(job, number, jobs, failures)) for job in drawn]
    found: list[tuple[str, int, list[ClassSummary]]] = []
    for name, contents in sets:
        measured = []
        for content in contents:
            measured.append(content)
            if not quiet and sys.stderr.isatty():
                print(f"\r{name}: {len(measured)} frames", end="", file=sys.stderr, flush=True)
        if not quiet and sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        if not measured:
            continue
        summaries = summarise(measured, min_pixels=least)
        found.append((name, len(measured), summaries))
        tiles = sum(content.tiles for content in measured)
        print(f"{name}: {len(measured)} frames, {tiles} tiles of {tile} × {tile} px")
        print(_text(summaries, least), flush=True)
    if output is not None and found:
        _write(output, found, least, tile, overwrite=overwrite)
        print(f"table: {output}")
    failures.finish(sum(count for _, count, _ in found))


def _from_files(path: str, tile: int, failures: Failures) -> Iterator[FrameContent]:
    """Yield the content of the frames at a path; those that cannot be measured are added to the failures."""
    from skysieve.core.fits.locations import find_locations
    from skysieve.frames.evaluate.scene_content import measure_content
    from skysieve.frames.simulate.truth_frames import read_truth_frame

    for location in find_locations(path):
        try:
            yield measure_content(read_truth_frame(location.path), tile=tile)
        except (FrameError, SourceError) as error:
            failures.add(location.path, error)


def _simulated(job: SceneJob, number: int, jobs: int, failures: Failures) -> Iterator[FrameContent]:
    """Yield the content of simulated frames; those that cannot be measured are added to the failures."""
    from skysieve.cli.running import start_logging
    from skysieve.core.execution.local import run_units

    for outcome in run_units(job, range(number), processes=jobs, begin=start_logging):
        if outcome.error is not None:
            failures.add(f"{job.recipe} {outcome.unit + 1}", outcome.error)
        elif outcome.record is not None:
            yield outcome.record


def _text(summaries: Sequence[ClassSummary], least: int) -> str:
    """Return the table for the terminal; fractions are in per cent."""
    from skysieve.core.evaluation.tables import to_text

    def share(value: float) -> str:
        return "–" if math.isnan(value) else f"{100 * value:.1f}"

    def quantiles(values: tuple[float, float, float], form: str) -> str:
        return "–" if math.isnan(values[0]) else " ".join(format(value, form) for value in values)

    header = [
        "class",
        "put in %",
        "any %",
        f"≥{least} px %",
        f"≥{10 * least} px %",
        "tiles %",
        "pixels %",
        "px a frame",
        "contrast σ",
        "length px",
        "width px",
    ]
    rows = [
        [
            one.name,
            share(one.drawn),
            share(one.frames_any),
            share(one.frames_min),
            share(one.frames_ten_min),
            share(one.tiles_min),
            f"{100 * one.share:.3f}",
            f"{one.pixels:.0f}",
            quantiles(one.contrast, ".1f"),
            quantiles(one.length, ".0f"),
            quantiles(one.width, ".1f"),
        ]
        for one in summaries
    ]
    return to_text(header, rows)


def _write(
    output: Path,
    found: Sequence[tuple[str, int, Sequence[ClassSummary]]],
    least: int,
    tile: int,
    *,
    overwrite: bool,
) -> None:
    """Write the table as ECSV, one row per class and set; fractions are from 0 to 1."""
    from skysieve.core.atomic import atomic_write
    from skysieve.core.evaluation.tables import to_ecsv

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
    meta = {
        "command": shlex.join(["skysieve", *sys.argv[1:]]),
        "least": least,
        "tile": tile,
        "contrast": "median absolute value of the pixels of a piece, in standard deviations of the noise",
    }
    with atomic_write(output, overwrite=overwrite) as temporary:
        temporary.write_text(to_ecsv(columns, units=UNITS, meta=meta), encoding="utf-8")
