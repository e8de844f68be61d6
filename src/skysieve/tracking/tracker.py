"""One frame through the network: normalise, blocks, model, decide."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.errors import ConfigError
from skysieve.imaging.normalise import normalise
from skysieve.models.shared_network import EngineSettings
from skysieve.tracking.decide import DEFAULT_PRIOR, block_starts, modify_prior
from skysieve.tracking.model import DEFAULT_MODEL, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.imaging.background import Rules
    from skysieve.imaging.frames import Frame
    from skysieve.imaging.normalise import NormalisedFrame
    from skysieve.models.shared_network import SharedNetwork

logger = logging.getLogger(__name__)

__all__ = ["TrackResult", "TrackSettings", "Tracker"]

BATCH_ON_GPU = 16
"""Blocks in one call of the network; on a processor more than one are not faster, and need more memory."""


@dataclass(frozen=True, kw_only=True)
class TrackSettings(EngineSettings):
    """How frames are examined.

    Attributes
    ----------
    model
        Name of a model, or a folder with a card.
    prior
        Proportion of frames with tracking errors.
    rules
        Rules of the normalisation, ``corrected`` or ``published``.
    engine, precision, device, threads
        See :func:`skysieve.models.engine.load_network`.
    batch_size
        Blocks in one call of the network, at most; by default one, on a GPU more.
    """

    model: str = DEFAULT_MODEL
    prior: float = DEFAULT_PRIOR
    rules: Rules = "corrected"
    batch_size: int | None = None


@dataclass(frozen=True)
class TrackResult:
    """The tracking probabilities of one frame.

    Attributes
    ----------
    blocks
        ``(rows, columns)`` float32, the probability of a tracking error in each block.
    rows, columns
        First pixels of the blocks along each axis.
    block_size
        Side of a block in pixels.
    """

    blocks: NDArray[np.float32]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    block_size: int

    @property
    def probability(self) -> float:
        """Probability that the telescope slipped: the mean over the blocks."""
        return float(self.blocks.mean(dtype=np.float64))


class Tracker:
    """A loaded network together with its prior.

    Parameters
    ----------
    settings
        How frames are examined.

    Raises
    ------
    ConfigError
        If the prior or the batch size is out of range.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        if settings.batch_size is not None and settings.batch_size < 1:
            raise ConfigError(f"batch size {settings.batch_size}: expected at least 1")
        modify_prior(np.zeros(1, np.float32), settings.prior)
        self.model = load_model(settings.model)

    @cached_property
    def network(self) -> SharedNetwork:
        """The loaded network."""
        return self.settings.load(self.model)

    def track(self, frame: Frame) -> TrackResult:
        """Examine one frame.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` pixels in any unit.

        Raises
        ------
        FrameError
            If the frame has no valid pixels or no noise.
        """
        threads = self.settings.all_threads
        normalised = normalise(frame, rules=self.settings.rules, threads=threads)
        size = self.model.card.tiling.fixed_size
        if min(frame.shape) < size:
            logger.warning(
                "%s: smaller than the network's blocks of %d x %d px, padded by its reflection: "
                "its probability is worth little",
                frame.label,
                size,
                size,
            )
        rows, columns = (block_starts(length, size) for length in frame.shape)
        blocks = [self._row_of_blocks(normalised, top, columns, size) for top in rows]
        return TrackResult(np.stack(blocks), tuple(rows), tuple(columns), size)

    def stop(self) -> None:
        """End the frames at work, in whatever thread, with an interrupt before their next blocks."""
        if "network" in self.__dict__:
            self.network.stop()

    def _row_of_blocks(
        self, frame: NormalisedFrame, top: int, columns: list[int], size: int
    ) -> NDArray[np.float32]:
        """Return the probabilities of one row of blocks; a smaller frame is padded by reflection."""
        height, width = frame.shape
        pixels, _ = frame.rows(top, min(top + size, height))
        missing = (0, size - len(pixels)), (0, max(0, size - width))
        if any(after for _, after in missing):
            pixels = np.pad(pixels, missing, mode="reflect")
        found = []
        step = self.settings.batch_size or (1 if self.settings.device == "cpu" else BATCH_ON_GPU)
        for index in range(0, len(columns), step):
            batch = np.stack([pixels[:, left : left + size] for left in columns[index : index + step]])
            found.append(self.network(batch[:, None])[:, 1])
        return modify_prior(np.concatenate(found), self.settings.prior)
