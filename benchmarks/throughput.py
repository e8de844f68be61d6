"""Steady speed of whole commands on many frames without start-up, and the speed of training."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from generator import generator_table
from machine import CORES, has_amx, has_bf16
from process import SKYSIEVE, Finished, run_measured
from published_tools import install_published_tools
from results import Bar, Cell, Result, Table

from frames import SIDE, simulated_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["measure"]

FRAMES = 12
FEW = 2
"""Number of frames of the command whose time is subtracted."""

DIFFERENT = 4
"""Number of different simulated frames; the others are copies of them."""

PUBLISHED = "maximask"
PUBLISHED_FRAMES, PUBLISHED_FEW = 2, 1

MIN_RATIO = {"f32": 30.0, "bf16": 80.0}
PEAK_MB = 800


def measure(*, model: str, runs: int, frames: int | None, side: int | None) -> Result:
    """Run every command several times, alternately."""
    frames, side = max(frames or FRAMES, FEW + 1), side or SIDE
    tools = install_published_tools()
    precisions = ["f32", *(["bf16"] if has_bf16() else [])]
    found: dict[tuple[str, int], list[Finished]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        names = _copy_frames(folder, frames, side)
        base = [SKYSIEVE, "mask", "--overwrite", "--quiet", "--model", model]
        run_measured([*base, names[0]], folder=folder)  # published weights are converted on the first run
        run_measured(
            [tools.python, "-c", "import tensorflow"]
        )  # its files into the system's cache, as ours are
        for _ in range(runs):
            for precision in precisions:
                for count in (1, FEW, frames):
                    command = [*base, "--precision", precision, *names[:count]]
                    done = _run(command, folder, names[:count])
                    found.setdefault((precision, count), []).append(done)
            for count in (PUBLISHED_FEW, PUBLISHED_FRAMES):
                (folder / "frames.list").write_text(
                    "".join(f"{n}\n" for n in names[:count]), encoding="utf-8"
                )
                done = _run([tools.maximask, "frames.list"], folder, names[:count])
                found.setdefault((PUBLISHED, count), []).append(done)
    speeds = {precision: _speeds(found, precision, FEW, frames, side) for precision in precisions}
    speeds[PUBLISHED] = _speeds(found, PUBLISHED, PUBLISHED_FEW, PUBLISHED_FRAMES, side)
    generator, remarks = generator_table()
    return Result(
        f"Steady speed of whole commands on frames of {side} x {side} float32 pixels",
        f"Time of one `skysieve mask --model {model}` on {frames} files less that of one on {FEW}, and of "
        f"one `{PUBLISHED}` on {PUBLISHED_FRAMES} less that on {PUBLISHED_FEW}: this removes the start-up "
        f"but includes reading and writing FITS files. {runs} rounds; in each, every command runs once in a "
        f"separate process, one after the other, on {CORES} processors; speeds and ratios are taken within a "
        f"round, and their median is what must reach the bar. The files are copies of "
        f"{min(DIFFERENT, frames)} simulated frames, in the system's cache. "
        "Peak: the largest resident memory that the system reports, "
        "in 10^6 bytes.",
        _bars(found, speeds, side),
        [_speed_table(speeds), _command_table(found), *generator],
        remarks,
    )


def _copy_frames(folder: Path, frames: int, side: int) -> list[str]:
    """Put frames into a folder and return their names."""
    names = [f"frame{number:02d}.fits" for number in range(frames)]
    for number, name in enumerate(names):
        shutil.copyfile(simulated_frame(side, number=number % DIFFERENT), folder / name)
    return names


def _run(command: Sequence[object], folder: Path, names: Sequence[str]) -> Finished:
    """Run a command, and make sure that it wrote a mask of every frame."""
    masks = [folder / name.replace(".fits", ".mask.fits") for name in names]
    for mask in masks:
        mask.unlink(missing_ok=True)
    done = run_measured(command, folder=folder)
    missing = [mask.name for mask in masks if not mask.exists()]
    if missing:
        raise RuntimeError(
            f"{' '.join(map(str, command))}\nwrote no {', '.join(missing)}:\n{done.output[-500:]}"
        )
    return done


def _speeds(
    found: dict[tuple[str, int], list[Finished]], what: str, few: int, many: int, side: int
) -> list[float]:
    """Return Mpix of frame in a second, round by round."""
    pairs = zip(found[what, many], found[what, few], strict=True)
    pixels = (many - few) * side * side / 1e6
    # never below zero, even if the machine is disturbed
    return [pixels / max(more.seconds - less.seconds, 1e-3) for more, less in pairs]


def _ratios(speeds: dict[str, list[float]], precision: str) -> list[float]:
    return [own / other for own, other in zip(speeds[precision], speeds[PUBLISHED], strict=True)]


def _bars(
    found: dict[tuple[str, int], list[Finished]], speeds: dict[str, list[float]], side: int
) -> list[Bar]:
    bars = []
    for precision, limit in MIN_RATIO.items():
        figure = f"speed of `skysieve mask --precision {precision}` / `{PUBLISHED}`"
        if precision == "bf16" and not has_amx():
            bars.append(Bar(figure, ">=", limit, None, "×", "no AMX here"))
            continue
        value = statistics.median(_ratios(speeds, precision)) if precision in speeds else None
        bars.append(Bar(figure, ">=", limit, value, "×", "" if value else "no bf16 instructions here"))
    for precision in MIN_RATIO:
        peak = max((done.peak_mb for done in found.get((precision, 1), [])), default=None)
        figure = f"peak of `skysieve mask --precision {precision}` on one frame of {side} x {side}"
        bars.append(Bar(figure, "<=", PEAK_MB, peak, "MB", "" if peak else "no bf16 instructions here"))
    return bars


def _speed_table(speeds: dict[str, list[float]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for what, values in speeds.items():
        ratios = [] if what == PUBLISHED else _ratios(speeds, what)
        of_ratios = (statistics.median(ratios), min(ratios), max(ratios)) if ratios else (None, None, None)
        label = f"`{PUBLISHED}`" if what == PUBLISHED else f"`skysieve mask --precision {what}`"
        rows.append((label, statistics.median(values), min(values), max(values), *of_ratios))
    columns = (
        ("command", ""),
        ("Mpix/s of frame", ".3f"),
        ("lowest", ".3f"),
        ("highest", ".3f"),
        (f"times as fast as `{PUBLISHED}`", ".1f"),
        ("lowest", ".1f"),
        ("highest", ".1f"),
    )
    text = (
        "" if has_amx() else "There is no AMX here: bf16, where it is shown, is without matrix instructions."
    )
    return Table("Steady speed", columns, rows, text)


def _command_table(found: dict[tuple[str, int], list[Finished]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for (what, count), done in found.items():
        label = f"`{PUBLISHED}`" if what == PUBLISHED else f"`skysieve mask --precision {what}`"
        seconds = [one.seconds for one in done]
        used = statistics.median(one.processor_seconds for one in done)
        peak = max(one.peak_mb for one in done)
        rows.append(
            (label, count, len(done), statistics.median(seconds), min(seconds), max(seconds), used, peak)
        )
    columns = (
        ("command", ""),
        ("frames", "d"),
        ("runs", "d"),
        ("median, s", ".2f"),
        ("lowest", ".2f"),
        ("highest", ".2f"),
        ("processor time, s", ".2f"),
        ("peak, MB", ".0f"),
    )
    return Table("Whole commands", columns, rows)
