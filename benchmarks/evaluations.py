"""Evaluation of detectors on a set of frames: scores of all frames and of groups, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.core.evaluation.bootstrap import RESAMPLES, Estimate, draw_weights, estimate_class, macro_mean
from skysieve.core.evaluation.calibration import expected_calibration_error
from skysieve.core.evaluation.comparison import ECE
from skysieve.core.evaluation.scores import Measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.core.evaluation.comparison import ScoredDetector
    from skysieve.core.evaluation.histograms import Tally

__all__ = ["INTERVALS", "BenchmarkFrame", "FrameSet", "evaluate_frames"]

SEED = 1907_08298
"""Seed of the resamples, the same for all detectors that are compared."""

REPORT_EVERY = 20

INTERVALS = (
    f"From and to: 68 % intervals over {RESAMPLES} resamples (Bayesian bootstrap). Differences are paired "
    "over the same resamples."
)


@dataclass(frozen=True)
class BenchmarkFrame:
    """A frame on which detectors are evaluated.

    Attributes
    ----------
    frame
        Argument of :meth:`Evaluation.update`.
    group
        Part of the set that it belongs to.
    unit
        Resampling unit of the bootstrap; all frames made from one real frame share a unit.
    """

    frame: Any
    group: str
    unit: str


class Evaluation(Protocol):
    """Evaluation of several detectors on the same frames."""

    def update(self, frame: Any, /) -> None:
        """Run every detector on a frame and add the counts."""
        ...

    def results(self) -> dict[str, ScoredDetector]:
        """Return the results by name of the detector."""
        ...


@dataclass(frozen=True)
class FrameSet:
    """Results of detectors on a set of frames.

    Attributes
    ----------
    detectors
        Results by name of the detector; all detectors got the same frames in the same order.
    groups, units
        Group and resampling unit of each frame.
    left_out
        Names of frames that could not be scored, and why.
    """

    detectors: Mapping[str, ScoredDetector]
    groups: tuple[str, ...]
    units: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    _weights: dict[bytes, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of frames."""
        return len(self.groups)

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the groups, in the order of their first frames."""
        return tuple(dict.fromkeys(self.groups))

    def members(self, group: str) -> NDArray[np.bool_]:
        """Return the frames of a group, as ``(F,)`` bool."""
        return np.array([name == group for name in self.groups])

    def tally(self, detector: str, name: str, members: NDArray[np.bool_] | None = None) -> Tally:
        """Return the counts of a class, over all frames or some of them; its arrays are ``(1, B)``."""
        chosen = np.ones(self.size) if members is None else members.astype(np.float64)
        return self.detectors[detector].histograms.tally(name, chosen[None])

    def positives(self, name: str, members: NDArray[np.bool_] | None = None) -> int:
        """Return the number of evaluated pixels, or frames, that belong to a class."""
        return int(self.tally(self._any_detector(name), name, members).positives.sum())

    def evaluated(self, name: str, members: NDArray[np.bool_] | None = None) -> int:
        """Return the number of all pixels, or frames, that are evaluated for a class."""
        tally = self.tally(self._any_detector(name), name, members)
        return int(tally.positives.sum() + tally.negatives.sum())

    def frames_with(self, name: str) -> int:
        """Return the number of frames with an evaluated pixel of the class."""
        return self.detectors[self._any_detector(name)].histograms.frames_with(name)

    def estimate(
        self, detector: str, name: str, measure: Measure, members: NDArray[np.bool_] | None = None
    ) -> Estimate:
        """Return a score of one class, over all frames or some of them."""
        histograms = self.detectors[detector].histograms
        found = estimate_class(histograms, name, [measure], self._resamples(members))[measure.name]
        if members is None:
            return found
        return Estimate(float(measure.compute(self.tally(detector, name, members))[0]), found.samples)

    def calibration_error(self, detector: str, name: str) -> Estimate:
        """Return the expected calibration error of a class, with its proportion in these frames as prior."""
        shift = self.detectors[detector].shift(name)
        error = Measure(
            ECE.name, ECE.title, partial(expected_calibration_error, shift=shift), higher_is_better=False
        )
        return self.estimate(detector, name, error)

    def macro(
        self,
        detector: str,
        names: Sequence[str],
        measure: Measure,
        members: NDArray[np.bool_] | None = None,
    ) -> Estimate:
        """Return the mean of a score over the classes that have pixels."""
        return macro_mean({name: self.estimate(detector, name, measure, members) for name in names})

    def _any_detector(self, name: str) -> str:
        """Return a detector that scores a class; all are evaluated on the same pixels."""
        return next(c for c, scored in self.detectors.items() if name in scored.histograms.classes)

    def _resamples(self, members: NDArray[np.bool_] | None) -> NDArray[np.float64]:
        """Return bootstrap weights ``(R, F)`` of the frames, zero for those outside of the selection."""
        chosen = np.ones(self.size, np.bool_) if members is None else members
        key = chosen.tobytes()
        if key not in self._weights:
            names, index = np.unique(np.array(self.units)[chosen], return_inverse=True)
            if len(names) == 1:  # all frames share one real frame: resample the frames themselves
                names, index = np.arange(len(index)), np.arange(len(index))
            weights = np.zeros((RESAMPLES, self.size))
            weights[:, chosen] = draw_weights(len(names), np.random.default_rng(SEED))[:, index]
            self._weights[key] = weights
        return self._weights[key]


def evaluate_frames(evaluation: Evaluation, frames: Iterable[BenchmarkFrame]) -> FrameSet:
    """Evaluate detectors on frames, one after another; frames that cannot be scored are left out.

    Parameters
    ----------
    evaluation
        Evaluation of the detectors.
    frames
        The frames.

    Returns
    -------
    FrameSet
        The results.

    Raises
    ------
    RuntimeError
        If fewer than two frames could be scored.
    """
    groups, units, left_out = [], [], []
    for one in frames:
        try:
            evaluation.update(one.frame)
        except FrameError as error:
            left_out.append(f"{one.frame.name}: {error}")
            continue
        groups.append(one.group)
        units.append(one.unit)
        if len(groups) % REPORT_EVERY == 0:
            print(f"  {len(groups)} frames evaluated", flush=True)
    if len(groups) < 2:
        raise RuntimeError(
            f"{len(groups)} frames could be scored, expected two or more: {'; '.join(left_out)}"
        )
    return FrameSet(evaluation.results(), tuple(groups), tuple(units), tuple(left_out))
