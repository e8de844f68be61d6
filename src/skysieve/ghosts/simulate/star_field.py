"""Stars, galaxies and satellite trails in a picture of a focal plane, where a pixel is 18 arcsec wide."""

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
"""Grey level of a star's aureole at the edge of its saturated disc."""

WING_SLOPE = -3.3
"""Exponent of the aureole's radial profile."""

AUREOLE_FLUX = 3000.0
"""Minimum flux of stars with a visible aureole, in grey levels."""

BLEED_FLUX = 2e4
"""Minimum flux of stars that may bleed along their columns, which are rows of the picture."""


@dataclass(frozen=True, kw_only=True)
class StarField:
    """Stars drawn from a power law.  Most are one bright pixel; the brightest are discs that bleed.

    Attributes
    ----------
    density
        Stars brighter than 40 grey levels, summed over pixels, per pixel of the focal plane.
    slope
        Exponent s of the counts: the number brighter than F scales as F^-s.
    faintest, brightest
        Limits of the flux of a star, in grey levels summed over pixels.
    blurred
        Fraction of sources that cover a few pixels: galaxies and close pairs.
    bleeding
        Fraction of stars above 20 000 levels that bleed.
    """

    density: Range = (0.025, 0.06)
    slope: Range = (0.85, 1.1)
    faintest: float = 12.0
    brightest: float = 1.5e6
    blurred: float = 0.35
    bleeding: float = 0.12

    def draw(self, layout: Layout, rng: Generator) -> NDArray[np.float32]:
        """Draw the stars.

        Parameters
        ----------
        layout
            Positions of the CCDs.
        rng
            Source of randomness.

        Returns
        -------
        ndarray of float32, shape (H, W)
            Light of the stars, in grey levels.
        """
        height, width = layout.shape
        slope = uniform(rng, self.slope)
        at_40 = log_uniform(rng, self.density) * height * width
        count = int(rng.poisson(at_40 * (self.faintest / 40) ** -slope))
        flux = power_law(rng, count, low=self.faintest, high=self.brightest, slope=slope)
        y, x = rng.uniform(-0.5, height - 0.5, count), rng.uniform(-0.5, width - 0.5, count)
        # a star is far smaller than a pixel: its light falls on one pixel, or on the neighbours at an edge
        scatter = np.where(rng.uniform(size=count) < self.blurred, rng.uniform(0.3, 0.8, count), 0.2)
        light = _point_sources(layout.shape, y, x, flux, scatter=scatter, rng=rng)
        for number in np.flatnonzero(flux > AUREOLE_FLUX):
            bleeds = flux[number] > BLEED_FLUX and rng.uniform() < self.bleeding
            draw_star(light, layout, (y[number], x[number]), flux[number], rng, bleeds=bool(bleeds))
        return light


def draw_star(
    light: NDArray[np.float32],
    layout: Layout,
    position: tuple[float, float],
    flux: float,
    rng: Generator,
    *,
    bleeds: bool,
) -> None:
    """Add the aureole and the bleed trail of a bright star to a picture, in place.

    Parameters
    ----------
    light
        ``(H, W)`` float32, in grey levels.
    layout
        Positions of the CCDs.
    position
        Row and column.
    flux
        Flux of the star, in grey levels summed over pixels.
    rng
        Source of randomness.
    bleeds
        Whether charge bleeds along the CCD columns, which are rows of the picture.
    """
    height, width = layout.shape
    y, x = position
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
    # the pipeline subtracts the wide part of the aureole with the background
    light[rows, columns] += wing * np.exp(-((distance / np.float32(0.6 * reach)) ** 2))
    row, column = round(y), round(x)
    if not (bleeds and 0 <= row < height and 0 <= column < width):
        return
    number = layout.ccd_map[row, column]
    if not number:
        return
    length = rng.uniform(3, 9) * math.log10(flux / BLEED_FLUX * 10) * rng.uniform(0.5, 2)
    level = rng.uniform(60, 260)
    line = np.arange(width)
    fade = np.exp(-np.abs(line - x) / length) * (np.abs(line - x) < 3 * length)
    if rng.uniform() < 0.3:  # the trail reaches the end of the columns
        fade = np.maximum(fade, 0.25 * (line > x if rng.uniform() < 0.5 else line < x))
    light[row] += (level * fade * (layout.ccd_map[row] == number)).astype(np.float32)


def _disc_radius(flux: float) -> float:
    """Return the radius at which a star's aureole reaches the level of its disc, in pixels.

    It follows the published pictures: 1.7 pixels for 1e5 levels, 3.2 for 1e6, 4.6 for 1e8.
    """
    relative = flux / 1e6
    return float(3.2 * relative ** (0.27 if relative < 1 else 0.08))


def _point_sources(
    shape: tuple[int, int],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    flux: NDArray[np.float64],
    *,
    scatter: NDArray[np.float64],
    rng: Generator,
) -> NDArray[np.float32]:
    """Return point sources on the pixel grid, each split into four parts with a Gaussian scatter."""
    height, width = shape
    parts = np.repeat(flux / 4, 4)
    rows = np.rint(np.repeat(y, 4) + np.repeat(scatter, 4) * rng.standard_normal(parts.size)).astype(np.intp)
    columns = np.rint(np.repeat(x, 4) + np.repeat(scatter, 4) * rng.standard_normal(parts.size)).astype(
        np.intp
    )
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = rows[inside] * width + columns[inside]
    light = np.bincount(flat, parts[inside], height * width).reshape(shape)
    return light.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Satellites:
    """Satellite trails: thin straight lines across the focal plane or part of it.

    Attributes
    ----------
    mean
        Mean number of trails in a picture.
    ridge
        Peak brightness, in grey levels.
    width
        Standard deviation of the profile across the trail, in pixels.
    whole
        Fraction of trails that cross the whole picture.
    """

    mean: float = 0.35
    ridge: Range = (12.0, 220.0)
    width: Range = (0.35, 0.7)
    whole: float = 0.6

    def draw(self, layout: Layout, rng: Generator) -> NDArray[np.float32]:
        """Draw the trails.

        Parameters
        ----------
        layout
            Positions of the CCDs.
        rng
            Source of randomness.

        Returns
        -------
        ndarray of float32, shape (H, W)
            Light of the trails, in grey levels.
        """
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
            ridge = log_uniform(rng, self.ridge)
            for offset in np.arange(-2, 2.01, 0.5):
                row = np.rint(rows + offset * math.cos(angle)).astype(np.intp)
                column = np.rint(columns - offset * math.sin(angle)).astype(np.intp)
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                share = 0.25 * math.exp(-0.5 * (offset / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
                np.add.at(light, (row[inside], column[inside]), np.float32(share * ridge))
        return light
