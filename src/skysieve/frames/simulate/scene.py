"""What contaminants find when they come: the frame's sky, telescope and camera; and what they leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.psf import Psf

__all__ = ["Contaminant", "Layer", "Scene", "Star"]


@dataclass(frozen=True)
class Star:
    """A star: its place in pixels (the centre of the first pixel is 0, 0) and its flux in electrons."""

    y: float
    x: float
    flux: float


@dataclass(frozen=True)
class Scene:
    """A frame before its contaminants.

    Attributes
    ----------
    camera
        What the frame is taken with.
    psf
        Point spread function.
    sky
        Mean light of the empty sky ``(H, W)`` float32, in electrons a pixel.
    bright_stars
        Stars near or above the full well, which have spikes and halos, and saturate.
    """

    camera: Camera
    psf: Psf
    sky: NDArray[np.float32]
    bright_stars: tuple[Star, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.sky.shape
        return height, width

    @cached_property
    def sigma(self) -> float:
        """Noise of the empty sky in electrons: photons of the median sky and read-out."""
        return math.hypot(math.sqrt(float(np.median(self.sky))), self.camera.read_noise)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What a contaminant does to a frame; all arrays are ``(H, W)``, and None means nothing.

    Attributes
    ----------
    light
        Mean electrons float32 that it adds, with the noise of photons still to come (and vignetting in it).
    charge
        Electrons float32 that it adds as they are.
    response
        Factor float32 on all the charge in a pixel, 1 where the detector is sound.
    truth
        Pixels that belong to the contaminant; None for those where what is added stands above one sigma of
        the local noise.
    """

    light: NDArray[np.float32] | None = None
    charge: NDArray[np.float32] | None = None
    response: NDArray[np.float32] | None = None
    truth: NDArray[np.bool_] | None = None


class Contaminant(Protocol):
    """Settings of a contaminant, as a recipe gives them; a frozen dataclass whose fields are the settings."""

    @property
    def probability(self) -> float:
        """Chance that a frame has this contaminant."""
        ...

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Return what the contaminant does to a frame of this scene."""
        ...
