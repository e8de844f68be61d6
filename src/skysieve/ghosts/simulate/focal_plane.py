"""The focal plane in 8 bits: sky, noise, dead CCDs, and the artefacts of the pipeline on each CCD.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580: the pictures.  The levels were measured on ten of
them: gaps and the area outside have 23, the sky 37 to 59 with a noise of 11 to 13; 4 % of the pixels are
above 100 and 0.5 to 1 % above 200.  Other pictures have a noise of up to 28.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.ghosts.simulate.jpeg import jpeg_round_trip

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import CcdBox, Layout

__all__ = ["Defects", "Exposure", "FocalPlane", "Levels"]


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Grey levels of a picture.

    Attributes
    ----------
    gap
        Level of gaps and of blank CCDs.
    knee
        Scale of the asinh compression: light this far above the sky appears 12 % too faint, brighter light
        fainter still.
    sky
        Median of the sky without stars: mean and standard deviation.
    noise
        Standard deviation of the noise when light is added.
    shown
        Standard deviation of the noise of the final picture, drawn log-uniformly.  Sky, stars and ghosts are
        stretched about the sky level by the ratio of `shown` to `noise`.  Published pictures have 9 to 28.
    border
        Maximum fraction of a gap in the outer pixels of a CCD.
    jpeg
        JPEG quality of the picture; 0 for no compression.
    """

    gap: int = 23
    knee: float = 70.0
    sky: Range = (50.5, 5.0)
    noise: Range = (9.5, 13.0)
    shown: Range = (9.0, 30.0)
    border: float = 0.5
    jpeg: int = 75

    def compress(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compress light above the sky as the picture shows it, by an asinh.

        Without it, a power law of stars saturates five times as many pixels as in the published pictures.

        Parameters
        ----------
        light
            Light above the sky ``(H, W)`` float32, in grey levels.

        Returns
        -------
        ndarray of float32, shape (H, W)
            In grey levels.
        """
        knee = np.float32(self.knee)
        compressed: NDArray[np.float32] = knee * np.arcsinh(light / knee)
        return compressed


@dataclass(frozen=True, kw_only=True)
class Defects:
    """Artefacts that the pipeline leaves on CCDs.

    Attributes
    ----------
    offset
        Standard deviation of the level of a CCD, in grey levels.
    tilted, tilt
        Fraction of CCDs with a tilted level; standard deviation of the tilt from edge to edge, in levels.
    stepped, step
        Fraction of CCDs with a step between their halves; standard deviation of its height.
    striped, stripe
        Fraction of CCDs with a pattern of lines; its amplitude.
    noisy
        Fraction of CCDs with more noise than the others.
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
class Exposure:
    """A focal plane before the light of stars is added.

    Attributes
    ----------
    sky
        Sky without noise, ``(H, W)`` float32, in grey levels.
    level
        Level of the sky.
    noise
        Standard deviation of its noise before the stretch, in grey levels.
    live
        Light-sensitive pixels ``(H, W)``.
    cover
        Fraction of each pixel that a CCD covers, ``(H, W)`` float32.
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
        Probability that a CCD is blank, by its number.
    half_blank
        Probability that the lower half of a CCD is blank, by its number.
    missing
        Probability that any other CCD is blank.
    levels
        Grey levels.
    defects
        Artefacts of the pipeline.
    """

    blank: dict[int, float] = field(default_factory=lambda: {2: 0.44, 61: 1.0})
    half_blank: dict[int, float] = field(default_factory=lambda: {31: 1.0})
    missing: float = 0.002
    levels: Levels = field(default_factory=Levels)
    defects: Defects = field(default_factory=Defects)

    def expose(self, layout: Layout, rng: Generator) -> Exposure:
        """Draw the working CCDs, the sky level of each, and the noise.

        Parameters
        ----------
        layout
            Positions of the CCDs.
        rng
            Source of randomness.

        Returns
        -------
        Exposure
            The focal plane without stars.
        """
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
            sky[ccd.rows, ccd.columns] += _artefacts(defects, ccd, rng, noise)
        return Exposure(sky, float(level), noise, live, cover)

    def render(
        self, exposure: Exposure, light: NDArray[np.float32], rng: Generator
    ) -> tuple[NDArray[np.uint8], float]:
        """Render the picture: compress the light, add noise, stretch, and quantise to 8 bits.

        Parameters
        ----------
        exposure
            The focal plane.
        light
            Difference from the sky before the compression, ``(H, W)`` float32; it may be negative.
        rng
            Source of the noise.

        Returns
        -------
        picture : ndarray of uint8, shape (H, W)
            The picture.
        stretch : float
            Factor by which it is stretched about the sky level.
        """
        gap = np.float32(self.levels.gap)
        value = exposure.sky + self.levels.compress(light)
        value += np.float32(exposure.noise) * rng.standard_normal(value.shape, dtype=np.float32)
        stretch = log_uniform(rng, self.levels.shown) / exposure.noise
        value = np.float32(exposure.level) + np.float32(stretch) * (value - np.float32(exposure.level))
        value = gap + exposure.cover * (value - gap)
        picture = np.clip(np.rint(value), 0, 255).astype(np.uint8)
        return jpeg_round_trip(picture, quality=self.levels.jpeg) if self.levels.jpeg else picture, stretch


def _artefacts(defects: Defects, ccd: CcdBox, rng: Generator, noise: float) -> NDArray[np.float32]:
    """Return the artefacts of the pipeline on a CCD, ``(h, w)`` float32, in grey levels."""
    height, width = ccd.shape
    residual = np.full((height, width), defects.offset * rng.standard_normal(), np.float32)
    chances = rng.uniform(size=4)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)
    if chances[0] < defects.tilted:
        residual += (defects.tilt * (rng.normal() * y + rng.normal() * x)).astype(np.float32)
    if chances[1] < defects.stepped:
        # the two amplifiers of a CCD divide it along its columns, which are rows of the picture
        half = (y > 0) if rng.uniform() < 0.7 else (x > 0)
        residual += np.float32(defects.step * rng.normal()) * half
    if chances[2] < defects.striped:
        period, amplitude = rng.uniform(2, 5), uniform(rng, defects.stripe)
        line = np.arange(width if rng.uniform() < 0.8 else height)
        wave = amplitude * np.sin(2 * np.pi * line / period + rng.uniform(0, 6))
        residual += (wave if line.size == width else wave[:, None]).astype(np.float32)
    if chances[3] < defects.noisy:
        residual += np.float32(noise * rng.uniform(0.2, 0.8)) * rng.standard_normal(
            residual.shape, dtype=np.float32
        )
    return residual
