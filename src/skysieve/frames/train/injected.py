"""Training frames made from clean frames of the user by injection of simulated contaminants."""

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

    from numpy.typing import NDArray

    from skysieve.frames.simulate.clean_frames import CleanPlane, CleanSource
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.normalised_frames import FrameSource

__all__ = ["CleanFolder", "InjectedFrames", "MixedFrames"]

MAX_CACHED_BYTES = 2**30
"""Clean frames are kept in memory up to this size; the others are read each time."""

SOURCE_THRESHOLD = 3.0
"""Pixels this many standard deviations of the noise above or below the sky belong to a source or a defect."""

MAX_TRIES = 100
"""Maximum number of cutouts without noise before an error is raised."""


@dataclass(frozen=True)
class CleanFolder:
    """Clean frames of the user.

    Parameters
    ----------
    folder
        Folder with FITS files, or a pattern or file.
    smallest
        Minimum height and width of the frames that are used, in pixels.
    """

    folder: str
    smallest: int

    @cached_property
    def sources(self) -> Sequence[CleanSource]:
        """Usable frames.

        Raises
        ------
        ConfigError
            If there are no usable frames.
        SourceError
            If the folder cannot be read.
        """
        return without_benchmark_frames(find_clean_frames(self.folder, smallest=self.smallest))

    @cached_property
    def cached(self) -> Sequence[CleanPlane]:
        """First usable frames in memory, up to :data:`MAX_CACHED_BYTES`."""
        planes: list[CleanPlane] = []
        total = 0
        for source in self.sources:
            planes.append(source.read())
            total += planes[-1].pixels.nbytes + planes[-1].nodata.nbytes
            if total > MAX_CACHED_BYTES:
                break
        return planes

    def plane(self, number: int) -> CleanPlane:
        """Return a frame, from memory or from disk.

        Parameters
        ----------
        number
            Index of the frame in :attr:`sources`.

        Returns
        -------
        CleanPlane
            The frame.
        """
        return self.cached[number] if number < len(self.cached) else self.sources[number].read()


@dataclass(frozen=True)
class InjectedFrames:
    """Cutouts of clean frames with injected contaminants, by number.

    The clean frames count as free of contaminants, as the user declares them.  The class of their stars and
    defects is unknown.  So pixels far above or below the sky, and their neighbours, are marked NODATA unless
    they have an injected contaminant.

    Parameters
    ----------
    clean
        Clean frames.
    recipe
        Recipe of the contaminants.
    size
        Pixels on a side of a cutout.
    seed
        Seed of the injection; each frame uses it together with its number.
    """

    clean: CleanFolder
    recipe: Recipe
    size: int
    seed: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics)

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return a cutout with contaminants, and its truth.

        Parameters
        ----------
        number
            Number of the cutout.

        Returns
        -------
        pixels
            ``(H, W)`` float32, in the unit of the clean frame.
        bits
            ``(H, W)`` int16, codes of the classes, and of NODATA.

        Raises
        ------
        ConfigError
            If no cutout with noise is found.
        """
        rng = np.random.default_rng([self.seed, number])
        for _ in range(MAX_TRIES):
            whole = self.clean.plane(int(rng.integers(len(self.clean.sources))))
            top, left = (int(rng.integers(side - self.size + 1)) for side in whole.pixels.shape)
            window = slice(top, top + self.size), slice(left, left + self.size)
            try:
                clean = clean_frame(whole.pixels[window], whole.nodata[window], whole.facts)
            except FrameError:
                continue
            exposure = inject(clean, seed=rng, recipe=self.recipe, bank=self._bank)
            bits = truth_bits(exposure.truth)
            own = np.abs(clean.pixels - clean.level) > SOURCE_THRESHOLD * clean.sigma
            own = binary_dilation(own & _connected(own), iterations=2) | own
            bits[(own & (bits == 0)) | whole.nodata[window]] = NODATA.code
            return exposure.pixels, bits
        raise ConfigError(
            f"{self.clean.folder}: none of {MAX_TRIES} pieces of the clean frames has any noise"
        )


@dataclass(frozen=True)
class MixedFrames:
    """Frames of two sources, chosen at random.

    Parameters
    ----------
    simulated, clean
        Sources of the frames.
    share
        Fraction of the frames from `clean`.
    """

    simulated: FrameSource
    clean: FrameSource
    share: float

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """See :meth:`skysieve.frames.train.normalised_frames.FrameSource.frame`."""
        source = self.clean if np.random.default_rng(number).uniform() < self.share else self.simulated
        return source.frame(number)


def _connected(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the marked pixels ``(H, W)`` with a marked neighbour, which excludes most noise peaks."""
    near = np.zeros(marked.shape, np.uint8)
    for axis in (0, 1):
        for shift in (-1, 1):
            near += np.roll(marked, shift, axis)
    return marked & (near > 0)
