"""Evaluation of the detection of tracking errors on labelled frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.evaluation.comparison import ScoredDetector
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
    "TrackingEvaluation",
    "read_labelled_frame",
]

ERROR = "tracking error"
"""The only class: frames with a tracking error."""

KEYWORDS = ("SLIP", "ERROR")
"""Header keywords of the label; the first one found is used."""

TRACKING_MEASURES = tuple(m for m in MEASURES if m.name in ("auc", "ap", "tpr_1e-2", "p_at_r95", "f1"))
"""Measures that are meaningful with a few hundred frames."""

DECISION = 0.5
"""A frame is classified as having a tracking error above this probability."""


@dataclass(frozen=True)
class LabelledFrame:
    """The frames of a file and their label.

    Attributes
    ----------
    name
        Name in reports and messages.
    planes
        Frames, each ``(H, W)`` float32, NaN where there is no data; the probability is the mean over these.
    tracking_error
        Whether the exposure has a tracking error.
    """

    name: str
    planes: tuple[NDArray[np.float32], ...]
    tracking_error: bool


class TrackDetector:
    """A model, run as by ``skysieve track``.

    Parameters
    ----------
    settings
        Settings of the detection.
    name
        Name in reports; the name of the model if None.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: TrackSettings, name: str | None = None) -> None:
        self._tracker = Tracker(settings)
        card = self._tracker.model.card
        self.name = name or card.name
        # prior of its probabilities; the tracker itself applies the change of prior
        self.prior = card.default_priors[card.classes[-1]] if settings.prior is None else settings.prior

    @property
    def description(self) -> str:
        """Version, checksum and engine."""
        card, network = self._tracker.model.card, self._tracker.network
        return f"version {card.version}, {network.sha256[:12]}, {network.engine} {network.precision}"

    def probability(self, frame: LabelledFrame) -> float:
        """Return the probability of a tracking error, the mean over the planes.

        Parameters
        ----------
        frame
            Frame to examine; its label is not used.

        Returns
        -------
        float
            The probability.

        Raises
        ------
        FrameError
            If a plane has no valid pixels or no noise.
        """
        found = [
            self._tracker.track(ArrayFrame(plane, label=frame.name)).probability for plane in frame.planes
        ]
        return float(np.mean(found))


def read_labelled_frame(path: Path) -> LabelledFrame:
    """Read a labelled FITS file, as ``skysieve simulate tracking`` writes it.

    The label is the header card ``SLIP`` or ``ERROR``, T or F.

    Parameters
    ----------
    path
        FITS file.

    Returns
    -------
    LabelledFrame
        Frames and label.

    Raises
    ------
    SourceError
        If the file cannot be read.
    FrameError
        If the file has no label.
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


class TrackingEvaluation:
    """Evaluation of several detectors on the same frames.

    Parameters
    ----------
    detectors
        Detectors with distinct names.

    Raises
    ------
    ConfigError
        If two detectors have the same name.
    """

    def __init__(self, detectors: Sequence[TrackDetector]) -> None:
        names = [detector.name for detector in detectors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"two detectors are called {', '.join(twice)}; name each once")
        self._detectors = detectors
        self._histograms = {name: ScoreHistograms((ERROR,)) for name in names}

    def update(self, frame: LabelledFrame) -> None:
        """Run every detector on a frame and add its score; if one detector fails, none is counted.

        Parameters
        ----------
        frame
            Frames and label.

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

    def results(self) -> dict[str, ScoredDetector]:
        """Return the results on all frames so far.

        Returns
        -------
        dict
            Histograms and prior by name of the detector.
        """
        return {c.name: ScoredDetector(self._histograms[c.name], {ERROR: c.prior}) for c in self._detectors}
