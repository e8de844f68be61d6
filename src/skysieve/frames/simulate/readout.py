"""Read out the detector: convert electrons to ADU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.overscan import Borders

__all__ = ["ReadOut"]


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """Ranges of the effects of the electronics.

    Attributes
    ----------
    amplifiers
        Probability that two amplifiers read the two halves, with a step between them.
    step
        Difference of their levels, in units of the read noise.
    banding
        Probability of banding: rows have different levels, as from low-frequency noise.
    band_height
        Standard deviation of the row levels, in units of the read noise.
    lag
        Fraction of charge that each transfer leaves behind; it trails into the overscan.
    """

    amplifiers: float = 0.2
    step: Range = (0.1, 4.0)
    banding: float = 0.2
    band_height: Range = (0.03, 0.5)
    lag: Range = (1e-7, 3e-5)

    def apply(
        self, charge: NDArray[np.float32], rng: Generator, camera: Camera, *, borders: Borders
    ) -> NDArray[np.float32]:
        """Return the frame in ADU, not rounded.

        The overscan holds what the electronics give without a pixel: bias and read noise. On the right it
        also holds the charge that the transfers left behind, which vanishes within a few columns.

        Parameters
        ----------
        charge
            ``(h, w)`` float32, electrons in the active area.
        rng
            Random generator.
        camera
            Gives gain, read noise and bias.
        borders
            Overscan and prescan.

        Returns
        -------
        numpy.ndarray
            ``(H, W)`` float32 in ADU, with the borders around the active area.
        """
        lag = log_uniform(rng, self.lag)
        splits, bands = rng.uniform(size=2) < (self.amplifiers, self.banding)
        electrons = np.pad(charge, borders.widths)
        if borders.right:
            first = electrons.shape[1] - borders.right
            trail = lag * first * 0.3 ** np.arange(borders.right, dtype=np.float32)
            electrons[:, first:] += electrons[:, first - 1 : first] * np.minimum(trail, 0.3)
        electrons += np.float32(camera.read_noise) * rng.standard_normal(electrons.shape, np.float32)
        height, width = electrons.shape
        if splits:
            step = log_uniform(rng, self.step) * camera.read_noise
            axis_is_rows = rng.uniform() < 0.5
            half = electrons[height // 2 :] if axis_is_rows else electrons[:, width // 2 :]
            half *= np.float32(1 + rng.normal(0, 0.004))
            half += np.float32(step)
        if bands:
            levels = rng.standard_normal((height, 1), np.float32)
            levels *= np.float32(log_uniform(rng, self.band_height) * camera.read_noise)
            electrons += levels
        # The bias drifts to its final level along the frame
        settling = uniform(rng, (-1, 1)) * camera.read_noise
        electrons += (settling * np.exp(-np.arange(height, dtype=np.float32) / 200))[:, None]
        electrons /= np.float32(camera.gain)
        electrons += np.float32(camera.bias)
        return electrons
