"""Out-of-distribution score: how far a frame is from the frames that a model was trained on, and why.

The score compares statistics of the frame (:mod:`skysieve.frames.image.frame_statistics`) and of the
network's output with those of the training frames.  The model's card holds quantiles of the latter.

The range of a statistic extends from the 0.5th to the 99.5th percentile of the training frames.  A statistic
is outside if its distance from the range is more than twice its own standard error in this frame.  The
distance is measured in margins.  A margin is a fifth of the distance from the median of the training frames
to that end of the range, but not less than the scatter of the statistic among similar frames.  For statistics
with an upper limit of 1 it is a fraction of what remains between the range and 1.  The score of a frame is
that of its worst statistic.  Frames with a score above 1 cause a warning.  Harmless sides of a statistic
(fine digitisation steps, an empty field) do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.core.errors import ModelError
from skysieve.frames.image.frame_statistics import STATISTICS, Measured, measure_statistics
from skysieve.frames.image.ood_reasons import DESCRIPTIONS, explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = [
    "QUANTILES",
    "STATISTICS",
    "WARNING_SCORE",
    "Measured",
    "OODScore",
    "check_reference",
    "measure_statistics",
    "reference_quantiles",
    "score_frame",
    "score_statistics",
]

QUANTILES = (0.005, 0.05, 0.5, 0.95, 0.995)
"""Quantiles of the training frames, in the order of a reference's values for each statistic."""

WARNING_SCORE = 1.0
"""Frames with a higher score cause a warning."""

ERRORS = 2.0
"""Minimum distance from the range, in standard errors, at which a statistic is outside."""

MARGIN = 0.2
"""Margin, as a fraction of the distance from the median to the end of the range."""

MAX_REASONS = 3
"""Maximum number of reasons in a warning."""

