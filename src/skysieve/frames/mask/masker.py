"""Mask one frame: normalise it, run the network on its tiles, assemble the output, and decide."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.models.augmentation import max_over_views
from skysieve.core.models.engine_settings import VIEWS
from skysieve.core.models.network import ModelUse
from skysieve.core.models.network_runner import NetworkRunner
from skysieve.frames.image.domain import check_reference, score_frame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.tiles import TilePlan, TileSizes, fixed_tiles, plan_tiles, predict
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.mask.bounds import bound_bits, bound_probabilities
from skysieve.frames.mask.classes import (
    NODATA,
    find_class,
    select_bad,
    select_classes,
)
from skysieve.frames.mask.decide import BACKGROUND_MARK, bit_mask, raw_thresholds, split_marks
from skysieve.frames.mask.mask_statistics import MaskStatistics
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.mask.posteriors import allocate_posteriors
from skysieve.frames.mask.priors import ProbabilityHistogram, estimate_priors
from skysieve.frames.mask.result import MaskResult
from skysieve.frames.mask.searches import Detections, search_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.models.card import Model, ModelCard
    from skysieve.core.models.shared_network import SharedNetwork
    from skysieve.frames.image.domain import Measured, OODScore
    from skysieve.frames.image.normalise import NormalisedFrame
    from skysieve.frames.mask.settings import MaskSettings

__all__ = ["Masker"]

logger = logging.getLogger(__name__)

PUBLISHED_TILES = {"size": 400, "step": 200, "margin": 100}
PUBLISHED_BATCH = 8


class Masker(NetworkRunner):
    """A network with its priors and thresholds, which masks frames.

    Parameters
    ----------
    settings
        The settings.

    Raises
    ------
    ConfigError
        If a class is unknown, or a prior or threshold is out of range.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: MaskSettings) -> None:
        self.settings = settings
        self.classes = select_classes(settings.classes)
        self.bad_classes = tuple(c.name for c in select_bad(settings.bad))
        self.model: Model = CONTAMINANTS.load(settings.model)
        card = self.model.card
        missing = [c.name for c in self.classes if c.name not in card.classes]
        if missing:
            raise ConfigError(f"model {card.name!r} does not know the class {', '.join(missing)}")
        check_reference(card.domain, origin=f"model {card.name!r}")
        if (
            settings.tiling == "published"
            and _sizes(card).fit(PUBLISHED_TILES["size"]) != PUBLISHED_TILES["size"]
        ):
            raise ConfigError(
                f"model {card.name!r} takes no tiles of {PUBLISHED_TILES['size']} px; "
                "use the published tiling with the published model"
            )
        self._planes = [card.classes.index(c.name) for c in self.classes]
        self.thresholds = _checked("threshold", card.default_thresholds, settings.thresholds, closed=True)
        given = settings.priors
        self._start_priors = _checked(
            "prior", card.default_priors, given if isinstance(given, Mapping) else {}
        )
        if settings.views not in VIEWS:
            raise ConfigError(f"{settings.views} views: choose from {', '.join(map(str, VIEWS))}")

    def _load_network(self) -> SharedNetwork:
        return self.settings.load(self.model, output_kind="probabilities of pixels")

    @property
    def start_priors(self) -> dict[str, float] | None:
        """Initial priors of the requested classes; None if the priors of the network are kept."""
        return None if self.settings.priors is None else self._of_classes(self._start_priors)

    def mask(
        self, frame: Frame, *, keep_probabilities: bool = False, keep_pixels: bool = False
    ) -> MaskResult:
        """Mask one frame.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` pixels in any unit.
        keep_probabilities, keep_pixels
            Whether the result contains the probabilities, and the pixels.

        Returns
        -------
        MaskResult
            The mask.

        Raises
        ------
        FrameError
            If the frame has no valid pixels or no noise.
        """
        auto = self.settings.priors == "auto"
        priors = self.start_priors
        training = self._of_classes(self.model.card.training_priors)
        shape = frame.shape
        usable = frame if self.settings.rules == "published" else UsableFrame(frame)
        try:
            normalised = normalise(usable, rules=self.settings.rules, threads=self.settings.all_threads)
        except FrameError:
            if not _has_saturated(usable):
                raise
            logger.warning("%s: saturated but for too few pixels to measure the sky in", frame.label)
            return self.blank(usable, keep_probabilities=keep_probabilities, keep_pixels=keep_pixels)
        detections = self._search(normalised)
        bits, background = np.empty(shape, np.int16), np.empty(shape, np.bool_)
        posteriors = allocate_posteriors((len(self.classes), *shape)) if keep_probabilities or auto else None
        histogram = ProbabilityHistogram(len(self.classes)) if auto else None
        limits = self._limits(training, priors)
        keeps = posteriors is not None or histogram is not None
        statistics = self._statistics(training)
        # probabilities that are not kept are thresholded at once, as they need 28 times the memory of the
        # marks
        run = (
            partial(self._run, statistics=statistics)
            if keeps
            else partial(self._run_and_threshold, statistics=statistics, limits=limits)
        )
        codes = {c.name: c.code for c in self.classes}
        for rows, columns, found, nodata in predict(normalised, self._plan(shape), run):
            if not keeps:
                marks = found[0].astype(np.int16)
                marks = bound_bits(marks, codes, limits, detections.bounds, (rows, columns))
                bits[rows, columns], background[rows, columns] = split_marks(marks, nodata)
                continue
            found = bound_probabilities(  # noqa: PLW2901 (the same, within bounds)
                found, list(codes), detections.bounds, (rows, columns)
            )
            if posteriors is not None:
                posteriors[:, rows, columns] = found
            if histogram is not None:
                histogram.add(found, nodata)
            marks = self._marks(found, limits)
            bits[rows, columns], background[rows, columns] = split_marks(marks, nodata)
        if histogram is not None and posteriors is not None and priors is not None:
            priors = self._estimated(frame, histogram, training, priors)
            limits = self._limits(training, priors)
            for row in range(shape[0]):  # row by row, so that no second copy of the posteriors is needed
                nodata = bits[row : row + 1] == NODATA.code
                marks = self._marks(posteriors[:, row : row + 1], limits)
                bits[row : row + 1], background[row : row + 1] = split_marks(marks, nodata)
        self._mark_saturated(usable, bits, posteriors)
        return self._result(
            frame,
            bits,
            background,
            priors,
            posteriors=posteriors if keep_probabilities else None,
            keep_pixels=keep_pixels,
            statistics=statistics.results(shape),
            detections=detections,
        )

    def ood_score(self, frame: Frame, result: MaskResult) -> OODScore | None:
        """Compute the out-of-distribution score of a masked frame.

        Parameters
        ----------
        frame
            The frame.
        result
            The result of :meth:`mask` for it.

        Returns
        -------
        OODScore or None
            None if the model's card has no statistics of training frames, or nothing can be measured.
        """
        return (
            score_frame(UsableFrame(frame).sky, self.model.card.domain, result.statistics)
            if self.model.card.domain
            else None
        )

    def blank(
        self, frame: Frame, *, keep_probabilities: bool = False, keep_pixels: bool = False
    ) -> MaskResult:
        """Return the result for a frame whose sky cannot be measured.

        Parameters
        ----------
        frame, keep_probabilities, keep_pixels
            See :meth:`mask`.

        Returns
        -------
        MaskResult
            A mask without data except in large saturated areas.
        """
        bits = np.full(frame.shape, NODATA.code, np.int16)
        posteriors = None
        if keep_probabilities:
            posteriors = allocate_posteriors((len(self.classes), *frame.shape))
            posteriors[:] = 0.0
        usable = frame if isinstance(frame, UsableFrame) else UsableFrame(frame)
        self._mark_saturated(usable, bits, posteriors)
        return self._result(
            usable.frame,
            bits,
            np.zeros(frame.shape, np.bool_),
            self.start_priors,
            posteriors=posteriors,
            keep_pixels=keep_pixels,
        )

    def _result(
        self,
        frame: Frame,
        bits: NDArray[np.int16],
        background: NDArray[np.bool_],
        priors: Mapping[str, float] | None,
        *,
        posteriors: NDArray[np.float32] | None = None,
        keep_pixels: bool = False,
        statistics: Mapping[str, Measured] | None = None,
        detections: Detections | None = None,
    ) -> MaskResult:
        network = self.network
        streaks, saturation = (detections.streaks, detections.saturation) if detections else (None, None)
        return MaskResult(
            bits=bits,
            background=background,
            classes=self.classes,
            thresholds=self._of_classes(self.thresholds),
            priors=priors,
            training_priors=self._of_classes(self.model.card.training_priors),
            model=ModelUse(self.model.card.name, network.sha256, network.engine, network.precision),
            posteriors=posteriors,
            pixels=_pixels(frame) if keep_pixels else None,
            bad_classes=self.bad_classes,
            statistics=dict(statistics or {}),
            trails=streaks.trails if streaks else (),
            spikes=streaks.spikes if streaks else (),
            saturation_levels=saturation.levels if saturation else (),
        )

    def _estimated(
        self,
        frame: Frame,
        histogram: ProbabilityHistogram,
        training: Mapping[str, float],
        priors: Mapping[str, float],
    ) -> dict[str, float]:
        """Return priors estimated from a frame, and warn if those of a class cannot be estimated."""
        found = estimate_priors(
            histogram,
            list(training.values()),
            list(priors.values()),
            [self.thresholds[c.name] for c in self.classes],
        )
        kept = [c.name for c, rejected in zip(self.classes, found.rejected, strict=True) if rejected]
        if kept:
            logger.warning(
                "%s: priors of %s cannot be estimated from this frame; the defaults are used",
                frame.label,
                ", ".join(kept),
            )
        return dict(zip(priors, found.priors.tolist(), strict=True))

    def _search(self, normalised: NormalisedFrame) -> Detections:
        """Run the detectors that need the whole frame."""
        # the probabilities of these detections are comparable with calibrated probabilities only
        if not self.model.card.calibration:
            return Detections()
        names = [c.name for c in self.classes]
        return search_frame(
            normalised, names, streaks=self.settings.streaks, saturation=self.settings.saturation
        )

    def _mark_saturated(
        self, frame: Frame, bits: NDArray[np.int16], posteriors: NDArray[np.float32] | None
    ) -> None:
        """Mark large saturated areas, which are not in the input of the network, as saturated."""
        names = [c.name for c in self.classes]
        if "SAT" not in names or not isinstance(frame, UsableFrame) or not _has_saturated(frame):
            return
        plane = names.index("SAT")
        for row in range(frame.shape[0]):
            saturated = frame.saturated(row, row + 1)[0]
            bits[row, saturated] = self.classes[plane].code
            if posteriors is not None:
                posteriors[:, row, saturated] = 0.0
                posteriors[plane, row, saturated] = 1.0

    def _of_classes(self, values: Mapping[str, float]) -> dict[str, float]:
        return {c.name: values[c.name] for c in self.classes}

    def _limits(
        self, training: Mapping[str, float], priors: Mapping[str, float] | None
    ) -> NDArray[np.float32]:
        thresholds = [self.thresholds[c.name] for c in self.classes]
        return raw_thresholds(thresholds, list(training.values()), list(priors.values()) if priors else None)

    def _statistics(self, training: Mapping[str, float]) -> MaskStatistics:
        """Return empty statistics of the network's output, with the default thresholds and priors."""
        card = self.model.card
        thresholds, priors = (self._of_classes(v) for v in (card.default_thresholds, card.default_priors))
        defaults = raw_thresholds(list(thresholds.values()), list(training.values()), list(priors.values()))
        complete = len(self.classes) == len(card.classes)
        return MaskStatistics([c.name for c in self.classes], defaults, complete=complete)

    def _run(self, tiles: NDArray[np.float32], *, statistics: MaskStatistics) -> NDArray[np.float32]:
        """Return the probabilities ``(N, C, H, W)`` of the requested classes."""
        found = max_over_views(self.network, tiles, self.settings.views)
        wanted = found if self._planes == list(range(found.shape[1])) else found[:, self._planes]
        statistics.add(wanted)
        return wanted

    def _marks(self, posteriors: NDArray[np.float32], limits: NDArray[np.float32]) -> NDArray[np.int16]:
        """Return the sum of the codes of each pixel's classes, including :data:`BACKGROUND_MARK`."""
        return bit_mask(posteriors, limits, [c.code or BACKGROUND_MARK for c in self.classes])

    def _run_and_threshold(
        self, tiles: NDArray[np.float32], *, statistics: MaskStatistics, limits: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the marks ``(N, 1, H, W)`` of tiles; float32 represents them exactly."""
        marks = [self._marks(posteriors, limits) for posteriors in self._run(tiles, statistics=statistics)]
        return np.stack(marks)[:, None].astype(np.float32)

    def _plan(self, shape: tuple[int, int]) -> TilePlan:
        batch = self.settings.batch_size
        if self.settings.tiling == "published":
            return fixed_tiles(shape, **PUBLISHED_TILES, batch=batch or PUBLISHED_BATCH)
        tiling = self.model.card.tiling
        needed = tiling.bytes_of_pixel(self.network.precision)
        return plan_tiles(
            shape,
            _sizes(self.model.card),
            margin=tiling.margin,
            max_pixels=(self.settings.memory or tiling.memory) * 10**6 // needed,
            max_batch=batch,
        )


def _has_saturated(frame: Frame) -> bool:
    """Return whether a large area of a frame is saturated."""
    return isinstance(frame, UsableFrame) and frame.areas is not None and "saturated" in frame.areas.values


def _sizes(card: ModelCard) -> TileSizes:
    return TileSizes(card.tiling.multiple, card.tiling.remainder, card.tiling.minimum)


def _checked(
    what: str, defaults: Mapping[str, float], given: Mapping[str, float], *, closed: bool = False
) -> dict[str, float]:
    """Return the defaults, replaced by the given values; check their range."""
    values = dict(defaults)
    for name, value in given.items():
        inside = 0 <= value <= 1 if closed else 0 < value < 1
        if not inside:
            raise ConfigError(f"{what} of {name}: {value} is not between 0 and 1")
        values[find_class(name).name] = value
    return values


def _pixels(frame: Frame) -> NDArray[np.float32]:
    """Return the pixels of a frame, with NaN where it has no data."""
    pixels, nodata = frame.rows(0, frame.shape[0])
    pixels[nodata] = np.nan
    return pixels
