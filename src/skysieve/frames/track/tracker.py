"""One frame through the network: normalise, blocks, model, decide.

A network of one input size, as MaxiTrack is, sees a frame in blocks of that size, and the frame's probability
is the mean of theirs.  A network that takes any size sees the whole frame at once, or large blocks of it, and
the frame's log-odds are the mean of theirs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.models.shared_network import EngineSettings
from skysieve.frames.image.domain import check_reference, score_frame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.track.decide import block_starts, modify_prior
from skysieve.frames.track.model import DEFAULT_MODEL, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.models.card import Tiling
    from skysieve.core.models.shared_network import SharedNetwork
    from skysieve.frames.image.background import Rules
    from skysieve.frames.image.domain import OODScore
    from skysieve.frames.image.normalise import NormalisedFrame

logger = logging.getLogger(__name__)

__all__ = ["Pooling", "TrackResult", "TrackSettings", "Tracker", "pooled"]

Pooling = Literal["probability", "log-odds"]
"""What of the blocks is averaged."""

BATCH_ON_GPU = 16
"""Blocks in one call of the network; on a processor more than one are not faster, and need more memory."""

LARGEST_SIDE = 2048
"""Frames of at most this number of pixels squared are one block; larger ones are cut to at most this side."""

SURE = 1e-6
"""Probabilities closer to 0 or 1 count as this close, so that the odds of one block stay finite."""


@dataclass(frozen=True, kw_only=True)
class TrackSettings(EngineSettings):
    """How frames are examined.

    Attributes
    ----------
    model
        Name of a model, or a folder with a card.
    prior
        Proportion of frames with tracking errors; None takes the default of the model's card.
    rules
        Rules of the normalisation, ``corrected`` or ``published``.
    engine, precision, device, threads
        See :func:`skysieve.core.models.engine.load_network`.
    batch_size
        Blocks in one call of the network, at most; by default one, on a GPU more.
    """

    model: str = DEFAULT_MODEL
    prior: float | None = None
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
    block_shape
        Height and width of a block in pixels.
    pooling
        What the probability of the frame is the mean of.
    """

    blocks: NDArray[np.float32]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    block_shape: tuple[int, int]
    pooling: Pooling = "probability"

    @property
    def probability(self) -> float:
        """Probability of a tracking error.

        With ``pooling="probability"`` the mean over the blocks, as in MaxiTrack.

        With ``"log-odds"`` that of their mean log-odds.  Blocks of one frame saw one motion through one
        atmosphere, so that their evidence is not independent and must not be summed; but a block that is sure
        counts for more than an empty one that knows nothing, as it does not in a mean of probabilities.  And
        this pooling alone gives the same whether the prior is modified before or after it.

        References
        ----------
        Genest & Zidek 1986, Statistical Science 1, 114 (logarithmic opinion pools).
        """
        return pooled(self.blocks, self.pooling)


def pooled(blocks: NDArray[np.float32], pooling: Pooling) -> float:
    """Return the probability that blocks ``(...)`` have together; see :attr:`TrackResult.probability`."""
    if pooling == "probability":
        return float(blocks.mean(dtype=np.float64))
    p = np.clip(blocks.astype(np.float64), SURE, 1 - SURE)
    return float(1 / (1 + np.exp(-np.mean(np.log(p / (1 - p))))))


class Tracker:
    """A loaded network together with its prior.

    Of a model's classes the last one is the tracking error.

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
        if settings.prior is not None:
            modify_prior(np.zeros(1, np.float32), settings.prior)
        self.model = load_model(settings.model)
        card = self.model.card
        check_reference(card.domain, origin=f"model {card.name!r}")
        error = card.classes[-1]
        prior = card.default_priors[error] if settings.prior is None else settings.prior
        self._prior = _from_equal(prior, card.training_priors[error])

    @cached_property
    def network(self) -> SharedNetwork:
        """The loaded network."""
        return self.settings.load(self.model, answer="probabilities of frames")

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
        tiling = self.model.card.tiling
        size = tiling.fixed_size
        if size == 0:
            return self._track_large_blocks(normalised, tiling)
        _warn_if_smaller(frame, size)
        rows, columns = (block_starts(length, size) for length in frame.shape)
        blocks = [self._row_of_blocks(normalised, top, columns, (size, size)) for top in rows]
        return TrackResult(np.stack(blocks), tuple(rows), tuple(columns), (size, size))

    def unlikeness(self, frame: Frame) -> OODScore | None:
        """Tell how far a frame is from those that the model was trained on; None if that is unknown."""
        return score_frame(UsableFrame(frame).sky, self.model.card.domain) if self.model.card.domain else None

    def stop(self) -> None:
        """End the frames at work, in whatever thread, with an interrupt before their next blocks."""
        if "network" in self.__dict__:
            self.network.stop()

    def _track_large_blocks(self, frame: NormalisedFrame, tiling: Tiling) -> TrackResult:
        """Show the whole frame to a network that takes any size, or as few equal blocks as hold it."""
        height, width = frame.shape
        _warn_if_smaller(frame, tiling.minimum)
        whole = height * width <= LARGEST_SIDE**2
        (rows, tall), (columns, wide) = (
            _large_blocks(length, tiling, 1 if whole else -(-length // LARGEST_SIDE))
            for length in (height, width)
        )
        blocks = [self._row_of_blocks(frame, top, columns, (tall, wide)) for top in rows]
        return TrackResult(np.stack(blocks), tuple(rows), tuple(columns), (tall, wide), pooling="log-odds")

    def _row_of_blocks(
        self, frame: NormalisedFrame, top: int, columns: list[int], shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Return the probabilities of one row of blocks; a smaller frame is padded by reflection."""
        (height, width), (tall, wide) = frame.shape, shape
        pixels, _ = frame.rows(top, min(top + tall, height))
        missing = (0, tall - len(pixels)), (0, max(0, wide - width))
        if any(after for _, after in missing):
            pixels = np.pad(pixels, missing, mode="reflect")
        found = []
        step = self.settings.batch_size or (1 if self.settings.device == "cpu" else BATCH_ON_GPU)
        for index in range(0, len(columns), step):
            batch = np.stack([pixels[:, left : left + wide] for left in columns[index : index + step]])
            found.append(self.network(batch[:, None])[:, -1])
        return modify_prior(np.concatenate(found), self._prior)


def _warn_if_smaller(frame: Frame, size: int) -> None:
    """Log that a frame is smaller than the network's blocks."""
    if min(frame.shape) < size:
        logger.warning(
            "%s: smaller than the network's blocks of %d x %d px, padded by its reflection: "
            "its probability is worth little",
            frame.label,
            size,
            size,
        )


def _large_blocks(length: int, tiling: Tiling, count: int) -> tuple[list[int], int]:
    """Return the first pixels of equal blocks along one axis, and their side.

    No pixel is in two blocks.  What is more than a multiple of the side that the network wants is left out at
    both borders: a few rows less of real stars do no harm, while rows made up by reflection would show each
    star at the border a second time, drawn out the other way.  Only an axis that is shorter than the
    network's least is padded.
    """
    spare = (length // count - tiling.remainder) % tiling.multiple
    side = length // count - spare
    if side < tiling.minimum:
        return [0], tiling.minimum
    first = (length - count * side) // 2
    return [first + number * side for number in range(count)], side


def _from_equal(prior: float, training: float) -> float:
    """Return the prior that at equal training priors does what this one does at those of the training."""
    if training == 0.5:
        return prior  # exactly, as published
    odds = prior / (1 - prior) * (1 - training) / training
    return odds / (1 + odds)
