"""Columns, lines and clusters of dead pixels, or of pixels with low response."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.contaminants.hot_columns import BadColumn, draw_blob, draw_columns
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["DeadColumns"]

MIN_DEFICIT = 0.7
"""Minimum deficit in sigma of the sky noise: one that only the length of a column makes visible."""


@dataclass(frozen=True, kw_only=True)
class DeadColumns:
    """Columns, lines and clusters that lose charge.

    A broken gate or a trap blocks the charge of all pixels behind it: from there to the edge away from the
    register, the column is dead or has a low response. A shallow trap is filled by the first charge, so the
    column recovers. Specks on the silicon shadow clusters of pixels. Pipelines replace some of them by a
    constant.

    The mask holds the pixels whose lost skylight exceeds one sigma of the local noise, and those that a
    pipeline replaced by a constant.

    Attributes
    ----------
    probability
        Probability that a frame has dead columns.
    per_kpix
        Columns per 1000 px of width.
    lines
        Probability that one runs across the read-out direction.
    dead
        Probability that a column or cluster is almost dead; others lose a log-uniform fraction of the light.
    recovering
        Probability that a column recovers behind the trap.
    clusters_per_mpix
        Dead clusters per 2^20 pixels.
    cluster_radius
        Radius of clusters, in pixels.
    filled
        Probability that all have a response of exactly 0, as if a pipeline had replaced them by a constant.

    References
    ----------
    Janesick 2001, Scientific Charge-Coupled Devices (traps, and columns that they block).
    """

    probability: float = 0.4
    per_kpix: Range = (1.0, 20.0)
    lines: float = 0.12
    dead: float = 0.35
    recovering: float = 0.12
    clusters_per_mpix: Range = (0.5, 40.0)
    cluster_radius: Range = (1.0, 15.0)
    filled: float = 0.15

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the relative response, and the mask of its visible defects."""
        response = np.ones(scene.shape, np.float32)
        filled = rng.uniform() < self.filled
        level = float(np.median(scene.sky))
        min_deficit = min(max(MIN_DEFICIT * scene.sigma / max(level, 1), 0.002), 0.5)
        deficit = self._deficit(rng, min_deficit)
        for column in draw_columns(scene, rng, per_kpix=self.per_kpix, lines=self.lines):
            if rng.uniform() < 0.6:  # otherwise the deficit of the previous column
                deficit = self._deficit(rng, min_deficit)
            across = rng.uniform(0.4, 1, column.width).astype(np.float32)
            across /= across.max()
            if filled:
                response[column.window] = 0
                continue
            missing = np.float32(deficit) * column.outer_product(self._profile(rng, column), across)
            response[column.window] *= 1 - missing
        for _ in range(rng.poisson(log_uniform(rng, self.clusters_per_mpix) * response.size / 2**20)):
            radius, edge = log_uniform(rng, self.cluster_radius), uniform(rng, (0.02, 0.8)) ** 2
            window, blob = draw_blob(scene.shape, rng, radius=radius, edge=edge)
            if filled:
                response[window][blob > 0.5] = 0
            else:
                response[window] *= 1 - np.float32(self._deficit(rng, min_deficit)) * blob
        noise = np.sqrt(scene.sky + np.float32(scene.camera.read_noise**2))
        return Layer(response=response, truth=((1 - response) * scene.sky > noise) | (response == 0))

    def _deficit(self, rng: Generator, min_deficit: float) -> float:
        """Draw the fraction of charge that is lost: nearly all, or log-uniform."""
        if rng.uniform() < self.dead:
            return uniform(rng, (0.9, 0.999))
        return log_uniform(rng, (min_deficit, 0.95))

    def _profile(self, rng: Generator, column: BadColumn) -> NDArray[np.float32]:
        """Draw the relative deficit along a column: constant, varying, or recovering behind the trap."""
        distance = column.distance
        kind = rng.uniform()
        if kind < self.recovering:
            reach = log_uniform(rng, (3, max(0.5 * distance.size, 4)))
            return np.asarray(np.exp(-distance / reach), np.float32)
        if kind < self.recovering + 0.15:
            knots = rng.uniform(0.4, 1, 3 + math.ceil(distance.size / 60))
            return np.interp(distance, np.linspace(0, distance.size, knots.size), knots).astype(np.float32)
        return np.ones(distance.size, np.float32)
