"""The aperture of a telescope, and what its aberrations do to the image of a star."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera

__all__ = ["Pupil", "aberrated_pupil", "defocused_pupil"]

WAVELENGTH = 0.65e-6
"""Wavelength at which telescopes diffract, in metres."""


@dataclass(frozen=True, kw_only=True)
class Pupil:
    """The aperture of a telescope and the errors of the wavefront that it lets through.

    Attributes
    ----------
    scale
        Wavelength over aperture, in pixels.
    waves
        Amplitudes ``(7,)`` of Noll's Zernike terms 4 to 10 (defocus, two of astigmatism, two of coma, two of
        trefoil), in waves rms.
    change
        Amplitude in waves rms of what changes over the field.
    obstruction, vanes, vane_width
        Shadows, widths relative to the aperture.
    angle
        Orientation of the vanes, in degrees.
    blur
        Radius of the blur, in pixels.
    """

    scale: float
    waves: NDArray[np.float64]
    change: float
    obstruction: float
    vanes: int
    vane_width: float
    angle: float
    blur: float

    def changed(self, relative: NDArray[np.float64]) -> Pupil:
        """Return the pupil with other aberrations ``(7,)``, relative to the amplitude of what changes."""
        return replace(self, waves=self.waves + self.change * relative)

    def transfer(self, size: int, sampling: int) -> NDArray[np.complex64]:
        """Return what the telescope does to the spectrum (rfft2) of an image ``(size, size)``."""
        from galsim.zernike import Zernike

        frequency = (fft.fftfreq(size) * (2 * sampling * self.scale)).astype(np.float64)
        y, x = frequency[:, None], frequency[None, :]
        squared = y**2 + x**2
        open_ = (squared <= 1) & (squared >= self.obstruction**2)
        for vane in range(self.vanes):
            angle = math.radians(self.angle) + 2 * math.pi * vane / self.vanes
            along, across = (
                x * math.cos(angle) + y * math.sin(angle),
                y * math.cos(angle) - x * math.sin(angle),
            )
            open_ &= (along < 0) | (np.abs(across) > self.vane_width)
        rows, columns = np.nonzero(open_)
        error = Zernike([0.0, 0, 0, 0, *self.waves]).evalCartesian(frequency[columns], frequency[rows])
        wave = np.zeros((size, size), np.complex64)
        wave[rows, columns] = np.exp(2j * math.pi * error)
        light = np.abs(fft.fft2(wave)) ** 2
        spectrum: NDArray[np.complex64] = fft.rfft2(light / light.sum())
        return spectrum


def aberrated_pupil(rng: Generator, camera: Camera, *, fwhm: float, blur: float) -> Pupil:
    """Draw a pupil with moderate aberrations.

    Parameters
    ----------
    rng
        Source of randomness.
    camera
        Aperture, obstruction and pixel scale.
    fwhm
        Width of the seeing, in pixels.
    blur
        Radius of the blur of the aberrations, in pixels.
    """
    scale = _diffraction(camera, fwhm)
    # Rays of one wave rms of defocus leave a spot of about 10 wavelengths over aperture, rms
    amplitude = blur / (20 * scale)
    waves = rng.normal(0, 1, 7) * np.array([1, 0.7, 0.7, 0.6, 0.6, 0.4, 0.4])
    waves *= amplitude / np.linalg.norm(waves)
    return Pupil(
        scale=scale,
        waves=waves,
        change=amplitude,
        obstruction=camera.obstruction,
        vanes=0,
        vane_width=0.0,
        angle=0.0,
        blur=2 * blur,
    )


def defocused_pupil(rng: Generator, camera: Camera, *, fwhm: float, ring: float) -> Pupil:
    """Draw a pupil far out of focus: stars are images of it.

    Parameters
    ----------
    rng
        Source of randomness.
    camera
        Aperture, obstruction, vanes and pixel scale.
    fwhm
        Width of the seeing, in pixels.
    ring
        Diameter of the images, in pixels.
    """
    scale = _diffraction(camera, fwhm)
    # Noll's Z4 = sqrt(3) (2 rho^2 - 1) tilts the edge by 4 sqrt(3) waves a radius of the pupil
    defocus = ring / (16 * math.sqrt(3) * scale)
    waves = np.concatenate([[defocus * rng.choice([-1, 1])], rng.normal(0, 0.05 * defocus, 6)])
    return Pupil(
        scale=scale,
        waves=waves,
        change=0.3 * defocus,
        obstruction=camera.obstruction,
        vanes=camera.vanes,
        vane_width=max(camera.vane_width / camera.aperture, rng.uniform(0.01, 0.05)),
        angle=rng.uniform(0, 360),
        blur=0.8 * ring,
    )


def _diffraction(camera: Camera, fwhm: float) -> float:
    """Return wavelength over aperture in pixels, held to what can be drawn fast.

    The blur of aberrations goes as waves times this scale: large telescopes are drawn smaller, with fewer
    waves of aberration, which under the seeing looks the same.
    """
    scale = math.degrees(WAVELENGTH / camera.aperture) * 3600 / camera.pixel_scale
    return min(max(scale, fwhm / 6), fwhm / 2)
