"""Rare scenes: very bright stars, a vignetted or mottled sky, and two overlapping wide discs.

Networks confuse their light with ghosts, or ghosts with them.  In the default recipe they do not occur.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.ghosts.simulate.reflections import BrightStar, focal_position
from skysieve.ghosts.simulate.star_field import draw_star

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import Layout

__all__ = ["Scenes"]

STAR_FLUX = 1e7
"""Flux of a very bright star, in grey levels summed over pixels: just below that of stars with ghosts."""

CROSS_WIDTH = 0.8
"""Standard deviation of a diffraction spike across, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Probabilities and strengths of rare scenes; none of them is a ghost, except for the overlapping discs.

    Attributes
    ----------
    bright_star
        Probability of a very bright star on the field, without visible ghosts.
    glow, glow_radius
        Level at the edge of its saturated core, in grey levels, and scale of its glow in pixels.
    spikes
        Length of its diffraction spikes, in pixels.
    vignetted
        Probability of a vignetted sky.
    vignetting
        Sky level lost at the edge of the field, in grey levels; it begins at half of the radius.  What varies
        within a CCD stays, the level of the CCD is subtracted.
    mottled
        Probability of a mottled sky, as from clouds or residuals of a flat field.
    mottling, mottle_size
        Standard deviation of the mottles in grey levels before the background subtraction, and their size in
        pixels.
    overlapping
        Probability that a picture with reflections has two very bright stars, whose wide discs overlap.
    overlapping_flux
        Flux of these stars, in grey levels summed over pixels.
    """

    bright_star: float = 0.0
    glow: Range = (20.0, 90.0)
    glow_radius: Range = (8.0, 25.0)
    spikes: Range = (10.0, 45.0)
    vignetted: float = 0.0
    vignetting: Range = (4.0, 25.0)
    mottled: float = 0.0
    mottling: Range = (6.0, 24.0)
    mottle_size: Range = (4.0, 14.0)
    overlapping: float = 0.0
    overlapping_flux: Range = (1.2e8, 4e8)

    def add_to_sky(self, light: NDArray[np.float32], layout: Layout, rng: Generator) -> list[str]:
        """Add light that no background subtraction has touched: the cores of very bright stars, vignetting.

        Parameters
        ----------
        light
            ``(H, W)`` float32, in grey levels; changed in place.
        layout
            Positions of the CCDs.
        rng
            Source of randomness; scenes with probability 0 draw nothing from it.

        Returns
        -------
        list of str
            Names of the scenes that occur.
        """
        found = []
        if self.bright_star and rng.uniform() < self.bright_star:
            self._add_bright_star(light, layout, rng)
            found.append("bright star")
        if self.vignetted and rng.uniform() < self.vignetted:
            light += _vignette(layout, uniform(rng, self.vignetting))
            found.append("vignetted")
        return found

    def add_to_background(self, light: NDArray[np.float32], layout: Layout, rng: Generator) -> list[str]:
        """Add light from which the background will be subtracted: mottles.

        Parameters
        ----------
        light
            ``(H, W)`` float32, in grey levels; changed in place.
        layout
            Positions of the CCDs.
        rng
            Source of randomness; scenes with probability 0 draw nothing from it.

        Returns
        -------
        list of str
            Names of the scenes that occur.
        """
        if not (self.mottled and rng.uniform() < self.mottled):
            return []
        size = log_uniform(rng, self.mottle_size)
        mottles = ndimage.gaussian_filter(rng.standard_normal(layout.shape, dtype=np.float32), size / 2)
        mottles *= np.float32(log_uniform(rng, self.mottling)) / mottles.std()
        light += mottles
        return ["mottled"]

    def overlapping_stars(self, rng: Generator) -> list[BrightStar]:
        """Draw two stars whose wide discs overlap.

        Parameters
        ----------
        rng
            Source of randomness; nothing is drawn if the probability is 0.

        Returns
        -------
        list of BrightStar
            Two stars on different sides of the field centre; empty if the scene does not occur.
        """
        if not (self.overlapping and rng.uniform() < self.overlapping):
            return []
        azimuth = rng.uniform(-math.pi, math.pi)
        turn = rng.uniform(math.pi / 3, 5 * math.pi / 3)
        return [
            BrightStar(
                math.sqrt(rng.uniform(0.3**2, 0.95**2)), direction, log_uniform(rng, self.overlapping_flux)
            )
            for direction in (azimuth, azimuth + turn)
        ]

    def _add_bright_star(self, light: NDArray[np.float32], layout: Layout, rng: Generator) -> None:
        """Add a saturated star with its bleed trail, glow and diffraction spikes."""
        away = math.sqrt(rng.uniform(0, 1)) * 0.47 * min(layout.shape) * layout.mm_per_pixel
        row, column = focal_position(layout, rng.uniform(-math.pi, math.pi), away)
        draw_star(light, layout, (row, column), STAR_FLUX, rng, bleeds=True)
        y, x = np.ogrid[: layout.shape[0], : layout.shape[1]]
        down, right = (y - row).astype(np.float32), (x - column).astype(np.float32)
        distance = np.hypot(down, right)
        light += np.float32(uniform(rng, self.glow)) * np.exp(-distance / uniform(rng, self.glow_radius))
        length, level = uniform(rng, self.spikes), 2 * uniform(rng, self.glow)
        for across in ((down - right) / math.sqrt(2), (down + right) / math.sqrt(2)):
            spike = np.exp(-0.5 * (across / CROSS_WIDTH) ** 2 - distance / length)
            light += np.float32(level) * spike


def _vignette(layout: Layout, depth: float) -> NDArray[np.float32]:
    """Return what each CCD shows of a sky that fades outwards, after its mean level was subtracted."""
    y, x = np.ogrid[: layout.shape[0], : layout.shape[1]]
    cy, cx = layout.centre
    radius = np.hypot(y - cy, x - cx) / (min(layout.shape) / 2)
    fading = (-depth * np.clip((radius - 0.5) / 0.5, 0, None) ** 2).astype(np.float32)
    shown = np.zeros(layout.shape, np.float32)
    for ccd in layout.ccds:
        part = fading[ccd.rows, ccd.columns]
        shown[ccd.rows, ccd.columns] = part - part.mean()
    return shown
