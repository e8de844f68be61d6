"""What a pipeline does to a frame before anyone masks it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, zoom

from skysieve.core.simulate.draws import Range, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Kind", "Processing", "Resampling"]

Kind = Literal["raw", "subtracted", "resampled"]
"""As read; without bias and sky; moved onto another grid of pixels, as the parts of a coadd are."""


@dataclass(frozen=True)
class Resampling:
    """A turn by a small angle and a shift by parts of a pixel, with splines of this order."""

    angle: float
    shift: tuple[float, float]
    order: int

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image ``(H, W)`` on the new grid; noise of neighbours is correlated after it."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        matrix = np.array([[cosine, -sine], [sine, cosine]])
        centre = (np.array(image.shape) - 1) / 2
        offset = centre - matrix @ centre + self.shift
        moved: NDArray[np.float32] = affine_transform(
            image, matrix, offset=offset, order=self.order, mode="nearest", prefilter=self.order > 1
        )
        return moved


@dataclass(frozen=True, kw_only=True)
class Processing:
    """What pipelines do.

    Attributes
    ----------
    chances
        Chances that a frame is raw, has its sky subtracted, or was resampled with its sky subtracted.
    scale
        Factor from ADU to the unit of processed frames.
    residual
        Error of the subtracted sky, relative to the noise.
    exposures
        Most exposures that a resampled frame is the mean of.
    """

    chances: tuple[float, float, float] = (0.55, 0.25, 0.2)
    scale: Range = (0.01, 10.0)
    residual: Range = (0.02, 0.6)
    exposures: int = 9

    def draw_kind(self, rng: Generator) -> Kind:
        """Return what is done to a frame."""
        chances = np.array(self.chances) / sum(self.chances)
        kinds: tuple[Kind, ...] = ("raw", "subtracted", "resampled")
        return kinds[int(rng.choice(3, p=chances))]

    def draw_resampling(self, rng: Generator) -> Resampling:
        """Return a new grid: a turn by at most half a degree, linear or cubic interpolation."""
        angle = math.radians(rng.uniform(-0.5, 0.5)) * (rng.uniform() < 0.7)
        return Resampling(angle, (rng.uniform(), rng.uniform()), order=1 if rng.uniform() < 0.6 else 3)

    def subtract_sky(
        self, pixels: NDArray[np.float32], sky: NDArray[np.float32], rng: Generator, *, sigma: float
    ) -> NDArray[np.float32]:
        """Return the frame without its sky, in another unit.

        Parameters
        ----------
        pixels
            ``(H, W)`` in ADU.
        sky
            ``(H, W)`` mean level in ADU, bias included.
        rng
            Source of randomness.
        sigma
            Noise of the sky, in ADU: the pipeline's sky is wrong by a part of it, smoothly.
        """
        height, width = pixels.shape
        coarse = gaussian_filter(rng.standard_normal((8, 8)).astype(np.float32), 1.0)
        error = zoom(coarse, (height / 8, width / 8), order=1, mode="nearest", grid_mode=True)
        wrong = sigma * log_uniform(rng, self.residual) * 3
        left: NDArray[np.float32] = pixels - sky - np.float32(wrong) * error
        return left * np.float32(log_uniform(rng, self.scale))
