"""What frames with truth hold: how much of each class, how strong and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.simulate.frame import SMALLEST
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.simulate.truth_frames import simulated_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.frames.simulate.truth_frames import TruthFrame

__all__ = ["ClassContent", "ClassSummary", "FrameContent", "SceneJob", "measure_content", "summarise"]

MEASURED: tuple[str, ...] = tuple(c.name for c in CLASSES if c.code)
"""Classes that are measured: all but the background."""

_TOUCHING = np.ones((3, 3), np.bool_)
"""Pixels that touch at a corner belong to one piece."""


@dataclass(frozen=True)
class ClassContent:
    """One class in one frame.

    Attributes
    ----------
    pixels
        Its pixels.
    tiles
        ``(T,)`` int64, its pixels in each tile.
    contrast
        ``(N,)`` float32, for each piece (pixels of the class that touch) the median absolute value of its
        pixels as networks see them, in standard deviations of the noise.
    length, area
        ``(N,)`` float32, extent of each piece along its longest direction in pixels, and its pixels.
    """

    pixels: int
    tiles: NDArray[np.int64]
    contrast: NDArray[np.float32]
    length: NDArray[np.float32]
    area: NDArray[np.float32]


@dataclass(frozen=True)
class FrameContent:
    """What one frame holds.

    Attributes
    ----------
    name
        Of the frame.
    pixels
        Pixels with data.
    drawn
        Classes that were put in, whether they left a pixel or not; None where this is not known.
    classes
        By name, those that have a pixel.
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
    """What many frames hold of one class; shares lie between 0 and 1 and are NaN where nothing is known.

    Attributes
    ----------
    name
        The class.
    drawn
        Share of the frames into which it was put.
    frames_any, frames_least, frames_ten
        Share of the frames with a pixel of it; with the least number that counts; with ten times that.
    tiles_least
        Share of the tiles with the least number of pixels that counts.
    share
        Share of all pixels.
    pixels
        Median number of pixels in frames that have any.
    contrast, length, width
        Quantiles 0.1, 0.5 and 0.9 of contrast in standard deviations of the noise, and of length and mean
        width in pixels.  They are over pieces, which count by their length: a wide trail counts as much as a
        thin one, and much more than specks.
    """

    name: str
    drawn: float
    frames_any: float
    frames_least: float
    frames_ten: float
    tiles_least: float
    share: float
    pixels: float
    contrast: tuple[float, float, float]
    length: tuple[float, float, float]
    width: tuple[float, float, float]


@dataclass(frozen=True)
class SceneJob:
    """Simulates frames of a recipe and measures what they hold; one unit is the number of a frame.

    Attributes
    ----------
    recipe
        A YAML file, or the name of a recipe that comes with the package.
    side, tile
        Pixels along each axis of a frame and of a tile.
    seed
        With the number of a frame, the seed of all in it.
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
            If the recipe cannot be used, or a size cannot be.
        """
        read_recipe(self.recipe)
        if self.side < SMALLEST:
            raise ConfigError(f"frames of {self.side} px are too small: give {SMALLEST} px or more a side")
        if self.tile > self.side:
            raise ConfigError(f"tiles of {self.tile} px do not fit into frames of {self.side} px")

    def prepare(self, *, workers: int) -> None:
        """Do nothing: a frame needs nothing that another could use."""

    def run(self, unit: int) -> FrameContent:
        """Simulate a frame and measure it.

        Raises
        ------
        FrameError
            If the frame has no noise.
        """
        rng = np.random.default_rng([self.seed, unit])
        frame = simulated_frame(read_recipe(self.recipe), rng, side=self.side, number=unit + 1)
        return measure_content(frame, tile=self.tile)

    def stop(self) -> None:
        """Do nothing: a frame takes less than a few seconds, and nothing is written."""


def measure_content(frame: TruthFrame, *, tile: int) -> FrameContent:
    """Return what a frame holds.

    Parameters
    ----------
    frame
        With truth.
    tile
        Side of the tiles in pixels; they lie side by side from the first pixel on.

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


def summarise(contents: Sequence[FrameContent], *, least: int = 100) -> list[ClassSummary]:
    """Return what frames hold of each class.

    Parameters
    ----------
    contents
        Of one frame or more.
    least
        Pixels of a class from which on a frame or tile counts.
    """
    return [_summary(name, contents, least) for name in MEASURED]


def _class_content(marked: NDArray[np.bool_], values: NDArray[np.float32], tile: int) -> ClassContent:
    from scipy import ndimage

    pieces, count = ndimage.label(marked, _TOUCHING)
    inside = pieces[marked]
    order = np.argsort(inside, kind="stable")
    area = np.bincount(inside, minlength=count + 1)[1:]
    groups = np.split(values[marked][order], np.cumsum(area)[:-1])
    boxes = [[span.stop - span.start for span in box] for box in ndimage.find_objects(pieces)]
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


def _summary(name: str, contents: Sequence[FrameContent], least: int) -> ClassSummary:
    found = [content.classes[name] for content in contents if name in content.classes]
    counts = np.array([content.pixels for content in found], np.int64)
    drawn = [name in content.drawn for content in contents if content.drawn is not None]
    tiles = sum(content.tiles for content in contents)
    full = sum(int((content.tiles >= least).sum()) for content in found)
    area = _joined([content.area for content in found])
    length = _joined([content.length for content in found])
    return ClassSummary(
        name=name,
        drawn=float(np.mean(drawn)) if drawn and name not in ("BBG", "SAT") else float("nan"),
        frames_any=len(found) / len(contents),
        frames_least=int((counts >= least).sum()) / len(contents),
        frames_ten=int((counts >= 10 * least).sum()) / len(contents),
        tiles_least=full / tiles if tiles else float("nan"),
        share=int(counts.sum()) / max(1, sum(content.pixels for content in contents)),
        pixels=float(np.median(counts)) if found else 0.0,
        contrast=_quantiles(_joined([content.contrast for content in found]), length),
        length=_quantiles(length, length),
        width=_quantiles(area / np.maximum(length, 1), length),
    )


def _joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _quantiles(values: NDArray[Any], weights: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the quantiles 0.1, 0.5 and 0.9 of weighted values; NaN without any."""
    if values.size == 0:
        return float("nan"), float("nan"), float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weights[order], dtype=np.float64)
    places = np.searchsorted(reached, np.array([0.1, 0.5, 0.9]) * reached[-1])
    low, middle, high = values[order][np.minimum(places, values.size - 1)]
    return float(low), float(middle), float(high)
