"""Rays: fans of streaks from light at grazing incidence near the edge of the focal plane, and small glows.

No optical model of them is available.  The shapes follow the annotations of the published pictures: fans
start at the edge of the focal plane, point within about 20 degrees of the centre, and are about 70 pixels
long and 25 wide; a tenth of them are twice as long.  They consist of nearly straight, parallel streaks.  Some
are crossed by bright curves near the edge, where they are brightest and may saturate.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580, figures 1 and 3; the study's annotations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import Layout

__all__ = ["Rays"]


@dataclass(frozen=True, kw_only=True)
class Rays:
    """Scattered light near the edge of the focal plane.

    Attributes
    ----------
    most
        Maximum number of fans in a picture.
    further
        Probability of each fan after the first.
    glow
        Fraction of instances that are small arcs inside one CCD at the edge, instead of fans.
    peak
        Peak brightness of a fan, in grey levels.
    glow_peak
        Peak brightness of an arc, in grey levels.
    length
        Length over which the light of a fan falls to about a third, in pixels.
    width
        Standard deviation of the profile across a fan, in pixels.
    tilt
        Standard deviation of the angle between a fan and the direction to the centre, in degrees.
    streak
        Width of streaks, in pixels.
    """

    most: int = 4
    further: float = 0.4
    glow: float = 0.15
    peak: Range = (60.0, 3000.0)
    glow_peak: Range = (30.0, 300.0)
    length: Range = (16.0, 65.0)
    width: Range = (6.0, 26.0)
    tilt: float = 10.0
    streak: Range = (1.0, 2.8)

    def count(self, rng: Generator) -> int:
        """Draw the number of fans and arcs in a picture.

        Parameters
        ----------
        rng
            Source of randomness.

        Returns
        -------
        int
            At least 1.
        """
        number = 1
        while number < self.most and rng.uniform() < self.further:
            number += 1
        return number

    def draw(self, layout: Layout, rng: Generator) -> NDArray[np.float32]:
        """Draw one fan or arc.

        Parameters
        ----------
        layout
            Positions of the CCDs.
        rng
            Source of randomness.

        Returns
        -------
        ndarray of float32, shape (H, W)
            Its light, in grey levels.
        """
        position = _edge_position(layout, rng)
        if rng.uniform() < self.glow:
            return self._arc(layout, rng, position)
        return self._fan(layout, rng, position)

    def _fan(self, layout: Layout, rng: Generator, position: tuple[float, float]) -> NDArray[np.float32]:
        """Return a fan of parallel streaks that points inwards from a position."""
        centre_y, centre_x = layout.centre
        inwards = math.atan2(centre_y - position[0], centre_x - position[1])
        direction = inwards + math.radians(self.tilt) * rng.standard_normal()
        length, width = log_uniform(rng, self.length), log_uniform(rng, self.width)
        along, across, window = _axes(layout.shape, position, direction, reach=5.5 * length + 4 * width)
        # streaks diverge or converge from the edge inwards
        spread = rng.normal(0.0, 0.35) / max(length, 25.0)
        lane = across / np.clip(1 + spread * along, 0.3, 3)
        lanes = _Noise.draw(rng, reach=6 * width, cell=log_uniform(rng, self.streak))
        broad = _Noise.draw(rng, reach=6 * width, cell=width / 2.5)
        side = np.exp(-0.5 * np.abs(lane / width) ** rng.uniform(2, 6))
        streaks = np.exp(0.9 * lanes.at(lane)) * np.exp(0.5 * broad.at(lane))
        if rng.uniform() < 0.5:  # straight shadows of bars across the fan
            for _ in range(rng.integers(1, 4)):
                gap = rng.normal() * width
                streaks *= np.abs(lane - np.float32(gap)) > rng.uniform(0.8, 2.2)
        fall = length * np.exp(0.35 * _Noise.draw(rng, reach=6 * width, cell=width / 2).at(lane))
        before = np.maximum(-along, 0)
        light = side * streaks * np.exp(-np.maximum(along, 0) / fall - (before / 20) ** 2)
        light *= 0.15 + np.exp(-np.maximum(along, 0) / (0.8 * fall))
        light *= np.exp(rng.uniform(0.05, 0.35) * rng.standard_normal(light.shape, dtype=np.float32))
        if rng.uniform() < 0.6:
            light *= self._curves(rng, along, across, length)
        return _scaled(layout.shape, window, light, log_uniform(rng, self.peak))

    @staticmethod
    def _curves(
        rng: Generator, along: NDArray[np.float32], across: NDArray[np.float32], length: float
    ) -> NDArray[np.float32]:
        """Return the factor by which bright curves cross a fan near the edge."""
        bend = rng.normal(0.0, 0.012)
        bent = along + np.float32(bend) * across**2
        cell = rng.uniform(1.5, 4.0)
        crossing = np.exp(0.9 * _Noise.draw(rng, reach=400.0, cell=cell).at(bent))
        near: NDArray[np.float32] = np.exp(-np.maximum(along, 0) / np.float32(length * rng.uniform(0.5, 1.2)))
        factor: NDArray[np.float32] = 1 + near * (crossing - 1)
        return factor

    def _arc(self, layout: Layout, rng: Generator, position: tuple[float, float]) -> NDArray[np.float32]:
        """Return a few narrow arcs inside one CCD at the edge."""
        numbers = layout.ccd_map[_window(layout.shape, position, 12)]
        numbers = numbers[numbers > 0]
        light = np.zeros(layout.shape, np.float32)
        if not numbers.size:
            return light
        chosen = int(rng.choice(numbers))
        ccd = next(box for box in layout.ccds if box.number == chosen)
        y = min(max(position[0], ccd.rows.start + 4), ccd.rows.stop - 5) + rng.normal() * 4
        x = min(max(position[1], ccd.columns.start + 4), ccd.columns.stop - 5) + rng.normal() * 4
        radius = log_uniform(rng, (15.0, 80.0))
        direction = rng.uniform(-math.pi, math.pi)
        along, across, window = _axes(layout.shape, (y, x), direction, reach=45)
        distance = np.hypot(along + np.float32(radius), across) - np.float32(radius)
        half = rng.uniform(7, 18)
        part = np.zeros_like(distance)
        for _ in range(rng.integers(1, 4)):
            offset, thickness = rng.normal() * 4, rng.uniform(0.6, 1.6)
            end = np.exp(-0.5 * np.abs((across - np.float32(rng.normal() * 4)) / np.float32(half)) ** 4)
            line = np.exp(-0.5 * ((distance - np.float32(offset)) / np.float32(thickness)) ** 2)
            grain = np.exp(0.5 * _Noise.draw(rng, reach=100, cell=3.0).at(across))
            part += (rng.uniform(0.3, 1) * end * line * grain).astype(np.float32)
        part *= layout.ccd_map[window] == ccd.number
        return _scaled(layout.shape, window, part, log_uniform(rng, self.glow_peak))


@dataclass(frozen=True)
class _Noise:
    """Gaussian noise along a line with mean 0 and variance 1, smooth over a cell."""

    values: NDArray[np.float32]
    step: float

    @classmethod
    def draw(cls, rng: Generator, *, reach: float, cell: float) -> _Noise:
        """Draw noise for coordinates from ``-reach`` to ``reach``."""
        knots = rng.standard_normal(math.ceil(2 * reach / cell) + 4)
        position = np.arange(0, knots.size - 3, 0.25)
        knot = position.astype(np.intp)
        t = position - knot
        smooth = (
            (1 - t) ** 3 * knots[knot]
            + (3 * t**3 - 6 * t**2 + 4) * knots[knot + 1]
            + (-3 * t**3 + 3 * t**2 + 3 * t + 1) * knots[knot + 2]
            + t**3 * knots[knot + 3]
        ) / 6
        return cls((smooth / smooth.std()).astype(np.float32), cell / 4)

    def at(self, position: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the noise at coordinates along the line."""
        number = (position * np.float32(1 / self.step) + np.float32(self.values.size / 2)).astype(np.int32)
        return self.values[np.clip(number, 0, self.values.size - 1)]


