"""Nebulosity: cirrus, filaments, shells, and dark clouds in front of bright gas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.core.simulate.surfaces import enlarge, fractal_pair, smooth_surface
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["Nebulosity"]

MESH = 200.0
"""Cell size in pixels of the mesh with which the background is subtracted from frames before masking."""

MIN_STRUCTURE = 0.4
"""Minimum standard deviation of structure finer than that mesh, in sigma of the sky."""


@dataclass(frozen=True, kw_only=True)
class Nebulosity:
    """Light of gas and dust between the stars.

    Turbulence causes log-normal column densities whose power falls as k^-2.5 to k^-3.8: cirrus. This field is
    the basis of the other forms: filaments (sheets seen edge-on, ridges of the field), shells and bubbles
    (hollow spheres with bright limbs, brighter on one side), reflection nebulae around a star, dark lanes,
    and clouds with a sharp edge and a bright rim in front of emitting gas, like the Horsehead Nebula.

    The mask holds the pixels whose light exceeds its own minimum by more than one sigma of the noise of sky,
    nebula and read-out. The background of a frame is subtracted before masking, and with it all structure
    larger than about 200 pixels. A nebula without enough fine structure is therefore made brighter.

    Attributes
    ----------
    probability
        Probability that a frame has nebulosity.
    amplitude
        Range of brightness, in sigma of the sky.
    slope
        Negative exponent of the power spectrum.
    stretch
        Elongation of the structures along one direction.
    filaments, shells, reflections, lanes, rims
        Fractions of nebulae that have them.

    References
    ----------
    Gautier et al. 1992, AJ 103, 1313, and Miville-Deschênes et al. 2016, A&A 593, A4 (power spectra of
    cirrus, exponents about 3); Vázquez-Semadeni 1994, ApJ 423, 681 (log-normal densities).
    """

    probability: float = 0.15
    amplitude: Range = (1.0, 300.0)
    slope: Range = (2.5, 3.8)
    stretch: Range = (1.0, 3.0)
    filaments: float = 0.4
    shells: float = 0.2
    reflections: float = 0.15
    lanes: float = 0.35
    rims: float = 0.3

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the light of the nebula in electrons, and its mask."""
        # No structure is sharper than the PSF, so a coarser grid is enough
        factor = 2 if scene.psf.fwhm < 5 else 3
        shape = (-(-scene.shape[0] // factor) + 1, -(-scene.shape[1] // factor) + 1)
        coarse = self._nebula(shape, rng)
        coarse *= np.float32(scene.sigma * self._height(rng, coarse, factor))
        light = enlarge(coarse, scene.shape, factor)
        noise = scene.sky + light
        noise += np.float32(scene.camera.read_noise**2)
        return Layer(light=light, truth=light > np.sqrt(noise, out=noise))

    def _nebula(self, shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
        """Return a nebula with a minimum of 0 and a maximum (99.9th percentile) of 1."""
        first, second = fractal_pair(
            shape,
            rng,
            slope=uniform(rng, self.slope),
            stretch=uniform(rng, self.stretch),
            angle=rng.uniform(0, math.pi),
        )
        light = np.exp(np.float32(uniform(rng, (0.4, 1.4))) * first)
        if rng.uniform() < self.filaments:
            sharpness = np.float32(log_uniform(rng, (3, 20)))
            ridges = 1 / (1 + (sharpness * second) ** 2)
            light = light * (np.float32(rng.uniform(0, 0.5)) + ridges)
        if rng.uniform() < self.shells:
            light = light * np.float32(rng.uniform(0.05, 0.5)) + _shell(shape, rng, second) * light
        if rng.uniform() < self.reflections:
            light = light * (np.float32(0.2) + 5 * _reflection(shape, rng))
        if rng.uniform() < self.rims:
            light = _bright_rim(light, rng, second)
        if rng.uniform() < self.lanes:
            # Dust in front of the gas, with a log-normal optical depth
            depth = np.exp(np.float32(uniform(rng, (0.7, 1.5))) * (second - np.float32(rng.uniform(0, 1.5))))
            light = light * np.exp(-depth)
        light = light - light.min()
        top = max(float(np.percentile(light[::2, ::2], 99.9)), 1e-6)
        nebula: NDArray[np.float32] = (light / np.float32(top)).astype(np.float32)
        return nebula

    def _height(self, rng: Generator, nebula: NDArray[np.float32], factor: int) -> float:
        """Draw the height in sigma, enough for structure to remain after background subtraction."""
        height = log_uniform(rng, self.amplitude)
        sparse = nebula[::4, ::4]
        fine = sparse - gaussian_filter(sparse, MESH / 2 / (4 * factor), truncate=2)
        return max(height, MIN_STRUCTURE / max(float(fine.std()), 1e-6))


def _shell(shape: tuple[int, int], rng: Generator, field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a hollow sphere in projection: path length through its wall, at most about 1."""
    side = math.sqrt(math.prod(shape))
    radius = side * log_uniform(rng, (0.12, 0.8))
    inner = rng.uniform(0.75, 0.97)
    y, x, squash = *(rng.uniform(-0.1, 1.1, 2) * shape), rng.uniform(0.7, 1)
    dy = (np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(y)) / np.float32(radius)
    dx = (np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(x)) / np.float32(radius * squash)
    # Turbulence distorts the shell
    square = (dy**2 + dx**2) * (1 + np.float32(rng.uniform(0, 0.2)) * field)
    chord = np.sqrt(np.maximum(1 - square, 0)) - np.sqrt(np.maximum(inner**2 - square, 0))
    direction, lean = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.9)
    side_on = 1 + np.float32(lean) * np.clip(math.cos(direction) * dx + math.sin(direction) * dy, -1, 1)
    shell: NDArray[np.float32] = (chord * side_on / np.float32(math.sqrt(1 - inner**2))).astype(np.float32)
    return shell


def _reflection(shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    """Return the light of a reflection nebula around a star, at most 1."""
    y, x = rng.uniform(0, 1, 2) * shape
    core = math.sqrt(math.prod(shape)) * log_uniform(rng, (0.02, 0.2))
    dy = (np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(y)) / np.float32(core)
    dx = (np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(x)) / np.float32(core)
    starlight: NDArray[np.float32] = (1 / (1 + dy**2 + dx**2)).astype(np.float32)
    return starlight


def _bright_rim(
    light: NDArray[np.float32], rng: Generator, field: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the light behind a dark cloud with an irregular edge and a bright rim."""
    shape = light.shape
    bulk = smooth_surface((shape[0], shape[1]), rng, cell=min(shape) * rng.uniform(0.3, 1.0))
    depth = bulk + np.float32(rng.uniform(0.1, 0.5)) * field + np.float32(rng.normal() * 0.4)
    softness = np.float32(log_uniform(rng, (0.03, 0.4)))
    cover = np.clip(depth / softness, 0, 1)
    gas = np.float32(1.5) * light.mean()
    behind = (light + gas) * (1 - np.float32(rng.uniform(0.6, 1.0)) * cover)
    if rng.uniform() < 0.6:
        rim = np.exp(-np.abs(depth) / np.float32(log_uniform(rng, (0.03, 0.2))))
        behind += np.float32(rng.uniform(0.2, 1.5)) * gas * rim
    rimmed: NDArray[np.float32] = behind.astype(np.float32)
    return rimmed
