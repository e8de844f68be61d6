"""Galaxies: many small ones, and occasionally a nearby one with spiral arms or a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gamma

from skysieve.core.simulate.draws import Range, log_uniform, power_law, uniform
from skysieve.frames.simulate.stamps import stamp

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["Galaxies"]

_PER_RADIUS = 64  # entries a half-light radius in tables of profiles
_EXTENT = 12.0  # half-light radii that a table covers
_INDICES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class Galaxies:
    """Ranges of galaxies. The defaults cover shallow to deep exposures.

    Attributes
    ----------
    density
        Galaxies per 2^20 pixels, log-uniform.
    slope
        Slope of the number counts, N(>F) ~ F^-slope: 0.3 to 0.6 dex per magnitude.
    faintest, brightest
        Flux in standard deviations of the sky noise in a pixel.
    radius
        Half-light radius of the faintest in pixels, log-uniform, one value per frame (its pixel scale).
        Radii increase with flux to the power of 0.35.
    index
        Sérsic index: most are discs near 1, some are spheroids with higher indices up to the upper limit.
    near
        Nearby galaxies per 2^20 pixels, with a bulge and a disc, and often spiral arms, a bar or a ring.
    near_radius
        Half-light radius of the disc of a nearby galaxy, in pixels, log-uniform.
    near_brightness
        Central surface brightness of the disc, in standard deviations of the sky noise, log-uniform.

    References
    ----------
    Sérsic 1968, Atlas de Galaxias Australes; Ciotti & Bertin 1999, A&A 352, 447, eq. 18 (b_n).
    """

    density: Range = (10.0, 2000.0)
    slope: Range = (0.75, 1.4)
    faintest: float = 20.0
    brightest: float = 3e4
    radius: Range = (0.7, 2.5)
    index: Range = (0.5, 5.0)
    near: float = 0.25
    near_radius: Range = (25.0, 150.0)
    near_brightness: Range = (1.0, 60.0)

    def simulate(self, scene: Scene, rng: Generator) -> NDArray[np.float32]:
        """Draw galaxies, and return their image.

        Parameters
        ----------
        scene
            Gives the shape, the PSF and the noise.
        rng
            Random generator.

        Returns
        -------
        numpy.ndarray
            Light ``(H, W)`` float32 convolved with the PSF, in electrons.
        """
        image = np.zeros(scene.shape, np.float32)
        size = image.size / 2**20
        count = int(rng.poisson(log_uniform(rng, self.density) * size))
        smallest = log_uniform(rng, self.radius)
        fluxes = power_law(
            rng,
            count,
            low=self.faintest * scene.sigma,
            high=self.brightest * scene.sigma,
            slope=uniform(rng, self.slope),
        )
        radii = (
            smallest * (fluxes / (self.faintest * scene.sigma)) ** 0.35 * np.exp(rng.normal(0, 0.3, count))
        )
        discs = rng.uniform(size=count) < 0.7
        indices = np.where(discs, rng.uniform(0.7, 1.4, count), rng.uniform(*self.index, count))
        indices = np.clip(indices, *self.index)
        ratios = rng.uniform(np.where(discs, 0.15, 0.5), 1.0)
        angles = rng.uniform(0, math.pi, count)
        positions = rng.uniform(-0.5, np.array(scene.shape) - 0.5, (count, 2))
        for i in range(count):
            _add_sersic(
                image,
                y=positions[i, 0],
                x=positions[i, 1],
                flux=fluxes[i],
                index=indices[i],
                radius=radii[i],
                axis_ratio=ratios[i],
                angle=angles[i],
                floor=0.05 * scene.sigma,
            )
        for _ in range(rng.poisson(self.near * size)):
            _add_near(
                image,
                rng,
                radius=log_uniform(rng, self.near_radius),
                brightness=log_uniform(rng, self.near_brightness) * scene.sigma,
            )
        return scene.psf.blur(image)


def _add_sersic(
    image: NDArray[np.float32],
    *,
    y: float,
    x: float,
    flux: float,
    index: float,
    radius: float,
    axis_ratio: float,
    angle: float,
    floor: float,
) -> None:
    """Add a Sérsic profile in place; the half-light radius in pixels is along the major axis."""
    nearest = min(_INDICES, key=lambda known: abs(math.log(known / index)))
    table, total, ends = _sersic(nearest)
    level = flux / (total * radius**2 * axis_ratio)
    reach = int(np.searchsorted(ends, -floor / level)) / _PER_RADIUS * radius
    found = stamp(image.shape, y=y, x=x, radius=math.ceil(reach) + 1)
    if found is None:
        return
    window, dy, dx = found
    along = dx * np.float32(math.cos(angle)) + dy * np.float32(math.sin(angle))
    across = (dy * np.float32(math.cos(angle)) - dx * np.float32(math.sin(angle))) / np.float32(axis_ratio)
    # Soften by half a pixel: the cusp of a spheroid is sharper than a pixel
    distance = np.sqrt(along**2 + across**2 + np.float32(0.25)) * np.float32(_PER_RADIUS / radius)
    image[window] += np.float32(level) * table.take(distance.astype(np.int32), mode="clip")


@lru_cache
def _sersic(index: float) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """Return a Sérsic profile by distance, its integral for a radius of 1, and the negative profile.

    The profile is 1 at the half-light radius, and tapers to zero at the end of the table.
    """
    distance = np.arange(_EXTENT * _PER_RADIUS) / _PER_RADIUS
    b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)
    profile = np.exp(-b * (distance ** (1 / index) - 1))
    profile *= np.clip((_EXTENT - distance) / 4, 0, 1)
    profile[-1] = 0
    total = 2 * math.pi * index * math.exp(b) * b ** (-2 * index) * float(gamma(2 * index))
    table = profile.astype(np.float32)
    return table, total, -table


def _add_near(image: NDArray[np.float32], rng: Generator, *, radius: float, brightness: float) -> None:
    """Add a nearby galaxy to the image in place: bulge, exponential disc, and structure of the disc.

    Arms are logarithmic spirals with pitch angles of 10 to 30 degrees (Kennicutt 1981, AJ 86, 1847), with
    knots of young stars.

    Parameters
    ----------
    image
        ``(H, W)`` float32, in electrons.
    rng
        Random generator.
    radius
        Half-light radius of the disc, in pixels.
    brightness
        Central surface brightness of the disc, in electrons.
    """
    y, x = rng.uniform(-0.5, np.array(image.shape) - 0.5)
    axis_ratio = rng.uniform(0.2, 1.0)
    angle = rng.uniform(0, math.pi)
    arms = int(rng.choice([0, 0, 2, 2, 2, 3, 4]))
    bar = rng.uniform() < 0.35
    found = stamp(image.shape, y=y, x=x, radius=math.ceil(3.5 * radius))
    if found is None:
        return
    window, dy, dx = found
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    along = (dx * cos + dy * sin) / np.float32(radius)
    across = (dy * cos - dx * sin) / np.float32(radius * axis_ratio)
    distance = np.sqrt(along**2 + across**2)
    # The scale length of an exponential disc is the half-light radius over 1.678
    light = np.exp(np.float32(-1.678) * distance)
    if arms:
        pitch = math.tan(math.radians(rng.uniform(10, 30)))
        turn = np.log(distance + np.float32(0.05)) * np.float32(rng.choice([-1, 1]) / pitch)
        phase = np.float32(arms) * (np.arctan2(across, along) - turn) + np.float32(rng.uniform(0, 6.28))
        contrast = np.float32(rng.uniform(0.2, 0.75)) * np.clip(distance * 2 - np.float32(0.4), 0, 1)
        wave = np.cos(phase)
        light *= 1 + contrast * wave
        _add_knots(light, rng, wave, density=rng.uniform(0.0005, 0.004))
    if bar:
        length, width = rng.uniform(0.4, 0.8), rng.uniform(0.08, 0.18)
        light += np.float32(rng.uniform(0.3, 1.0)) * np.exp(
            -((along / np.float32(length)) ** 4) - (across / np.float32(width)) ** 2
        )
    if rng.uniform() < 0.2:
        ring, width = rng.uniform(0.7, 1.4), rng.uniform(0.08, 0.2)
        light += np.float32(rng.uniform(0.1, 0.5)) * np.exp(
            -(((distance - np.float32(ring)) / np.float32(width)) ** 2)
        )
    if axis_ratio < 0.45 and rng.uniform() < 0.6:  # dust lane in front of the near half of the disc
        height = np.float32(rng.uniform(0.05, 0.2))
        light *= 1 - np.float32(rng.uniform(0.3, 0.8)) * np.exp(
            -(((across - height) / (height + np.float32(0.05))) ** 2) - distance**2
        )
    light *= np.clip((np.float32(3.5) - distance) * np.float32(2), 0, 1)
    image[window] += np.float32(brightness) * light
    bulge = rng.uniform(0.02, 0.5) * 2 * math.pi / 1.678**2 * brightness * radius**2
    _add_sersic(
        image,
        y=y,
        x=x,
        flux=bulge,
        index=rng.uniform(1, 4),
        radius=radius * rng.uniform(0.1, 0.3),
        axis_ratio=max(axis_ratio, 0.6),
        angle=angle,
        floor=0.01 * brightness,
    )


def _add_knots(
    light: NDArray[np.float32], rng: Generator, wave: NDArray[np.float32], *, density: float
) -> None:
    """Add knots of young stars to the crests of the arms in place, as single pixels before the PSF."""
    count = int(rng.poisson(density * light.size))
    rows, columns = rng.integers(0, light.shape[0], count), rng.integers(0, light.shape[1], count)
    crest = wave[rows, columns] > 0.5
    rows, columns = rows[crest], columns[crest]
    light[rows, columns] *= 1 + (5 * rng.pareto(1.0, rows.size)).clip(0, 200).astype(np.float32)
