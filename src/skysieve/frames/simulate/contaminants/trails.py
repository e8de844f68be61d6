"""Trails of satellites, aircraft and meteors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.bands import STEP, Band, Profile
from skysieve.frames.simulate.contaminants.trail_brightness import (
    blinking,
    flashing,
    meteor,
    noise_along,
    tumbling,
)
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.psf import Psf
    from skysieve.frames.simulate.scene import Scene

__all__ = ["Trails"]

ARCSEC = 206_265.0
"""Arcseconds per radian."""

METEOR_HEIGHT = 9e4
"""Altitude of meteors, in metres."""

FAINTEST = 0.05
"""Light below this level is not drawn, in sigma of the sky."""

MIN_SNR = 8.0
"""Minimum signal-to-noise ratio of a trail in the frame, with optimal weights of its pixels; half of it for
a single flash."""

MAX_BOOST = 20.0
"""Maximum factor by which a trail is brightened to reach that ratio."""


WINGS = 120.0
"""Extent of a profile beyond its edge, in FWHM of the PSF."""


@dataclass(frozen=True, kw_only=True)
class Trails:
    """Light of objects that move during the exposure: satellites, aircraft, meteors.

    A telescope of aperture D sees a point source at distance h as an image of its own pupil, of angular size
    D / h (1.4 arcsec for 4 m and 600 km), with the hole of the secondary mirror. Trails are therefore wide
    for large telescopes and low objects, and sharp for high orbits. A satellite has a constant brightness, or
    flashes as its panels reflect the sun, or rotates slowly; it may have companions on parallel paths. An
    aircraft has two or three parallel lines of blinking lights. A meteor brightens, flares and fades. Fast
    objects are seen through nearly constant seeing, so a trail wobbles and flickers along its length.

    The mask holds the pixels where the trail's mean signal exceeds one sigma of the noise of sky, read-out
    and trail, or half of the trail's maximum ridge, whichever is less. A trail fainter than the noise of a
    pixel is visible along its length, and is marked out to its half maximum. A trail that passes outside the
    frame and only has its wings inside is not marked.

    Attributes
    ----------
    probability
        Probability that a frame has trails.
    per_kpx
        Trails besides the first, per 1000 pixels of the frame's mean side.
    ridge
        Maximum signal in sigma of the sky; increased if too little of a trail lies in the frame to detect it.
    length
        Length in pixels: from high orbits and asteroids to paths that cross any frame.
    satellite_height, aircraft_height
        Distance in metres.
    widest
        Maximum diameter of the out-of-focus disc, in pixels.
    aircraft, meteors
        Fractions of trails of aircraft and of meteors; the others are satellites.
    flashing, tumbling
        Fractions of satellites that flash, and that rotate slowly.
    period
        Period of flashes or rotations, in pixels.
    train
        Fraction of satellites with companions on parallel paths.
    curved
        Fraction of trails that are slightly curved.
    wobble
        Standard deviation of a trail from its line, relative to the PSF's FWHM.
    flicker
        Standard deviation of the scintillation, relative to the brightness.
    own_profile
        Fraction of trails whose profile is independent of height and telescope: Gaussian, flat-topped or
        hollow, as caused by tumbling bodies, gusts, guiding errors and processing.
    width
        FWHM of these, in pixels, log-uniform.

    References
    ----------
    Bektešević et al. 2018, MNRAS 474, 4837, eq. 4 to 8 (profiles out of focus); Tyson et al. 2020, AJ 160,
    226 (brightness and width); Nir et al. 2018, AJ 156, 229 (streaks below the noise of a pixel);
    Koten et al. 2004, A&A 428, 683 (light curves of meteors).
    """

    probability: float = 0.15
    per_kpx: float = 0.4
    ridge: Range = (0.3, 3000.0)
    length: Range = (30.0, 10_000.0)
    satellite_height: Range = (3e5, 4e7)
    aircraft_height: Range = (3e3, 1e5)
    widest: float = 40.0
    aircraft: float = 0.08
    meteors: float = 0.1
    flashing: float = 0.2
    tumbling: float = 0.25
    period: Range = (12.0, 1500.0)
    train: float = 0.12
    curved: float = 0.08
    wobble: Range = (0.0, 0.15)
    flicker: Range = (0.0, 0.15)
    own_profile: float = 0.0
    width: Range = (1.5, 40.0)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the light of the trails in electrons, and their mask."""
        light = np.zeros(scene.shape, np.float32)
        truth = np.zeros(scene.shape, np.bool_)
        side = math.sqrt(math.prod(scene.shape))
        for _ in range(1 + rng.poisson(self.per_kpx * side / 1000)):
            for path in self._draw(scene, rng):
                band, added = path.light(scene, rng)
                signal = math.sqrt(float(np.square(added).sum())) / scene.sigma
                # Brighten trails that are too faint to detect, unless only their wings lie in the frame
                needed = max(MIN_SNR, MIN_SNR / 2 * math.sqrt(path.segments(side)))
                boost = min(max(1.0, needed / max(signal, 1e-6)), MAX_BOOST)
                added *= np.float32(boost)
                at = band.rows, band.columns
                light[at] += added
                if signal * boost > 0.9 * needed:
                    noise = np.sqrt(scene.sky[at] + added + np.float32(scene.camera.read_noise**2))
                    truth[at] |= added > np.minimum(noise, np.float32(boost * path.ridge / 2))
        return Layer(light=light, truth=truth)

    def _draw(self, scene: Scene, rng: Generator) -> list[_Path]:
        """Return one trail, or those of one aircraft or satellite train."""
        length = log_uniform(rng, self.length)
        start = length * rng.uniform()
        y, x = rng.uniform(-0.5, np.asarray(scene.shape) - 0.5)
        kind = rng.uniform()
        if kind < self.aircraft:
            height = log_uniform(rng, self.aircraft_height)
        elif kind < self.aircraft + self.meteors:
            height = METEOR_HEIGHT * rng.uniform(1.0, 2.5)  # distance at an inclined line of sight
        else:
            height = log_uniform(rng, self.satellite_height)
        path = _Path(
            y=y,
            x=x,
            angle=rng.uniform(0, 2 * math.pi),
            extent=(-start, length - start),
            curvature=rng.normal() * 0.02 / scene.shape[0] if rng.uniform() < self.curved else 0.0,
            profile=self._profile(scene, height, rng),
            ridge=scene.sigma * log_uniform(rng, self.ridge),
            brightness=np.ones(max(2, round(length)), np.float32),
            wobble=uniform(rng, self.wobble) * scene.psf.fwhm,
            flicker=uniform(rng, self.flicker),
        )
        if kind < self.aircraft:
            return self._aircraft(scene, rng, path, height)
        if kind < self.aircraft + self.meteors:
            return [replace(path, brightness=meteor(rng, path.brightness.size))]
        return self._satellites(rng, path)

    def _profile(self, scene: Scene, height: float, rng: Generator) -> Profile:
        """Return the profile across a trail at this height, with a maximum of 1."""
        if self.own_profile and rng.uniform() < self.own_profile:
            return _generic_profile(rng, log_uniform(rng, self.width))
        camera = scene.camera
        disc = min(camera.aperture / height * ARCSEC / camera.pixel_scale, self.widest)
        return _pupil_profile(scene.psf, camera, disc)

    def _satellites(self, rng: Generator, path: _Path) -> list[_Path]:
        """Return the trails of a satellite and its companions."""
        size = path.brightness.size
        behaviour = rng.uniform()
        if behaviour < self.flashing:
            path = replace(path, brightness=flashing(rng, size, period=log_uniform(rng, self.period)))
        elif behaviour < self.flashing + self.tumbling:
            path = replace(path, brightness=tumbling(rng, size, period=log_uniform(rng, self.period)))
        if rng.uniform() > self.train:
            return [path]
        gap = log_uniform(rng, (4 * path.profile.reach(0.5), 300.0))
        return [
            path.parallel(gap * number, lag=rng.normal() * gap, ridge=path.ridge * rng.uniform(0.5, 1))
            for number in range(rng.integers(2, 5))
        ]

    def _aircraft(self, scene: Scene, rng: Generator, path: _Path, height: float) -> list[_Path]:
        """Return the trails of the wing-tip lights, and of a beacon that blinks between them."""
        span = rng.uniform(10, 60) / height * ARCSEC / scene.camera.pixel_scale
        # Reduce the span of a low aircraft, whose lights are farther apart than a frame is wide
        span = min(span, rng.uniform(0.05, 0.4) * min(scene.shape))
        size = path.brightness.size
        period = log_uniform(rng, (max(20.0, self.period[0]), max(20.0, self.period[1])))
        tips = [path.parallel(span * side, ridge=path.ridge * rng.uniform(0.4, 1)) for side in (-0.5, 0.5)]
        if rng.uniform() < 0.5:  # anti-collision lights: both tips blink together
            dashes = blinking(rng, size, period=period)
            tips = [replace(tip, brightness=np.maximum(dashes, rng.uniform(0, 0.4))) for tip in tips]
        if rng.uniform() < 0.7:
            beacon = path.parallel(span * rng.uniform(-0.1, 0.1))
            tips.append(replace(beacon, brightness=blinking(rng, size, period=period * rng.choice([0.5, 1]))))
        return tips


