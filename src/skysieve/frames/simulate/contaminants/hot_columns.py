"""Columns, lines and clusters of hot pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["BadColumn", "HotColumns", "draw_blob", "draw_columns"]

GROUP = 12
"""Maximum distance in pixels between columns damaged by the same defect of the wafer."""


@dataclass(frozen=True)
class BadColumn:
    """One to four adjacent columns, or lines, of a frame ``(H, W)`` that share a defect.

    Attributes
    ----------
    axis
        0 if it runs along columns, 1 along rows.
    start, stop
        First pixel along the axis, and the one after the last.
    position, width
        First pixel across the axis, and the number of pixels.
    backward
        Whether the defect is at the far end instead of the start.
    """

    axis: int
    start: int
    stop: int
    position: int
    width: int
    backward: bool

    @property
    def window(self) -> tuple[slice, slice]:
        """Slices of the frame."""
        along, across = slice(self.start, self.stop), slice(self.position, self.position + self.width)
        return (along, across) if self.axis == 0 else (across, along)

    @property
    def distance(self) -> NDArray[np.float32]:
        """Distance of its pixels from the defect ``(L,)`` float32, in pixels."""
        distance = np.arange(self.stop - self.start, dtype=np.float32)
        return distance[::-1] if self.backward else distance

    def outer_product(self, along: NDArray[np.float32], across: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the product of two profiles, with the shape of the window.

        Parameters
        ----------
        along
            Profile along the column ``(L,)`` float32.
        across
            Profile across it ``(width,)`` float32.

        Returns
        -------
        numpy.ndarray
            ``(L, width)``, or transposed for a line.
        """
        block = along[:, None] * across
        return block if self.axis == 0 else block.T


