"""Stars, galaxies and trails in the picture of a focal plane, where a pixel is 18 arc seconds wide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, power_law, uniform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import Layout

__all__ = ["Satellites", "StarField", "draw_star"]

DISC_LEVEL = 600.0
"""Grey levels of a star's aureole at the edge of its disc, about where it is white."""

WING_SLOPE = -3.3
"""How the aureole falls with distance."""

BRIGHT = 3000.0
"""Stars of this light, in grey levels, and brighter ones have a visible aureole."""

BLEEDS = 2e4
"""Stars of this light may bleed along their columns, which are rows of the picture."""


@dataclass(frozen=True, kw_only=True)
class StarField:
    """Stars by a power law, most of them one bright pixel; the brightest are discs that bleed.

    Attributes
    ----------
    density
        Stars brighter than 40 grey levels, summed over pixels, a pixel of the focal plane.
    slope
        Number above F goes as F^-slope.
    faintest, brightest
        Light of a star in grey levels, summed over pixels.
    blurred
        Share of the stars that are galaxies or close pairs, and cover a few pixels.
    bleeding
        Share of stars of 20 000 levels or more that bleed.
    """

    density: Range = (0.025, 0.06)
    slope: Range = (0.85, 1.1)
    faintest: float = 12.0
    brightest: float = 1.5e6
    blurred: float = 0.35
    bleeding: float = 0.12

    def draw(self, layout: Layout, rng: Generator) -> NDArray[np.float32]:
        """Return the light of the stars, ``(H, W)`` float32, in grey levels."""
        height, width = layout.shape
        slope = uniform(rng, self.slope)
        at_40 = log_uniform(rng, self.density) * height * width
        count = int(rng.poisson(at_40 * (self.faintest / 40) ** -slope))
        flux = power_law(rng, count, low=self.faintest, high=self.brightest, slope=slope)
        y, x = rng.uniform(-0.5, height - 0.5, count), rng.uniform(-0.5, width - 0.5, count)
        # a star is far smaller than a pixel: it lights one, or shares its light where an edge cuts it
        smear = np.where(rng.uniform(size=count) < self.blurred, rng.uniform(0.3, 0.8, count), 0.2)
        light = _points(layout.shape, y, x, flux, smear=smear, rng=rng)
        for number in np.flatnonzero(flux > BRIGHT):
            bleeds = flux[number] > BLEEDS and rng.uniform() < self.bleeding
            draw_star(light, layout, (y[number], x[number]), flux[number], rng, bleeds=bool(bleeds))
        return light


def draw_star(
    light: NDArray[np.float32],
    layout: Layout,
    place: tuple[float, float],
    flux: float,
    rng: Generator,
    *,
    bleeds: bool,
) -> None:
    """Add the aureole of a bright star to a picture in place, and the columns that it fills.

    Parameters
    ----------
    light
        ``(H, W)`` float32, in grey levels.
    layout
        Where the CCDs lie.
    place
        Row and column.
    flux
        Light of the star, in grey levels summed over pixels.
    rng
        Source of randomness.
    bleeds
        Whether charge runs along the columns, which lie along rows of the picture.
    """
    height, width = layout.shape
    y, x = place
    disc = _disc_radius(flux)
    reach = min(2 + 4 * disc, 45)
    rows = slice(max(0, math.floor(y - reach)), max(0, min(height, math.ceil(y + reach) + 1)))
    columns = slice(max(0, math.floor(x - reach)), max(0, min(width, math.ceil(x + reach) + 1)))
    distance = np.hypot(
        (np.arange(rows.start, rows.stop) - y)[:, None], np.arange(columns.start, columns.stop) - x
    ).astype(np.float32)
    wing = np.float32(DISC_LEVEL) * (np.maximum(distance, np.float32(0.7)) / np.float32(disc)) ** np.float32(
        WING_SLOPE
    )
    # what the mesh of the background sees of it is gone
    light[rows, columns] += wing * np.exp(-((distance / np.float32(0.6 * reach)) ** 2))
    row, column = round(y), round(x)
    if not (bleeds and 0 <= row < height and 0 <= column < width):
        return
    number = layout.ccd_map[row, column]
    if not number:
        return
    length = rng.uniform(3, 9) * math.log10(flux / BLEEDS * 10) * rng.uniform(0.5, 2)
    level = rng.uniform(60, 260)
    line = np.arange(width)
    fade = np.exp(-np.abs(line - x) / length) * (np.abs(line - x) < 3 * length)
    if rng.uniform() < 0.3:  # to the end of the columns
        fade = np.maximum(fade, 0.25 * (line > x if rng.uniform() < 0.5 else line < x))
    light[row] += (level * fade * (layout.ccd_map[row] == number)).astype(np.float32)


def _disc_radius(flux: float) -> float:
    """Return the radius at which a star's aureole has the level of its disc, in pixels.

    It grows as on the published pictures: 1.7 pixels for 1e5 levels, 3.2 for 1e6, 4.6 for 1e8.
    """
    relative = flux / 1e6
    return float(3.2 * relative ** (0.27 if relative < 1 else 0.08))


def _points(
    shape: tuple[int, int],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    flux: NDArray[np.float64],
    *,
    smear: NDArray[np.float64],
    rng: Generator,
) -> NDArray[np.float32]:
    """Return points of light, each cut into four that lie a smear apart, in the pixels where they fall."""
    height, width = shape
    parts = np.repeat(flux / 4, 4)
    rows = np.rint(np.repeat(y, 4) + np.repeat(smear, 4) * rng.standard_normal(parts.size)).astype(np.intp)
    columns = np.rint(np.repeat(x, 4) + np.repeat(smear, 4) * rng.standard_normal(parts.size)).astype(np.intp)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = rows[inside] * width + columns[inside]
    light = np.bincount(flat, parts[inside], height * width).reshape(shape)
    return light.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Satellites:
    """Trails: thin straight lines across the focal plane, or part of it.

    Attributes
    ----------
    mean
        Trails in a picture, on average.
    ridge
        Their brightness in grey levels.
    width
        Standard deviation across, in pixels.
    whole
        Share that crosses the whole picture.
    """

    mean: float = 0.35
    ridge: Range = (12.0, 220.0)
    width: Range = (0.35, 0.7)
    whole: float = 0.6

    def draw(self, layout: Layout, rng: Generator) -> NDArray[np.float32]:
        """Return the light of the trails, ``(H, W)`` float32, in grey levels."""
        height, width = layout.shape
        light = np.zeros(layout.shape, np.float32)
        for _ in range(rng.poisson(self.mean)):
            angle = rng.uniform(0, math.pi)
            y, x = rng.uniform(0, height), rng.uniform(0, width)
            length = 2.0 * math.hypot(height, width)
            if rng.uniform() > self.whole:
                length = log_uniform(rng, (20.0, 300.0))
            sigma = uniform(rng, self.width)
            begin = -length * rng.uniform()
            along = np.arange(begin, begin + length, 0.5)
            rows, columns = y + along * math.sin(angle), x + along * math.cos(angle)
            flicker = np.float64(1.0)
            ridge = log_uniform(rng, self.ridge)
            for offset in np.arange(-2, 2.01, 0.5):
                row = np.rint(rows + offset * math.cos(angle)).astype(np.intp)
                column = np.rint(columns - offset * math.sin(angle)).astype(np.intp)
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                share = 0.25 * math.exp(-0.5 * (offset / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
                np.add.at(light, (row[inside], column[inside]), np.float32(share * ridge * flicker))
        return light
