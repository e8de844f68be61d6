"""Processing of a frame by a pipeline before it is masked."""

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
"""Raw; without bias and sky; resampled to another pixel grid, like the inputs of a coadd."""


@dataclass(frozen=True)
class Resampling:
    """Rotation by a small angle and shift by fractions of a pixel, with spline interpolation of an order."""

    angle: float
    shift: tuple[float, float]
    order: int

    def apply(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image on the new grid. Its noise is correlated between neighbours.

        Parameters
        ----------
        image
            ``(H, W)`` float32.

        Returns
        -------
        numpy.ndarray
            Resampled image ``(H, W)`` float32.
        """
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
    """Ranges of pipeline processing.

    Attributes
    ----------
    chances
        Probabilities that a frame is raw, sky-subtracted, or resampled after sky subtraction.
    scale
        Factor from ADU to the unit of processed frames.
    residual
        Error of the sky subtraction, relative to the noise.
    exposures
        Maximum number of exposures that a resampled frame averages.
    """

    chances: tuple[float, float, float] = (0.55, 0.25, 0.2)
    scale: Range = (0.01, 10.0)
    residual: Range = (0.02, 0.6)
    exposures: int = 9

    def draw_kind(self, rng: Generator) -> Kind:
        """Draw the processing of a frame.

        Parameters
        ----------
        rng
            Random generator.

        Returns
        -------
        Kind
            ``"raw"``, ``"subtracted"`` or ``"resampled"``.
        """
        chances = np.array(self.chances) / sum(self.chances)
        kinds: tuple[Kind, ...] = ("raw", "subtracted", "resampled")
        return kinds[int(rng.choice(3, p=chances))]

    def draw_resampling(self, rng: Generator) -> Resampling:
        """Draw a resampling: rotation by at most half a degree, linear or cubic interpolation.

        Parameters
        ----------
        rng
            Random generator.

        Returns
        -------
        Resampling
            The new grid.
        """
        angle = math.radians(rng.uniform(-0.5, 0.5)) * (rng.uniform() < 0.7)
        return Resampling(angle, (rng.uniform(), rng.uniform()), order=1 if rng.uniform() < 0.6 else 3)

    def subtract_sky(
        self, pixels: NDArray[np.float32], sky: NDArray[np.float32], rng: Generator, *, sigma: float
    ) -> NDArray[np.float32]:
        """Return the frame without its sky, in another unit.

        Parameters
        ----------
        pixels
            ``(H, W)`` float32, in ADU.
        sky
            ``(H, W)`` float32, mean level in ADU, bias included.
        rng
            Random generator.
        sigma
            Noise of the sky in ADU, the unit of the smooth error of the sky subtraction.

        Returns
        -------
        numpy.ndarray
            ``(H, W)`` float32, in the new unit.
        """
        height, width = pixels.shape
        coarse = gaussian_filter(rng.standard_normal((8, 8)).astype(np.float32), 1.0)
        error = zoom(coarse, (height / 8, width / 8), order=1, mode="nearest", grid_mode=True)
        wrong = sigma * log_uniform(rng, self.residual) * 3
        left: NDArray[np.float32] = pixels - sky - np.float32(wrong) * error
        return left * np.float32(log_uniform(rng, self.scale))