@dataclass(frozen=True, kw_only=True)
class HotColumns:
    """Columns, lines and clusters with excess charge.

    A pixel that leaks while charge is shifted through it adds charge to all that passes: from there to the
    edge away from the register, its column is hot. A defect of the wafer makes a cluster of hot pixels.
    Broken amplifiers and clocks make whole columns hot, noisy, or alternating.

    The mask holds the pixels whose added charge, or added noise, exceeds one sigma of the local noise.

    Attributes
    ----------
    probability
        Probability that a frame has hot columns.
    per_kpix
        Columns per 1000 px of width.
    lines
        Probability that one runs across the read-out direction.
    level
        Charge in a pixel, in sigma of the sky noise.
    noisy
        Probability that a column is noisy instead of bright.
    noise
        Standard deviation of noisy columns, in sigma of the sky noise.
    clusters_per_mpix
        Hot clusters per 2^20 pixels.
    cluster_radius
        Radius of clusters, in pixels.

    References
    ----------
    Janesick 2001, Scientific Charge-Coupled Devices (dark current, and its columns).
    """

    probability: float = 0.4
    per_kpix: Range = (1.0, 20.0)
    lines: float = 0.12
    level: Range = (0.7, 3000.0)
    noisy: float = 0.12
    noise: Range = (1.5, 30.0)
    clusters_per_mpix: Range = (0.3, 20.0)
    cluster_radius: Range = (0.8, 6.0)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the mean charge of bright columns, and the charge of noisy ones."""
        light = np.zeros(scene.shape, np.float32)
        charge: NDArray[np.float32] | None = None
        noisy: NDArray[np.bool_] | None = None
        brightest = 0.9 * scene.camera.full_well
        level = log_uniform(rng, self.level)
        for column in draw_columns(scene, rng, per_kpix=self.per_kpix, lines=self.lines):
            across = np.exp(rng.normal(0, 0.6, column.width)).astype(np.float32)
            if rng.uniform() < self.noisy:
                if charge is None or noisy is None:
                    charge, noisy = np.zeros(scene.shape, np.float32), np.zeros(scene.shape, np.bool_)
                rms = scene.sigma * log_uniform(rng, self.noise)
                charge[column.window] += rms * rng.standard_normal(charge[column.window].shape, np.float32)
                noisy[column.window] |= rms**2 > scene.sky[column.window] + scene.camera.read_noise**2
                continue
            if rng.uniform() < 0.6:  # otherwise the level of the previous column
                level = log_uniform(rng, self.level)
            electrons = min(scene.sigma * level, brightest)
            along = _profile(rng, column)
            light[column.window] += electrons * column.outer_product(along, across / across.max())
        self._add_clusters(light, scene, rng, brightest=brightest)
        np.minimum(light, brightest, out=light)
        if charge is None or noisy is None:
            return Layer(light=light)
        local = np.sqrt(scene.sky + np.float32(scene.camera.read_noise**2))
        return Layer(light=light, charge=charge, truth=noisy | (light > local))

    def _add_clusters(
        self, light: NDArray[np.float32], scene: Scene, rng: Generator, *, brightest: float
    ) -> None:
        """Add clusters of hot pixels in place, brightest at their centres."""
        for _ in range(rng.poisson(log_uniform(rng, self.clusters_per_mpix) * light.size / 2**20)):
            window, blob = draw_blob(scene.shape, rng, radius=log_uniform(rng, self.cluster_radius), edge=0.5)
            electrons = min(scene.sigma * log_uniform(rng, self.level), brightest)
            light[window] += electrons * blob * np.exp(rng.normal(0, 0.7, blob.shape)).clip(0, 2)


def draw_columns(scene: Scene, rng: Generator, *, per_kpix: Range, lines: float) -> list[BadColumn]:
    """Draw at least one bad column.

    About half of them extend from a defect to the edge away from the register, which is the same edge for
    all. The others extend from edge to edge, or over a segment. Some come in groups caused by one defect.

    Parameters
    ----------
    scene
        Gives the shape and the read-out direction.
    rng
        Random generator.
    per_kpix
        Columns per 1000 px of width.
    lines
        Probability that one runs across the read-out direction.

    Returns
    -------
    list
        The columns and lines.
    """
    columns: list[BadColumn] = []
    toward_start = bool(rng.uniform() < 0.5)
    along, across = scene.shape if scene.camera.bleed_axis == 0 else scene.shape[::-1]
    for _ in range(max(1, rng.poisson(log_uniform(rng, per_kpix) * across / 1000))):
        axis: int = scene.camera.bleed_axis
        backward = toward_start
        if rng.uniform() < lines:
            axis, backward = 1 - axis, bool(rng.uniform() < 0.5)
        length, room = (along, across) if axis == scene.camera.bleed_axis else (across, along)
        start, stop = _extent(rng, length, backward=backward)
        middle = int(rng.integers(room))
        members = 1 if rng.uniform() > 0.15 else 2 + rng.poisson(2)
        for offset in (0, *rng.integers(-GROUP, GROUP + 1, members - 1)):
            position = min(max(middle + int(offset), 0), room - 1)
            width = min(1 + int(rng.choice(4, p=[0.68, 0.2, 0.08, 0.04])), room - position)
            columns.append(BadColumn(axis, start, stop, position, width, backward))
    return columns


def draw_blob(
    shape: tuple[int, int], rng: Generator, *, radius: float, edge: float
) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """Draw an irregular, connected spot.

    Parameters
    ----------
    shape
        ``(H, W)`` of the frame.
    rng
        Random generator.
    radius
        Mean radius, in pixels.
    edge
        Width of its edge, relative to the radius.

    Returns
    -------
    tuple
        Slices of the frame, and values ``(h, w)`` float32 there: 1 inside the spot, 0 outside.
    """
    y, x = (int(rng.integers(side)) for side in shape)
    reach = math.ceil(radius * (1.6 + edge)) + 1
    rows = np.arange(max(y - reach, 0), min(y + reach + 1, shape[0]))
    columns = np.arange(max(x - reach, 0), min(x + reach + 1, shape[1]))
    off = rng.uniform(-0.5, 0.5, 2)
    dy, dx = np.meshgrid(rows - y - off[0], columns - x - off[1], indexing="ij")
    azimuth = np.arctan2(dy, dx)
    waves = np.arange(2, 6)[:, None, None]
    bumps = np.cos(waves * azimuth + rng.uniform(0, 2 * math.pi, waves.shape))
    outline = radius * np.clip(1 + np.sum(rng.normal(0, 0.35, waves.shape) / waves * bumps, axis=0), 0.4, 1.6)
    squeeze = uniform(rng, (0.0, 0.5)) * np.cos(azimuth - rng.uniform(0, math.pi)) ** 2
    outside = np.hypot(dy, dx) / outline * (1 + squeeze) - 1
    blob = np.clip(0.5 - outside / max(edge, 1e-3), 0, 1).astype(np.float32)
    window = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return window, blob


def _extent(rng: Generator, length: int, *, backward: bool) -> tuple[int, int]:
    """Draw the first pixel of a bad column, and the one after the last."""
    kind = rng.uniform()
    if kind < 0.3:
        return 0, length
    if kind < 0.85:
        defect = round(length * uniform(rng, (0.02, 0.95)))
        return (0, max(length - defect, 4)) if backward else (min(defect, length - 4), length)
    piece = min(round(log_uniform(rng, (8, max(length, 9)))), length)
    start = int(rng.integers(length - piece + 1))
    return start, start + piece


def _profile(rng: Generator, column: BadColumn) -> NDArray[np.float32]:
    """Draw the brightness along a hot column: constant, fading, varying or alternating, with a leak."""
    distance = column.distance
    along = np.ones(distance.size, np.float32)
    kind = rng.uniform()
    if kind < 0.2:
        along = np.exp(-distance / np.float32(distance.size * uniform(rng, (0.1, 1.5))))
    elif kind < 0.4:
        knots = np.exp(rng.normal(0, 0.5, 3 + distance.size // 40))
        along = np.interp(distance, np.linspace(0, distance.size, knots.size), knots).astype(np.float32)
    elif kind < 0.5:
        period = log_uniform(rng, (2, 24))
        along = 1 - np.float32(uniform(rng, (0.2, 1))) * (np.mod(distance, period) >= period / 2)
    elif kind < 0.55:
        along = rng.exponential(size=distance.size).astype(np.float32)
    if rng.uniform() < 0.4:
        leak = distance < rng.integers(1, 4)
        along[leak] *= np.float32(log_uniform(rng, (1.5, 40)))
    return along