def _edge_position(layout: Layout, rng: Generator) -> tuple[float, float]:
    """Draw a position at the edge of the focal plane, uniformly in azimuth."""
    azimuth = rng.uniform(-math.pi, math.pi)
    centre_y, centre_x = layout.centre
    steps = np.arange(0, math.hypot(*layout.shape) / 2)
    y = np.rint(centre_y + steps * math.sin(azimuth)).astype(np.intp)
    x = np.rint(centre_x + steps * math.cos(azimuth)).astype(np.intp)
    inside = (y >= 0) & (y < layout.shape[0]) & (x >= 0) & (x < layout.shape[1])
    last = np.flatnonzero(layout.plane[y[inside], x[inside]])[-1] - max(0.0, rng.normal(0, 6))
    return centre_y + last * math.sin(azimuth), centre_x + last * math.cos(azimuth)


def _window(shape: tuple[int, int], position: tuple[float, float], reach: float) -> tuple[slice, slice]:
    """Return rows and columns of a window around a position, clipped to the picture."""
    low = [max(0, math.floor(p - reach)) for p in position]
    high = [min(size, math.ceil(p + reach) + 1) for p, size in zip(position, shape, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1])


def _axes(
    shape: tuple[int, int], position: tuple[float, float], direction: float, *, reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[slice, slice]]:
    """Return coordinates of pixels along a direction from a position and across it, and their window."""
    window = _window(shape, position, reach)
    y = (np.arange(window[0].start, window[0].stop) - position[0]).astype(np.float32)[:, None]
    x = (np.arange(window[1].start, window[1].stop) - position[1]).astype(np.float32)
    cosine, sine = np.float32(math.cos(direction)), np.float32(math.sin(direction))
    return x * cosine + y * sine, y * cosine - x * sine, window


def _scaled(
    shape: tuple[int, int], window: tuple[slice, slice], part: NDArray[np.floating], peak: float
) -> NDArray[np.float32]:
    """Return a part in the full picture, scaled so that its brightest pixels have the peak level."""
    light = np.zeros(shape, np.float32)
    bright = part[part > 0.02 * part.max()]
    top = float(np.quantile(bright, 0.97)) if bright.size else 1.0
    light[window] = part * (peak / max(top, 1e-6))
    return light
