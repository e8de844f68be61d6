"""Star fields from empty to crowded: positions and fluxes, star clusters, and the image of all stars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, power_law, uniform
from skysieve.frames.simulate.scene import Star

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.psf import Psf
    from skysieve.frames.simulate.scene import Scene

__all__ = ["StarList", "Stars", "star_light"]

FLOOR = 0.05
"""Light below this level is not drawn, in standard deviations of the sky noise."""

_MARGIN = 64  # pixels outside the frame within which stars contribute light

StarList = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""Positions y and x in pixels, which may lie outside the frame, and fluxes in electrons, ``(k,)`` each."""


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Ranges of star fields. The defaults cover fields from the galactic poles to the plane.

    Attributes
    ----------
    density
        Stars below the full well per 2^20 pixels, log-uniform; limited by ``closest``.
    closest
        Mean distance of stars in the most crowded field, relative to the FWHM. Below one, most stars are
        blends.
    slope
        Slope of the number counts, N(>F) ~ F^-slope. An infinite homogeneous distribution has 1.5; the finite
        Galaxy has 0.5 to 1.1 (0.2 to 0.45 dex per magnitude).
    faintest
        Peak of the faintest stars, in standard deviations of the sky noise.
    bright_density
        Bright stars per 2^20 pixels, log-uniform.
    bright_peak
        Peak of bright stars, relative to the full well; other stars stay below its lower limit.
    cluster
        Mean number of star clusters per 2^20 pixels.
    cluster_members
        Visible stars of a cluster, log-uniform: tens for open clusters, thousands for globular clusters.
    cluster_radius
        Projected radius that holds half of the members, in pixels, log-uniform.

    References
    ----------
    Bahcall & Soneira 1980, ApJS 44, 73 (counts).
    """

    density: Range = (10.0, 3e5)
    closest: float = 1.2
    slope: Range = (0.5, 1.1)
    faintest: float = 0.3
    bright_density: Range = (0.3, 30.0)
    bright_peak: Range = (0.3, 1000.0)
    cluster: float = 0.06
    cluster_members: Range = (30.0, 5000.0)
    cluster_radius: Range = (15.0, 300.0)

    def simulate(self, scene: Scene, rng: Generator) -> NDArray[np.float32]:
        """Draw stars, and return their image.

        Parameters
        ----------
        scene
            Gives the shape, the PSF and the noise.
        rng
            Random generator.

        Returns
        -------
        numpy.ndarray
            Light ``(H, W)`` float32 of the stars of :meth:`draw`, in electrons.
        """
        y, x, flux = self.draw(scene, rng)
        image = np.zeros(scene.shape, np.float32)
        scene.psf.add_stars(image, y=y, x=x, flux=flux, floor=FLOOR * scene.sigma)
        return image

    def draw(self, scene: Scene, rng: Generator) -> StarList:
        """Draw the stars below the full well.

        Parameters
        ----------
        scene
            Gives the shape, the PSF and the noise.
        rng
            Random generator.

        Returns
        -------
        StarList
            Positions and fluxes.
        """
        psf = scene.psf
        low = self.faintest * scene.sigma / psf.peak
        high = max(self.bright_peak[0] * scene.camera.full_well / psf.peak, 3 * low)
        slope = uniform(rng, self.slope)
        max_density = 2**20 / (self.closest * max(psf.fwhm, 1.0)) ** 2
        density = min(log_uniform(rng, self.density), max_density)
        # Margin that the light of most stars does not exceed
        margin = min(_MARGIN, 2 * math.ceil(psf.fwhm) + 2)
        height, width = scene.shape
        count = int(rng.poisson(density * (height + 2 * margin) * (width + 2 * margin) / 2**20))
        y, x = _uniform_positions(rng, count, scene.shape, margin)
        flux = power_law(rng, count, low=low, high=high, slope=slope)
        for _ in range(rng.poisson(self.cluster * height * width / 2**20)):
            radius = log_uniform(rng, self.cluster_radius)
            # The centre may not be denser than the most crowded field
            members = min(log_uniform(rng, self.cluster_members), math.pi * radius**2 * max_density / 2**20)
            down, along = _cluster(rng, int(members), radius)
            centre = rng.uniform(0, 1, 2) * scene.shape
            light = power_law(rng, int(members), low=low, high=high, slope=uniform(rng, self.slope))
            y, x = np.concatenate([y, centre[0] + down]), np.concatenate([x, centre[1] + along])
            flux = np.concatenate([flux, light])
        return y, x, flux

    def draw_bright(
        self, shape: tuple[int, int], rng: Generator, *, psf: Psf, camera: Camera
    ) -> tuple[Star, ...]:
        """Draw the stars near or above the full well; some lie just outside the frame.

        Parameters
        ----------
        shape
            ``(H, W)`` of the frame.
        rng
            Random generator.
        psf
            Converts peaks to fluxes.
        camera
            Gives the full well.

        Returns
        -------
        tuple
            The bright stars.
        """
        rate = log_uniform(rng, self.bright_density)
        area = (shape[0] + 2 * _MARGIN) * (shape[1] + 2 * _MARGIN)
        count = int(rng.poisson(rate * area / 2**20))
        low, high = self.bright_peak
        peaks = power_law(rng, count, low=low, high=high, slope=uniform(rng, self.slope))
        y, x = _uniform_positions(rng, count, shape, _MARGIN)
        flux = peaks * camera.full_well / psf.peak
        return tuple(map(Star, y.tolist(), x.tolist(), flux.tolist()))


def star_light(stars: Iterable[Star], scene: Scene) -> NDArray[np.float32]:
    """Return the image of stars, before saturation and without spikes.

    Parameters
    ----------
    stars
        Positions and fluxes.
    scene
        Gives the shape, the PSF and the noise.

    Returns
    -------
    numpy.ndarray
        Light ``(H, W)`` float32, in electrons.
    """
    image = np.zeros(scene.shape, np.float32)
    for star in stars:
        scene.psf.add_star(image, y=star.y, x=star.x, flux=star.flux, floor=FLOOR * scene.sigma)
    return image


def _uniform_positions(
    rng: Generator, count: int, shape: tuple[int, int], margin: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions ``(count,)`` along y and x, uniform over the frame and a margin around it."""
    height, width = shape
    y = rng.uniform(-0.5 - margin, height - 0.5 + margin, count)
    return y, rng.uniform(-0.5 - margin, width - 0.5 + margin, count)


def _cluster(rng: Generator, count: int, radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return offsets ``(count,)`` along y and x of the members of a star cluster from its centre.

    The cluster is a Plummer sphere in projection: the number within r is proportional to r^2 / (r^2 + a^2),
    half of it within a (Plummer 1911, MNRAS 71, 460).
    """
    u = rng.uniform(0, 0.98, count)
    distance = radius * np.sqrt(u / (1 - u))
    angle = rng.uniform(0, 2 * math.pi, count)
    return distance * np.sin(angle), distance * np.cos(angle)
