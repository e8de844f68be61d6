"""Tracking as a job: one unit is a file; run it, and its probabilities are known."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import find_locations
from skysieve.frames.image.domain import WARNING_SCORE, OODScore
from skysieve.frames.track.decide import choose_hdus
from skysieve.frames.track.tracker import Tracker, TrackSettings, pooled

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.core.fits.mask_values import MaskBits
    from skysieve.frames.track.tracker import TrackResult

logger = logging.getLogger(__name__)

__all__ = ["FrameTrack", "TrackJob", "TrackRecord"]

IN_DOMAIN = OODScore(WARNING_SCORE, "")
"""The most that is not warned of."""


@dataclass(frozen=True)
class FrameTrack:
    """The tracking probabilities of one frame of a file.

    Attributes
    ----------
    hdu, name, version, plane
        Where the frame is: number of the HDU, EXTNAME, EXTVER, and number of the plane in a cube, from 1;
        0 for images.
    shape
        Rows and columns.
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
class TrackRecord:
    """The tracking probabilities of one file.

    Attributes
    ----------
    frames
        Those of each frame examined.
    seconds
        Time it took.
    notes
        Lines on how the file was read: images left out, masks used.
    """

    frames: tuple[FrameTrack, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def probability(self) -> float:
        """Probability of a tracking error, pooled over the blocks of all frames."""
        blocks = np.concatenate([frame.result.blocks.ravel() for frame in self.frames])
        return pooled(blocks, self.frames[0].result.pooling)


@dataclass
class TrackJob:
    """Examines files.

    Attributes
    ----------
    settings
        How frames are examined.
    fraction
        Part of the frames of each file to examine.
    seed
        Seed of their choice.
    mask_hdu
        HDU of each file that says where there is no data; see
        :class:`skysieve.core.fits.frame_files.FrameFile`.
    mask_bits
        Its planes that mean no data.
    """

    settings: TrackSettings = field(default_factory=TrackSettings)
    fraction: float = 1.0
    seed: int = 0
    mask_hdu: int | str | None = None
    mask_bits: MaskBits | None = None
    _tracker: Tracker | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the network behind: the process that this goes to loads its own."""
        return {**self.__dict__, "_tracker": None}

    def units(self, path: str) -> list[Location]:
        """List the files behind a path.

        Raises
        ------
        SourceError
            If there are none.
        """
        return find_locations(path)

    def check(self) -> None:
        """Check the settings and find the model, without loading its network.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model is missing or damaged.
        """
        choose_hdus(1, self.fraction, self.seed)
        Tracker(self.settings)

    def prepare(self, *, workers: int = 1) -> None:
        """Load the network; ``workers`` processes share the processors.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model cannot be used.
        """
        self._tracker = Tracker(self.settings.shared_by(workers))
        _ = self._tracker.network

    def stop(self) -> None:
        """Let the files at work end soon, without a record."""
        if self._tracker is not None:
            self._tracker.stop()

    def run(self, unit: Location) -> TrackRecord:
        """Examine one file.

        Raises
        ------
        SkysieveError
            If the file cannot be read or holds no frame that can be examined.
        """
        if self._tracker is None:
            self.prepare()
        assert self._tracker is not None  # noqa: S101 (prepare made it)
        start = time.perf_counter()
        with FrameFile(unit, mask_hdu=self.mask_hdu, mask_bits=self.mask_bits) as file:
            notes = file.notes
            frames = [
                (hdu, number, frame) for hdu in file.frames for number, frame in enumerate(hdu.planes, 1)
            ]
            tracks: list[FrameTrack] = []
            blanks: list[FrameError] = []
            unlike: dict[int, tuple[str, OODScore]] = {}
            for index in choose_hdus(len(frames), self.fraction, self.seed):
                hdu, number, frame = frames[index]
                plane = number if len(hdu.planes) > 1 else 0
                try:
                    result = self._tracker.track(frame)
                except FrameError as error:
                    if len(frames) == 1:
                        raise
                    # a frame without sky, as of a dead detector, tells nothing about the others
                    blanks.append(error)
                    logger.warning("%s; left out", error)
                    continue
                found = self._tracker.unlikeness(frame)
                if found is not None and found.score > unlike.get(hdu.index, ("", IN_DOMAIN))[1].score:
                    unlike[hdu.index] = frame.label, found
                tracks.append(FrameTrack(hdu.index, hdu.name, hdu.version, plane, frame.shape, result))
        if not tracks:
            raise blanks[0]
        for label, found in unlike.values():
            warning = found.warning(label, self._tracker.model.card.name)
            logger.warning("%s: its probability may mean little", warning)
        return TrackRecord(tuple(tracks), time.perf_counter() - start, notes)