@dataclass(frozen=True, kw_only=True)
class _Path:
    """One trail: position, profile and brightness; lengths in pixels, the ridge in electrons."""

    y: float
    x: float
    angle: float
    extent: tuple[float, float]
    curvature: float
    profile: Profile
    ridge: float
    brightness: NDArray[np.float32]
    wobble: float
    flicker: float

    def parallel(self, offset: float, *, lag: float = 0.0, ridge: float | None = None) -> _Path:
        """Return a parallel path, shifted by an offset across and a lag along."""
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        return replace(
            self,
            y=self.y + offset * cosine + lag * sine,
            x=self.x - offset * sine + lag * cosine,
            ridge=self.ridge if ridge is None else ridge,
        )

    def segments(self, side: float) -> float:
        """Return the approximate number of segments that flashes cause in a frame of this side."""
        bright = self.brightness > 0.5
        pieces = np.count_nonzero(bright[1:] & ~bright[:-1])
        return pieces * min(1.0, side / bright.size)

    def light(self, scene: Scene, rng: Generator) -> tuple[Band, NDArray[np.float32]]:
        """Return the pixels of the trail, and the electrons ``(N,)`` in each."""
        half_width = self.profile.reach(FAINTEST * scene.sigma / self.ridge)
        band = Band.around(
            scene.shape,
            y=self.y,
            x=self.x,
            angle=self.angle,
            extent=self.extent,
            half_width=half_width,
            curvature=self.curvature,
        )
        margin = math.ceil(half_width) + 2
        flicker = 1 + self.flicker * noise_along(rng, self.brightness.size)
        padded = np.pad(self.brightness * np.maximum(flicker, 0), margin, mode="edge")
        # The profile blurs the light along the line as well as across it
        core = self.profile.values[: max(1, round(self.profile.reach(0.01) / STEP)) : round(1 / STEP)]
        kernel = np.concatenate([core[:0:-1], core])
        blurred = np.convolve(padded, kernel / kernel.sum(), mode="same").astype(np.float32)
        step = (band.along + np.float32(margin - self.extent[0] + 0.5)).astype(np.intp)
        step = step.clip(0, blurred.size - 1)
        across = band.across
        if self.wobble:
            across = across + np.float32(self.wobble) * noise_along(rng, blurred.size)[step]
        return band, np.float32(self.ridge) * blurred[step] * self._between_ends(band.along, across)

    def _between_ends(self, along: NDArray[np.float32], across: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the profile of the line without the light from beyond its ends.

        It is exact for a PSF that falls as r^-3, as wings do. Let p be the profile of an endless line. A half
        line whose end lies a farther along, at a distance r, then gives p(r) / 2 of r / (r + a).
        """
        light = self.profile.at(across)
        reach = self.profile.values.size * STEP
        for past in (np.float32(self.extent[0]) - along, along - np.float32(self.extent[1])):
            near = np.flatnonzero(past > -reach)
            if near.size:
                beyond = past[near]
                a = np.abs(beyond)
                r = np.hypot(a, across[near])
                half = self.profile.at(r) * r / (2 * (r + a) + np.float32(1e-6))
                # Beyond this end, only the half line on the other side contributes
                light[near] = np.where(beyond > 0, half, light[near] - half)
        return np.maximum(light, 0)


def _generic_profile(rng: Generator, width: float) -> Profile:
    """Return a Gaussian, flat-topped or hollow profile of this FWHM in pixels, with a maximum of 1."""
    offset = np.arange(0, 2.5 * width + 8, STEP)
    kind = rng.choice(3, p=(0.45, 0.35, 0.2))
    if kind == 0:
        values = np.exp(-4 * math.log(2) * (offset / width) ** 2)
    else:
        edge = max(uniform(rng, (0.05, 0.35)) * width, 0.6)  # about the seeing, at least a pixel
        values = 1 / (1 + np.exp((offset - width / 2) / (edge / 2)))
        if kind == 2:
            hole = 1 / (1 + np.exp((offset - uniform(rng, (0.3, 0.7)) * width / 2) / (edge / 2)))
            values = values - uniform(rng, (0.1, 0.6)) * hole
    return Profile((values / values.max()).astype(np.float32))


def _pupil_profile(psf: Psf, camera: Camera, disc: float) -> Profile:
    """Return the profile of a line blurred by an annulus of this diameter and by the PSF, maximum 1."""
    offsets = np.arange(-math.ceil(disc / 2 / STEP), math.ceil(disc / 2 / STEP) + 1) * STEP
    outer = np.sqrt(np.maximum((disc / 2) ** 2 - offsets**2, 0))
    inner = np.sqrt(np.maximum((disc * camera.obstruction / 2) ** 2 - offsets**2, 0))
    chord = np.maximum(outer - inner, 1e-6)
    profile = Profile.tabulate(psf.line, reach=disc / 2 + WINGS * psf.fwhm, blur=chord / chord.sum())
    return Profile(profile.values / np.float32(profile.peak))