MIN_MARGIN = 0.15
MIN_MARGINS = {
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
"""Minimum margin by name of the statistic, in its unit; other statistics have :data:`MIN_MARGIN`."""

FRACTIONS = ("elongation", "lines", "undecided", "constant", "saturated")
FRACTION_MARGIN, MIN_FRACTION_MARGIN = 0.3, 0.05
"""Margin of the statistics between 0 and 1, as a fraction of the distance from the range to 1."""


class OODScore(NamedTuple):
    """Out-of-distribution score of a frame, with the reasons.

    Attributes
    ----------
    score
        0 within the range of the training frames; frames above 1 cause a warning.
    worst
        Short description of the statistic that is furthest outside; empty if none is.
    reasons
        A sentence for each statistic whose own score is above 1, the worst first.
    """

    score: float
    worst: str = ""
    reasons: tuple[str, ...] = ()

    def warning(self, frame: str, model: str) -> str:
        """Return the text of the warning about a frame.

        Parameters
        ----------
        frame, model
            Names of the frame and of the model.

        Returns
        -------
        str
            The warning; empty if the score is not above 1.
        """
        if self.score <= WARNING_SCORE:
            return ""
        reasons = "; ".join(self.reasons[:MAX_REASONS])
        return f"{frame}: unlike what model {model} was trained on (score {self.score:.1f}): {reasons}"


def reference_quantiles(statistics: Iterable[Mapping[str, Measured]]) -> dict[str, list[float]]:
    """Return the quantiles of the statistics of training frames, for the card of the model.

    Parameters
    ----------
    statistics
        Statistics of each frame; a hundred frames or more.

    Returns
    -------
    dict
        The values at :data:`QUANTILES` for each statistic that any frame has.  Twice the error is subtracted
        from values for upper quantiles, and added for lower ones, as in the comparison of frames with them.
    """
    found: dict[str, list[Measured]] = {}
    for of_frame in statistics:
        for name, measured in of_frame.items():
            found.setdefault(name, []).append(measured)
    return {name: _quantiles(np.array(values, np.float64)) for name, values in found.items()}


def _quantiles(measured: NDArray[np.float64]) -> list[float]:
    """Return the quantiles of ``(N, 2)`` values and errors, without the scatter that the errors add."""
    value, error = measured.T
    median = float(np.quantile(value, QUANTILES[2]))
    low = np.minimum(np.quantile(value + ERRORS * error, QUANTILES[:2]), median)
    high = np.maximum(np.quantile(value - ERRORS * error, QUANTILES[3:]), median)
    return [round(float(one), 5) for one in (*low, median, *high)]


def score_statistics(
    statistics: Mapping[str, Measured], reference: Mapping[str, Sequence[float]]
) -> OODScore:
    """Score statistics of a frame against those of the training frames.

    Parameters
    ----------
    statistics
        Statistics of the frame and of the network's output.
    reference
        Quantiles of the training frames, from :func:`reference_quantiles`; other statistics do not count.

    Returns
    -------
    OODScore
        The score of the worst statistic.

    Examples
    --------
    >>> reference = {"mosaic": [0.03, 0.04, 0.05, 0.08, 0.1]}
    >>> score_statistics({"mosaic": Measured(0.3)}, reference).worst
    'pixels differ in a 2 x 2 pattern, as in a Bayer mosaic'
    >>> score_statistics({"mosaic": Measured(0.2, error=0.05)}, reference)
    OODScore(score=0.0, worst='', reasons=())
    """
    outside: list[tuple[float, str, str]] = []
    for (name, side), description in DESCRIPTIONS.items():
        if name not in statistics or name not in reference:
            continue
        low, _, median, _, high = reference[name]
        value, error = statistics[name]
        end = high if side == "high" else low
        beyond = (value - high if side == "high" else low - value) - ERRORS * error
        if beyond > 0:
            margin = _margin(name, median, end)
            outside.append((beyond / margin, description, explain(name, side, value, (low, high))))
    if not outside:
        return OODScore(0.0)
    outside.sort(key=lambda one: -one[0])
    reasons: dict[str, str] = {}
    for score, description, sentence in outside:
        if score > WARNING_SCORE:
            reasons.setdefault(description, sentence)
    return OODScore(outside[0][0], outside[0][1], tuple(reasons.values()))


def _margin(name: str, median: float, end: float) -> float:
    """Return the distance from the range at which a statistic has a score of 1."""
    if name in FRACTIONS:
        return max(FRACTION_MARGIN * (1 - end), MIN_FRACTION_MARGIN)
    return max(MARGIN * abs(end - median), MIN_MARGINS.get(name, MIN_MARGIN))


def score_frame(
    frame: Frame,
    reference: Mapping[str, Sequence[float]],
    output_statistics: Mapping[str, Measured] | None = None,
) -> OODScore | None:
    """Compute the out-of-distribution score of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit, not normalised.
    reference
        See :func:`score_statistics`; empty if the model's card has none.
    output_statistics
        Statistics of the network's output, if any.

    Returns
    -------
    OODScore or None
        None if the reference is empty or nothing can be measured.
    """
    if not reference:
        return None
    statistics = measure_statistics(frame) | dict(output_statistics or {})
    if set(statistics) <= {"constant", "saturated"} and not any(statistics.get("saturated", ())):
        return None
    return score_statistics(statistics, reference)


def check_reference(reference: Mapping[str, object], *, origin: str) -> None:
    """Check the quantiles of training frames in the card of a model.

    Parameters
    ----------
    reference
        Quantiles by name of the statistic.
    origin
        Name of the card in messages.

    Raises
    ------
    ModelError
        If an entry is not five increasing numbers.
    """
    for name, values in reference.items():
        try:
            numbers = np.asarray(values, float)
            valid = numbers.shape == (len(QUANTILES),) and bool(np.all(np.diff(numbers) >= 0))
            valid = valid and bool(np.isfinite(numbers).all())
        except (TypeError, ValueError):
            valid = False
        if not valid:
            raise ModelError(
                f"{origin}: domain entry {name!r} is {values!r}, expected {len(QUANTILES)} growing numbers"
            )
