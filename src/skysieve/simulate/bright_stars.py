"""Stars bright enough to saturate, and the spikes that the spider of the telescope draws about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.simulate.psf import stamp
from skysieve.simulate.sky import power_law

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.psf import Psf

__all__ = ["BrightStar", "draw_bright_stars", "simulate_bright_stars", "simulate_spikes"]

STARS_PER_MPIX = 3.5


@dataclass(frozen=True)
class BrightStar:
    """Position of a star in pixels and its flux in electrons."""

    y: float
    x: float
    flux: float


def draw_bright_stars(
    shape: tuple[int, int], rng: Generator, *, psf: Psf, full_well: float
) -> list[BrightStar]:
    """Return one star or more whose peaks are 6 to 120 times the full well."""
    count = max(1, rng.poisson(STARS_PER_MPIX * shape[0] * shape[1] / 2**20))
    # A small frame would drown in the light of one star of the largest: the brightest go with the area
    highest = 120 * min(1.0, math.sqrt(shape[0] * shape[1]) / 1024)
    peaks = power_law(rng, count, low=6, high=max(highest, 10), slope=0.75) * full_well
    places = rng.uniform(0.08, 0.92, (count, 2)) * shape
    return [
        BrightStar(y, x, peak / psf.peak)
        for (y, x), peak in zip(places.tolist(), peaks.tolist(), strict=True)
    ]


def simulate_bright_stars(
    shape: tuple[int, int], stars: list[BrightStar], *, psf: Psf, sigma: float
) -> NDArray[np.float32]:
    """Return the light ``(H, W)`` of the stars, spikes apart, in electrons before any saturation."""
    image = np.zeros(shape, np.float32)
    for star in stars:
        psf.add_star(image, y=star.y, x=star.x, flux=star.flux, floor=0.05 * sigma)
    return image


def simulate_spikes(
    shape: tuple[int, int], stars: list[BrightStar], rng: Generator, *, psf: Psf, sigma: float
) -> NDArray[np.float32]:
    """Return the light ``(H, W)`` that the vanes of the spider throw into spikes, in electrons.

    A vane of width w throws light at right angles to itself, as sinc^2 of the angle over lambda / w.
    A broad filter blurs the zeros and leaves half the envelope, 1 / (2 pi^2 w^2 angle^2 / lambda^2), which a
    Lorentzian follows that bends at lambda / (sqrt(2) pi w): at 10 to 25 pixels for vanes of 10 to 4 mm,
    650 nm and 0.3 arcsec a pixel.  Across, a spike is as wide as the seeing.  Two crossed vanes draw four
    arms, at one orientation in the whole frame; each takes as much of the light as it covers of the aperture.

    References
    ----------
    Born & Wolf 1999, Principles of Optics, 8.5 (diffraction at a strip, Babinet's principle).
    """
    image = np.zeros(shape, np.float32)
    orientation = rng.uniform(0, math.pi / 2)
    bend = rng.uniform(10, 25)
    fraction = rng.uniform(0.005, 0.012)  # covered by each vane: 1.3 % for 10 mm across 1 m
    floor = 0.05 * sigma
    for star in stars:
        ridge = fraction * star.flux / (math.pi * bend) * float(psf.line(np.zeros(1, np.float32))[0])
        radius = math.ceil(bend * math.sqrt(max(ridge / floor - 1, 1)))
        found = stamp(shape, y=star.y, x=star.x, radius=radius)
        if found is None:
            continue
        window, dy, dx = found
        for angle in (orientation, orientation + math.pi / 2):
            along = dx * math.cos(angle) + dy * math.sin(angle)
            across = dy * math.cos(angle) - dx * math.sin(angle)
            strength = fraction * star.flux / (math.pi * bend) / (1 + (along / bend) ** 2)
            image[window] += strength.astype(np.float32) * psf.line(across)
    return image
