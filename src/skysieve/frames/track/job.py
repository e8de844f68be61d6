"""Detection of tracking errors as a job: each unit of work is one file."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.network_job import FileJob
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.printable import printable
from skysieve.frames.image.domain import WARNING_SCORE, OODScore
from skysieve.frames.track.decide import choose_hdus
from skysieve.frames.track.settings import TrackOptions, TrackSettings
from skysieve.frames.track.tracker import Tracker, pool_blocks

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.tracker import TrackResult

logger = logging.getLogger(__name__)

__all__ = ["FrameTrack", "TrackJob", "TrackRecord"]

IN_DOMAIN = OODScore(WARNING_SCORE, "")
"""The largest score without a warning."""


@dataclass(frozen=True)
class FrameTrack:
    """The tracking probabilities of one frame of a file.

    Attributes
    ----------
    hdu, name, version, plane
        Position of the frame: number of the HDU, EXTNAME, EXTVER, and number of the plane in a cube from 1,
        or 0 for an image.
    shape
        ``(H, W)`` in pixels.
    result
        The probabilities.
    """

    hdu: int
    name: str
    version: int
    plane: int
    shape: tuple[int, int]
    result: TrackResult


@dataclass(frozen=True)
class TrackRecord(JobRecord):
    """The tracking probabilities of one file.

    Attributes
    ----------
    frames
        Probabilities of each examined frame.
    notes
        Remarks on how the file was read: images left out, masks used.
    """

    frames: tuple[FrameTrack, ...]
    notes: tuple[str, ...] = ()

    def describe(self, unit: object) -> str:
        """Return the probability of the file, and of each frame if there are several, as lines.

        Parameters
        ----------
        unit
            The file.

        Returns
        -------
        str
            The lines.
        """
        lines = [f"{printable(unit)} {self.probability:.4f}"]
        if len(self.frames) > 1:
            for frame in self.frames:
                label = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
                lines.append(f"  {label} {frame.result.probability:.4f}")
        lines += [f"  {printable(note)}" for note in self.notes]
        return "\n".join(lines)

    @property
    def probability(self) -> float:
        """Probability of a tracking error, pooled over the blocks of all frames."""
        blocks = np.concatenate([frame.result.blocks.ravel() for frame in self.frames])
        return pool_blocks(blocks, self.frames[0].result.pooling)

    @property
    def main_product(self) -> None:
        """There is none."""

    @property
    def numbers(self) -> dict[str, float]:
        """The probability of a tracking error."""
        return {"probability": float(self.probability)}


@dataclass
class TrackJob(TrackOptions, FileJob[Tracker, TrackRecord]):
    """Detects tracking errors in files.

    Attributes
    ----------
    settings
        Model and options of the detection.
    """

    settings: TrackSettings = field(default_factory=TrackSettings)

    def check(self) -> None:
        """Check the settings and that the model exists, without loading its network.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model is missing or damaged.
        """
        choose_hdus(1, self.fraction, self.seed)
        Tracker(self.settings)

    def _make_runner(self, workers: int) -> Tracker:
        return Tracker(self.settings.shared_by(workers))

    def _process(self, unit: Location) -> TrackRecord:
        tracker = self.runner
        with FrameFile(unit, mask_hdu=self.mask_hdu, mask_bits=self.mask_bits) as file:
            notes = file.notes
            frames = [
                (hdu, number, frame) for hdu in file.frames for number, frame in enumerate(hdu.planes, 1)
            ]
            tracks: list[FrameTrack] = []
            errors: list[FrameError] = []
            worst: dict[int, tuple[str, OODScore]] = {}
            for index in choose_hdus(len(frames), self.fraction, self.seed):
                hdu, number, frame = frames[index]
                plane = number if len(hdu.planes) > 1 else 0
                try:
                    result = tracker.track(frame)
                except FrameError as error:
                    if len(frames) == 1:
                        raise
                    # a frame without sky, such as that of a dead detector, does not affect the others
                    errors.append(error)
                    logger.warning("%s; left out", error)
                    continue
                found = tracker.ood_score(frame)
                if found is not None and found.score > worst.get(hdu.index, ("", IN_DOMAIN))[1].score:
                    worst[hdu.index] = frame.label, found
                tracks.append(FrameTrack(hdu.index, hdu.name, hdu.version, plane, frame.shape, result))
        if not tracks:
            raise errors[0]
        for label, found in worst.values():
            warning = found.warning(label, tracker.model.card.name)
            logger.warning("%s: its probability may mean little", warning)
        return TrackRecord(tuple(tracks), notes)
