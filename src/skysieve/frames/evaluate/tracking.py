"""Trackers on frames of which it is known whether they have a tracking error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.evaluation.comparison import Scored
from skysieve.core.evaluation.histograms import ScoreHistograms, count_pixels, log_odds
from skysieve.core.evaluation.scores import MEASURES
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location
from skysieve.frames.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.frames.track.settings import TrackSettings

__all__ = [
    "ERROR",
    "TRACKING_MEASURES",
    "LabelledFrame",
    "TrackDetector",
    "Trial",
    "read_labelled_frame",
]

ERROR = "tracking error"
"""The only class: frames with a tracking error."""

KEYWORDS = ("SLIP", "ERROR")
"""Header cards that say whether it did; the first that is there counts."""

TRACKING_MEASURES = tuple(m for m in MEASURES if m.name in ("auc", "ap", "tpr_1e-2", "p_at_r95", "f1"))
"""Scores that make sense with some hundreds of frames."""

DECISION = 0.5
"""A frame is called bad above this probability."""


@dataclass(frozen=True)
class LabelledFrame:
    """A file of frames and its label.

    Attributes
    ----------
    name
        What to call it.
    planes
        Its frames, each ``(H, W)`` float32, NaN where there is no data; the probability is their mean.
    tracking_error
        Whether it has a tracking error.
    """

    name: str
    planes: tuple[NDArray[np.float32], ...]
    tracking_error: bool


class TrackDetector:
    """A model, run as ``skysieve track`` runs it.

    Parameters
    ----------
    settings
        How frames are examined.
    name
        What reports call it; the model's own name if None.

    Raises
    ------
    ConfigError
        If the settings do not go together.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: TrackSettings, name: str | None = None) -> None:
        self._tracker = Tracker(settings)
        card = self._tracker.model.card
        self.name = name or card.name
        # what its probabilities hold for, the change of priors being the tracker's own
        self.prior = card.default_priors[card.classes[-1]] if settings.prior is None else settings.prior

    @property
    def description(self) -> str:
        """Version, checksum and engine."""
        card, network = self._tracker.model.card, self._tracker.network
        return f"version {card.version}, {network.sha256[:12]}, {network.engine} {network.precision}"

    def probability(self, frame: LabelledFrame) -> float:
        """Return the probability of a tracking error."""
        found = [
            self._tracker.track(ArrayFrame(plane, label=frame.name)).probability for plane in frame.planes
        ]
        return float(np.mean(found))


def read_labelled_frame(path: Path) -> LabelledFrame:
    """Read a file as ``skysieve simulate tracking`` writes it: a card ``SLIP`` or ``ERROR``, T or F.

    Raises
    ------
    SourceError
        If it cannot be read.
    FrameError
        If it has no label.
    """
    with FrameFile(Location(path)) as file:
        headers = (file.frames[0].header, file.hdus[0].header)
        labels = [header[key] for header in headers for key in KEYWORDS if key in header]
        if not labels or not isinstance(labels[0], bool):
            raise FrameError(f"{path}: has no header card {KEYWORDS[0]} that is T or F, which is its label")
        planes = []
        for plane in file.planes:
            pixels, nodata = plane.rows(0, plane.shape[0])
            pixels[nodata] = np.nan
            planes.append(pixels)
    return LabelledFrame(path.name, tuple(planes), labels[0])


class Trial:
    """Detectors that see the same frames, one after another.

    Parameters
    ----------
    detectors
        With names of their own.

    Raises
    ------
    ConfigError
        If two detectors have one name.
    """

    def __init__(self, detectors: Sequence[TrackDetector]) -> None:
        names = [detector.name for detector in detectors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"two detectors are called {', '.join(twice)}; name each once")
        self._detectors = detectors
        self._histograms = {name: ScoreHistograms((ERROR,)) for name in names}

    def see(self, frame: LabelledFrame) -> None:
        """Show a frame to every detector; if one fails, the frame counts for none.

        Raises
        ------
        FrameError
            If the frame cannot be examined.
        """
        truth = np.array([frame.tracking_error])
        found = {c.name: np.array([c.probability(frame)]) for c in self._detectors}
        for name, probability in found.items():
            counts = count_pixels(log_odds(probability), truth, decided=probability > DECISION)
            self._histograms[name].add(frame.name, {ERROR: counts})

    def scored(self) -> dict[str, Scored]:
        """Return what each detector made of the frames so far, by its name."""
        return {c.name: Scored(self._histograms[c.name], {ERROR: c.prior}) for c in self._detectors}
