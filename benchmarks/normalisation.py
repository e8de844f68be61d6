"""Speed and accuracy of the normalisation, compared with the published code."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import CORES
from published_tools import install_published_tools
from results import Bar, Result, Table

from frames import real_frames, simulated_frame
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import parse_location
from skysieve.frames.image.normalise import normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.settings import Rules

__all__ = ["measure"]

STRIP_ROWS = 848
"""Number of rows per request, as for a row of tiles."""

SPEED_SHAPES = ((2048, 2048), (4094, 2046))
MINIMUM = 400
"""Minimum side in pixels; the published code needs two blocks along each side."""

EPSILON = 2.0**-24
"""Maximum relative error of rounding to float32: half the spacing of neighbouring numbers."""

ROUNDINGS = 4
"""Number of roundings to float32: pixel, level, their difference and the quotient."""


def measure(runs: int) -> Result:
    """Time both normalisations on simulated frames, and compare them on all frames."""
    speed_frames = {f"simulated, {h} x {w}": _simulated((h, w)) for h, w in SPEED_SHAPES}
    frames = {**_real(), **speed_frames}
    with tempfile.TemporaryDirectory() as name:
        theirs, seconds = _published(frames, speed_frames, runs, Path(name))
    speed_bars, speed = _speed(speed_frames, seconds, runs)
    rows = [(name, *pixels.shape, *_difference(pixels, theirs[name])) for name, pixels in frames.items()]
    beyond = max(row[-1] for row in rows)
    columns = (
        ("frame", ""),
        ("rows", "d"),
        ("columns", "d"),
        ("largest difference, σ", ".2g"),
        ("at a normalised pixel of", ".4g"),
        ("beyond rounding, σ", ".2g"),
    )
    return Result(
        "Normalisation",
        f"Sky level and noise are measured and all pixels normalised, in strips of {STRIP_ROWS} rows, from "
        f"memory, on {CORES} threads; one warm-up run, then {runs} timed runs, of which the median is given. "
        "The published function runs on the same arrays in its own environment, also with one warm-up run.",
        [
            *speed_bars,
            Bar("largest difference under published rules, beyond float32 rounding", "<=", 1e-4, beyond, "σ"),
        ],
        [
            speed,
            Table(
                "Difference from the published code, with its own rules",
                columns,
                rows,
                "Both work with float32 pixels and round the level, the difference and the quotient to "
                f"float32: beyond rounding is what is left of the difference after {ROUNDINGS} roundings, "
                "each 2^-24 of (|pixel| + |level|) / noise. Pixels where both are not numbers (a noise "
                "of 0) agree.",
            ),
        ],
    )


def _simulated(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return pixels of a simulated frame of this shape."""
    with FrameFile(parse_location(str(simulated_frame(max(shape))))) as file:
        return file.planes[0].rows(0, shape[0])[0][:, : shape[1]].copy()


def _real() -> dict[str, NDArray[np.float32]]:
    """Return the pixels of all real frames of sufficient size, by name."""
    found = {}
    for path in real_frames():
        with FrameFile(parse_location(str(path))) as file:
            for hdu in file.frames:
                for plane in hdu.planes:
                    if min(plane.shape) >= MINIMUM:
                        pixels, nodata = plane.rows(0, plane.shape[0])
                        found[f"{path.name}[{hdu.index}]"] = np.where(nodata, np.float32(np.nan), pixels)
    return found


def _published(
    frames: dict[str, NDArray[np.float32]], timed: dict[str, NDArray[np.float32]], runs: int, folder: Path
) -> tuple[dict[str, NDArray[np.float32]], dict[str, list[float]]]:
    """Return the frames normalised by the published code, and its times for the timed ones."""
    paths = {name: (folder / f"in{i}.npy", folder / f"out{i}.npy") for i, name in enumerate(frames)}
    for name, (source, _) in paths.items():
        np.save(source, frames[name])
    script = Path(__file__).with_name("published_normalise.py")
    tools = install_published_tools()
    seconds: dict[str, list[float]] = {}
    for times, names in ((1, [n for n in frames if n not in timed]), (1 + runs, list(timed))):
        printed = tools.run_script(script, str(times), *(path for name in names for path in paths[name]))
        seconds |= dict(zip(names, json.loads(printed), strict=True))
    return {name: np.load(target) for name, (_, target) in paths.items()}, {n: seconds[n][1:] for n in timed}


def _speed(
    frames: dict[str, NDArray[np.float32]], published: dict[str, list[float]], runs: int
) -> tuple[list[Bar], Table]:
    """Return the bars and the table of speeds."""
    bars, rows = [], []
    for name, pixels in frames.items():
        _normalised(pixels, "published")
        taken: dict[Rules, list[float]] = {"corrected": [], "published": []}
        for _ in range(runs):
            for rules, seconds in taken.items():
                start = time.perf_counter()
                _normalised(pixels, rules)
                seconds.append(time.perf_counter() - start)
        size = pixels.size / 1e6
        ours, theirs = statistics.median(taken["corrected"]), statistics.median(published[name])
        like = statistics.median(taken["published"])
        rows.append((name, size / ours, size / like, size / theirs, theirs / ours))
        bars.append(Bar(f"speed, {name}, {CORES} threads", ">=", 40, size / ours, "Mpix/s"))
    columns = (
        ("frame", ""),
        ("Skysieve, Mpix/s", ".1f"),
        ("with published rules, Mpix/s", ".1f"),
        ("published code, Mpix/s", ".2f"),
        ("ratio", ".1f"),
    )
    return bars, Table("Speed", columns, rows)


def _normalised(pixels: NDArray[np.float32], rules: Rules) -> list[NDArray[np.float32]]:
    """Return all pixels normalised, in strips."""
    frame = normalise(ArrayFrame(pixels), rules=rules, threads=CORES)
    height = pixels.shape[0]
    return [frame.rows(top, min(top + STRIP_ROWS, height))[0] for top in range(0, height, STRIP_ROWS)]


def _difference(pixels: NDArray[np.float32], theirs: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the largest difference, the published value there, and the largest one beyond rounding."""
    normalised = normalise(ArrayFrame(pixels), rules="published", threads=CORES)
    ours = normalised.rows(0, pixels.shape[0])[0].astype(np.float64)
    level, sigma = normalised.background.rows(0, pixels.shape[0])
    difference = np.abs(ours - theirs)
    difference[~np.isfinite(ours) & ~np.isfinite(theirs)] = 0
    # pixels that are finite in only one of them differ infinitely
    difference[np.isnan(difference)] = np.inf
    window = normalised.window
    sizes = np.abs(np.clip(np.nan_to_num(pixels), window.low, window.high)) + np.abs(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = ROUNDINGS * EPSILON * sizes / np.abs(sigma)
    beyond = np.where(np.isfinite(allowed), difference - allowed, difference)
    worst = np.unravel_index(np.argmax(difference), difference.shape)
    return float(difference.max()), float(theirs[worst]), float(max(beyond.max(), 0))
