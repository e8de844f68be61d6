"""Real frames with injected contaminants: real skies, stars and detectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from evaluations import BenchmarkFrame
from held_out import seed_of
from scipy import ndimage

from frames import data_folder
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location
from skysieve.frames.evaluate.masks import already_marked
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.simulate.clean_frames import BENCHMARK_FRAMES, clean_frame
from skysieve.frames.simulate.injection import inject
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.simulate.truth_bits import truth_bits
from skysieve.frames.simulate.truth_frames import CameraFacts, TruthFrame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.frames.evaluate.masks import Detector
    from skysieve.frames.simulate.injection import CleanFrame

__all__ = ["HOW", "injected_frames", "real_clean_frames"]

REACH = 2
"""Margin in pixels around those that a detector marks in the original frame; they are not evaluated."""

BRIGHT = 3.0
"""Height above the sky, in standard deviations of the noise, of pixels of the frame's own stars."""

OF_STARS = sum(find_class(name).code for name in ("BBG", "SAT", "SP"))
"""Codes of the classes that pixels of a star in the original frame may belong to."""

HOW = (
    "Contaminants, stars and galaxies are injected into real frames as in `skysieve simulate contaminants "
    "--clean-frames`. They are drawn from the held-out recipe of the camera that is most similar to that of "
    "the frame. No network in the package is trained on these real frames. The search for spikes was "
    "checked by eye on two of these real frames, and changed once for it, before contaminants were injected. "
    "The original content of a frame "
    "has no truth: pixels that any detector marks in the original frame, at its defaults, and those within "
    f"{REACH} px of them, are not evaluated in that class. Pixels {BRIGHT:g} standard deviations of the "
    "noise above the sky in the original frame are not evaluated in BBG, SAT and SP, unless these were "
    "injected there. Frames made from one real frame are resampled together."
)


@dataclass(frozen=True)
class RealFrame:
    """A real frame, ready for injection.

    Attributes
    ----------
    name, recipe
        Name of the frame, and recipe of the injected contaminants.
    clean
        The frame, its sky and its camera.
    nodata, inactive
        ``(H, W)`` bool, pixels without data, and those not exposed to light.
    """

    name: str
    recipe: str
    clean: CleanFrame
    nodata: NDArray[np.bool_]
    inactive: NDArray[np.bool_]

    @property
    def pixels(self) -> NDArray[np.float32]:
        """``(H, W)`` float32, NaN where there is no data."""
        return np.where(self.nodata, np.float32(np.nan), self.clean.pixels)

    @property
    def facts(self) -> CameraFacts:
        """Known properties of the camera."""
        clean = self.clean
        full = float(clean.pixels.max()) if clean.saturation is None else clean.saturation
        return CameraFacts(clean.gain, clean.read_noise, full)

    @property
    def own_stars(self) -> NDArray[np.int16]:
        """``(H, W)`` int16, codes of the classes that bright pixels of the original frame may belong to."""
        bright = self.clean.pixels > self.clean.level + np.float32(BRIGHT) * self.clean.sigma
        return bright * np.int16(OF_STARS)


def injected_frames(detectors: Sequence[Detector], injections: int) -> Iterator[BenchmarkFrame]:
    """Yield real frames with injected contaminants.

    Parameters
    ----------
    detectors
        Detectors; pixels that they mark in the original frame are not evaluated.
    injections
        Number of frames made from each real one.

    Yields
    ------
    BenchmarkFrame
        A frame with its truth.

    Raises
    ------
    SystemExit
        If there is no folder of real frames.
    """
    for real in _real_frames():
        marked = _originally_marked(detectors, real)
        for number in range(1, injections + 1):
            seed = seed_of("injected", real.name, number)
            exposure = inject(real.clean, seed=seed, recipe=read_recipe(real.recipe))
            pixels = np.where(real.nodata, np.float32(np.nan), exposure.pixels)
            bits, name = truth_bits(exposure.truth), f"{real.name} {number}"
            ignored = marked | (real.own_stars & ~bits)
            frame = TruthFrame(name, pixels, bits, ignored, facts=real.facts)
            yield BenchmarkFrame(frame, group=real.name, unit=real.name)


def real_clean_frames() -> Iterator[tuple[str, CleanFrame, NDArray[np.bool_]]]:
    """Yield the real frames before injection.

    Yields
    ------
    tuple
        Name, the frame with its sky and camera, and the pixels ``(H, W)`` without data or light.
    """
    for real in _real_frames():
        yield real.name, real.clean, real.nodata | real.inactive


def _real_frames() -> Iterator[RealFrame]:
    for benchmark in BENCHMARK_FRAMES:
        path = data_folder() / "frames" / benchmark.name
        with FrameFile(Location(path)) as opened:
            planes = [(hdu, plane) for hdu in opened.frames for plane in hdu.planes]
            for number, (hdu, plane) in enumerate(planes, 1):
                pixels, nodata = plane.rows(0, plane.shape[0])
                header = {**dict(opened.hdus[0].header), **dict(hdu.header)}
                name = path.stem if len(planes) == 1 else f"{path.stem} {number}"
                sections = plane.sections
                inactive = np.zeros_like(nodata)
                if sections is not None:
                    inactive |= sections.inactive(0, plane.shape[0])
                clean = clean_frame(pixels, nodata, header)
                yield RealFrame(name, benchmark.recipe, clean, nodata, inactive)


def _originally_marked(detectors: Sequence[Detector], real: RealFrame) -> NDArray[np.int16]:
    """Return the codes ``(H, W)`` of the classes that any detector marks at a pixel or near it."""
    marked = already_marked(detectors, real.pixels, real.facts)
    reached = np.zeros_like(marked)
    near = np.ones((2 * REACH + 1, 2 * REACH + 1), np.bool_)
    for code in (c.code for c in CLASSES if c.code):
        reached |= ndimage.binary_dilation((marked & code) != 0, near) * np.int16(code)
    return reached
