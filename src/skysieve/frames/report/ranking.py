"""Order of the frames of a report: those that need to be looked at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.domain import WARNING_SCORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.frames.report.entries import FrameEntry

__all__ = ["Rank", "nights", "rank_frames"]

FAR = 5.0
"""Distance of a fraction from the median of its night, in units of its scatter, at which a frame is named."""

NIGHT_GAP = 0.25
"""Days without an exposure after which the next night begins."""

MIN_FRAMES = 5
"""Frames of a night below which the frames of the whole report are compared."""

TRACKING_LIMIT = 0.5

_RELATIVE, _FLOOR = 0.1, 1e-4
"""Least scatter of a fraction: a part of the median, and a fraction of the pixels."""


@dataclass(frozen=True)
class Rank:
    """How much a frame needs to be looked at.

    Attributes
    ----------
    attention
        Largest of the reasons, each 1 at its limit: distance of a fraction from the median of the night (the
        logarithm of 1 and this distance, to the base 2), out-of-distribution score, probability of a tracking
        error.
    reasons
        Those above their limits, in words.
    night
        Number of the night, from 0; -1 without a time.
    """

    attention: float
    reasons: tuple[str, ...]
    night: int


def nights(times: Sequence[float | None]) -> list[int]:
    """Return the night of each exposure.

    Parameters
    ----------
    times
        Modified Julian dates; None if unknown.

    Returns
    -------
    list of int
        Number of the night, from 0; -1 without a time.  A night begins after 6 hours without an exposure.

    Examples
    --------
    >>> nights([60000.9, 59999.9, None, 60000.1])
    [1, 0, -1, 0]
    """
    known = sorted({time for time in times if time is not None})
    number, night_of = 0, {}
    for index, time in enumerate(known):
        if index and time - known[index - 1] > NIGHT_GAP:
            number += 1
        night_of[time] = number
    return [-1 if time is None else night_of[time] for time in times]


def rank_frames(entries: Sequence[FrameEntry]) -> list[Rank]:
    """Return how much each frame needs to be looked at.

    Parameters
    ----------
    entries
        The frames.

    Returns
    -------
    list of Rank
        One for each frame, in the same order.
    """
    night_of = nights([entry.mjd for entry in entries])
    names = list(dict.fromkeys(name for entry in entries for name in entry.fractions))
    table = np.array([[entry.fractions.get(name, np.nan) for name in names] for entry in entries])
    table = table.reshape(len(entries), len(names))
    far = np.zeros_like(table)
    medians = np.zeros_like(table)
    for night in sorted(set(night_of)):
        mine = np.array([one == night for one in night_of])
        compared = table[mine] if mine.sum() >= MIN_FRAMES else table
        if len(compared) < MIN_FRAMES or not names:
            continue
        middle, scatter = _middle_and_scatter(compared)
        medians[mine] = middle
        far[mine] = np.nan_to_num((table[mine] - middle) / scatter)
    return [
        _rank(
            entry, night, dict(zip(names, far[row], strict=True)), dict(zip(names, medians[row], strict=True))
        )
        for row, (entry, night) in enumerate(zip(entries, night_of, strict=True))
    ]


def _middle_and_scatter(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of each column, and its scatter from the median absolute deviation."""
    known = np.where(np.isnan(table).all(axis=0), 0.0, table)
    middle = np.nanmedian(known, axis=0)
    scatter = 1.4826 * np.nanmedian(np.abs(known - middle), axis=0)
    return middle, scatter + _RELATIVE * middle + _FLOOR


def _rank(entry: FrameEntry, night: int, far: dict[str, float], medians: dict[str, float]) -> Rank:
    # the logarithm, as fractions differ by factors of thousands, but the other scores by few
    attention = max((float(np.log2(1 + abs(value) / FAR)) for value in far.values()), default=0.0)
    reasons = [
        f"{name} {100 * entry.fractions[name]:.3g}%, median {100 * medians[name]:.3g}%"
        for name, value in sorted(far.items(), key=lambda item: -abs(item[1]))
        if abs(value) > FAR and name in entry.fractions
    ]
    if entry.unlike is not None:
        attention = max(attention, entry.unlike / WARNING_SCORE)
        if entry.unlike > WARNING_SCORE:
            reasons.append(f"unlike training frames ({entry.unlike:.2g}): {entry.unlike_by}".rstrip(": "))
    if entry.tracking is not None:
        attention = max(attention, entry.tracking / TRACKING_LIMIT)
        if entry.tracking > TRACKING_LIMIT:
            reasons.append(f"tracking error, probability {entry.tracking:.2g}")
    if entry.note:
        reasons.append(entry.note)
    return Rank(float(attention), tuple(reasons), night)
