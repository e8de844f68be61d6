"""Draw PSFs with GalSim: atmosphere, telescope, and their variation over the frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.psf import Psf
from skysieve.frames.simulate.pupil import Pupil, aberrated_pupil, defocused_pupil
from skysieve.frames.simulate.wings import Wings

if TYPE_CHECKING:
    from galsim import GSObject
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera

__all__ = ["Optics", "PsfBank", "draw_psf", "moffat_psf"]

_CORNERS = ((0.0, 0.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Optics:
    """Ranges of PSFs. The defaults cover sharp space cameras, good and bad sites, and defocused surveys.

    Attributes
    ----------
    fwhm
        Full width at half maximum of the seeing before the pixels, in pixels, log-uniform.
    ellipticity
        ``(a^2 - b^2) / (a^2 + b^2)`` of the whole frame; low values are more likely.
    elongated
        Probability that the ellipticity is uniform over its range instead.
    kolmogorov, moffat, optical, defocused
        Relative probabilities of the kinds of PSF: pure turbulence; a Moffat profile; turbulence with
        aberrations of similar size; a defocused pupil, seen as a ring with the shadow of the spider.
    beta
        Exponent of Moffat profiles; pure turbulence is close to 4.765.
    aberration
        Radius of the blur by aberrations relative to that of the seeing, for the kind ``optical``.
    ring
        Diameter of the ring relative to the FWHM of the seeing, for the kind ``defocused``.
    variation
        Relative change of size, and change of ellipticity and aberrations, from the centre to the corners.
    aureole
        Fraction of the light in an aureole that falls as r^-2.6.
    trailed
        Probability that all images are trailed along a line: the telescope follows a comet or drifts.
    drift
        Length of that line, in pixels, log-uniform.

    References
    ----------
    Rowe et al. 2015, Astronomy and Computing 10, 121 (GalSim); Noll 1976, JOSA 66, 207 (aberrations);
    Moffat 1969, A&A 3, 455; Trujillo et al. 2001, MNRAS 328, 977 (observed exponents).
    """

    fwhm: Range = (1.0, 10.0)
    ellipticity: Range = (0.0, 0.25)
    elongated: float = 0.0
    kolmogorov: float = 0.3
    moffat: float = 0.4
    optical: float = 0.22
    defocused: float = 0.08
    beta: Range = (2.2, 4.8)
    aberration: Range = (0.2, 1.2)
    ring: Range = (1.5, 6.0)
    variation: Range = (0.0, 0.15)
    aureole: Range = (0.005, 0.04)
    trailed: float = 0.0
    drift: Range = (2.0, 25.0)


class PsfBank:
    """A set of PSFs, one of which is replaced from time to time: cheaper than a new PSF for each frame.

    Its PSFs depend on the draws before. To get the same frame from the same seed, use :func:`draw_psf`.

    Parameters
    ----------
    optics
        Ranges to draw from.
    size
        Number of PSFs.
    renewal
        Probability that a draw replaces one of them first.
    """

    def __init__(self, optics: Optics, *, size: int = 24, renewal: float = 0.15) -> None:
        self._optics = optics
        self._size = size
        self._renewal = renewal
        self._held: list[Psf] = []

    def draw(self, rng: Generator, camera: Camera) -> Psf:
        """Return a PSF of the bank.

        Parameters
        ----------
        rng
            Random generator.
        camera
            Sets the diffraction of new PSFs.

        Returns
        -------
        Psf
            The PSF.
        """
        if len(self._held) < self._size:
            self._held.append(draw_psf(rng, self._optics, camera))
            return self._held[-1]
        which = int(rng.integers(self._size))
        if rng.uniform() < self._renewal:
            self._held[which] = draw_psf(rng, self._optics, camera)
        return self._held[which]


def draw_psf(rng: Generator, optics: Optics, camera: Camera) -> Psf:
    """Draw a PSF.

    Parameters
    ----------
    rng
        Random generator.
    optics
        Ranges to draw from.
    camera
        Aperture, obstruction, vanes and pixel scale set the diffraction.

    Returns
    -------
    Psf
        The PSF; five images if it varies over the frame.
    """
    import galsim

    fwhm = log_uniform(rng, optics.fwhm)
    chances = np.array([optics.kolmogorov, optics.moffat, optics.optical, optics.defocused])
    kind = rng.choice(4, p=chances / chances.sum())
    aureole = uniform(rng, optics.aureole)
    low, high = optics.ellipticity
    power = 1 if optics.elongated and rng.uniform() < optics.elongated else 2
    ellipticity = low + (high - low) * rng.uniform() ** power
    angle = rng.uniform(0, 2 * math.pi)
    shape = ellipticity * np.array([math.cos(angle), math.sin(angle)])
    beta = uniform(rng, optics.beta)
    variation = uniform(rng, optics.variation)
    swelling, tilt, radial = rng.normal(0, 1, 3) * variation
    direction = rng.uniform(0, 2 * math.pi)

    pupil: Pupil | None = None
    if kind == 2:
        pupil = aberrated_pupil(rng, camera, fwhm=fwhm, blur=uniform(rng, optics.aberration) * fwhm)
    elif kind == 3:
        pupil = defocused_pupil(rng, camera, fwhm=fwhm, ring=uniform(rng, optics.ring) * fwhm)
    slopes = rng.normal(0, 1.2 * variation, (7, 2))

    def profile(v: float, u: float) -> GSObject:
        """Return the seeing at v (down) and u (right), from -1 to 1 over the frame."""
        slant = math.cos(direction) * u + math.sin(direction) * v
        width = fwhm * max(0.5, 1 + swelling * (u * u + v * v) / 2 + tilt * slant / 2)
        # Radial ellipticity, as caused by off-axis astigmatism and distortion
        e1, e2 = shape + radial / 2 * np.array([u * u - v * v, 2 * u * v])
        scale = min(1.0, 0.6 / max(math.hypot(e1, e2), 1e-9))
        air = galsim.Moffat(beta=beta, fwhm=width) if kind == 1 else galsim.Kolmogorov(fwhm=width)
        return air.shear(e1=e1 * scale, e2=e2 * scale)

    drift = (0.0, 0.0)
    if optics.trailed and rng.uniform() < optics.trailed:
        length, along = log_uniform(rng, optics.drift), rng.uniform(0, math.pi)
        drift = (length * math.sin(along), length * math.cos(along))
    positions = _CORNERS if variation > 0.03 else _CORNERS[:1]
    # Aberrations vary linearly over the field: tilted focal plane, misaligned mirrors
    pupils = [pupil and pupil.changed(slopes @ np.array(position)) for position in positions]
    return _draw([profile(v, u) for v, u in positions], pupils, fwhm=fwhm, aureole=aureole, drift=drift)


def moffat_psf(*, fwhm: float, beta: float = 3.2, aureole: float = 0.02) -> Psf:
    """Return a round Moffat PSF, constant over the frame.

    Parameters
    ----------
    fwhm
        Full width at half maximum before the pixels, in pixels.
    beta
        Exponent of the core.
    aureole
        Fraction of the light in the aureole.

    Returns
    -------
    Psf
        The PSF.
    """
    import galsim

    return _draw([galsim.Moffat(beta=beta, fwhm=fwhm)], [None], fwhm=fwhm, aureole=aureole)


def _draw(
    profiles: list[GSObject],
    pupils: list[Pupil | None],
    *,
    fwhm: float,
    aureole: float,
    drift: tuple[float, float] = (0.0, 0.0),
) -> Psf:
    """Draw the seeing through the telescope and the pixels, and add the wings.

    Parameters
    ----------
    profiles, pupils
        One each, or five for the centre and the corners.
    fwhm
        Width of the seeing in pixels, which sets the sampling.
    aureole
        Fraction of the light in the aureole.
    drift
        Motion of the images during the exposure, in pixels along y and x.
    """
    import galsim

    sampling = 4 if fwhm < 4 else 2
    finer = 1
    radius = max(10.0, 6 * fwhm)
    if pupils[0] is not None:
        radius += pupils[0].blur
        finer = math.ceil(2 / (pupils[0].scale * sampling))
    radius = math.ceil(radius + math.hypot(*drift) / 2)
    half = radius * sampling + sampling // 2
    # Draw a larger image, and cut off the edge that the Fourier transform aliases
    drawn = (half + 3 * sampling + half // 6) * finer
    size = fft.next_fast_len(2 * drawn + 1, real=True)
    size += 1 - size % 2
    drawn = size // 2
    cut = slice(drawn - half * finer, drawn + half * finer + 1, finer)
    pixel = galsim.Pixel(1.0)
    precision = galsim.GSParams(maximum_fft_size=8192)
    images = np.empty((len(profiles), 2 * half + 1, 2 * half + 1), np.float32)
    for image, profile, pupil in zip(images, profiles, pupils, strict=True):
        observed = galsim.Convolve(profile, pixel, gsparams=precision)
        stamp = observed.drawImage(
            nx=size, ny=size, scale=1 / (sampling * finer), method="no_pixel", dtype=np.float32
        ).array
        if pupil is not None:
            spectrum = fft.rfft2(stamp) * pupil.transfer(size, sampling * finer)
            stamp = fft.irfft2(spectrum, stamp.shape)
        if any(drift):
            stamp = _trailed(stamp, drift, sampling * finer)
        np.maximum(stamp[cut, cut] * np.float32((sampling * finer) ** 2), 0, out=image)
    tail, slope = _tail(images[0], radius, sampling)
    wings = Wings(aureole=aureole, scale=3 * fwhm, tail=(1 - aureole) * tail, slope=slope, radius=radius)
    axis = np.arange(-half, half + 1, dtype=np.float32) / sampling
    squared = axis[:, None] ** 2 + axis**2
    halo = wings.halo(squared)
    images *= np.float32(1 - aureole)
    images += halo
    # Blend smoothly into the wings; within the radius their tail is constant, so apply the slope here
    distance = np.sqrt(squared) / np.float32(radius)
    weight = np.clip((distance - np.float32(0.7)) / np.float32(0.3), 0, 1)
    far = halo + np.float32(wings.tail) * np.maximum(distance, np.float32(0.7)) ** np.float32(-slope)
    images += weight * (far - images)
    return Psf(images=images, sampling=sampling, wings=wings)


def _trailed(stamp: NDArray[np.float32], drift: tuple[float, float], sampling: int) -> NDArray[np.float32]:
    """Return an image ``(N, N)`` convolved with a uniform line, whose Fourier transform is a sinc."""
    down = fft.fftfreq(stamp.shape[0]) * (sampling * drift[0])
    right = fft.rfftfreq(stamp.shape[1]) * (sampling * drift[1])
    spectrum = fft.rfft2(stamp) * np.sinc(down[:, None] + right[None, :])
    return np.asarray(fft.irfft2(spectrum, stamp.shape), np.float32)


def _tail(image: NDArray[np.float32], radius: int, sampling: int) -> tuple[float, float]:
    """Return the level of a profile at a radius in pixels, and the exponent with which it falls there."""
    half = image.shape[0] // 2
    axis = np.arange(-half, half + 1) / sampling
    distance = np.sqrt(axis[:, None] ** 2 + axis**2) / radius
    near = float(image[(distance > 0.55) & (distance < 0.65)].mean())
    level = float(image[(distance > 0.8) & (distance < 0.9)].mean())
    if level <= 0:
        return 0.0, 4.0
    # Turbulence falls as r^-11/3, Moffat profiles as r^-2 beta
    slope = math.log(max(near, level) / level) / math.log(0.85 / 0.6)
    slope = min(max(slope, 11 / 3), 10.0)
    return level * 0.85**slope, slope
