"""Residual fringes: interference of sky emission lines in a thin detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from skysieve.core.simulate.draws import Range, log_uniform
from skysieve.core.simulate.surfaces import enlarge, smooth_surface
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["Fringes"]

SILICON_INDEX = 3.6
"""Refractive index of silicon at 0.9 µm (Green 2008, Solar Energy Materials 92, 1305)."""

OH_LINES = (0.7716, 0.7794, 0.7914, 0.8344, 0.8399, 0.8430, 0.8827, 0.8885, 0.8919, 0.9375, 0.9439, 0.9872)
"""Wavelengths in µm of strong lines of OH in the night sky (Osterbrock et al. 1996, PASP 108, 277)."""

BLOCK = 8
"""Side in pixels of the blocks in which the local amplitude is measured."""

BLOCK_PIXELS = 2**16
"""Pixels computed at once, to fit in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Fringes:
    """Fringes that remain after the subtraction of a mean pattern.

    Light that crosses silicon of thickness d and refractive index n, and is reflected at its back, interferes
    with itself: each line of wavelength w adds a term ``cos(4 pi n d / w)``. One fringe is a change of
    thickness by w / 2n, an eighth of a micrometre. The thickness varies smoothly: bowl, tilt, hills, and
    occasionally round bumps with rings. Several lines beat against one another, so the amplitude of the
    pattern varies. As a mean pattern has been subtracted, both bright and dark bands remain around the mean
    sky, sometimes only in part of the frame.

    The mask holds the pixels whose local amplitude (the rms of the pattern over two fringes) exceeds half a
    sigma of the sky noise, or half of the maximum local amplitude, whichever is less. It covers the whole
    area, with dark bands and the zeros between.

    Attributes
    ----------
    probability
        Probability that a frame has fringes.
    amplitude
        Height of the brightest bands above the mean sky, in sigma of the sky.
    contrast
        Maximum of this height, relative to the sky.
    period
        Typical distance of the bands, in pixels.
    thickness
        Thickness of the silicon in µm: 10 to 20 for thinned CCDs, more for deep-depleted ones.
    lines
        Number of emission lines in the filter.
    rings
        Fraction of frames whose thickness has round bumps.
    patches
        Fraction of frames with regions free of fringes.

    References
    ----------
    Bernstein et al. 2017, PASP 129, 114502, section 4 (fringes of DECam); Howell 2012, PASP 124, 263
    (fringes of thinned CCDs); Malumuth et al. 2003, Proc. SPIE 4854, 567 (the interference).
    """

    probability: float = 0.12
    amplitude: Range = (0.3, 20.0)
    contrast: float = 0.1
    period: Range = (10.0, 200.0)
    thickness: Range = (10.0, 250.0)
    lines: tuple[int, int] = (1, 6)
    rings: float = 0.25
    patches: float = 0.5

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the pattern in electrons, negative in dark bands, and its mask."""
        period = log_uniform(rng, self.period)
        pattern = self._pattern(scene.shape, rng, period)
        if rng.uniform() < self.patches:
            pattern *= _envelope(scene.shape, rng, cell=max(2 * period, 80.0))
        top = np.percentile(np.abs(pattern[::3, ::3]), 99.5)
        low, high = self.amplitude
        max_amplitude = self.contrast * float(np.median(scene.sky)) / scene.sigma
        height = scene.sigma * log_uniform(rng, (low, max(low, min(high, max_amplitude))))
        light = pattern * np.float32(height / max(float(top), 1e-6))
        light *= scene.sky * np.float32(1 / np.median(scene.sky))
        return Layer(light=light, truth=self._truth(scene, light, period))

    def _pattern(self, shape: tuple[int, int], rng: Generator, period: float) -> NDArray[np.float32]:
        """Return the sum of the fringes of all lines."""
        wander = self._thickness(shape, rng, period)
        depth = log_uniform(rng, self.thickness)
        count = int(rng.integers(self.lines[0], self.lines[1], endpoint=True))
        first = int(rng.integers(0, len(OH_LINES)))
        # Lines adjacent in wavelength, which pass the same filter
        waves = [OH_LINES[(first + number) % len(OH_LINES)] for number in range(count)]
        strengths = rng.uniform(0.2, 1, count).astype(np.float32)
        pattern = np.zeros(shape, np.float32)
        rows = max(1, BLOCK_PIXELS // shape[1])
        for top in range(0, shape[0], rows):
            part = slice(top, top + rows)
            for wave, strength in zip(waves, strengths, strict=True):
                cycles = 2 * SILICON_INDEX / wave
                phase = np.float32(2 * math.pi * cycles) * wander[part]
                phase += np.float32(2 * math.pi * (cycles * depth % 1))
                pattern[part] += strength * np.cos(phase, out=phase)
        return pattern

    def _thickness(self, shape: tuple[int, int], rng: Generator, period: float) -> NDArray[np.float32]:
        """Return the deviation ``(H, W)`` of the thickness from its mean, in µm."""
        height, width = shape
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        c = rng.normal(size=5).astype(np.float32)
        tilt = rng.uniform(0, 2)
        bowl = tilt * (c[0] * x + c[1] * y) + c[2] * x**2 + c[3] * x * y + c[4] * y**2
        surface = _unit_gradient(bowl.astype(np.float32))
        hills = smooth_surface(shape, rng, cell=period * log_uniform(rng, (2, 8)))
        surface += np.float32(log_uniform(rng, (0.2, 4))) * _unit_gradient(hills)
        if rng.uniform() < self.rings:
            for _ in range(rng.integers(1, 4)):
                centre_y, centre_x = rng.uniform(-1, 1, 2)
                size = rng.uniform(1.5, 6) * period / max(shape) * 2
                bump = np.exp(-((y - centre_y) ** 2) / size**2) * np.exp(-((x - centre_x) ** 2) / size**2)
                surface += np.float32(rng.choice([-1, 1]) * rng.uniform(1, 3) * size * max(shape) / 2) * bump
        # One period per fringe, on average over the frame
        fringe = 0.87 / (2 * SILICON_INDEX)
        return _unit_gradient(surface) * np.float32(fringe / period)

    def _truth(self, scene: Scene, light: NDArray[np.float32], period: float) -> NDArray[np.bool_]:
        """Return the pixels in whose neighbourhood the amplitude of the pattern is visible."""
        height, width = scene.shape
        padded = np.pad(light, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="reflect")
        rows, columns = (size // BLOCK for size in padded.shape)
        power = np.square(padded, out=padded).reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
        size = max(3, round(2 * period / BLOCK))
        rms = np.sqrt(np.maximum(uniform_filter(power, size, mode="reflect"), 0))
        threshold = min(0.5 * scene.sigma, 0.5 * float(rms.max()))
        return enlarge(rms, scene.shape, BLOCK) > threshold


def _unit_gradient(surface: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the surface scaled to an rms slope of 1 per pixel."""
    sparse = surface[::4, ::4]
    slope = (
        math.sqrt(float(np.square(np.diff(sparse, axis=0)).mean() + np.square(np.diff(sparse)).mean())) / 4
    )
    return surface * np.float32(1 / max(slope, 1e-9))


def _envelope(shape: tuple[int, int], rng: Generator, *, cell: float) -> NDArray[np.float32]:
    """Return a factor from 0 to 1 that leaves regions of the frame without fringes, with soft edges."""
    field = smooth_surface(shape, rng, cell=cell * log_uniform(rng, (1, 4)))
    level = np.percentile(field[::4, ::4], rng.uniform(10, 70))
    edge = log_uniform(rng, (0.1, 1.0))
    factor: NDArray[np.float32] = np.clip((field - level) * np.float32(1 / edge), 0, 1)
    return factor * factor * (3 - 2 * factor)
