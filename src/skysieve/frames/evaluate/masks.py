"""Detectors on frames with truth: ours, the published one, and other people's detectors of cosmic rays."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.comparison import Scored
from skysieve.core.evaluation.confusion import Confusion, count_joint
from skysieve.core.evaluation.histograms import ScoreHistograms, count_pixels, log_odds
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.model import load_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.core.evaluation.confusion import JointCounts
    from skysieve.core.evaluation.histograms import PixelCounts
    from skysieve.core.evaluation.peer import CameraFacts, Peer
    from skysieve.frames.mask.settings import MaskSettings
    from skysieve.frames.simulate.truth_frames import TruthFrame

__all__ = [
    "COSMIC_RAYS_APART",
    "SCORED",
    "Detector",
    "ModelDetector",
    "PeerDetector",
    "Trial",
    "already_marked",
]

SCORED: tuple[str, ...] = tuple(c.name for c in CLASSES if c.code)
"""Classes that are scored: all but the background."""

COSMIC_RAYS = "CR"

COSMIC_RAYS_APART = "CR (defects known)"
"""Cosmic rays once more, without the pixels of the detector's defects, of saturation and of overscan.

Detectors of nothing but cosmic rays are run with a mask of these: marking hot pixels is no fault of theirs.
"""

DEFECTS = ("HCL", "DCL", "HP", "DP", "SAT", "OV")
_DEFECT_BITS = sum(find_class(name).code for name in DEFECTS)


class Detector(Protocol):
    """Something that scores the pixels of frames."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What it scores, of :data:`SCORED`."""
        ...

    @property
    def training_priors(self) -> Mapping[str, float] | None:
        """Proportions that its probabilities hold for, by class; None if its scores are no probabilities."""
        ...

    def answers(
        self, pixels: NDArray[np.float32], facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """Score one frame.

        Parameters
        ----------
        pixels
            ``(H, W)`` float32 in ADU; NaN where there is no data.
        facts
            Of the camera.

        Yields
        ------
        name
            Each class once.
        scores
            ``(H, W)`` float32 log-odds, or what else orders the pixels.
        decided
            ``(H, W)`` bool, what is marked by default.
        """
        ...


class ModelDetector:
    """A model, run as ``skysieve mask`` runs it.

    Its scores are the log-odds of the network's own probabilities; its decisions follow its default priors
    and thresholds.

    Parameters
    ----------
    settings
        How frames are masked; the classes are those of :data:`SCORED` that the model knows.
    name
        What reports call it; the model's own name if None.

    Raises
    ------
    ModelError
        If the model is missing or damaged.
    ConfigError
        If it knows none of the classes.
    """

    def __init__(self, settings: MaskSettings, name: str | None = None) -> None:
        known = load_model(settings.model).card.classes
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

    def answers(
        self, pixels: NDArray[np.float32], _facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """Score one frame; see :meth:`Detector.answers`."""
        result = self._masker.mask(ArrayFrame(pixels, label=self.name), keep_probabilities=True)
        assert result.posteriors is not None  # noqa: S101 - they were asked for
        for name, plane in zip(self.classes, result.posteriors, strict=True):
            yield name, log_odds(plane), (result.bits & find_class(name).code) != 0


class PeerDetector:
    """Somebody else's detector of cosmic rays, which must have been entered.

    Parameters
    ----------
    peer
        At work.
    """

    classes: tuple[str, ...] = (COSMIC_RAYS,)
    training_priors: Mapping[str, float] | None = None

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.name = peer.label
        self.description = peer.kind.reference

    def answers(
        self, pixels: NDArray[np.float32], facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """Score one frame; see :meth:`Detector.answers`."""
        scores, decided = self._peer.detect(pixels, facts)
        yield COSMIC_RAYS, scores, decided


class Trial:
    """Detectors that see the same frames, one after another; only histograms are kept.

    Of a frame into which contaminants were put, pixels that any detector marks in the frame before are not
    judged in that class: they may be right about what was there already.

    Parameters
    ----------
    detectors
        With names of their own.

    Raises
    ------
    ConfigError
        If two detectors have one name.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        names = [detector.name for detector in detectors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"two detectors are called {', '.join(twice)}; name each once")
        self._detectors = detectors
        self._histograms = {
            c.name: ScoreHistograms((*c.classes, *((COSMIC_RAYS_APART,) if COSMIC_RAYS in c.classes else ())))
            for c in detectors
        }
        codes = {name: find_class(name).code for name in SCORED}
        self._confusions = {c.name: Confusion(codes, c.classes) for c in detectors}

    def see(self, frame: TruthFrame) -> None:
        """Show a frame to every detector; if one fails, the frame counts for none.

        Raises
        ------
        ConfigError
            If a peer fails.
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
            for name, scores, decided in detector.answers(frame.pixels, frame.facts):
                code = find_class(name).code
                marked |= decided * np.int16(code)
                truth, judged = (frame.bits & code) != 0, data & ((ignored & code) == 0)
                counts[detector.name][name] = count_pixels(scores, truth, decided=decided, valid=judged)
                if name == COSMIC_RAYS:
                    judged &= (frame.bits & _DEFECT_BITS) == 0
                    apart = count_pixels(scores, truth, decided=decided, valid=judged)
                    counts[detector.name][COSMIC_RAYS_APART] = apart
            joint[detector.name] = count_joint(frame.bits & ~ignored, marked & ~ignored, data)
        for detector_name, found in counts.items():
            self._histograms[detector_name].add(frame.name, found)
            self._confusions[detector_name].add(frame.name, joint[detector_name])

    def scored(self) -> dict[str, Scored]:
        """Return what each detector made of the frames so far, by its name."""
        found = {}
        for detector in self._detectors:
            priors = detector.training_priors
            if priors is not None and COSMIC_RAYS in priors:
                priors = {**priors, COSMIC_RAYS_APART: priors[COSMIC_RAYS]}
            histograms, confusion = self._histograms[detector.name], self._confusions[detector.name]
            found[detector.name] = Scored(histograms, priors, confusion)
        return found


def already_marked(
    detectors: Iterable[Detector], pixels: NDArray[np.float32], facts: CameraFacts
) -> NDArray[np.int16]:
    """Return the codes ``(H, W)`` int16 of the classes that any detector marks in a frame."""
    bits = np.zeros(pixels.shape, np.int16)
    for detector in detectors:
        for name, _, decided in detector.answers(pixels, facts):
            bits |= decided * np.int16(find_class(name).code)
    return bits
