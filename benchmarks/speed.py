"""Time and memory of whole commands, run alternately with the published ones."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from machine import CORES, has_bf16
from process import SKYSIEVE, Finished, run_measured
from published_tools import install_published_tools
from results import Bar, Result, Table

from frames import SIDE, simulated_frame

__all__ = ["measure"]

Runs = dict[str, list[Finished]]
Pair = tuple[str, str, float | None]
Ratios = dict[Pair, list[float]]

MASK = "skysieve mask --model maximask --precision f32"
MASK_BF16 = "skysieve mask --model maximask --precision bf16"
TRACK = "skysieve track --model maxitrack"
DROP_IN, HELP = "skysieve maximask", "skysieve --help"
PUBLISHED_MASK, PUBLISHED_TRACK = "maximask", "maxitrack"
PAIRS: tuple[Pair, ...] = (
    (MASK, PUBLISHED_MASK, 6.0),
    (MASK_BF16, PUBLISHED_MASK, 9.0),
    (DROP_IN, PUBLISHED_MASK, None),
    (TRACK, PUBLISHED_TRACK, 3.0),
)
PEAK_MB = 1200
HELP_SECONDS = 0.4
HELP_RUNS = 3
"""Runs of the short command in each round."""


def measure(runs: int) -> Result:
    """Run every command several times, alternately."""
    tools = install_published_tools()
    has = {MASK_BF16: has_bf16()}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        shutil.copyfile(simulated_frame(), folder / "frame.fits")
        cache = {"SKYSIEVE_CACHE": str(folder / "cache")}
        ours = {
            MASK: ["mask", "frame.fits", "--overwrite", "--model", "maximask", "--precision", "f32"],
            MASK_BF16: ["mask", "frame.fits", "--overwrite", "--model", "maximask", "--precision", "bf16"],
            TRACK: ["track", "frame.fits", "--model", "maxitrack"],
            DROP_IN: ["maximask", "frame.fits"],
            HELP: ["--help"],
        }
        first = {
            what: run_measured([SKYSIEVE, *ours[what]], folder=folder, environment=cache)
            for what in (MASK, TRACK)
        }
        run_measured(
            [tools.python, "-c", "import tensorflow"]
        )  # its files into the system's cache, as ours are
        found: Runs = {}
        for _ in range(runs):
            for what in (
                MASK,
                PUBLISHED_MASK,
                MASK_BF16,
                TRACK,
                PUBLISHED_TRACK,
                DROP_IN,
                *[HELP] * HELP_RUNS,
            ):
                if not has.get(what, True):
                    continue
                command = (
                    [SKYSIEVE, *ours[what]] if what in ours else [tools.folder / "bin" / what, "frame.fits"]
                )
                done = run_measured(command, folder=folder, environment=cache)
                found.setdefault(what, []).append(done)
    ratios = {pair: _ratios(found, pair[0], pair[1]) for pair in PAIRS}
    return Result(
        f"Whole commands on a frame of {SIDE} x {SIDE} float32 pixels",
        f"{runs} rounds; in each, every command runs once in a separate process, one after the other: "
        f"interpreter, imports, model, frame, mask file. {CORES} processors for all of them. Files are in "
        "the system's cache. Ratios are taken within a round; their median is what must reach the bar. "
        "Peak: the largest resident memory that the system reports, in 10^6 bytes.",
        _bars(found, ratios),
        [_commands(found), _ratio_table(ratios), _first_runs(first, found)],
    )


def _ratios(found: Runs, ours: str, theirs: str) -> list[float]:
    """Return how many times longer the published command took, round by round."""
    pairs = zip(found.get(ours, []), found[theirs], strict=False)
    return [published.seconds / own.seconds for own, published in pairs]


def _bars(found: Runs, ratios: Ratios) -> list[Bar]:
    no_bf16 = "no bf16 instructions here"
    bars = [
        Bar(f"`{theirs}` / `{ours}`", ">=", limit, statistics.median(values) if values else None, "×")
        if values
        else Bar(f"`{theirs}` / `{ours}`", ">=", limit, None, "×", no_bf16)
        for (ours, theirs, limit), values in ratios.items()
        if limit is not None
    ]
    for what in (MASK, MASK_BF16, TRACK):
        peak = max((done.peak_mb for done in found.get(what, [])), default=None)
        bars.append(Bar(f"peak of `{what}`", "<=", PEAK_MB, peak, "MB", "" if peak else no_bf16))
    start = statistics.median(done.seconds for done in found[HELP])
    bars.append(Bar(f"`{HELP}`", "<=", HELP_SECONDS, start, "s"))
    return bars


def _commands(found: Runs) -> Table:
    rows = []
    for what, done in found.items():
        seconds = [d.seconds for d in done]
        used = statistics.median(d.processor_seconds for d in done)
        peak = max(d.peak_mb for d in done)
        speed = SIDE * SIDE / statistics.median(seconds) / 1e6 if what != HELP else None
        rows.append(
            (
                f"`{what}`",
                len(done),
                statistics.median(seconds),
                min(seconds),
                max(seconds),
                used,
                peak,
                speed,
            )
        )
    columns = (
        ("command", ""),
        ("runs", "d"),
        ("median, s", ".2f"),
        ("lowest", ".2f"),
        ("highest", ".2f"),
        ("processor time, s", ".2f"),
        ("peak, MB", ".0f"),
        ("Mpix/s of frame", ".3f"),
    )
    text = (
        f"`{DROP_IN}` writes the product of `{PUBLISHED_MASK}`, a cube of 14 planes; `skysieve mask` writes "
        "one bit mask."
    )
    return Table("Commands", columns, rows, text)


def _ratio_table(ratios: Ratios) -> Table:
    rows = [
        (f"`{theirs}` / `{ours}`", statistics.median(values), min(values), max(values))
        for (ours, theirs, _), values in ratios.items()
        if values
    ]
    columns = (("times of", ""), ("median", ".2f"), ("lowest", ".2f"), ("highest", ".2f"))
    return Table("Ratios within a round", columns, rows)


def _first_runs(first: dict[str, Finished], found: Runs) -> Table:
    rows = [
        (f"`{what}`", done.seconds, done.peak_mb, statistics.median(d.seconds for d in found[what]))
        for what, done in first.items()
    ]
    columns = (
        ("command", ""),
        ("first run ever, s", ".2f"),
        ("its peak, MB", ".0f"),
        ("later, median, s", ".2f"),
    )
    text = "With an empty cache of models: the published weights are read, checked and converted to ONNX."
    return Table("The first run", columns, rows, text)
