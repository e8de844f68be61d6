"""Persistence: afterglow of stars that saturated in earlier exposures."""

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

__all__ = ["Persistence"]

FLOOR = 0.2
"""Charge at which an afterglow is cut off, in sigma of the sky noise."""

BETA = 3.0
"""Exponent of the Moffat profile of the stars that left the charge."""

MAX_CHARGE = 0.4
"""Maximum charge that traps release, relative to the full well."""


@dataclass(frozen=True, kw_only=True)
class _Afterglow:
    """Properties common to the afterglows of one frame.

    Attributes
    ----------
    steepness
        Exponent with which the trapped charge increases with the charge of a pixel, below the full well.
    hollow
        Fraction of the charge that is missing in the centres.
    alpha
        Scale of the Moffat profile of the stars, in pixels.
    vanes
        Position angles of the diffraction spikes, in radians.
    bar
        Half-width of the bleed trail, in pixels; 0 for none.
    bleed_axis
        Array axis of the bleed trail.
    """

    steepness: float
    hollow: float
    alpha: float
    vanes: tuple[float, ...]
    bar: float
    bleed_axis: int

    def radius(self, peak: float) -> float:
        """Return the saturation radius in pixels of a star with this peak in full wells."""
        return self.alpha * math.sqrt(max(peak ** (1 / BETA) - 1, 0.1))

    def footprint(self, peak: float, dy: NDArray[np.float32], dx: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the fraction of traps ``(h, w)`` that such a star has filled, at offsets in pixels."""
        squared = dy**2 + dx**2
        full = peak * (1 + squared / self.alpha**2) ** np.float32(-BETA)
        for angle in self.vanes:
            off = dy * math.cos(angle) - dx * math.sin(angle)
            full += 0.03 * peak * np.exp(-(off**2) / 2) / (1 + squared / self.alpha**2)
        filled = 1 / (1 + np.maximum(full, 1e-3) ** np.float32(-self.steepness))
        radius = self.radius(peak)
        if self.hollow:
            filled *= 1 - self.hollow / (1 + (squared / (0.6 * radius) ** 2) ** 3)
        if self.bar:
            along, across = (dy, dx) if self.bleed_axis == 0 else (dx, dy)
            taper = self.bar * (1 - np.abs(along) / (0.1 * radius**2 + 2 * radius))
            filled = np.maximum(filled, np.clip(taper - np.abs(across) + 0.5, 0, 1))
        return np.asarray(filled, np.float32)


@dataclass(frozen=True, kw_only=True)
class Persistence:
    """Charge that traps near saturated pixels captured in an earlier exposure, and now release.

    Its shape is that of the saturated pixels: a flat disc with steep edges, sometimes with the bleed trail or
    the spikes of the star, or hollow where the core was reset. It differs from the PSF. A star leaves one
    afterglow for each earlier pointing, fainter with age. The pattern of pointings is the same for all stars.

    The mask holds the pixels whose released charge exceeds one sigma of the local noise.

    Attributes
    ----------
    probability
        Probability that a frame has persistence.
    stars_per_mpix
        Stars per 2^20 pixels that left afterglows.
    level
        Charge in a pixel of the newest, in sigma of the sky noise.
    excess
        Peaks of the stars, in full wells.
    dithered
        Probability that stars left several afterglows.
    pointings
        Maximum number of pointings of these.
    dither
        Distance between pointings, in pixels.
    decay
        Exponent n of the decay with time t, t^-n.
    own
        Probability that the stars are those of this frame, at other positions.
    steepness
        Exponent with which the trapped charge increases with the charge of a pixel, below the full well.
    hollow
        Probability that the centres are hollow.
    bled
        Probability that afterglows on a CCD have bleed trails.
    spikes
        Probability that they have spikes.
    roughness
        Scatter of the trap density from pixel to pixel.

    References
    ----------
    Smith et al. 2008, Proc. SPIE 7021, 70210J (traps in near-infrared arrays); Long et al. 2015, WFC3 ISR
    2015-15 (increase near the full well, power-law decay); Paillassa, Bertin & Bouy 2020, A&A 634, A48
    (afterglows from masks of saturated stars).
    """

    probability: float = 0.3
    stars_per_mpix: Range = (4.0, 80.0)
    level: Range = (1.0, 200.0)
    excess: Range = (1.5, 3e4)
    dithered: float = 0.4
    pointings: int = 6
    dither: Range = (5.0, 150.0)
    decay: Range = (0.4, 1.5)
    own: float = 0.3
    steepness: Range = (2.0, 12.0)
    hollow: float = 0.2
    bled: float = 0.4
    spikes: float = 0.2
    roughness: Range = (0.0, 0.2)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the mean charge that traps release."""
        light = np.zeros(scene.shape, np.float32)
        afterglow = self._draw_afterglow(scene, rng)
        pointings = self._draw_pointings(rng)
        y, x, peak = self._draw_stars(scene, rng, pointings)
        newest = log_uniform(rng, self.level)  # the same age for all: they differ only by their traps
        level = scene.sigma * newest * np.exp(rng.normal(0, 0.4, peak.size))
        level = np.minimum(level * np.minimum(peak / 30, 1) ** 0.3, MAX_CHARGE * scene.camera.full_well)
        for dy, dx, share in pointings:
            for star in np.flatnonzero(share * level > FLOOR * scene.sigma):
                _add(
                    light,
                    afterglow,
                    position=(y[star] + dy, x[star] + dx),
                    peak=float(peak[star]),
                    level=float(share * level[star]),
                    floor=FLOOR * scene.sigma,
                )
        roughness = uniform(rng, self.roughness)
        nonzero = np.nonzero(light)
        light[nonzero] *= np.maximum(1 + roughness * rng.standard_normal(nonzero[0].size, np.float32), 0)
        return Layer(light=light)

    def _draw_afterglow(self, scene: Scene, rng: Generator) -> _Afterglow:
        camera = scene.camera
        spider = rng.uniform(0, math.pi) + np.arange(2) * math.pi / 2
        has_spikes = camera.vanes > 0 and rng.uniform() < self.spikes
        bled = camera.detector == "ccd" and rng.uniform() < self.bled
        return _Afterglow(
            steepness=log_uniform(rng, self.steepness),
            hollow=uniform(rng, (0.3, 1.0)) if rng.uniform() < self.hollow else 0.0,
            alpha=max(scene.psf.fwhm, 1.5) / (2 * math.sqrt(2 ** (1 / BETA) - 1)),
            vanes=tuple(spider.tolist()) if has_spikes else (),
            bar=uniform(rng, (0.5, 2.0)) if bled else 0.0,
            bleed_axis=camera.bleed_axis,
        )

    def _draw_pointings(self, rng: Generator) -> list[tuple[float, float, float]]:
        """Draw the offsets of earlier pointings in y and x in pixels, and the relative charge of each."""
        if rng.uniform() >= self.dithered or self.pointings < 2:
            return [(0.0, 0.0, 1.0)]
        count = int(rng.integers(2, self.pointings + 1))
        age = np.arange(1, count + 1)
        scale = log_uniform(rng, self.dither)
        angle = rng.uniform(0, 2 * math.pi)
        if rng.uniform() < 0.5:  # steps along a line: a nodding telescope or a moving target
            y, x = age * scale * math.sin(angle), age * scale * math.cos(angle)
            jitter = 0.05
        else:
            y, x = np.zeros(count), np.zeros(count)
            jitter = 1.0
        y, x = y + jitter * scale * rng.normal(size=count), x + jitter * scale * rng.normal(size=count)
        share = age ** -uniform(rng, self.decay)
        return list(zip(y.tolist(), x.tolist(), share.tolist(), strict=True))

    def _draw_stars(
        self, scene: Scene, rng: Generator, pointings: list[tuple[float, float, float]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Draw positions in pixels and peaks in full wells, ``(N,)`` each."""
        height, width = scene.shape
        if len(pointings) > 1 and scene.bright_stars and rng.uniform() < self.own:
            stars = np.array([(star.y, star.x, star.flux) for star in scene.bright_stars]).T
            peak = stars[2] * scene.psf.peak / scene.camera.full_well
            if (peak > self.excess[0]).any():
                return stars[0], stars[1], np.clip(peak, 1.05, self.excess[1])
        count = max(1, rng.poisson(log_uniform(rng, self.stars_per_mpix) * height * width / 2**20))
        position = rng.uniform(size=(2, count)) * np.array([[height], [width]])
        # The newest afterglow of each star lies within the frame.
        y, x = position[0] - pointings[0][0], position[1] - pointings[0][1]
        return y, x, np.exp(rng.uniform(math.log(self.excess[0]), math.log(self.excess[1]), count))


def _add(
    light: NDArray[np.float32],
    afterglow: _Afterglow,
    *,
    position: tuple[float, float],
    peak: float,
    level: float,
    floor: float,
) -> None:
    """Add an afterglow to the light in place, out to where it falls below the floor."""
    height, width = light.shape
    # The disc ends where the trapped charge, a power of the charge in a pixel, falls below the floor.
    faintest = (floor / level) ** (1 / afterglow.steepness)
    reach = afterglow.radius(max(peak / min(faintest, 1), 1.05))
    if afterglow.vanes:
        reach = max(reach, afterglow.alpha * math.sqrt(0.03 * peak / faintest))
    along = (
        max(reach, 0.1 * afterglow.radius(peak) ** 2 + 2 * afterglow.radius(peak)) if afterglow.bar else reach
    )
    half = [math.ceil(r) + 2 for r in ((along, reach) if afterglow.bleed_axis == 0 else (reach, along))]
    rows = np.arange(max(round(position[0]) - half[0], 0), min(round(position[0]) + half[0] + 1, height))
    columns = np.arange(max(round(position[1]) - half[1], 0), min(round(position[1]) + half[1] + 1, width))
    if rows.size and columns.size:
        dy = (rows - position[0]).astype(np.float32)[:, None]
        dx = (columns - position[1]).astype(np.float32)[None, :]
        window = light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        np.maximum(window, np.float32(level) * afterglow.footprint(peak, dy, dx), out=window)
