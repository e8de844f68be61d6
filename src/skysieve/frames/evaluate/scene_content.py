"""Content of frames with truth: frequency, contrast and size of the contaminants of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.simulate.settings import MIN_SIDE
from skysieve.frames.simulate.truth_frames import simulated_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.frames.simulate.truth_frames import TruthFrame

__all__ = ["ClassContent", "ClassSummary", "FrameContent", "SceneJob", "measure_content", "summarise"]

MEASURED: tuple[str, ...] = tuple(c.name for c in CLASSES if c.code)
"""Measured classes: all but the background."""

_CONNECTIVITY = np.ones((3, 3), np.bool_)
"""8-connectivity: pixels that touch at a corner belong to one segment."""


@dataclass(frozen=True)
class ClassContent:
    """Content of one class in one frame.

    Attributes
    ----------
    pixels
        Number of pixels.
    tiles
        ``(T,)`` int64, number of pixels in each tile.
    contrast
        ``(N,)`` float32, median absolute value of the normalised pixels of each segment, in standard
        deviations of the noise.  A segment is a set of connected pixels of the class.
    length, area
        ``(N,)`` float32, diagonal of the bounding box of each segment in pixels, and its number of pixels.
    """

    pixels: int
    tiles: NDArray[np.int64]
    contrast: NDArray[np.float32]
    length: NDArray[np.float32]
    area: NDArray[np.float32]


@dataclass(frozen=True)
class FrameContent:
    """Content of one frame.

    Attributes
    ----------
    name
        Name of the frame.
    pixels
        Number of pixels with data.
    drawn
        Classes that were simulated, even if they affect no pixel; None if unknown.
    classes
        Content by class, for classes with at least one pixel.
    tiles
        Number of tiles.
    """

    name: str
    pixels: int
    drawn: frozenset[str] | None
    classes: Mapping[str, ClassContent]
    tiles: int


@dataclass(frozen=True)
class ClassSummary:
    """Statistics of one class over many frames; fractions are NaN where they are unknown.

    Attributes
    ----------
    name
        Name of the class.
    drawn
        Fraction of the frames in which it was simulated.
    frames_any, frames_min, frames_ten_min
        Fraction of the frames with at least one pixel of it, with the minimum number of pixels, and with ten
        times the minimum.
    tiles_min
        Fraction of the tiles with at least the minimum number of pixels.
    share
        Fraction of all pixels.
    pixels
        Median number of pixels in frames that have any.
    contrast, length, width
        Quantiles 0.1, 0.5 and 0.9 over the segments of contrast in standard deviations of the noise, and of
        length and mean width in pixels.  Segments are weighted by their length: a wide trail has the weight
        of a thin one, and much more than a small spot.
    """

    name: str
    drawn: float
    frames_any: float
    frames_min: float
    frames_ten_min: float
    tiles_min: float
    share: float
    pixels: float
    contrast: tuple[float, float, float]
    length: tuple[float, float, float]
    width: tuple[float, float, float]


@dataclass(frozen=True)
class SceneJob:
    """Simulates frames of a recipe and measures their content; a unit of work is the number of a frame.

    Attributes
    ----------
    recipe
        YAML file, or name of a recipe of the package.
    side, tile
        Pixels along each axis of a frame and of a tile.
    seed
        Seed of the simulation; each frame uses it together with its number.
    """

    recipe: str
    side: int
    tile: int
    seed: int

    def check(self) -> None:
        """Check recipe and sizes.

        Raises
        ------
        ConfigError
            If the recipe is not valid, or a size is too small or too large.
        """
        read_recipe(self.recipe)
        if self.side < MIN_SIDE:
            raise ConfigError(f"frames of {self.side} px are too small: give {MIN_SIDE} px or more a side")
        if self.tile > self.side:
            raise ConfigError(f"tiles of {self.tile} px do not fit into frames of {self.side} px")

    def prepare(self, *, workers: int) -> None:
        """Do nothing: frames share no data."""

    def run(self, unit: int) -> FrameContent:
        """Simulate a frame and measure its content.

        Parameters
        ----------
        unit
            Number of the frame, from 0.

        Returns
        -------
        FrameContent
            Content of the frame.

        Raises
        ------
        FrameError
            If the frame has no noise.
        """
        rng = np.random.default_rng([self.seed, unit])
        frame = simulated_frame(read_recipe(self.recipe), rng, side=self.side, number=unit + 1)
        return measure_content(frame, tile=self.tile)

    def stop(self) -> None:
        """Do nothing: a frame takes at most a few seconds and writes no file."""


def measure_content(frame: TruthFrame, *, tile: int) -> FrameContent:
    """Measure the content of a frame.

    Parameters
    ----------
    frame
        Frame with truth.
    tile
        Side of the tiles in pixels; tiles are contiguous and start at the first pixel.

    Returns
    -------
    FrameContent
        Content by class.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    valid = frame.valid
    normalised = normalise(ArrayFrame(frame.pixels, mask=~valid, label=frame.name), threads=1)
    values = np.abs(normalised.rows(0, frame.pixels.shape[0])[0])
    found = {}
    for name, code in ((c.name, c.code) for c in CLASSES if c.code):
        marked = ((frame.bits & code) != 0) & valid
        if frame.ignored is not None:
            marked &= (frame.ignored & code) == 0
        if marked.any():
            found[name] = _class_content(marked, values, tile)
    tall, wide = (side // tile for side in valid.shape)
    return FrameContent(frame.name, int(valid.sum()), frame.drawn, found, tall * wide)


def summarise(contents: Sequence[FrameContent], *, min_pixels: int = 100) -> list[ClassSummary]:
    """Summarise the content of frames by class.

    Parameters
    ----------
    contents
        Content of one frame or more.
    min_pixels
        Minimum number of pixels of a class for a frame or tile to count.

    Returns
    -------
    list of ClassSummary
        One for each class of :data:`MEASURED`.
    """
    return [_summary(name, contents, min_pixels) for name in MEASURED]


def _class_content(marked: NDArray[np.bool_], values: NDArray[np.float32], tile: int) -> ClassContent:
    from scipy import ndimage

    segments, count = ndimage.label(marked, _CONNECTIVITY)
    inside = segments[marked]
    order = np.argsort(inside, kind="stable")
    area = np.bincount(inside, minlength=count + 1)[1:]
    groups = np.split(values[marked][order], np.cumsum(area)[:-1])
    boxes = [[span.stop - span.start for span in box] for box in ndimage.find_objects(segments)]
    diagonal = np.hypot(*(np.array(boxes).T - 1)) + 1
    tall, wide = (side // tile for side in marked.shape)
    cut = marked[: tall * tile, : wide * tile].reshape(tall, tile, wide, tile)
    return ClassContent(
        pixels=int(area.sum()),
        tiles=cut.sum(axis=(1, 3)).ravel(),
        contrast=np.array([np.median(group) for group in groups], np.float32),
        length=diagonal.astype(np.float32),
        area=area.astype(np.float32),
    )


def _summary(name: str, contents: Sequence[FrameContent], min_pixels: int) -> ClassSummary:
    found = [content.classes[name] for content in contents if name in content.classes]
    counts = np.array([content.pixels for content in found], np.int64)
    drawn = [name in content.drawn for content in contents if content.drawn is not None]
    tiles = sum(content.tiles for content in contents)
    full = sum(int((content.tiles >= min_pixels).sum()) for content in found)
    area = _concatenated([content.area for content in found])
    length = _concatenated([content.length for content in found])
    return ClassSummary(
        name=name,
        drawn=float(np.mean(drawn)) if drawn and name not in ("BBG", "SAT") else float("nan"),
        frames_any=len(found) / len(contents),
        frames_min=int((counts >= min_pixels).sum()) / len(contents),
        frames_ten_min=int((counts >= 10 * min_pixels).sum()) / len(contents),
        tiles_min=full / tiles if tiles else float("nan"),
        share=int(counts.sum()) / max(1, sum(content.pixels for content in contents)),
        pixels=float(np.median(counts)) if found else 0.0,
        contrast=_quantiles(_concatenated([content.contrast for content in found]), length),
        length=_quantiles(length, length),
        width=_quantiles(area / np.maximum(length, 1), length),
    )


def _concatenated(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _quantiles(values: NDArray[np.floating], weights: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the weighted quantiles 0.1, 0.5 and 0.9; NaN without values."""
    if values.size == 0:
        return float("nan"), float("nan"), float("nan")
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order], dtype=np.float64)
    indices = np.searchsorted(cumulative, np.array([0.1, 0.5, 0.9]) * cumulative[-1])
    low, median, high = values[order][np.minimum(indices, values.size - 1)]
    return float(low), float(median), float(high)
