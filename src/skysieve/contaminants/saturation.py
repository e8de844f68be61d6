"""Saturated pixels by the level at which a frame's pixels are full.

Full pixels of a frame share one value, whatever fell on them: that of a full well, or of the largest number
that the converter gives.  So values of bright pixels, which otherwise get rarer upwards about as a power of
the value, pile up at the upper end.  Networks see frames in units of the sky's noise, a part at a time, and
cannot know this value; here it is read off the whole frame.  Each amplifier of a detector may have its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import poisson

from skysieve.contaminants.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.imaging.frames import Frame
    from skysieve.imaging.normalise import NormalisedFrame

__all__ = ["CERTAINTY", "Level", "Saturation", "find_saturation"]

CERTAINTY = 0.98
"""Probability of saturation in full pixels, at the proportions of the network's training set."""

BRIGHT = 30.0
"""Values above the sky, in units of its noise, that may be those of full pixels."""

BIN = 0.0005
"""Width of a bin of the histogram of values above the sky, as a part of the value."""

WIDTHS = (0.001, 0.004, 0.015, 0.04)
"""Widths of a pile of values, as parts of the value: pixels differ after the division by a flat field."""

NARROW = 0.004
"""Piles up to this width may come from one star; a wider one of a single object may be its flat top."""

GROUPS = 4
"""Separate groups of pixels that a wider pile must be made of."""

BELOW = 4
"""Values below a pile that it is compared with, in its widths."""

CHANCE = 1e-5
"""Largest probability that so many values fall together by chance."""

EXCESS = 4.0
"""Least ratio of values in a pile to those that were to be expected."""

ABOVE = 0.5
"""Most values above a pile, as a part of those in it: some pixels count on beyond the level of stars."""

TOUCHING = 0.5
"""Least part of the pixels of a pile that touch another one of it: stars fill several, hot pixels do not."""

SPILLED = 3.0
"""How far below a level, in widths of its pile, values belong to it beside full pixels: charge bled there."""

PILES = 4
"""Piles that are sought, each the highest of what is left."""

LOWEST = 0.5
"""Lowest level, as a part of the highest: amplifiers do not differ by more."""

STRIP = 256
SAMPLE = 4096
MOST = 200_000
"""Pixels of a pile that are looked at for how they lie together."""

MOST_SPILLED = 2_000_000
"""Beyond so many pixels near a level only the full ones count: groups of more would take too much memory."""


