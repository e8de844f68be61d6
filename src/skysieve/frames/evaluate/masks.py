"""Evaluation of detectors of contaminants on frames with truth: models, and other cosmic-ray detectors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.comparison import ScoredDetector
from skysieve.core.evaluation.confusion import Confusion, count_joint
from skysieve.core.evaluation.histograms import ScoreHistograms, count_pixels, log_odds
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.model import CONTAMINANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.core.evaluation.confusion import JointCounts
    from skysieve.core.evaluation.histograms import PixelCounts
    from skysieve.frames.mask.settings import MaskSettings
    from skysieve.frames.simulate.truth_frames import CameraFacts, TruthFrame

__all__ = [
    "COSMIC_RAYS_OUTSIDE_DEFECTS",
    "SCORED",
    "Detector",
    "MaskEvaluation",
    "ModelDetector",
    "already_marked",
]

SCORED: tuple[str, ...] = tuple(c.name for c in CLASSES if c.code)
"""Classes that are scored: all but the background."""

COSMIC_RAYS = "CR"

COSMIC_RAYS_OUTSIDE_DEFECTS = "CR (defects known)"
"""Second row for cosmic rays, without pixels of detector defects, saturation and overscan.

Detectors of cosmic rays alone are used together with a mask of these pixels, so a hot pixel that they mark is
not counted as a false alarm here.
"""

DEFECTS = ("HCL", "DCL", "HP", "DP", "SAT", "OV")
_DEFECT_BITS = sum(find_class(name).code for name in DEFECTS)


class Detector(Protocol):
    """A method that scores the pixels of a frame."""

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that it scores, a subset of :data:`SCORED`."""
        ...

    @property
    def training_priors(self) -> Mapping[str, float] | None:
        """Class priors of its probabilities, by class; None if its scores are not probabilities."""
        ...

    def predict(
        self, pixels: NDArray[np.float32], facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """Score one frame.

        Parameters
        ----------
        pixels
            ``(H, W)`` float32 in ADU; NaN where there is no data.
        facts
            Gain, read noise and saturation level of the camera.

        Yields
        ------
        name
            Class; each class once.
        scores
            ``(H, W)`` float32, log-odds or any other score that ranks the pixels.
        decided
            ``(H, W)`` bool, pixels that the detector marks by default.
        """
        ...


class ModelDetector:
    """A model, run as by ``skysieve mask``.

    Its scores are the log-odds of the probabilities of the network.  Its decisions use the default priors and
    thresholds of the model.

    Parameters
    ----------
    settings
        Settings of the masking; its classes are replaced by those of :data:`SCORED` that the model has.
    name
        Name in reports; the name of the model if None.

    Raises
    ------
    ModelError
        If the model is missing or damaged.
    ConfigError
        If the model has none of the classes.
    """

    def __init__(self, settings: MaskSettings, name: str | None = None) -> None:
        known = CONTAMINANTS.load(settings.model).card.classes
        self.classes = tuple(c for c in SCORED if c in known)
        if not self.classes:
            raise ConfigError(f"model {settings.model!r} knows none of the classes {', '.join(SCORED)}")
        self._masker = Masker(dataclasses.replace(settings, classes=self.classes))
        card = self._masker.model.card
        self.name = name or card.name
        self.training_priors: Mapping[str, float] | None = card.training_priors

    @property
    def description(self) -> str:
        """Version, checksum and engine."""
        card, network = self._masker.model.card, self._masker.network
        return f"version {card.version}, {network.sha256[:12]}, {network.engine} {network.precision}"

    def predict(
        self, pixels: NDArray[np.float32], _facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """See :meth:`Detector.predict`."""
        result = self._masker.mask(ArrayFrame(pixels, label=self.name), keep_probabilities=True)
        assert result.posteriors is not None  # noqa: S101 - keep_probabilities is set
        for name, plane in zip(self.classes, result.posteriors, strict=True):
            yield name, log_odds(plane), (result.bits & find_class(name).code) != 0


class MaskEvaluation:
    """Evaluation of several detectors on the same frames; it keeps histograms, not pixels.

    Where contaminants were injected into a real frame, pixels that any detector marks in the frame before the
    injection are ignored in that class, since a real contaminant may be there.

    Parameters
    ----------
    detectors
        Detectors with distinct names.

    Raises
    ------
    ConfigError
        If two detectors have the same name.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        names = [detector.name for detector in detectors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"two detectors are called {', '.join(twice)}; name each once")
        self._detectors = detectors
        self._histograms = {
            c.name: ScoreHistograms(
                (*c.classes, *((COSMIC_RAYS_OUTSIDE_DEFECTS,) if COSMIC_RAYS in c.classes else ()))
            )
            for c in detectors
        }
        codes = {name: find_class(name).code for name in SCORED}
        self._confusions = {c.name: Confusion(codes, c.classes) for c in detectors}

    def update(self, frame: TruthFrame) -> None:
        """Run every detector on a frame and add its counts; if one detector fails, none is counted.

        Parameters
        ----------
        frame
            Frame with truth.

        Raises
        ------
        ConfigError
            If a baseline detector fails.
        FrameError
            If the frame cannot be masked.
        """
        ignored = np.zeros(frame.pixels.shape, np.int16) if frame.ignored is None else frame.ignored.copy()
        if frame.before is not None:
            ignored |= already_marked(self._detectors, frame.before, frame.facts)
        data = frame.valid
        counts: dict[str, dict[str, PixelCounts]] = {}
        joint: dict[str, JointCounts] = {}
        for detector in self._detectors:
            counts[detector.name] = {}
            marked = np.zeros(frame.bits.shape, np.int16)
            for name, scores, decided in detector.predict(frame.pixels, frame.facts):
                code = find_class(name).code
                marked |= decided * np.int16(code)
                truth, valid = (frame.bits & code) != 0, data & ((ignored & code) == 0)
                counts[detector.name][name] = count_pixels(scores, truth, decided=decided, valid=valid)
                if name == COSMIC_RAYS:
                    valid &= (frame.bits & _DEFECT_BITS) == 0
                    outside = count_pixels(scores, truth, decided=decided, valid=valid)
                    counts[detector.name][COSMIC_RAYS_OUTSIDE_DEFECTS] = outside
            joint[detector.name] = count_joint(frame.bits & ~ignored, marked & ~ignored, data)
        for detector_name, found in counts.items():
            self._histograms[detector_name].add(frame.name, found)
            self._confusions[detector_name].add(frame.name, joint[detector_name])

    def results(self) -> dict[str, ScoredDetector]:
        """Return the results on all frames so far.

        Returns
        -------
        dict
            Histograms, priors and confusion matrix by name of the detector.
        """
        found = {}
        for detector in self._detectors:
            priors = detector.training_priors
            if priors is not None and COSMIC_RAYS in priors:
                priors = {**priors, COSMIC_RAYS_OUTSIDE_DEFECTS: priors[COSMIC_RAYS]}
            histograms, confusion = self._histograms[detector.name], self._confusions[detector.name]
            found[detector.name] = ScoredDetector(histograms, priors, confusion)
        return found


def already_marked(
    detectors: Iterable[Detector], pixels: NDArray[np.float32], facts: CameraFacts
) -> NDArray[np.int16]:
    """Return the classes that any of the detectors marks in a frame.

    Parameters
    ----------
    detectors
        Detectors to run.
    pixels
        ``(H, W)`` float32 in ADU; NaN where there is no data.
    facts
        Gain, read noise and saturation level of the camera.

    Returns
    -------
    numpy.ndarray
        ``(H, W)`` int16, codes of the classes.
    """
    bits = np.zeros(pixels.shape, np.int16)
    for detector in detectors:
        for name, _, decided in detector.predict(pixels, facts):
            bits |= decided * np.int16(find_class(name).code)
    return bits
