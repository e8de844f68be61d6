"""Saturated pixels by the saturation level of the frame.

All saturated pixels of an amplifier have about the same value: the full well, or the maximum of the
converter.  The histogram of bright values is approximately a power law, with a peak at this level.  The input
of networks is a tile in units of the noise of the sky, in which the level is unknown; this module measures it
in the whole frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import poisson

from skysieve.frames.mask.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.image.normalise import NormalisedFrame

__all__ = ["CERTAINTY", "Level", "Saturation", "find_saturation"]

CERTAINTY = 0.98
"""Probability of saturation in saturated pixels, at the class proportions of the training set."""

BRIGHT = 30.0
"""Minimum of bright values above the sky, in units of its noise."""

BIN = 0.0005
"""Width of a bin of the histogram of values above the sky, as a fraction of the value."""

WIDTHS = (0.001, 0.004, 0.015, 0.04)
"""Widths of a peak, as fractions of the value: the division by a flat field widens it."""

NARROW = 0.004
"""A peak up to this width may come from one star; a wider one of a single object may be its flat top."""

MIN_GROUPS = 4
"""Minimum number of separate groups of pixels in a wide peak."""

BELOW = 4
"""Width of the range below a peak that it is compared with, in widths of the peak."""

MAX_CHANCE = 1e-5
"""Maximum probability (Poisson) that so many values fall into the range by chance."""

MIN_EXCESS = 4.0
"""Minimum ratio of the values in a peak to the expected number."""

MAX_ABOVE = 0.5
"""Maximum number of values above a peak, as a fraction of those in it: a few pixels exceed the level."""

MIN_TOUCHING = 0.5
"""Minimum fraction of the pixels of a peak that touch another one; those of hot pixels do not."""

BLEEDING = 3.0
"""Width of the range below a level, in widths of its peak, in which pixels next to saturated ones are
bleeding."""

MAX_PEAKS = 4
"""Maximum number of peaks, from the highest values down."""

MIN_LEVEL = 0.5
"""Minimum level, as a fraction of the highest: amplifiers differ by less than this."""

STRIP = 256
SAMPLE = 4096
MAX_GROUPED = 200_000
"""Maximum number of pixels of a peak that are grouped."""

MAX_NEAR = 2_000_000
"""With more pixels near a level, bleeding is not added, as grouping them would need too much memory."""


class Level(NamedTuple):
    """A saturation level.

    Attributes
    ----------
    low, high
        Range of values of saturated pixels, in the frame's unit.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Saturation:
    """The saturated pixels of a frame.

    Attributes
    ----------
    levels
        Saturation levels, the highest first.
    pixels
        ``(H, W)`` bool, True in saturated pixels.
    """

    levels: tuple[Level, ...]
    pixels: NDArray[np.bool_]

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """Bounds on probabilities: at least :data:`CERTAINTY` for SAT."""
        return (Bounds(self.pixels, lower={"SAT": CERTAINTY}),)


def find_saturation(normalised: NormalisedFrame) -> Saturation | None:
    """Find the saturation levels and the saturated pixels of a frame.

    Parameters
    ----------
    normalised
        Normalised frame of ``(H, W)`` pixels.

    Returns
    -------
    Saturation or None
        None if the frame has no saturation level.
    """
    frame = normalised.frame
    sky, noise = _sky_of(normalised)
    values = _BrightHistogram.of_frame(frame, sky, BRIGHT * noise)
    if values is None:
        return None
    found: list[Level] = []
    pixels = np.zeros(frame.shape, np.bool_)
    top = values.bins
    for _ in range(MAX_PEAKS):
        # levels of further amplifiers must have a narrow peak
        widths = [width for width in WIDTHS if not found or width <= NARROW]
        peaks = ((_peak(values, top, width), width) for width in widths)
        peak, width = next((one for one in peaks if one[0]), (None, 0.0))
        if peak is None:
            break
        level = Level(values.value(peak[0]), values.value(peak[1] + 1) if found else np.inf)
        height = level.low - sky
        if found and height < MIN_LEVEL * (found[0].low - sky):
            break
        saturated = _in_range(frame, level)
        if not _is_clustered(saturated, groups=1 if width <= NARROW else MIN_GROUPS):
            break
        pixels |= _with_bleeding(saturated, frame, Level(level.low - BLEEDING * width * height, level.high))
        if found and level.high >= found[-1].low:  # two parts of one wide peak
            level = Level(level.low, found.pop().high)
        found.append(level)
        top = peak[0]
    return Saturation(tuple(found), pixels) if found else None


