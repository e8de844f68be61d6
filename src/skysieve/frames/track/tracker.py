"""Detection of tracking errors in one frame: normalise, cut into blocks, run the network, pool.

A network of fixed input size, such as MaxiTrack, runs on blocks of that size, and the probability of the
frame is the mean over the blocks.  A network that accepts any size runs on the whole frame, or on large
blocks of it, and the log-odds of the frame are the mean over the blocks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.models.network_runner import NetworkRunner
from skysieve.frames.image.domain import check_reference, score_frame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.track.decide import block_starts, modify_prior
from skysieve.frames.track.model import TRACKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.models.card import Tiling
    from skysieve.core.models.shared_network import SharedNetwork
    from skysieve.frames.image.domain import OODScore
    from skysieve.frames.image.normalise import NormalisedFrame
    from skysieve.frames.track.settings import TrackSettings

logger = logging.getLogger(__name__)

__all__ = ["Pooling", "TrackResult", "Tracker", "pool_blocks"]

Pooling = Literal["probability", "log-odds"]
"""Quantity that is averaged over the blocks."""

BATCH_ON_GPU = 16
"""Blocks in one call of the network on a GPU.

On a CPU, more than one block per call is not faster and takes more memory.
"""

LARGEST_SIDE = 2048
"""Largest side of a block in pixels.

A frame of up to this number squared of pixels is one block; larger frames are cut into blocks of at most this
side.
"""

EPSILON = 1e-6
"""Probabilities are clipped to [EPSILON, 1 - EPSILON], so that the log-odds of a block stay finite."""


@dataclass(frozen=True)
class TrackResult:
    """The tracking probabilities of one frame.

    Attributes
    ----------
    blocks
        ``(rows, columns)`` float32, the probability of a tracking error in each block.
    rows, columns
        First pixel of each block along each axis.
    block_shape
        Height and width of a block in pixels.
    pooling
        Quantity whose mean over the blocks gives the probability of the frame.
    """

    blocks: NDArray[np.float32]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    block_shape: tuple[int, int]
    pooling: Pooling = "probability"

    @property
    def probability(self) -> float:
        """Probability of a tracking error in the frame.

        With ``pooling="probability"``, the mean probability of the blocks, as in MaxiTrack.

        With ``pooling="log-odds"``, the probability at the mean log-odds of the blocks.  The blocks of a
        frame share one motion and one atmosphere, so their evidence is not independent and must not be
        summed.  A block with a confident prediction has more weight than a block without stars, unlike in a
        mean of probabilities.  Only this pooling gives the same result whether the prior is modified before
        or after it.

        References
        ----------
        Genest & Zidek 1986, Statistical Science 1, 114 (logarithmic opinion pools).
        """
        return pool_blocks(self.blocks, self.pooling)


def pool_blocks(blocks: NDArray[np.float32], pooling: Pooling) -> float:
    """Return the joint probability of blocks; see :attr:`TrackResult.probability`.

    Parameters
    ----------
    blocks
        ``(...)`` float32, probability of each block.
    pooling
        Quantity to average.

    Returns
    -------
    float
        The probability.
    """
    if pooling == "probability":
        return float(blocks.mean(dtype=np.float64))
    p = np.clip(blocks.astype(np.float64), EPSILON, 1 - EPSILON)
    return float(1 / (1 + np.exp(-np.mean(np.log(p / (1 - p))))))


class Tracker(NetworkRunner):
    """A detector of tracking errors: a model and a prior.

    The last class of the model is the tracking error.

    Parameters
    ----------
    settings
        Model and options of the detection.

    Raises
    ------
    ConfigError
        If the prior is out of range.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        if settings.prior is not None:
            modify_prior(np.zeros(1, np.float32), settings.prior)
        self.model = TRACKING.load(settings.model)
        card = self.model.card
        check_reference(card.domain, origin=f"model {card.name!r}")
        error = card.classes[-1]
        prior = card.default_priors[error] if settings.prior is None else settings.prior
        self._prior = _equivalent_prior(prior, card.training_priors[error])

    def _load_network(self) -> SharedNetwork:
        return self.settings.load(self.model, output_kind="probabilities of frames")

    def track(self, frame: Frame) -> TrackResult:
        """Return the probability of a tracking error in each block of a frame.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` pixels in any unit.

        Returns
        -------
        TrackResult
            Probabilities of the blocks and of the frame.

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

    def ood_score(self, frame: Frame) -> OODScore | None:
        """Compare a frame with the training frames of the model.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` pixels in any unit.

        Returns
        -------
        OODScore or None
            Out-of-distribution score and reasons; None if the card has no statistics of the training frames.
        """
        return score_frame(UsableFrame(frame).sky, self.model.card.domain) if self.model.card.domain else None

    def _track_large_blocks(self, frame: NormalisedFrame, tiling: Tiling) -> TrackResult:
        """Run a network that accepts any size on the whole frame, or on as few equal blocks as cover it."""
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
        """Return the probabilities ``(columns,)`` of a row of blocks; pad a smaller frame by reflection."""
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
    """Log a warning if a frame is smaller than a block."""
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

    Blocks do not overlap.  The side of a block is a multiple of the step that the network requires; the rest
    of the axis is cropped at both borders.  Cropping a few rows does no harm.  Padding by reflection would
    show each star at the border twice, the second time elongated along the mirrored direction.  An axis is
    padded only where it is shorter than the minimum side of the network.
    """
    spare = (length // count - tiling.remainder) % tiling.multiple
    side = length // count - spare
    if side < tiling.minimum:
        return [0], tiling.minimum
    first = (length - count * side) // 2
    return [first + number * side for number in range(count)], side


def _equivalent_prior(prior: float, training: float) -> float:
    """Return the prior that, for a network trained at equal priors, has the same effect as `prior` here."""
    if training == 0.5:
        return prior  # without rounding, as published
    odds = prior / (1 - prior) * (1 - training) / training
    return odds / (1 + odds)