class Level(NamedTuple):
    """A value at which pixels are full.

    Attributes
    ----------
    low, high
        Range of their values, in the frame's unit.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Saturation:
    """The saturated pixels of a frame.

    Attributes
    ----------
    levels
        Ranges of values of full pixels, the highest first.
    pixels
        ``(H, W)`` bool, True in full pixels.
    """

    levels: tuple[Level, ...]
    pixels: NDArray[np.bool_]

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """What follows for probabilities: at least :data:`CERTAINTY` for SAT."""
        return (Bounds(self.pixels, lower={"SAT": CERTAINTY}),)


def find_saturation(normalised: NormalisedFrame) -> Saturation | None:
    """Return the saturated pixels of a frame; None if there is no level at which pixels are full.

    Parameters
    ----------
    normalised
        The frame ``(H, W)`` with its sky.
    """
    frame = normalised.frame
    sky, noise = _sky_of(normalised)
    values = _Values.of_frame(frame, sky, BRIGHT * noise)
    if values is None:
        return None
    found: list[Level] = []
    pixels = np.zeros(frame.shape, np.bool_)
    top = values.bins
    for _ in range(PILES):
        # of further amplifiers only what is as clear as a single star
        widths = [width for width in WIDTHS if not found or width <= NARROW]
        piles = ((_pile(values, top, width), width) for width in widths)
        pile, width = next((one for one in piles if one[0]), (None, 0.0))
        if pile is None:
            break
        level = Level(values.value(pile[0]), values.value(pile[1] + 1) if found else np.inf)
        height = level.low - sky
        if found and height < LOWEST * (found[0].low - sky):
            break
        full = _marked(frame, level)
        if not _lie_together(full, groups=1 if width <= NARROW else GROUPS):
            break
        pixels |= _with_what_spilled(full, frame, Level(level.low - SPILLED * width * height, level.high))
        if found and level.high >= found[-1].low:  # one wide pile, in two parts
            level = Level(level.low, found.pop().high)
        found.append(level)
        top = pile[0]
    return Saturation(tuple(found), pixels) if found else None


class _Values:
    """How often bright values are, by their logarithm above the sky."""

    def __init__(self, sky: float, least: float, counts: NDArray[np.int64], step: float) -> None:
        self.sky, self.least, self.step = sky, least, step
        self.bins = len(counts)
        self._above = np.append(np.cumsum(counts[::-1])[::-1], 0)

    @classmethod
    def of_frame(cls, frame: Frame, sky: float, least: float) -> _Values | None:
        """Return the bright values of a frame; None if there are none."""
        counts = np.zeros(0, np.int64)
        step = _Steps()
        for _, pixels, valid in _strips(frame):
            bright = pixels[valid & (pixels > sky + least)].astype(np.float64)
            if not bright.size:
                continue
            step.see(bright)
            bins = (np.log((bright - sky) / least) / BIN).astype(np.int64)
            here = np.bincount(bins, minlength=len(counts))
            here[: len(counts)] += counts
            counts = here
        return cls(sky, least, counts, step.found) if len(counts) else None

    def value(self, index: int) -> float:
        """Return the lower end of a bin, in the frame's unit."""
        return float(self.sky + self.least * np.exp(index * BIN))

    def count(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many values lie in bins from `first` to `last`, both included."""
        above = self._above[np.clip(first, 0, self.bins)]
        return np.asarray(above - self._above[np.clip(last + 1, 0, self.bins)])

    def widths(self, last: NDArray[np.int64], part: float) -> NDArray[np.int64]:
        """Return how many bins piles up to some bins have: a part of the value, at least two steps."""
        above = self.least * np.exp(last * BIN)
        parts = np.maximum(part, 2.5 * self.step / above)
        return np.asarray(np.ceil(np.log1p(parts) / BIN), np.int64)


class _Steps:
    """The step of values that are whole multiples of one, as those of a converter; 0 if they are not."""

    def __init__(self) -> None:
        self.found = 0.0
        self._whole = True

    def see(self, values: NDArray[np.float64]) -> None:
        """Take some values into account."""
        sample = values[:: max(1, len(values) // SAMPLE)]
        if not self._whole or not np.array_equal(sample, np.rint(sample)):
            self._whole, self.found = False, 0.0
            return
        self.found = float(np.gcd.reduce(np.append(sample, self.found).astype(np.int64)))


def _pile(values: _Values, top: int, part: float) -> tuple[int, int] | None:
    """Return first and last bin of the pile of values at the upper end, below a bin, if there is one."""
    last = np.arange(top)
    size = values.widths(last, part)
    inside = values.count(last - size + 1, last)
    at_the_end = values.count(last + 1, np.full_like(last, top - 1)) <= ABOVE * inside
    if not at_the_end.any():
        return None
    best = int(np.argmax(np.where(at_the_end, inside, 0)))
    count, width = int(inside[best]), int(size[best])
    first = best - width + 1
    below = int(values.count(np.array(first - BELOW * width), np.array(first - 1)))
    expected = (below + 1) / BELOW
    by_chance = count < EXCESS * expected or poisson.sf(count - 1, expected) > CHANCE
    return None if by_chance else (first, best)


def _marked(frame: Frame, level: Level) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` whose values lie in a range."""
    marked = np.zeros(frame.shape, np.bool_)
    for start, pixels, valid in _strips(frame):
        marked[start : start + len(pixels)] = valid & (pixels >= level.low) & (pixels <= level.high)
    return marked


def _lie_together(marked: NDArray[np.bool_], *, groups: int) -> bool:
    """Tell whether marked pixels touch each other, as those of stars do, in so many groups at least."""
    sizes = np.bincount(_groups(np.flatnonzero(marked)[:MOST], marked.shape[1]))
    touching = sizes[sizes > 1]
    return len(touching) >= groups and touching.sum() >= TOUCHING * sizes.sum()


def _with_what_spilled(full: NDArray[np.bool_], frame: Frame, level: Level) -> NDArray[np.bool_]:
    """Return full pixels ``(H, W)`` with those of a wider level that touch them, directly or not."""
    places = np.flatnonzero(_marked(frame, level))
    if len(places) > MOST_SPILLED:
        return full
    groups = _groups(places, full.shape[1])
    has_full = np.bincount(groups, weights=full.ravel()[places]) > 0
    spilled = np.zeros(full.size, np.bool_)
    spilled[places[has_full[groups]]] = True
    return spilled.reshape(full.shape)


def _groups(places: NDArray[np.intp], width: int) -> NDArray[np.int32]:
    """Return the number of the group of each pixel, given by increasing places in a frame of this width.

    Pixels that touch, with a side or a corner, are of one group.  The last pixel of a row and the first of
    the next count as touching, which does no harm here.
    """
    ones, others = [], []
    for away in (1, width - 1, width, width + 1):
        there = np.minimum(np.searchsorted(places, places + away), len(places) - 1)
        touching = np.flatnonzero(places[there] == places + away)
        ones.append(touching)
        others.append(there[touching])
    pairs = np.concatenate(ones), np.concatenate(others)
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(len(places), len(places)))
    return np.asarray(connected_components(graph, directed=False)[1])


def _sky_of(normalised: NormalisedFrame) -> tuple[float, float]:
    """Return the middle level of a frame's sky and its noise, in the frame's unit."""
    levels, sigmas = [], []
    height = normalised.shape[0]
    for row in range(0, height, max(1, height // 16)):
        level, sigma = normalised.background.rows(row, row + 1)
        levels.append(np.median(level))
        sigmas.append(np.median(sigma))
    return float(np.median(levels)), float(np.median(sigmas))


def _strips(frame: Frame) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield rows of a frame with the first one's number, and where they have data."""
    height = frame.shape[0]
    for start in range(0, height, STRIP):
        pixels, nodata = frame.rows(start, min(start + STRIP, height))
        yield start, pixels, ~nodata & np.isfinite(pixels)
