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
    """Return a smooth Gaussian random surface of mean 0 and variance near 1.

    It is a cubic B-spline with random coefficients, so its first two derivatives are continuous.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Random generator.
    cell
        Distance of the knots in pixels; maxima and minima are about two cells wide.

    Returns
    -------
    ndarray
        ``(H, W)`` float32.

    References
    ----------
    Unser 1999, IEEE Signal Processing Magazine 16, 22 (cubic B-splines, eq. 3).
    """
    down, across = (_spline_basis(size, cell, shift=rng.uniform()) for size in shape)
    coefficients = rng.standard_normal((down.shape[1], across.shape[1]), dtype=np.float32)
    # The mean of the squared weights of a cubic B-spline is 151/315 along each axis
    return np.asarray(down @ coefficients @ across.T * np.float32(315 / 151), np.float32)


def fractal_pair(
    shape: tuple[int, int], rng: Generator, *, slope: float, stretch: float = 1.0, angle: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two independent Gaussian random surfaces with power spectrum ``k^-slope``.

    Each has mean 0 and standard deviation 1.  One complex Fourier transform gives both.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Random generator.
    slope
        Exponent of the power spectrum in two dimensions: 2.4 is rough, 4 is smooth.
    stretch, angle
        Factor by which structures are elongated, and the direction in radians from the x axis.

    Returns
    -------
    first, second
        ``(H, W)`` float32.
    """
    # The transform is periodic, so a larger surface is made and cropped
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
    """Enlarge an image by linear interpolation and crop it.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    shape
        ``(H, W)`` of the result.
    factor
        Pixels of the result for each pixel of the image.

    Returns
    -------
    ndarray
        ``(H, W)`` float32.
    """
    for axis, size in enumerate(shape):
        position = np.arange(size, dtype=np.float32) / factor
        low = np.minimum(position.astype(np.intp), image.shape[axis] - 2)
        weight = (position - low).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
        start = image.take(low, axis)
        image = start + weight * (image.take(low + 1, axis) - start)
    return image


def _spline_basis(size: int, cell: float, *, shift: float) -> NDArray[np.float32]:
    """Return the weights ``(size, knots)`` of cubic B-splines at each pixel."""
    position = np.arange(size) / cell + shift
    knot = position.astype(np.intp)
    t = position - knot
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    basis = np.zeros((size, knot[-1] + 4), np.float32)
    for number, weight in enumerate(weights):
        basis[np.arange(size), knot + number] = weight
    return basis


def _standardised(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the field with mean 0 and standard deviation 1."""
    standard: NDArray[np.float32] = ((field - field.mean()) / field.std()).astype(np.float32)
    return standard
