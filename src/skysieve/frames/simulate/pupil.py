"""The pupil of a telescope, and the effect of its aberrations on the image of a star."""

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
"""Wavelength for diffraction, in metres."""


@dataclass(frozen=True, kw_only=True)
class Pupil:
    """The pupil of a telescope and its wavefront errors.

    Attributes
    ----------
    scale
        Wavelength over aperture, in pixels.
    waves
        Amplitudes ``(7,)`` float64 of Noll's Zernike terms 4 to 10 (defocus, two of astigmatism, two of coma,
        two of trefoil), in waves rms.
    change
        Amplitude of the variation over the field, in waves rms.
    obstruction, vanes, vane_width
        Diameter of the secondary mirror, number of vanes and their width; lengths relative to the aperture.
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
        """Return the pupil with the aberrations of another position in the field.

        Parameters
        ----------
        relative
            Change ``(7,)`` of the Zernike amplitudes, in units of :attr:`change`.

        Returns
        -------
        Pupil
            The changed pupil.
        """
        return replace(self, waves=self.waves + self.change * relative)

    def transfer(self, size: int, sampling: int) -> NDArray[np.complex64]:
        """Return the optical transfer function.

        Parameters
        ----------
        size
            Side of the image in samples.
        sampling
            Samples per pixel.

        Returns
        -------
        numpy.ndarray
            Factor complex64 on the ``rfft2`` of an image ``(size, size)``.
        """
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
        Random generator.
    camera
        Aperture, obstruction and pixel scale.
    fwhm
        Width of the seeing, in pixels.
    blur
        Radius of the blur by aberrations, in pixels.

    Returns
    -------
    Pupil
        A pupil without vanes.
    """
    scale = _diffraction(camera, fwhm)
    # Defocus of one wave rms makes a spot of about 10 wavelength / aperture rms
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
    """Draw a pupil far out of focus: stars are images of the pupil.

    Parameters
    ----------
    rng
        Random generator.
    camera
        Aperture, obstruction, vanes and pixel scale.
    fwhm
        Width of the seeing, in pixels.
    ring
        Diameter of the images, in pixels.

    Returns
    -------
    Pupil
        The pupil.
    """
    scale = _diffraction(camera, fwhm)
    # Noll's Z4 = sqrt(3) (2 rho^2 - 1) has a slope of 4 sqrt(3) waves per pupil radius at the edge
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
    """Return wavelength over aperture in pixels, limited to values that can be drawn fast.

    The blur by aberrations is proportional to waves times this scale. Large telescopes are drawn smaller with
    fewer waves of aberration, which looks the same under the seeing.
    """
    scale = math.degrees(WAVELENGTH / camera.aperture) * 3600 / camera.pixel_scale
    return min(max(scale, fwhm / 6), fwhm / 2)
