"""The user's own clean frames with simulated contaminants in them, to train on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_dilation

from skysieve.core.errors import ConfigError, FrameError
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.simulate.clean_frames import clean_frame, find_clean_frames, without_benchmark_frames
from skysieve.frames.simulate.injection import inject
from skysieve.frames.simulate.optics import PsfBank
from skysieve.frames.simulate.truth_bits import truth_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.clean_frames import CleanPlane, CleanSource
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.tiles import FrameSource

__all__ = ["CleanFolder", "InjectedFrames", "MixedFrames"]

HELD = 2**30
"""Bytes of frames that are held in memory; others are read each time."""

DISTINCT = 3.0
"""Pixels so many standard deviations of the noise off the sky belong to something in the frame itself."""

TRIES = 100
"""Pieces of frames that may have no noise before none is looked for any more."""


@dataclass(frozen=True)
class CleanFolder:
    """Clean frames of the user.

    Parameters
    ----------
    folder
        A folder with FITS files, or what else names some.
    smallest
        Least height and width of the frames that are used, in pixels.
    """

    folder: str
    smallest: int

    @cached_property
    def sources(self) -> Sequence[CleanSource]:
        """The usable frames.

        Raises
        ------
        ConfigError
            If there are none.
        SourceError
            If the folder cannot be read.
        """
        return without_benchmark_frames(find_clean_frames(self.folder, smallest=self.smallest))

    @cached_property
    def held(self) -> Sequence[CleanPlane]:
        """The first of them, as many as memory may hold."""
        planes: list[CleanPlane] = []
        total = 0
        for source in self.sources:
            planes.append(source.read())
            total += planes[-1].pixels.nbytes + planes[-1].nodata.nbytes
            if total > HELD:
                break
        return planes

    def plane(self, number: int) -> CleanPlane:
        """Return a frame."""
        return self.held[number] if number < len(self.held) else self.sources[number].read()


@dataclass(frozen=True)
class InjectedFrames:
    """Pieces of clean frames with contaminants of a recipe, by number.

    Pixels of the user's frames count as what the user says they are: free of contaminants.  Their stars and
    defects are in no class that could be known, so pixels well above or below the sky that nothing was put
    into do not count, nor do their neighbours.

    Parameters
    ----------
    clean
        The frames.
    recipe
        What contaminants are drawn from.
    size
        Pixels on a side of a piece.
    seed
        With the number of a frame, the seed of all in it.
    """

    clean: CleanFolder
    recipe: Recipe
    size: int
    seed: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics)

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return the pixels ``(H, W)`` of a piece of a frame, and its classes as bits ``(H, W)``.

        Raises
        ------
        ConfigError
            If no piece with any noise is found.
        """
        rng = np.random.default_rng([self.seed, number])
        for _ in range(TRIES):
            whole = self.clean.plane(int(rng.integers(len(self.clean.sources))))
            window = _window(whole.pixels.shape, self.size, rng)
            try:
                clean = clean_frame(whole.pixels[window], whole.nodata[window], whole.facts)
            except FrameError:
                continue
            exposure = inject(clean, seed=rng, recipe=self.recipe, bank=self._bank)
            bits = truth_bits(exposure.truth)
            own = np.abs(clean.pixels - clean.level) > DISTINCT * clean.sigma
            own = binary_dilation(own & _connected(own), iterations=2) | own
            bits[(own & (bits == 0)) | whole.nodata[window]] = NODATA.code
            return exposure.pixels, bits
        raise ConfigError(f"{self.clean.folder}: none of {TRIES} pieces of the clean frames has any noise")


@dataclass(frozen=True)
class MixedFrames:
    """Frames of two sources in turn, by chance.

    Parameters
    ----------
    simulated, clean
        The sources.
    share
        Part of the frames that the second gives.
    """

    simulated: FrameSource
    clean: FrameSource
    share: float

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return a frame of one of the sources."""
        source = self.clean if np.random.default_rng(number).uniform() < self.share else self.simulated
        return source.frame(number)


def _connected(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the marked pixels ``(H, W)`` of which a neighbour is marked, too: more than the noise gives."""
    near = np.zeros(marked.shape, np.uint8)
    for axis in (0, 1):
        for shift in (-1, 1):
            near += np.roll(marked, shift, axis)
    return marked & (near > 0)


def _window(shape: tuple[int, ...], size: int, rng: Generator) -> tuple[slice, slice]:
    """Return a square piece of a frame."""
    top, left = (int(rng.integers(side - size + 1)) for side in shape)
    return slice(top, top + size), slice(left, left + size)
