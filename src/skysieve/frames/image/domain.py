"""Whether a frame looks like those that a model was trained on, and if not, why.

Statistics of the frame (:mod:`skysieve.frames.image.frame_statistics`), and of what the network made of it,
are compared with those of the training frames, of which the model's card holds quantiles.

The range of the training frames is that from their 0.5th to their 99.5th percentile.  A statistic is outside
if it is so by more than twice its own standard error in this frame.  How far, is counted in margins: a fifth
of the distance from the median of the training frames to that end of the range, but no less than what
statistics of alike frames scatter by; of statistics that end at 1, a part of what is left.  The score
of a frame is that of its worst statistic; frames of a score above 1 are warned of.  Sides of a statistic that
do no harm (fine grain, an empty field) do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skysieve.core.errors import ModelError
from skysieve.frames.image.frame_statistics import STATISTICS, Measured, look_at
from skysieve.frames.image.unlike_words import WORDS, explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = [
    "QUANTILES",
    "STATISTICS",
    "WARNING_SCORE",
    "Measured",
    "Unlikeness",
    "check_reference",
    "judge",
    "look_at",
    "reference_of",
    "unlikeness",
]

QUANTILES = (0.005, 0.05, 0.5, 0.95, 0.995)
"""Of the training frames, in this order for each statistic of a reference."""

WARNING_SCORE = 1.0
"""Frames further outside than this are warned of."""

ERRORS = 2.0
"""A statistic counts as outside where it is so by more than this many of its standard errors."""

MARGIN = 0.2
"""Of the distance from the median to the end of the range."""

MOST_REASONS = 3
"""In a warning."""

LEAST_MARGIN = 0.15
LEAST_MARGINS = {
    "correlation": 0.05,
    "correlation_x": 0.05,
    "correlation_y": 0.05,
    "mosaic": 0.05,
    "period": 0.3,
    "grain": 0.3,
    "sources": 0.2,
    "stars": 0.2,
    "starless": 0.2,
    "sharp": 0.2,
    "fwhm": 0.06,
    "bright": 0.1,
}
"""By the name of the statistic, in its own unit; others have :data:`LEAST_MARGIN`."""

PARTS = ("elongation", "lines", "undecided", "constant", "saturated")
PART_MARGIN, LEAST_PART_MARGIN = 0.3, 0.05
"""Of statistics between 0 and 1 the margin is a part of what is left beyond the range."""


class Unlikeness(NamedTuple):
    """How far a frame is from what a model knows.

    Attributes
    ----------
    score
        0 within the range of the training frames, 1 where a warning is due.
    worst
        What is furthest outside, in a few words; empty if nothing is.
    reasons
        A sentence for each statistic whose own score is above 1, the worst first.
    """

    score: float
    worst: str = ""
    reasons: tuple[str, ...] = ()

    def warning(self, frame: str, model: str) -> str:
        """Return the warning that is due for a frame, or an empty text for one within the range.

        Parameters
        ----------
        frame, model
            Their names.
        """
        if self.score <= WARNING_SCORE:
            return ""
        told = "; ".join(self.reasons[:MOST_REASONS])
        return f"{frame}: unlike what model {model} was trained on (score {self.score:.1f}): {told}"


def reference_of(statistics: Iterable[Mapping[str, Measured]]) -> dict[str, list[float]]:
    """Return the quantiles of the statistics of training frames, for the card of the model.

    Parameters
    ----------
    statistics
        Of each frame; some hundred frames or more.

    Returns
    -------
    dict
        For each statistic that any frame has, the values at :data:`QUANTILES`: upper ones of values less
        twice their errors, lower ones of values plus that, since frames are compared with them in this way.
    """
    found: dict[str, list[Measured]] = {}
    for one in statistics:
        for name, measured in one.items():
            found.setdefault(name, []).append(measured)
    return {name: _quantiles(np.array(values, np.float64)) for name, values in found.items()}


def _quantiles(measured: NDArray[np.float64]) -> list[float]:
    """Return the quantiles of ``(n, 2)`` values and errors, the ends of which are not those of the errors."""
    value, error = measured.T
    middle = float(np.quantile(value, QUANTILES[2]))
    low = np.minimum(np.quantile(value + ERRORS * error, QUANTILES[:2]), middle)
    high = np.maximum(np.quantile(value - ERRORS * error, QUANTILES[3:]), middle)
    return [round(float(one), 5) for one in (*low, middle, *high)]


def unlikeness(statistics: Mapping[str, Measured], reference: Mapping[str, Any]) -> Unlikeness:
    """Tell how far a frame is outside what a model was trained on.

    Parameters
    ----------
    statistics
        Of the frame, and of what the network made of it.
    reference
        Of the training frames, from :func:`reference_of`; statistics that it does not know do not count.

    Examples
    --------
    >>> reference = {"mosaic": [0.03, 0.04, 0.05, 0.08, 0.1]}
    >>> unlikeness({"mosaic": Measured(0.3)}, reference).worst
    'pixels differ in a 2 x 2 pattern, as in a Bayer mosaic'
    >>> unlikeness({"mosaic": Measured(0.2, error=0.05)}, reference)
    Unlikeness(score=0.0, worst='', reasons=())
    """
    outside: list[tuple[float, str, str]] = []
    for (name, side), words in WORDS.items():
        if name not in statistics or name not in reference:
            continue
        low, _, middle, _, high = reference[name]
        value, error = statistics[name]
        end = high if side == "high" else low
        beyond = (value - high if side == "high" else low - value) - ERRORS * error
        if beyond > 0:
            margin = _margin(name, middle, end)
            outside.append((beyond / margin, words, explain(name, side, value, (low, high))))
    if not outside:
        return Unlikeness(0.0)
    outside.sort(key=lambda one: -one[0])
    told: dict[str, str] = {}
    for score, words, sentence in outside:
        if score > WARNING_SCORE:
            told.setdefault(words, sentence)
    return Unlikeness(outside[0][0], outside[0][1], tuple(told.values()))


def _margin(name: str, middle: float, end: float) -> float:
    """Return how far outside the range a statistic has to be for a warning."""
    if name in PARTS:
        return max(PART_MARGIN * (1 - end), LEAST_PART_MARGIN)
    return max(MARGIN * abs(end - middle), LEAST_MARGINS.get(name, LEAST_MARGIN))


def judge(
    frame: Frame, reference: Mapping[str, Any], further: Mapping[str, Measured] | None = None
) -> Unlikeness | None:
    """Tell how far a frame is outside what a model was trained on; None where nothing can be said.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels as they are.
    reference
        See :func:`unlikeness`; empty if the model does not tell.
    further
        Statistics of what the network made of the frame, if any.
    """
    if not reference:
        return None
    statistics = look_at(frame) | dict(further or {})
    if set(statistics) <= {"constant", "saturated"} and not any(statistics.get("saturated", ())):
        return None
    return unlikeness(statistics, reference)


def check_reference(reference: Mapping[str, Any], *, origin: str) -> None:
    """Make sure that what a card says of the training frames can be used.

    Raises
    ------
    ModelError
        If an entry is not five growing numbers; ``origin`` names the card in the message.
    """
    for name, values in reference.items():
        try:
            numbers = np.asarray(values, float)
            proper = numbers.shape == (len(QUANTILES),) and bool(np.all(np.diff(numbers) >= 0))
            proper = proper and bool(np.isfinite(numbers).all())
        except (TypeError, ValueError):
            proper = False
        if not proper:
            raise ModelError(
                f"{origin}: domain entry {name!r} is {values!r}, expected {len(QUANTILES)} growing numbers"
            )
