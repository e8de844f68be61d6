"""Random surfaces: smooth ones, and fractal ones with a power-law spectrum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["enlarge", "fractal_pair", "smooth_surface"]


def smooth_surface(shape: tuple[int, int], rng: Generator, *, cell: float) -> NDArray[np.float32]:
    """Return a Gaussian random surface ``(H, W)`` float32 of mean 0 and variance near 1, without any edges.

    A cubic B-spline with random coefficients: it and its first two derivatives are continuous.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Source of randomness.
    cell
        Distance of the knots in pixels: humps and hollows are about two cells across.

    References
    ----------
    Unser 1999, IEEE Signal Processing Magazine 16, 22 (cubic B-splines, eq. 3).
    """
    down, across = (_spline_basis(size, cell, shift=rng.uniform()) for size in shape)
    coefficients = rng.standard_normal((down.shape[1], across.shape[1]), dtype=np.float32)
    # The mean of the squared weights of a cubic B-spline is 151/315 an axis
    return np.asarray(down @ coefficients @ across.T * np.float32(315 / 151), np.float32)


def fractal_pair(
    shape: tuple[int, int], rng: Generator, *, slope: float, stretch: float = 1.0, angle: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two independent Gaussian random surfaces ``(H, W)`` float32 with power ``k^-slope``.

    Each has mean 0 and standard deviation 1.  One complex transform gives both.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Source of randomness.
    slope
        Exponent of the power spectrum in two dimensions: 2.4 is rough, 4 is smooth.
    stretch, angle
        Structures are longer by this factor along this direction (radians from the x axis).
    """
    # A transform is periodic: what wraps round is cut off
    height, width = (fft.next_fast_len(size + size // 4, real=False) for size in shape)
    ky = fft.fftfreq(height)[:, None].astype(np.float32)
    kx = fft.fftfreq(width)[None, :].astype(np.float32)
    sine, cosine = np.float32(math.sin(angle)), np.float32(math.cos(angle))
    power = ((kx * cosine + ky * sine) * np.float32(stretch)) ** 2 + (ky * cosine - kx * sine) ** 2
    power[0, 0] = np.inf
    amplitude = power ** np.float32(-slope / 4)
    noise = rng.standard_normal((height, width, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field = fft.ifft2(noise * amplitude, overwrite_x=True)[: shape[0], : shape[1]]
    first, second = (_standardised(part) for part in (field.real, field.imag))
    return first, second


def enlarge(image: NDArray[np.float32], shape: tuple[int, int], factor: int) -> NDArray[np.float32]:
    """Return the image drawn larger by a factor, linearly between its pixels, and cut to ``(H, W)``."""
    for axis, size in enumerate(shape):
        place = np.arange(size, dtype=np.float32) / factor
        low = np.minimum(place.astype(np.intp), image.shape[axis] - 2)
        weight = (place - low).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
        start = image.take(low, axis)
        image = start + weight * (image.take(low + 1, axis) - start)
    return image


def _spline_basis(size: int, cell: float, *, shift: float) -> NDArray[np.float32]:
    """Return the weights ``(size, knots)`` of cubic B-splines at each pixel."""
    place = np.arange(size) / cell + shift
    knot = place.astype(np.intp)
    t = place - knot
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    basis = np.zeros((size, knot[-1] + 4), np.float32)
    for number, weight in enumerate(weights):
        basis[np.arange(size), knot + number] = weight
    return basis


def _standardised(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the field with mean 0 and standard deviation 1."""
    standard: NDArray[np.float32] = ((field - field.mean()) / field.std()).astype(np.float32)
    return standard
