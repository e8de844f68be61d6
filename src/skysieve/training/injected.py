"""The user's own clean frames with simulated contaminants in them, to train on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.contaminants.classes import NODATA
from skysieve.errors import ConfigError, FrameError, SkysieveError
from skysieve.imaging.background import estimate_background
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.frames import ArrayFrame
from skysieve.imaging.locations import find_locations
from skysieve.imaging.mesh import Window
from skysieve.simulate.injection import CleanFrame, inject
from skysieve.simulate.optics import PsfBank
from skysieve.training.tiles import truth_bits

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.recipe import Recipe
    from skysieve.training.tiles import FrameSource

__all__ = ["InjectedFrames", "MixedFrames", "clean_frame"]

logger = logging.getLogger(__name__)

UNBOUNDED = Window(-1e30, 1e30)

GAIN_KEYWORDS = ("GAIN", "EGAIN", "GAINA")
NOISE_KEYWORDS = ("RDNOISE", "READNOIS", "RON", "RDNOISEA")
SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL", "SATURATA", "MAXLIN")


def clean_frame(
    pixels: NDArray[np.float32], nodata: NDArray[np.bool_], header: dict[str, object]
) -> CleanFrame:
    """Return a frame ready for injection: its sky is measured, and its camera read from the header.

    Parameters
    ----------
    pixels, nodata
        ``(H, W)``.
    header
        Cards; gain, read noise and saturation are taken from those of the usual keywords that hold a number.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    background = estimate_background(ArrayFrame(pixels, mask=nodata), UNBOUNDED, threads=1)
    level, sigma = background.rows(0, pixels.shape[0])
    return CleanFrame(
        pixels=np.where(nodata, level, pixels),
        level=level,
        sigma=sigma,
        gain=_number(header, GAIN_KEYWORDS) or 1.0,
        read_noise=_number(header, NOISE_KEYWORDS) or 5.0,
        saturation=_number(header, SATURATION_KEYWORDS),
    )


def _number(header: dict[str, object], keywords: tuple[str, ...]) -> float | None:
    """Return the first positive number that the header gives for one of the keywords."""
    for keyword in keywords:
        try:
            value = float(header[keyword])  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError):
            continue
        if np.isfinite(value) and value > 0:
            return value
    return None


@dataclass(frozen=True)
class InjectedFrames:
    """Pieces of clean frames with contaminants of a recipe, by number.

    Pixels of the user's frames count as what the user says they are: free of contaminants.  Their stars are
    in no class that could be known, so pixels well above the sky that nothing was put into do not count.

    Parameters
    ----------
    folder
        FITS files, in it or in folders below.
    recipe
        What contaminants are drawn from.
    size
        Pixels on a side of a piece.
    seed
        With the number of a frame, the seed of all in it.
    """

    folder: str
    recipe: Recipe
    size: int
    seed: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics)

    @cached_property
    def frames(self) -> list[tuple[NDArray[np.float32], NDArray[np.bool_], dict[str, object]]]:
        """Pixels, missing pixels and header of each usable frame.

        Raises
        ------
        ConfigError
            If there are none.
        """
        found = []
        for location in find_locations(self.folder):
            try:
                with FrameFile(location) as file:
                    for hdu in file.frames:
                        for frame in hdu.planes:
                            if min(frame.shape) >= self.size:
                                found.append((*frame.rows(0, frame.shape[0]), dict(hdu.header)))
            except SkysieveError as error:
                logger.warning("%s; left out", error)
        if not found:
            raise ConfigError(
                f"{self.folder}: no clean frames of {self.size} × {self.size} px or more; "
                "give a folder of FITS frames, or a smaller `frame` in the recipe"
            )
        return found

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return the pixels ``(H, W)`` of a piece of a frame, and its classes as bits ``(H, W)``."""
        rng = np.random.default_rng([self.seed, number])
        for _ in range(100):
            pixels, nodata, header = self.frames[int(rng.integers(len(self.frames)))]
            window = _window(pixels.shape, self.size, rng)
            try:
                clean = clean_frame(pixels[window], nodata[window], header)
            except FrameError:
                continue
            exposure = inject(clean, seed=rng, recipe=self.recipe, bank=self._bank)
            bits = truth_bits(exposure.truth)
            own = (clean.pixels > clean.level + 3 * clean.sigma) & (bits == 0)
            bits[own | nodata[window]] = NODATA.code
            return exposure.pixels, bits
        raise ConfigError(f"{self.folder}: none of 100 pieces of the clean frames has any noise")


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


def _window(shape: tuple[int, ...], size: int, rng: Generator) -> tuple[slice, slice]:
    """Return a square piece of a frame."""
    top, left = (int(rng.integers(side - size + 1)) for side in shape)
    return slice(top, top + size), slice(left, left + size)
