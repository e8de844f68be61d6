"""The brightness along a trail: where it ends, whether it flashes, and what made it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ends", "Kind", "find_ends", "find_kind", "find_period"]

Kind = Literal["satellite or aircraft", "meteor", "unsure"]
"""What made a trail, where its brightness tells it."""

INSIDE = 100
"""Number of pixels before an end over which the brightness at the end is measured."""

DARK = 150.0
"""Number of dark pixels after which a trail is over."""

FAINT_END = 0.3
"""Minimum brightness at an end, relative to that of the trail."""

MIN_PERIOD = 8
"""Shortest period that is searched for, in pixels."""

MIN_PERIODS = 2.5
"""Minimum number of periods in a trail."""

MIN_CORRELATION, MIN_SECOND = 0.45, 0.25
"""Minimum correlation of the brightness with itself after one period, and after two."""

MIN_DEPTH = 0.15
"""Minimum standard deviation of the brightness of a flashing trail, relative to the mean."""

MAX_PERCENT = 85
"""Brightness above this percentile does not count in a mean: it may be that of stars."""

STEADY_END = 0.7
"""Brightness at both ends, relative to the mean, from which a trail ends abruptly."""

FADED_END, RISE = 0.7, 1.6
"""Limits of the brightness at the ends of a meteor, relative to its mean; and of its maximum, relative to the
brighter end."""

MIN_SNR = 5.0
"""Signal-to-noise ratio of a tenth of a trail from which its light curve is used."""


class Ends(NamedTuple):
    """The ends of a trail.

    Attributes
    ----------
    first, last
        Indices of the first and last pixel along it.
    at_border
        Whether the trail goes on beyond the known pixels, at either end.
    """

    first: int
    last: int
    at_border: tuple[bool, bool]


def find_ends(brightness: NDArray[np.float32], start: Ends, *, margin: float) -> Ends:
    """Find the ends of a trail: where its brightness falls to half.

    Parameters
    ----------
    brightness
        ``(T,)`` float32 along the line, beyond both ends; NaN is unknown.
    start
        Approximate ends.
    margin
        Distance in pixels from the first or last known pixel within which a trail goes on beyond it.

    Returns
    -------
    Ends
        The ends.
    """
    known = np.flatnonzero(np.isfinite(brightness))
    if not known.size:
        return start
    mean = _mean(brightness[start.first : start.last + 1], 0.0)
    last = _end(brightness, start.first, start.last, mean)
    first = (
        brightness.size
        - 1
        - _end(brightness[::-1], brightness.size - 1 - last, brightness.size - 1 - start.first, mean)
    )
    borders = first - known[0] <= margin, known[-1] - last <= margin
    return Ends(
        int(known[0]) if borders[0] else first,
        int(known[-1]) if borders[1] else last,
        (bool(borders[0]), bool(borders[1])),
    )


def find_period(brightness: NDArray[np.float32]) -> float:
    """Find the period of a flashing trail from the correlation of its brightness with itself.

    Parameters
    ----------
    brightness
        ``(T,)`` float32 between the ends; NaN is unknown.

    Returns
    -------
    float
        Period in pixels; NaN if it does not flash regularly.
    """
    known = np.isfinite(brightness)
    size = brightness.size
    longest = int(size / MIN_PERIODS)
    if np.count_nonzero(known) < 0.6 * size or longest <= MIN_PERIOD + 2:
        return math.nan
    light = np.interp(np.arange(size), np.flatnonzero(known), brightness[known].astype(np.float64))
    light = np.minimum(light, np.percentile(light, 99))  # stars
    mean = float(light.mean())
    light -= mean
    noise = (1.4826 * float(np.median(np.abs(np.diff(light))))) ** 2 / 2
    variance = float(light.var()) - noise
    if mean <= 0 or variance < max((MIN_DEPTH * mean) ** 2, 4 * noise / math.sqrt(size)):
        return math.nan
    spectrum = np.abs(np.fft.rfft(light, 2 * size)) ** 2
    lags = np.arange(longest + 1)
    correlation = np.fft.irfft(spectrum)[: longest + 1] / (size - lags) / variance
    falling = np.flatnonzero(correlation < 0.2)
    if not falling.size:
        return math.nan
    first = max(MIN_PERIOD, int(falling[0]))
    peaks = [
        lag
        for lag in range(first, longest)
        if correlation[lag] >= correlation[max(lag - 4, 0) : lag + 5].max()
        and correlation[lag] >= MIN_CORRELATION
    ]
    if not peaks:
        return math.nan
    highest = max(correlation[lag] for lag in peaks)
    period = next(lag for lag in peaks if correlation[lag] >= 0.8 * highest)
    if 2 * period < longest and correlation[2 * period - 3 : 2 * period + 4].max() < MIN_SECOND:
        return math.nan
    return float(_vertex(correlation, period))


def find_kind(
    brightness: NDArray[np.float32], at_border: tuple[bool, bool], *, period: float, error: float
) -> Kind:
    """Return what made a trail.

    A trail that flashes regularly, or that begins or ends abruptly in the frame, as where the exposure began
    or ended, is that of a satellite or an aircraft.  A trail with both ends in the frame that brightens and
    fades is that of a meteor.  The others may be any of these.

    Parameters
    ----------
    brightness
        ``(T,)`` float32 between the ends; NaN is unknown.
    at_border
        Whether it crosses the border of the frame at either end.
    period
        Period of its flashes in pixels; NaN if there is none.
    error
        Standard deviation of the brightness of a pixel along it.

    Returns
    -------
    str
        The kind.
    """
    if math.isfinite(period):
        return "satellite or aircraft"
    parts = [part[np.isfinite(part)] for part in np.array_split(brightness, 10)]
    if any(part.size < 3 for part in parts):
        return "unsure"
    levels = np.array([np.median(part) for part in parts])
    noise = 1.25 * error / math.sqrt(brightness.size / 10)
    mean = float(levels.mean())
    if mean < MIN_SNR * noise:
        return "unsure"
    ends = levels[[0, -1]] / mean
    open_ends = [end for end, border in zip(ends, at_border, strict=True) if not border]
    steady = bool(levels.min() > STEADY_END * mean) and bool(levels.max() < mean / STEADY_END)
    if open_ends and steady:
        return "satellite or aircraft"
    top = int(levels.argmax())
    steps = np.diff(levels)
    rises_and_falls = bool((steps[:top] > -3 * noise).all() and (steps[top:] < 3 * noise).all())
    faded = max(ends) < FADED_END and levels.max() / mean > RISE * max(ends)
    if not any(at_border) and faded and rises_and_falls:
        return "meteor"
    return "unsure"


def _end(brightness: NDArray[np.float32], first: int, last: int, mean: float) -> int:
    """Return the index of the last pixel of a trail, from approximate indices of the first and last."""
    begin = max(first, last - INSIDE)
    level = max(_mean(brightness[begin : last + 1], mean), FAINT_END * mean)
    if level <= 0:
        return last
    # the sum of the brightness above half of the level is highest at the end
    # flashes count more than stars beyond the first estimate of the end
    highest_counted = np.where(np.arange(begin, brightness.size) <= last, 4 * level, 1.5 * level)
    sums = np.cumsum(np.nan_to_num(np.minimum(brightness[begin:], highest_counted) - level / 2, nan=0.0))
    highest = np.maximum.accumulate(sums)
    over = np.flatnonzero(highest - sums > level / 2 * DARK)
    stop = int(over[0]) if over.size else sums.size
    return begin + int(sums[:stop].argmax()) if stop else last


def _mean(brightness: NDArray[np.float32], default: float) -> float:
    """Return the mean brightness without the light of stars on the trail."""
    known = brightness[np.isfinite(brightness)]
    return float(np.minimum(known, np.percentile(known, MAX_PERCENT)).mean()) if known.size else default


def _vertex(values: NDArray[np.float64], index: int) -> float:
    """Return the position of a maximum between samples, by a parabola."""
    left, middle, right = values[index - 1 : index + 2]
    bend = left - 2 * middle + right
    return index + (0.0 if bend >= 0 else float(np.clip((left - right) / (2 * bend), -0.5, 0.5)))
