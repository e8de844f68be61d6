"""Diffraction spikes and halos of bright stars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.bands import STEP, Band, Profile
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.scene import Scene, Star

__all__ = ["Spikes"]

ARCSEC = 206_265.0
"""Arcseconds per radian."""

FAINTEST = 0.1
"""Light below this level is not drawn, in sigma of the sky."""

WINGS = 20.0
"""Half-width of a spike's profile, in FWHM of the PSF."""

MAX_LENGTH = 1500.0
"""Maximum length of a spike from its star, in pixels."""

MIN_SPIKE_TO_STAR = 0.2
"""Minimum ratio of spike to star light anywhere; a fainter spike cannot be distinguished from the star."""


@dataclass(frozen=True, kw_only=True)
class Spikes:
    """Light of bright stars diffracted by the spider vanes, and their out-of-focus reflections.

    A vane of width w diffracts the light that it blocks (Babinet's principle) perpendicular to itself, to
    both sides, as sinc^2 of w k t for light of wavenumber k = 1 / wavelength at an angle t. A broad filter
    averages out the zeros; the mean over a range K of wavenumbers around k is ``(1 - cos(2 pi w k t) sinc(w K
    t)) / (2 (pi w k t)^2)``. A narrow filter leaves knots along the spike. Vanes are evenly spaced: four
    cause four spikes, three cause six. Opposite vanes are never exactly aligned, so their spikes diverge
    slightly. A spike is as wide as the PSF. If ``camera.vanes`` is 0 there are halos but no spikes.

    The mask holds the pixels where the spikes exceed one sigma of the noise of sky, star, spikes and
    read-out. It is empty for a star whose spikes nowhere exceed its core. Halos belong to the light but not
    to the mask.

    Attributes
    ----------
    probability
        Probability that a frame's bright stars have spikes.
    strength
        Light in the spikes, relative to the light that the vanes block.
    wavelength
        Central wavelength of the filter, in µm.
    bandwidth
        Width of the filter, relative to its central wavelength.
    misalignment
        Standard deviation of the direction of a vane, in degrees.
    offset
        Standard deviation of the distance of a spike from the star's centre, relative to the PSF's FWHM;
        caused by defocus.
    curvature
        Standard deviation of the curvature of a spike, in 1/px.
    smooth
        Probability that spikes decrease smoothly as 1 / (1 + (r / core)^fall) instead: broad filters,
        segmented mirrors and dirt on the optics hide the diffraction pattern of the vane.
    core
        Radius at which smooth spikes have half of their brightness, in pixels, log-uniform.
    fall
        Exponent of smooth spikes.
    halo
        Probability that the camera has reflections.
    halo_fraction
        Light in the reflection, relative to the star.
    halo_radius
        Outer radius of the reflection, in pixels.

    References
    ----------
    Born & Wolf 1999, Principles of Optics, 8.5 and 8.3.3 (diffraction at a strip, Babinet's principle);
    Slater, Harding & Mihos 2009, PASP 121, 1267 (reflections around bright stars).
    """

    probability: float = 0.7
    strength: Range = (0.2, 4.0)
    wavelength: Range = (0.4, 0.95)
    bandwidth: Range = (0.04, 0.4)
    misalignment: Range = (0.0, 0.4)
    offset: Range = (0.0, 0.25)
    curvature: Range = (0.0, 5e-5)
    smooth: float = 0.0
    core: Range = (5.0, 60.0)
    fall: Range = (1.6, 3.0)
    halo: float = 0.35
    halo_fraction: Range = (1e-4, 1e-2)
    halo_radius: Range = (25.0, 250.0)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the light of spikes and halos in electrons, and the mask of spikes."""
        light = np.zeros(scene.shape, np.float32)
        truth = np.zeros(scene.shape, np.bool_)
        if scene.camera.vanes and scene.bright_stars:
            star_light = np.zeros(scene.shape, np.float32)
            for star in scene.bright_stars:
                # Out to where the star's photon noise equals the noise of the sky
                floor = scene.sigma**2
                scene.psf.add_star(star_light, y=star.y, x=star.x, flux=star.flux, floor=floor)
            vanes = self._vanes(scene, rng)
            across = Profile.tabulate(scene.psf.line, reach=WINGS * scene.psf.fwhm)
            along = self._along(scene, rng)
            for star in scene.bright_stars:
                bands = [vane.add(light, scene, star, along, across) for vane in vanes]
                self._mark(truth, scene, light, star_light, [band for band in bands if band])
        if rng.uniform() < self.halo:
            self._add_halos(light, scene, rng)
        return Layer(light=light, truth=truth)

    def _mark(
        self,
        truth: NDArray[np.bool_],
        scene: Scene,
        light: NDArray[np.float32],
        star_light: NDArray[np.float32],
        bands: list[Band],
    ) -> None:
        """Mark the spikes of a star, unless its core hides them."""
        visible = 0
        marks = []
        for band in bands:
            at = band.rows, band.columns
            own, star = light[at], star_light[at]
            belongs = own > np.sqrt(scene.sky[at] + star + own + np.float32(scene.camera.read_noise**2))
            visible += int(np.count_nonzero(belongs & (own > np.float32(MIN_SPIKE_TO_STAR) * star)))
            marks.append((at, belongs))
        if visible >= scene.psf.fwhm**2:
            for at, belongs in marks:
                truth[at] |= belongs

    def _vanes(self, scene: Scene, rng: Generator) -> list[_Vane]:
        """Draw the vanes of the frame's telescope, which set the directions of the spikes."""
        count = scene.camera.vanes
        first = rng.uniform(0, 2 * math.pi)
        if rng.uniform() < 0.3:  # many cameras are aligned with the spider, or at 45 degrees to it
            first = rng.integers(0, 8) * math.pi / 4 + rng.normal() * 0.01
        misalignment = math.radians(uniform(rng, self.misalignment))
        offset = uniform(rng, self.offset) * scene.psf.fwhm
        curvature = uniform(rng, self.curvature)
        hidden = _blocked_fraction(scene.camera) * log_uniform(rng, self.strength)
        return [
            _Vane(
                angle=first + 2 * math.pi * number / count + rng.normal() * misalignment,
                offset=rng.normal() * offset,
                curvature=rng.normal() * curvature,
                fraction=hidden * rng.uniform(0.8, 1.2),
                lopsided=rng.uniform(-0.15, 0.15),
            )
            for number in range(count)
        ]

    def _along(self, scene: Scene, rng: Generator) -> Profile:
        """Return the profile along a spike: the fraction of its light per pixel of its length."""
        if self.smooth and rng.uniform() < self.smooth:
            core, fall = log_uniform(rng, self.core), uniform(rng, self.fall)
            # normalised to an integral of one over both sides
            peak = math.sin(math.pi / fall) * fall / (2 * math.pi * core)

            def smooth(offset: NDArray[np.float32]) -> NDArray[np.float32]:
                return np.asarray(peak / (1 + (offset / core) ** fall), np.float32)

            return Profile.tabulate(smooth, reach=MAX_LENGTH)
        wavelength = uniform(rng, self.wavelength) * 1e-6
        width = log_uniform(rng, self.bandwidth)
        camera = scene.camera
        scale = camera.vane_width / wavelength * camera.pixel_scale / ARCSEC  # zeros a pixel

        def diffracted(offset: NDArray[np.float32]) -> NDArray[np.float32]:
            t = np.float32(scale) * np.maximum(offset, np.float32(1e-3 / scale))
            waves = np.cos(np.float32(2 * math.pi) * t) * np.sinc(np.float32(width) * t)
            return np.asarray(np.float32(scale / (2 * math.pi**2)) * (1 - waves) / t**2, np.float32)

        # The PSF smooths the knots too
        seeing = scene.psf.line(np.arange(0, 3 * scene.psf.fwhm, STEP, dtype=np.float32))
        kernel = np.concatenate([seeing[:0:-1], seeing]).astype(np.float64)
        return Profile.tabulate(diffracted, reach=MAX_LENGTH, blur=kernel / kernel.sum())

    def _add_halos(self, light: NDArray[np.float32], scene: Scene, rng: Generator) -> None:
        """Add the out-of-focus image of the pupil around each star where it is visible."""
        radius = log_uniform(rng, self.halo_radius)
        fraction = log_uniform(rng, self.halo_fraction)
        hollow = scene.camera.obstruction
        centre = np.asarray(scene.shape) / 2
        # the offset of a reflection is proportional to the star's distance from the axis
        lead = rng.normal() * 0.1
        edge = max(scene.psf.fwhm, 2.0)
        for star in scene.bright_stars:
            level = fraction * star.flux / (math.pi * radius**2 * (1 - hollow**2))
            if level < FAINTEST * scene.sigma:
                continue
            y, x = np.asarray((star.y, star.x)) * (1 + lead) - centre * lead
            top, left = (max(0, math.floor(position - radius - edge)) for position in (y, x))
            part = light[
                top : max(0, math.ceil(y + radius + edge)), left : max(0, math.ceil(x + radius + edge))
            ]
            dy = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - np.float32(y)
            dx = np.arange(left, left + part.shape[1], dtype=np.float32)[None, :] - np.float32(x)
            distance = np.sqrt(dy**2 + dx**2)
            disc = np.clip((np.float32(radius) - distance) / np.float32(edge) + np.float32(0.5), 0, 1)
            hole = np.clip(
                (distance - np.float32(hollow * radius)) / np.float32(edge) + np.float32(0.5), 0, 1
            )
            part += np.float32(level) * disc * hole


