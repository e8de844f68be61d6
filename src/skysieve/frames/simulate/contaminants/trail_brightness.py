"""Brightness along a trail: float32 values with a maximum of 1, one per pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["blinking", "flashing", "meteor", "noise_along", "tumbling"]


def flashing(rng: Generator, size: int, *, period: float) -> NDArray[np.float32]:
    """Draw glints of flat panels that rotate through the reflection of the sun, over faint constant light.

    Parameters
    ----------
    rng
        Random generator.
    size
        Number of pixels.
    period
        Period in pixels.

    Returns
    -------
    numpy.ndarray
        Brightness ``(size,)`` float32.
    """
    phase = _phase(rng, size, period)
    width = max(rng.uniform(0.02, 0.15), 1 / period)
    glints = np.exp(-0.5 * (phase / width) ** 2)
    if rng.uniform() < 0.5:  # the other side of the panel
        opposite = np.exp(-0.5 * (((phase + 1) % 1 - 0.5) / width) ** 2)
        glints = np.maximum(glints, rng.uniform(0.2, 1) * opposite)
    steady = rng.uniform(0, 0.5) ** 2
    return (steady + (1 - steady) * glints).astype(np.float32)


def tumbling(rng: Generator, size: int, *, period: float) -> NDArray[np.float32]:
    """Draw the slow variation of a rotating body with two different sides.

    Parameters
    ----------
    rng
        Random generator.
    size
        Number of pixels.
    period
        Period in pixels.

    Returns
    -------
    numpy.ndarray
        Brightness ``(size,)`` float32.
    """
    turn = 2 * math.pi * _phase(rng, size, period)
    depth = rng.uniform(0.2, 0.95)
    wave = np.cos(turn) + rng.uniform(0, 0.6) * np.cos(2 * turn + rng.uniform(0, 2 * math.pi))
    light: NDArray[np.float32] = (1 - depth * (1 - wave / np.abs(wave).max()) / 2).astype(np.float32)
    return light


def blinking(rng: Generator, size: int, *, period: float) -> NDArray[np.float32]:
    """Draw the dashes of a blinking lamp.

    Parameters
    ----------
    rng
        Random generator.
    size
        Number of pixels.
    period
        Period in pixels.

    Returns
    -------
    numpy.ndarray
        Brightness ``(size,)`` float32, 0 or 1.
    """
    on = np.abs(_phase(rng, size, period)) < rng.uniform(0.03, 0.25)
    return on.astype(np.float32)


def meteor(rng: Generator, size: int) -> NDArray[np.float32]:
    """Draw the light curve of a meteor: it brightens, may flare near the end, and fades.

    Parameters
    ----------
    rng
        Random generator.
    size
        Number of pixels.

    Returns
    -------
    numpy.ndarray
        Brightness ``(size,)`` float32.
    """
    t = (np.arange(size) + 0.5) / size
    if rng.uniform() < 0.5:
        t = t[::-1]
    # The maximum is at rise / (rise + fall) of the path, mostly in the second half
    rise, fall = rng.uniform(0.7, 3.0), rng.uniform(0.3, 1.5)
    light = t**rise * (1 - t) ** fall
    light /= light.max()
    for _ in range(rng.poisson(0.7)):
        position, width = rng.uniform(0.5, 0.95), rng.uniform(0.005, 0.04)
        light += rng.uniform(0.3, 3.0) * np.exp(-0.5 * ((t - position) / width) ** 2)
    brightest: NDArray[np.float32] = (light / light.max()).astype(np.float32)
    return brightest


def noise_along(rng: Generator, size: int) -> NDArray[np.float32]:
    """Draw noise correlated over a few pixels: the seeing that a fast object is seen through.

    Parameters
    ----------
    rng
        Random generator.
    size
        Number of pixels.

    Returns
    -------
    numpy.ndarray
        Noise ``(size,)`` float32 of mean 0 and standard deviation 1.
    """
    smoothing = np.hanning(round(rng.uniform(5, 25)))
    smoothing /= math.sqrt(float((smoothing**2).sum()))
    noise = rng.standard_normal(size + smoothing.size - 1, dtype=np.float32)
    waves: NDArray[np.float32] = np.convolve(noise, smoothing, mode="valid").astype(np.float32)
    return waves


def _phase(rng: Generator, size: int, period: float) -> NDArray[np.float64]:
    """Return the phase of a cycle with a random start, from -0.5 to 0.5."""
    phase: NDArray[np.float64] = (np.arange(size) / period + rng.uniform()) % 1 - 0.5
    return phase
