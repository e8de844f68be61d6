"""The focal plane in 8 bits: its sky, noise, dead CCDs, and what processing leaves on its CCDs.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580: the pictures.  The levels are those of ten of
them: gaps and what lies outside have 23, the sky 37 to 59 with a noise of 11 to 13; 4 % of the pixels are
above 100 and 0.5 to 1 % above 200.  Others have a noise of up to 28.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.ghosts.simulate.jpeg import jpeg_noise

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import CcdBox, Layout

__all__ = ["Defects", "Exposed", "FocalPlane", "Levels"]

LEAST_DEFECT = 0.3
"""Grey levels below which a defect of processing need not be drawn."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Grey levels of a picture.

    Attributes
    ----------
    gap
        Where there is no CCD, or a blank one.
    knee
        Light this far above the sky is shown 12 % too low, and brighter light ever more: by an asinh.
    sky
        Median of the sky, without stars; mean and standard deviation.
    noise
        Standard deviation of its noise, in which all light is drawn.
    shown
        Standard deviation of the noise that the picture has at last, all orders of magnitude as likely: sky,
        stars and ghosts are stretched about the level of the sky by the ratio of both.  Published pictures
        have 9 to 28.
    border
        Share of a gap in the outer pixels of a CCD, at most.
    jpeg
        Quality of the JPEG that a picture went through; 0 for none.
    """

    gap: int = 23
    knee: float = 70.0
    sky: Range = (50.5, 5.0)
    noise: Range = (9.5, 13.0)
    shown: Range = (9.0, 30.0)
    border: float = 0.5
    jpeg: int = 75

    def soften(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return light above the sky as the picture shows it, ``(H, W)`` float32, in grey levels.

        A power law of stars alone would make five times as many pixels white as the published pictures have.
        """
        knee = np.float32(self.knee)
        shown: NDArray[np.float32] = knee * np.arcsinh(light / knee)
        return shown


@dataclass(frozen=True, kw_only=True)
class Defects:
    """What processing leaves on CCDs.

    Attributes
    ----------
    offset
        Of a CCD's level, standard deviation in grey levels.
    tilted, tilt
        Share of CCDs whose level is tilted, and from edge to edge by how many levels (standard deviation).
    stepped, step
        Share of CCDs with a step between its halves, and its height (standard deviation).
    striped, stripe
        Share of CCDs with a pattern of lines, and its amplitude.
    noisy
        Share of CCDs that are noisier than the others.
    """

    offset: float = 0.7
    tilted: float = 0.25
    tilt: float = 3.0
    stepped: float = 0.1
    step: float = 2.5
    striped: float = 0.06
    stripe: Range = (1.5, 5.0)
    noisy: float = 0.04


@dataclass(frozen=True)
class Exposed:
    """A focal plane without light from stars, ready for it.

    Attributes
    ----------
    sky
        ``(H, W)`` float32, in grey levels, without noise.
    level
        The level of the sky.
    noise
        Its noise, standard deviation in grey levels, before it is stretched.
    live
        Pixels ``(H, W)`` that see light.
    cover
        Share of a pixel that a CCD covers, ``(H, W)`` float32.
    """

    sky: NDArray[np.float32]
    level: float
    noise: float
    live: NDArray[np.bool_]
    cover: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FocalPlane:
    """A focal plane and its processing.

    Attributes
    ----------
    blank
        Chance of each CCD, by its number, to be blank.
    half_blank
        Chance of each CCD to be blank in its lower half.
    missing
        Chance of any other one to be blank.
    levels
        Grey levels.
    defects
        What processing leaves.
    """

    blank: dict[int, float] = field(default_factory=lambda: {2: 0.44, 61: 1.0})
    half_blank: dict[int, float] = field(default_factory=lambda: {31: 1.0})
    missing: float = 0.002
    levels: Levels = field(default_factory=Levels)
    defects: Defects = field(default_factory=Defects)

    def expose(self, layout: Layout, rng: Generator) -> Exposed:
        """Draw the CCDs that work, the level of the sky on each, and its noise."""
        levels, defects = self.levels, self.defects
        mean, deviation = levels.sky
        level = np.clip(rng.normal(mean, deviation), mean - 2.5 * deviation, mean + 2.5 * deviation)
        noise = uniform(rng, levels.noise)
        sky = np.full(layout.shape, level, np.float32)
        live = np.zeros(layout.shape, bool)
        cover = np.zeros(layout.shape, np.float32)
        for ccd in layout.ccds:
            rows, columns = ccd.rows, ccd.columns
            blank, half = rng.uniform(size=2)
            if blank < self.blank.get(ccd.number, self.missing):
                continue
            if half < self.half_blank.get(ccd.number, 0.0):
                rows = slice(rows.start, (rows.start + rows.stop) // 2)
            live[rows, columns] = True
            cover[rows, columns] = 1
            for side in (
                (rows.start, columns),
                (rows.stop - 1, columns),
                (rows, columns.start),
                (rows, columns.stop - 1),
            ):
                cover[side] *= 1 - levels.border * np.float32(rng.uniform() ** 2)
            sky[ccd.rows, ccd.columns] += _left_over(defects, ccd, rng, noise)
        return Exposed(sky, float(level), noise, live, cover)

    def develop(
        self, exposed: Exposed, light: NDArray[np.float32], rng: Generator
    ) -> tuple[NDArray[np.uint8], float]:
        """Return the picture, ``(H, W)`` uint8, and by what factor it is stretched about its sky.

        Parameters
        ----------
        exposed
            The focal plane.
        light
            All that lies above the sky, or below, ``(H, W)`` float32, before softening.
        rng
            Source of noise.
        """
        gap = np.float32(self.levels.gap)
        value = exposed.sky + self.levels.soften(light)
        value += np.float32(exposed.noise) * rng.standard_normal(value.shape, dtype=np.float32)
        stretch = log_uniform(rng, self.levels.shown) / exposed.noise
        value = np.float32(exposed.level) + np.float32(stretch) * (value - np.float32(exposed.level))
        value = gap + exposed.cover * (value - gap)
        picture = np.clip(np.rint(value), 0, 255).astype(np.uint8)
        return jpeg_noise(picture, quality=self.levels.jpeg) if self.levels.jpeg else picture, stretch


def _left_over(defects: Defects, ccd: CcdBox, rng: Generator, noise: float) -> NDArray[np.float32]:
    """Return what processing leaves on a CCD, ``(h, w)`` float32, in grey levels."""
    height, width = ccd.shape
    left = np.full((height, width), defects.offset * rng.standard_normal(), np.float32)
    chances = rng.uniform(size=4)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)
    if chances[0] < defects.tilted:
        left += (defects.tilt * (rng.normal() * y + rng.normal() * x)).astype(np.float32)
    if chances[1] < defects.stepped:
        # amplifiers share a CCD along its columns, which are rows of the picture
        half = (y > 0) if rng.uniform() < 0.7 else (x > 0)
        left += np.float32(defects.step * rng.normal()) * half
    if chances[2] < defects.striped:
        period, amplitude = rng.uniform(2, 5), uniform(rng, defects.stripe)
        line = np.arange(width if rng.uniform() < 0.8 else height)
        wave = amplitude * np.sin(2 * np.pi * line / period + rng.uniform(0, 6))
        left += (wave if line.size == width else wave[:, None]).astype(np.float32)
    if chances[3] < defects.noisy:
        left += np.float32(noise * rng.uniform(0.2, 0.8)) * rng.standard_normal(left.shape, dtype=np.float32)
    return left
