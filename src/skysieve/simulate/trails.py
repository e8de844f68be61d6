"""Trails of satellites."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.psf import Psf

__all__ = ["simulate_trails"]


def simulate_trails(shape: tuple[int, int], rng: Generator, *, psf: Psf, sigma: float) -> NDArray[np.float32]:
    """Return the light ``(H, W)`` of one satellite or two that cross the frame, in electrons.

    A satellite in low orbit is out of focus: a telescope of aperture D sees it at height h as a disc of
    angular size D / h, 1.4 arcsec for 4 m and 600 km.  Across the trail the light is taken as even over that
    width, blurred by the PSF; along it, brightness drifts as the satellite turns in the sunlight.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Source of randomness.
    psf
        Point spread function.
    sigma
        Noise of the sky, in electrons: the ridge of a trail is 4 to 25 times as high.

    References
    ----------
    Bektešević et al. 2018, MNRAS 474, 4837 (profiles of defocused trails).
    """
    height, width = shape
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None, :]
    image = np.zeros(shape, np.float32)
    for _ in range(1 if rng.uniform() < 0.75 else 2):
        angle = rng.uniform(0, math.pi)
        centre_y, centre_x = rng.uniform(0.25, 0.75, 2) * shape
        across = (y - centre_y) * np.float32(math.cos(angle)) - (x - centre_x) * np.float32(math.sin(angle))
        along = (x - centre_x) * np.float32(math.cos(angle)) + (y - centre_y) * np.float32(math.sin(angle))
        profile = _blurred_bar(across, width=rng.uniform(0.0, 1.5) * psf.fwhm, psf=psf)
        ridge = sigma * math.exp(rng.uniform(math.log(4), math.log(25)))
        period, phase = rng.uniform(0.5, 3.0) * max(shape), rng.uniform(0, 2 * math.pi)
        drift = 1 + 0.2 * np.sin(2 * math.pi / period * along + phase, dtype=np.float32)
        image += np.float32(ridge) * drift * profile
    return image


def _blurred_bar(across: NDArray[np.float32], *, width: float, psf: Psf) -> NDArray[np.float32]:
    """Return the profile of a bar of this width, blurred by the PSF, 1 on its ridge."""
    distance = np.arange(0, 4096, 0.25, dtype=np.float32)
    shifts = np.linspace(-width / 2, width / 2, 9, dtype=np.float32)
    profile = psf.line(distance[:, None] - shifts).mean(axis=1)
    bar: NDArray[np.float32] = np.interp(np.abs(across), distance, profile / profile[0], right=0.0).astype(
        np.float32
    )
    return bar