@dataclass(frozen=True, kw_only=True)
class _Vane:
    """A vane and its two spikes: direction in radians, fraction of the star's light."""

    angle: float
    offset: float
    curvature: float
    fraction: float
    lopsided: float

    def add(
        self, light: NDArray[np.float32], scene: Scene, star: Star, along: Profile, across: Profile
    ) -> Band | None:
        """Add the spikes of a star to the light, and return their pixels; None if they are too faint."""
        flux = self.fraction * star.flux
        ridge = flux * along.peak * across.peak
        if ridge < scene.sigma:
            return None
        floor = FAINTEST * scene.sigma / flux

        def taper(position: NDArray[np.floating]) -> NDArray[np.float64]:
            index = np.minimum(np.abs(position) / STEP, along.envelope.size - 1).astype(np.intp)
            return across.reaches(floor / np.maximum(along.envelope[index], 1e-30))

        length = along.reach(floor / across.peak)
        band = Band.around(
            scene.shape,
            y=star.y + self.offset * math.cos(self.angle),
            x=star.x - self.offset * math.sin(self.angle),
            angle=self.angle,
            extent=(-length, length),
            half_width=across.reach(floor / along.peak),
            curvature=self.curvature,
            taper=taper,
        )
        sides = 1 + np.float32(self.lopsided) * np.sign(band.along)
        share = along.at(band.along) * across.at(band.across)
        light[band.rows, band.columns] += np.float32(flux) * sides * share
        return band


def _blocked_fraction(camera: Camera) -> float:
    """Return the fraction of the pupil's light that a vane blocks between hub and rim."""
    length = camera.aperture / 2 * (1 - camera.obstruction)
    return camera.vane_width * length / (math.pi / 4 * camera.aperture**2 * (1 - camera.obstruction**2))
