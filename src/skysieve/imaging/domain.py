"""Whether a frame looks like those that a model was trained on.

The statistics of :mod:`skysieve.imaging.frame_statistics` are compared with those of the training frames,
of which the model's card holds quantiles.

A frame is unlike the training frames where a statistic lies outside the range from their 1st to their 99th
percentile; how far, is counted in units of half that range.  Ranges narrower than what a single frame can
measure are widened.  Sides that do no harm (no mosaic, fine grain, an empty field) are not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skysieve.errors import ModelError
from skysieve.imaging.frame_statistics import STATISTICS, frame_statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysieve.imaging.frames import Frame

__all__ = [
    "QUANTILES",
    "STATISTICS",
    "WARNING_SCORE",
    "Unlikeness",
    "check_reference",
    "describe",
    "frame_statistics",
    "judge",
    "reference_of",
    "unlikeness",
]

QUANTILES = (0.001, 0.01, 0.5, 0.99, 0.999)
"""Of the training frames, in this order for each statistic of a reference."""

WARNING_SCORE = 1.0
"""Frames further outside than this are warned of."""

LEAST_HALF_RANGES = {
    "correlation_x": 0.05,
    "correlation_y": 0.05,
    "resampling": 0.05,
    "mosaic": 0.10,
    "fwhm": 0.10,
    "grain": 0.25,
    "crowding": 0.05,
}
"""Several times what the statistics scatter between alike frames."""

WORDS = {
    ("correlation_x", "high"): "noise correlated as in a coadd",
    ("correlation_y", "high"): "noise correlated as in a coadd",
    ("resampling", "high"): "noise correlated as in a coadd",
    ("correlation_x", "low"): "noise anticorrelated",
    ("correlation_y", "low"): "noise anticorrelated",
    ("mosaic", "high"): "Bayer mosaic",
    ("fwhm", "low"): "undersampled",
    ("fwhm", "high"): "defocused",
    ("grain", "high"): "noise below the digitisation step",
    ("crowding", "high"): "crowded",
}
"""What each side of a statistic is called; sides without words are not judged."""


class Unlikeness(NamedTuple):
    """How far a frame is from what a model knows.

    Attributes
    ----------
    score
        0 within the range of the training frames, 1 half a range outside.
    worst
        The statistic that lies furthest outside and its side, as ``mosaic high``; empty if none does.
    """

    score: float
    worst: str


def reference_of(statistics: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the quantiles of the statistics of training frames, for the card of the model.

    Parameters
    ----------
    statistics
        What :func:`frame_statistics` gave for each frame; a few hundred frames or more.

    Returns
    -------
    dict
        For each statistic that any frame has, the values at :data:`QUANTILES`.
    """
    values: dict[str, list[float]] = {}
    for one in statistics:
        for name, value in one.items():
            values.setdefault(name, []).append(value)
    return {
        name: np.quantile(np.array(values[name], np.float64), QUANTILES).tolist()
        for name in STATISTICS
        if name in values
    }


def unlikeness(statistics: Mapping[str, float], reference: Mapping[str, Any]) -> Unlikeness:
    """Tell how far a frame is outside what a model was trained on.

    Parameters
    ----------
    statistics
        Of the frame, from :func:`frame_statistics`.
    reference
        Of the training frames, from :func:`reference_of`; statistics that it does not know do not count.

    Examples
    --------
    >>> reference = {"mosaic": [0.0, 0.0, 0.1, 0.4, 0.5]}
    >>> unlikeness({"mosaic": 0.8}, reference)
    Unlikeness(score=2.0, worst='mosaic high')
    >>> unlikeness({"mosaic": 0.2}, reference)
    Unlikeness(score=0.0, worst='')
    """
    worst = Unlikeness(0.0, "")
    for name, least in LEAST_HALF_RANGES.items():
        if name not in statistics or name not in reference:
            continue
        _, low, _, high, _ = reference[name]
        half = max(0.5 * (high - low), least)
        for side, outside in (("high", statistics[name] - high), ("low", low - statistics[name])):
            if (name, side) in WORDS and outside / half > worst.score:
                worst = Unlikeness(outside / half, f"{name} {side}")
    return worst


def judge(frame: Frame, reference: Mapping[str, Any]) -> Unlikeness | None:
    """Tell how far a frame is outside what a model was trained on; None where nothing can be said.

    Parameters
    ----------
    frame
        See :func:`frame_statistics`.
    reference
        See :func:`unlikeness`; empty if the model does not tell.
    """
    statistics = frame_statistics(frame) if reference else {}
    return unlikeness(statistics, reference) if statistics else None


def describe(worst: str) -> str:
    """Return the words for a statistic and its side, as in :attr:`Unlikeness.worst`.

    Examples
    --------
    >>> describe("mosaic high")
    'Bayer mosaic'
    """
    name, _, side = worst.partition(" ")
    return WORDS[name, side]


def check_reference(reference: Mapping[str, Any], *, origin: str) -> None:
    """Make sure that what a card says of the training frames can be used.

    Raises
    ------
    ModelError
        If an entry is not five growing numbers; ``origin`` names the card in the message.
    """
    for name in STATISTICS:
        values = reference.get(name, [0.0] * len(QUANTILES))
        try:
            proper = len(values) == len(QUANTILES) and bool(np.all(np.diff(np.asarray(values, float)) >= 0))
        except (TypeError, ValueError):
            proper = False
        if not proper:
            raise ModelError(
                f"{origin}: domain entry {name!r} is {values!r}, expected {len(QUANTILES)} growing numbers"
            )