class _BrightHistogram:
    """Histogram of bright values, in bins of the logarithm of the value above the sky."""

    def __init__(self, sky: float, threshold: float, counts: NDArray[np.int64], step: float) -> None:
        self.sky, self.threshold, self.step = sky, threshold, step
        self.bins = len(counts)
        self._above = np.append(np.cumsum(counts[::-1])[::-1], 0)

    @classmethod
    def of_frame(cls, frame: Frame, sky: float, threshold: float) -> _BrightHistogram | None:
        """Return the histogram of a frame; None if it has no bright values."""
        counts = np.zeros(0, np.int64)
        step = _StepFinder()
        for _, pixels, valid in _strips(frame):
            bright = pixels[valid & (pixels > sky + threshold)].astype(np.float64)
            if not bright.size:
                continue
            step.update(bright)
            bins = (np.log((bright - sky) / threshold) / BIN).astype(np.int64)
            here = np.bincount(bins, minlength=len(counts))
            here[: len(counts)] += counts
            counts = here
        return cls(sky, threshold, counts, step.found) if len(counts) else None

    def value(self, index: int) -> float:
        """Return the lower end of a bin, in the frame's unit."""
        return float(self.sky + self.threshold * np.exp(index * BIN))

    def count(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of values in the bins from `first` to `last`, both included."""
        above = self._above[np.clip(first, 0, self.bins)]
        return np.asarray(above - self._above[np.clip(last + 1, 0, self.bins)])

    def widths(self, last: NDArray[np.int64], fraction: float) -> NDArray[np.int64]:
        """Return the widths of peaks in bins: a fraction of the value, but at least 2.5 steps."""
        above = self.threshold * np.exp(last * BIN)
        fractions = np.maximum(fraction, 2.5 * self.step / above)
        return np.asarray(np.ceil(np.log1p(fractions) / BIN), np.int64)


class _StepFinder:
    """Finds the step of integer values, such as those of a converter; 0 if values are not integers."""

    def __init__(self) -> None:
        self.found = 0.0
        self._integer = True

    def update(self, values: NDArray[np.float64]) -> None:
        """Update the step with a sample of some values."""
        sample = values[:: max(1, len(values) // SAMPLE)]
        if not self._integer or not np.array_equal(sample, np.rint(sample)):
            self._integer, self.found = False, 0.0
            return
        self.found = float(np.gcd.reduce(np.append(sample, self.found).astype(np.int64)))


def _peak(values: _BrightHistogram, top: int, width: float) -> tuple[int, int] | None:
    """Return the first and last bin of the peak at the upper end of the histogram below a bin, if any."""
    last = np.arange(top)
    size = values.widths(last, width)
    inside = values.count(last - size + 1, last)
    at_upper_end = values.count(last + 1, np.full_like(last, top - 1)) <= MAX_ABOVE * inside
    if not at_upper_end.any():
        return None
    best = int(np.argmax(np.where(at_upper_end, inside, 0)))
    count, bins = int(inside[best]), int(size[best])
    first = best - bins + 1
    below = int(values.count(np.array(first - BELOW * bins), np.array(first - 1)))
    expected = (below + 1) / BELOW
    by_chance = count < MIN_EXCESS * expected or poisson.sf(count - 1, expected) > MAX_CHANCE
    return None if by_chance else (first, best)


def _in_range(frame: Frame, level: Level) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` whose values lie in a range."""
    marked = np.zeros(frame.shape, np.bool_)
    for start, pixels, valid in _strips(frame):
        marked[start : start + len(pixels)] = valid & (pixels >= level.low) & (pixels <= level.high)
    return marked


def _is_clustered(marked: NDArray[np.bool_], *, groups: int) -> bool:
    """Return whether most pixels touch each other, as in stars, and form a minimum number of groups."""
    sizes = np.bincount(_group_numbers(np.flatnonzero(marked)[:MAX_GROUPED], marked.shape[1]))
    touching = sizes[sizes > 1]
    return len(touching) >= groups and touching.sum() >= MIN_TOUCHING * sizes.sum()


def _with_bleeding(saturated: NDArray[np.bool_], frame: Frame, level: Level) -> NDArray[np.bool_]:
    """Return saturated pixels ``(H, W)`` and connected pixels of a wider range of values."""
    indices = np.flatnonzero(_in_range(frame, level))
    if len(indices) > MAX_NEAR:
        return saturated
    groups = _group_numbers(indices, saturated.shape[1])
    is_saturated = np.bincount(groups, weights=saturated.ravel()[indices]) > 0
    connected = np.zeros(saturated.size, np.bool_)
    connected[indices[is_saturated[groups]]] = True
    return connected.reshape(saturated.shape)


def _group_numbers(indices: NDArray[np.intp], width: int) -> NDArray[np.int32]:
    """Return the number of the group of each pixel, given by increasing indices in a frame of this width.

    Pixels that touch with a side or a corner are in one group.  The last pixel of a row and the first pixel
    of the next row count as touching, which is harmless here.
    """
    firsts, seconds = [], []
    for offset in (1, width - 1, width, width + 1):
        neighbour = np.minimum(np.searchsorted(indices, indices + offset), len(indices) - 1)
        touching = np.flatnonzero(indices[neighbour] == indices + offset)
        firsts.append(touching)
        seconds.append(neighbour[touching])
    pairs = np.concatenate(firsts), np.concatenate(seconds)
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(len(indices), len(indices)))
    return np.asarray(connected_components(graph, directed=False)[1])


def _sky_of(normalised: NormalisedFrame) -> tuple[float, float]:
    """Return the median level of a frame's sky and its noise, in the frame's unit."""
    levels, sigmas = [], []
    height = normalised.shape[0]
    for row in range(0, height, max(1, height // 16)):
        level, sigma = normalised.background.rows(row, row + 1)
        levels.append(np.median(level))
        sigmas.append(np.median(sigma))
    return float(np.median(levels)), float(np.median(sigmas))


def _strips(frame: Frame) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield strips of a frame: the first row, the pixels, and where they have data."""
    height = frame.shape[0]
    for start in range(0, height, STRIP):
        pixels, nodata = frame.rows(start, min(start + STRIP, height))
        yield start, pixels, ~nodata & np.isfinite(pixels)
