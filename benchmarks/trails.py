"""Trails as lines on frames with known ones, compared with a published finder of trails."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from findsat import FINDSAT, REFERENCE, find_trails
from results import Bar, Cell, Result, Table
from trail_frames import HOW, trail_frames

import skysieve
from skysieve.core.evaluation.binomial import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from trail_frames import KnownTrail, TrailFrame

__all__ = ["measure"]

FRAMES, SIDE = 1, 672
BINS = 2
MIN_SNR, MIN_LENGTH = 15.0, 100.0
CLASSES = (("15 to 30", 15.0, 30.0), ("30 to 100", 30.0, 100.0), ("above 100", 100.0, math.inf))
TARGET, MAX_END, MIN_SPEED = 0.95, 3.0, 10.0
OURS = "skysieve"

NEAR = 6.0
"""Maximum distance of a found line from a known one, in pixels, besides half of the width."""

OVERLAP = 0.5
"""Minimum fraction of a known trail along which a found line lies."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Found:
    """A line that a tool found: its ends in pixels, and signal-to-noise ratio."""

    ends: tuple[Point, Point]
    snr: float


def measure(*, model: str, recipes: Sequence[str], frames: int | None, side: int | None) -> Result:
    """Find trails on simulated and injected frames with both tools, and compare them with the known ones."""
    made = list(trail_frames(recipes, frames or FRAMES, side or SIDE))
    skysieve.mask(made[0].pixels[:64, :64], model=model)  # loads the network
    own = {frame.name: _our_lines(frame, model) for frame in made}
    theirs = {
        name: ([Found(((o["x1"], o["y1"]), (o["x2"], o["y2"])), o["snr"]) for o in lines], seconds)
        for name, (lines, seconds) in find_trails({f.name: f.pixels for f in made}, bins=BINS).items()
    }
    tools = {OURS: own, FINDSAT: theirs}
    rows, counts = [], {}
    for group in ("simulated", "injected"):
        part = [frame for frame in made if frame.group == group]
        for tool, found in tools.items():
            counts[group, tool] = counted = _count(part, {name: lines for name, (lines, _) in found.items()})
            rows.append((group, tool, len(part), *counted.cells()))
    seconds = {tool: float(np.mean([time for _, time in found.values()])) for tool, found in tools.items()}
    both = {
        tool: _count(made, {name: lines for name, (lines, _) in found.items()})
        for tool, found in tools.items()
    }
    rows += [("both", tool, len(made), *both[tool].cells()) for tool in tools]
    ours, other = both[OURS], both[FINDSAT]
    limit = f"limit: {FINDSAT}'s"
    speed = seconds[FINDSAT] / seconds[OURS]
    return Result(
        "Trails as lines",
        f"{sum(f.group == 'simulated' for f in made)} simulated frames of held-out cameras with other "
        f"contaminants, and {sum(f.group == 'injected' for f in made)} real frames (their middles), of up to "
        f"{side or SIDE} px a side. {HOW} Trails of S/N ≥ {MIN_SNR:g} longer than {MIN_LENGTH:g} px count. A "
        f"line is that of a trail if it lies along at least {100 * OVERLAP:.0f} % of it, within {NEAR:g} px "
        "and half of its width. Lines with a lower S/N or length that are of no trail do not count. "
        f"{FINDSAT} gets each frame binned {BINS} × {BINS}, with its default settings, and lists the trails "
        "that pass its filters; its lines end at the borders of the frame.",
        [
            Bar("recall, S/N ≥ 15", ">=", TARGET, ours.recall),
            Bar("precision, S/N ≥ 15", ">=", TARGET, ours.precision),
            Bar("trails of S/N ≥ 15, recall", ">=", other.recall, ours.recall, remark=limit),
            Bar("trails of S/N ≥ 15, precision", ">=", other.precision, ours.precision, remark=limit),
            Bar("median distance of ends from the known ones", "<=", MAX_END, ours.median_end, "px"),
            Bar(f"processor time, {FINDSAT} / skysieve", ">=", MIN_SPEED, speed, "×"),
        ],
        [
            Table("Trails found", _COLUMNS, rows, _TEXT),
            Table(
                "Recall by signal-to-noise ratio",
                (("S/N", ""), ("trails", "d"), *((tool, ".3f") for tool in tools)),
                [(name, *_of_class(both, low, high)) for name, low, high in CLASSES],
            ),
            Table(
                "Processor time",
                (("tool", ""), ("seconds a frame", ".2f"), ("what", "")),
                [
                    (OURS, seconds[OURS], "the mask with all classes, and its trails as lines"),
                    (FINDSAT, seconds[FINDSAT], REFERENCE),
                ],
            ),
        ],
        [_DETECTABILITY, _CHOSEN],
    )


