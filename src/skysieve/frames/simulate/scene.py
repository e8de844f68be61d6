"""Inputs and outputs of contaminants: the scene (sky, telescope, camera), and the layer that each adds."""

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
    """A star: position in pixels (the centre of the first pixel is 0, 0) and flux in electrons."""

    y: float
    x: float
    flux: float


@dataclass(frozen=True)
class Scene:
    """A frame before its contaminants.

    Attributes
    ----------
    camera
        Telescope and camera.
    psf
        Point spread function.
    sky
        Mean light of the empty sky ``(H, W)`` float32, in electrons per pixel.
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
        """Noise of the empty sky in electrons: photon noise of the median sky, and read noise."""
        return math.hypot(math.sqrt(float(np.median(self.sky))), self.camera.read_noise)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Effect of a contaminant on a frame; all arrays are ``(H, W)``, and None means no effect.

    Attributes
    ----------
    light
        Mean electrons float32 that it adds, before photon noise; vignetting is included.
    charge
        Electrons float32 that it adds, with their noise.
    response
        Factor float32 on all charge in a pixel; 1 in a good pixel.
    truth
        Mask bool of the contaminant; None for pixels where the added signal exceeds one sigma of the local
        noise.
    """

    light: NDArray[np.float32] | None = None
    charge: NDArray[np.float32] | None = None
    response: NDArray[np.float32] | None = None
    truth: NDArray[np.bool_] | None = None


class Contaminant(Protocol):
    """Settings of a contaminant in a recipe: a frozen dataclass whose fields are the settings."""

    @property
    def probability(self) -> float:
        """Probability that a frame has this contaminant."""
        ...

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the contaminant.

        Parameters
        ----------
        scene
            The frame before its contaminants.
        rng
            Random generator.

        Returns
        -------
        Layer
            Effect on the frame.
        """
        ...
