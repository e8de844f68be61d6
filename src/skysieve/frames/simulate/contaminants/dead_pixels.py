"""Single dead pixels, or pixels with low response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, uniform
from skysieve.frames.simulate.contaminants.hot_pixels import draw_pixels
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator

    from skysieve.frames.simulate.scene import Scene

__all__ = ["DeadPixels"]


@dataclass(frozen=True, kw_only=True)
class DeadPixels:
    """Single pixels or pairs that lose most of their charge.

    The mask holds the pixels whose lost skylight exceeds one sigma of the local noise, and those that a
    pipeline replaced by a constant.

    Attributes
    ----------
    probability
        Probability that a frame has dead pixels.
    per_mpix
        Dead pixels per 2^20 pixels.
    response
        Fraction of the charge that they keep.
    dead
        Fraction of them that keep almost nothing.
    pairs
        Probability that a dead pixel has a dead neighbour.
    filled
        Probability that all have a response of exactly 0, as if a pipeline had replaced them by a constant.
    """

    probability: float = 0.5
    per_mpix: Range = (5.0, 5000.0)
    response: Range = (0.01, 0.7)
    dead: Range = (0.1, 0.9)
    pairs: Range = (0.0, 0.15)
    filled: float = 0.1

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the relative response, and the mask of its visible defects."""
        height, width = scene.shape
        response = np.ones(scene.shape, np.float32)
        rows, columns = draw_pixels(scene.shape, rng, self.per_mpix)
        paired = rng.uniform(size=rows.size) < uniform(rng, self.pairs)
        along = rng.integers(2, size=rows.size)[paired]
        rows = np.concatenate([rows, np.minimum(rows[paired] + along, height - 1)])
        columns = np.concatenate([columns, np.minimum(columns[paired] + 1 - along, width - 1)])
        kept = rng.uniform(*self.response, rows.size)
        dead = rng.uniform(size=rows.size) < uniform(rng, self.dead)
        kept[dead] = rng.uniform(0.001, 0.05, int(dead.sum()))
        response[rows, columns] = 0 if rng.uniform() < self.filled else kept
        noise = np.sqrt(scene.sky + np.float32(scene.camera.read_noise**2))
        return Layer(response=response, truth=((1 - response) * scene.sky > noise) | (response == 0))