_DETECTABILITY = (
    "The signal-to-noise ratio counts the noise of independent pixels only. In crowded fields, nebulosity "
    "and fringes, trails of a high ratio may be lost in the structure of the sky. Flashes spread over a long "
    "trail are missed more often than constant light."
)
_CHOSEN = (
    "The limits of the search were chosen on other simulated frames of these recipes, and on the same real "
    "frames with other trails. Lines that either tool finds in the real frames before injection count as "
    "wrong."
)
_COLUMNS: tuple[tuple[str, str], ...] = (
    ("frames", ""),
    ("tool", ""),
    ("number", "d"),
    ("trails", "d"),
    ("found", "d"),
    ("recall", ".3f"),
    ("from", ".3f"),
    ("to", ".3f"),
    ("lines", "d"),
    ("of no trail", "d"),
    ("precision", ".3f"),
    ("from", ".3f"),
    ("to", ".3f"),
    ("ends: median, px", ".2f"),
    ("90 %, px", ".2f"),
)
_TEXT = (
    "From and to: 68 % intervals (Wilson). Lines: those of S/N ≥ 15 longer than 100 px, and all others that "
    "are of a trail. Ends: distance of each end from the known one, of found trails that do not flash."
)


@dataclass(frozen=True)
class Counts:
    """How many trails were found, and how many lines are those of trails."""

    known: list[tuple[KnownTrail, bool]]
    lines: int
    false: int
    ends: list[float]

    @property
    def recall(self) -> float:
        """Fraction of the trails that were found."""
        return float(np.mean([found for _, found in self.known])) if self.known else math.nan

    @property
    def precision(self) -> float:
        """Fraction of the lines that are those of trails."""
        return 1 - self.false / self.lines if self.lines else math.nan

    @property
    def median_end(self) -> float | None:
        """Median distance of the ends in pixels."""
        return float(np.median(self.ends)) if self.ends else None

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of the table."""
        found = sum(hit for _, hit in self.known)
        right = self.lines - self.false
        return (
            len(self.known),
            found,
            self.recall,
            *(float(end) for end in wilson_interval(found, len(self.known))),
            self.lines,
            self.false,
            self.precision,
            *(float(end) for end in wilson_interval(right, self.lines)),
            self.median_end,
            float(np.percentile(self.ends, 90)) if self.ends else None,
        )


def _our_lines(frame: TrailFrame, model: str) -> tuple[list[Found], float]:
    """Return the lines of Skysieve, and the processor time of the mask and of the lines."""
    start = time.process_time()
    result = skysieve.mask(frame.pixels, model=model, keep_probabilities=False)
    table = skysieve.trails(result)
    seconds = time.process_time() - start
    found = []
    for row in table:
        x1, y1, x2, y2 = (float(row[name].value) - 1 for name in ("x1", "y1", "x2", "y2"))
        found.append(Found(((x1, y1), (x2, y2)), float(row["snr"])))
    return found, seconds


def _count(frames: Sequence[TrailFrame], lines: dict[str, list[Found]]) -> Counts:
    known, ends, number, false = [], [], 0, 0
    for frame in frames:
        hits = []
        for trail in frame.trails:
            matched = [line for line in lines[frame.name] if _is_line_of(line, trail)]
            hits += matched
            if trail.snr < MIN_SNR or trail.length < MIN_LENGTH:
                continue
            known.append((trail, bool(matched)))
            if matched and not trail.flashes:
                ends += _end_errors(max(matched, key=lambda line: line.snr), trail)
        counting = [
            line
            for line in lines[frame.name]
            if line in hits or (line.snr >= MIN_SNR and math.dist(*line.ends) >= MIN_LENGTH)
        ]
        number += len(counting)
        false += sum(line not in hits for line in counting)
    return Counts(known, number, false, ends)


def _is_line_of(line: Found, trail: KnownTrail) -> bool:
    """Return whether a line lies along a trail."""
    start, step = np.array(line.ends[0]), np.array(line.ends[1]) - np.array(line.ends[0])
    length = float(np.hypot(*step))
    if length == 0:
        return False
    direction = step / length
    first, last = (np.array(end) for end in trail.ends)
    points = np.linspace(first, last, 41) - start
    along = points @ direction
    across = np.abs(points @ np.array([-direction[1], direction[0]]))
    near = (across <= NEAR + trail.width / 2) & (along >= 0) & (along <= length)
    return bool(near.mean() >= OVERLAP)


def _end_errors(line: Found, trail: KnownTrail) -> list[float]:
    first, second = (np.array(end) for end in trail.ends)
    ends: list[NDArray[np.float64]] = [np.array(end) for end in line.ends]
    if np.hypot(*(ends[0] - first)) > np.hypot(*(ends[1] - first)):
        ends.reverse()
    return [float(np.hypot(*(ends[0] - first))), float(np.hypot(*(ends[1] - second)))]


def _of_class(both: dict[str, Counts], low: float, high: float) -> list[Cell]:
    cells: list[Cell] = []
    for counts in both.values():
        part = [found for trail, found in counts.known if low <= trail.snr < high]
        if not cells:
            cells.append(len(part))
        cells.append(float(np.mean(part)) if part else None)
    return cells
