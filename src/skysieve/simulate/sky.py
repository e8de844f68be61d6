"""What a telescope sees of a clean field: the night sky, stars and galaxies, in electrons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import oaconvolve

from skysieve.simulate.psf import stamp

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.psf import Psf

__all__ = ["Throughput", "power_law", "simulate_galaxies", "simulate_stars"]

STARS_PER_MPIX = 700
GALAXIES_PER_MPIX = 110


@dataclass(frozen=True)
class Throughput:
    """How the light of an even sky arrives across the frame.

    Parameters
    ----------
    level
        Sky at the centre, in electrons.
    tilt_y, tilt_x
        Relative change of the sky from one edge to the other: moonlight, airglow, twilight.
    vignetting
        Relative loss at the corners, for all light.
    """

    level: float
    tilt_y: float
    tilt_x: float
    vignetting: float

    @classmethod
    def draw(cls, rng: Generator) -> Throughput:
        """Return the sky of a moonless to a moonlit night."""
        tilt_y, tilt_x = rng.normal(0, 0.015, 2)
        return cls(
            level=math.exp(rng.uniform(math.log(500), math.log(1800))),
            tilt_y=float(tilt_y),
            tilt_x=float(tilt_x),
            vignetting=rng.uniform(0.02, 0.06),
        )

    def response(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Return the relative response ``(H, W)``, 1 at the centre."""
        y, x = _unit_axes(shape)
        return 1 - np.float32(self.vignetting / 2) * (y**2 + x**2)

    def sky(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Return the mean sky ``(H, W)`` that is detected, in electrons."""
        y, x = _unit_axes(shape)
        tilted = np.float32(self.level) * (
            1 + np.float32(self.tilt_y / 2) * y + np.float32(self.tilt_x / 2) * x
        )
        return tilted * self.response(shape)


def power_law(rng: Generator, count: int, *, low: float, high: float, slope: float) -> NDArray[np.float64]:
    """Draw values whose number above F goes as F^-slope, between two limits."""
    u = rng.uniform(size=count)
    values: NDArray[np.float64] = (low**-slope + u * (high**-slope - low**-slope)) ** (-1 / slope)
    return values


def simulate_stars(
    shape: tuple[int, int], rng: Generator, *, psf: Psf, sigma: float, brightest: float
) -> NDArray[np.float32]:
    """Return the light ``(H, W)`` of stars that do not saturate, in electrons.

    Counts rise by 0.3 dex a magnitude, N(>F) ~ F^-0.75: less steep than the F^-1.5 of an endless even space,
    because the Galaxy ends (Bahcall & Soneira 1980, ApJS 44, 73).

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Source of randomness.
    psf
        Point spread function.
    sigma
        Noise of the sky, in electrons: the faintest stars have a peak of half of it.
    brightest
        Peak of the brightest star, in electrons.
    """
    image = np.zeros(shape, np.float32)
    count = rng.poisson(STARS_PER_MPIX * image.size / 2**20)
    low, high = 0.5 * sigma / psf.peak, brightest / psf.peak
    fluxes = power_law(rng, count, low=low, high=high, slope=0.75)
    places = rng.uniform(-0.5, np.array(shape) - 0.5, (count, 2))
    for (y, x), flux in zip(places, fluxes, strict=True):
        psf.add_star(image, y=y, x=x, flux=flux, floor=0.05 * sigma)
    return image


def simulate_galaxies(
    shape: tuple[int, int], rng: Generator, *, psf: Psf, sigma: float
) -> NDArray[np.float32]:
    """Return the light ``(H, W)`` of galaxies, in electrons.

    Sérsic profiles of index 1 (discs, seven in ten) or 4 (spheroids), at random inclinations, blurred by the
    PSF.  Counts rise by 0.4 dex a magnitude, N(>F) ~ F^-1, and sizes as F^0.35.

    References
    ----------
    Sérsic 1968; Ciotti & Bertin 1999, A&A 352, 447, eq. 18 (b_n).
    """
    image = np.zeros(shape, np.float32)
    count = rng.poisson(GALAXIES_PER_MPIX * image.size / 2**20)
    fluxes = power_law(rng, count, low=20 * sigma, high=2e4 * sigma, slope=1.0)
    for flux in fluxes:
        y, x = rng.uniform(-0.5, np.array(shape) - 0.5)
        index = 1 if rng.uniform() < 0.7 else 4
        radius = 1.6 * (flux / (20 * sigma)) ** 0.35 * math.exp(rng.normal(0, 0.3))
        axis_ratio = rng.uniform(0.2, 1.0) if index == 1 else rng.uniform(0.5, 1.0)
        _add_sersic(
            image,
            y=y,
            x=x,
            flux=flux,
            index=index,
            radius=radius,
            axis_ratio=axis_ratio,
            angle=rng.uniform(0, math.pi),
        )
    blurred = oaconvolve(image, psf.kernel(math.ceil(6 * psf.fwhm)), mode="same")
    light: NDArray[np.float32] = np.maximum(blurred, 0).astype(np.float32)
    return light


def _add_sersic(
    image: NDArray[np.float32],
    *,
    y: float,
    x: float,
    flux: float,
    index: int,
    radius: float,
    axis_ratio: float,
    angle: float,
) -> None:
    """Add a Sérsic profile of this half-light radius in pixels, along the major axis, in place."""
    found = stamp(image.shape, y=y, x=x, radius=math.ceil((6 if index == 1 else 10) * radius) + 2)
    if found is None:
        return
    window, dy, dx = found
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = (dy * math.cos(angle) - dx * math.sin(angle)) / axis_ratio
    # Half a pixel of softening: the cusp of index 4 is sharper than a pixel
    distance = np.sqrt(along**2 + across**2 + 0.25) / radius
    b = 2 * index - 1 / 3 + 4 / (405 * index)
    profile = np.exp(-b * (distance ** (1 / index) - 1))
    total = (
        2 * math.pi * index * radius**2 * axis_ratio * math.exp(b) * b ** (-2 * index) * math.gamma(2 * index)
    )
    image[window] += np.float32(flux / total) * profile


def _unit_axes(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return y ``(H, 1)`` and x ``(1, W)`` from -1 to 1 across the frame."""
    height, width = shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return y, x
