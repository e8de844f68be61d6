"""Single pixels with high dark current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["HotPixels", "draw_pixels"]

NEIGHBOURS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
"""The four nearest pixels, as steps in y and x."""

TAIL_LENGTH = 12
"""Length of the tail of deferred charge, in pixels."""


@dataclass(frozen=True, kw_only=True)
class HotPixels:
    """Single pixels or small groups, whose dark current spans orders of magnitude.

    They are one pixel wide because no optics blurs them. Imperfect charge transfer adds tails behind them. In
    near-infrared arrays the interpixel capacitance moves some of the signal to the four nearest pixels.

    The mask holds the pixels whose dark charge exceeds one sigma of the local noise.

    Attributes
    ----------
    probability
        Probability that a frame has hot pixels.
    per_mpix
        Hot pixels per 2^20 pixels.
    level
        Charge of the faintest, and minimum charge of the brightest, in sigma of the sky noise; the maximum is
        the full well.
    pairs
        Probability that a hot pixel has a hot neighbour.
    tails
        Probability that charge is deferred along the read-out axis.
    deferred
        Fraction of the charge that is deferred.
    crosstalk
        Fraction of the charge that appears in each of the four nearest pixels of a near-infrared array.

    References
    ----------
    Janesick 2001, Scientific Charge-Coupled Devices (dark current); Massey et al. 2010, MNRAS 401, 371
    (tails); Moore, Ninkov & Forrest 2006, Opt. Eng. 45, 076402 (interpixel capacitance).
    """

    probability: float = 0.6
    per_mpix: Range = (5.0, 5000.0)
    level: Range = (3.0, 30.0)
    pairs: Range = (0.0, 0.3)
    tails: float = 0.08
    deferred: Range = (0.02, 0.4)
    crosstalk: Range = (0.002, 0.02)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the mean dark charge."""
        light = np.zeros(scene.shape, np.float32)
        rows, columns = draw_pixels(scene.shape, rng, self.per_mpix)
        full = scene.camera.full_well
        faintest = min(scene.sigma * self.level[0], 0.5 * full)
        brightest = log_uniform(rng, (min(scene.sigma * self.level[1], full), full))
        charge = np.exp(rng.uniform(np.log(faintest), np.log(max(brightest, faintest)), rows.size))
        _add(light, rows, columns, charge)

        paired = np.flatnonzero(rng.uniform(size=rows.size) < uniform(rng, self.pairs))
        step = NEIGHBOURS[rng.integers(4, size=paired.size)]
        share = rng.uniform(0.02, 1, paired.size) ** 2
        _add(light, rows[paired] + step[:, 0], columns[paired] + step[:, 1], share * charge[paired])

        if scene.camera.detector == "nir":
            share_each = uniform(rng, self.crosstalk)
            for dy, dx in NEIGHBOURS:
                _add(light, rows + dy, columns + dx, share_each * charge)
        elif rng.uniform() < self.tails:
            towards = 1 if rng.uniform() < 0.5 else -1
            # traps release charge in the pixels behind a hot one
            tail = np.exp(-np.arange(TAIL_LENGTH) / uniform(rng, (0.7, 5.0)))
            tail *= uniform(rng, self.deferred) / tail.sum()
            for distance, share in enumerate(tail, start=1):
                behind = (distance * towards, 0) if scene.camera.bleed_axis == 0 else (0, distance * towards)
                _add(light, rows + behind[0], columns + behind[1], share * charge)
        return Layer(light=light)


def draw_pixels(
    shape: tuple[int, int], rng: Generator, per_mpix: Range
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw at least one pixel.

    Parameters
    ----------
    shape
        ``(H, W)`` of the frame.
    rng
        Random generator.
    per_mpix
        Number per 2^20 pixels, log-uniform.

    Returns
    -------
    tuple
        Rows and columns ``(N,)`` int64; a pixel may occur more than once.
    """
    height, width = shape
    count = max(1, rng.poisson(log_uniform(rng, per_mpix) * height * width / 2**20))
    return rng.integers(height, size=count), rng.integers(width, size=count)


def _add(
    image: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Add values to pixels in place, ignoring those outside the image."""
    height, width = image.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    np.add.at(image, (rows[inside], columns[inside]), values[inside].astype(np.float32))
