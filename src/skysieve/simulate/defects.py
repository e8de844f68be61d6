"""Defects of the CCD: pixels and columns that are hot or dead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skysieve.simulate.psf import stamp

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["simulate_dead_columns", "simulate_dead_pixels", "simulate_hot_columns", "simulate_hot_pixels"]

HOT_PIXELS_PER_MPIX = 40
DEAD_PIXELS_PER_MPIX = 40


def simulate_hot_pixels(
    shape: tuple[int, int], rng: Generator, *, sigma: float, full_well: float
) -> NDArray[np.float32]:
    """Return the dark charge ``(H, W)`` of single pixels, in electrons.

    Dark currents of damaged pixels spread over orders of magnitude: here evenly in the logarithm, from 15
    times the noise of the sky (sigma, in electrons) to 60 % of the full well.
    """
    image = np.zeros(shape, np.float32)
    place = _pixels(shape, rng, HOT_PIXELS_PER_MPIX)
    image[place] = np.exp(rng.uniform(math.log(15 * sigma), math.log(0.6 * full_well), place[0].size))
    return image


def simulate_dead_pixels(shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    """Return the relative response ``(H, W)``: 0 to 0.3 in single pixels, 1 elsewhere."""
    response = np.ones(shape, np.float32)
    place = _pixels(shape, rng, DEAD_PIXELS_PER_MPIX)
    response[place] = rng.uniform(0, 0.3, place[0].size)
    return response


def simulate_hot_columns(shape: tuple[int, int], rng: Generator, *, sigma: float) -> NDArray[np.float32]:
    """Return the charge ``(H, W)`` of hot columns, in electrons.

    A pixel that leaks while the frame is read out adds to all that pass through it: the column is hot from
    that pixel to the edge that is read last, by 4 to 20 times the noise of the sky (sigma, in electrons).
    """
    image = np.zeros(shape, np.float32)
    for start, column in _column_starts(shape, rng):
        level = sigma * math.exp(rng.uniform(math.log(4), math.log(20)))
        image[start:, column] = level
        image[start, column] = 4 * level  # the leak itself
    return image


def simulate_dead_columns(shape: tuple[int, int], rng: Generator) -> NDArray[np.float32]:
    """Return the relative response ``(H, W)``: 0 to 0.5 in dead columns and clusters, 1 elsewhere.

    A trap or a broken gate stops the charge of all pixels behind it: the column is dead from there to the
    edge that is read last.  Clusters are what specks of dust shadow; there is one or more.
    """
    response = np.ones(shape, np.float32)
    for start, column in _column_starts(shape, rng):
        width = 1 if rng.uniform() < 0.75 else 2
        response[start:, column : column + width] = rng.uniform(0, 0.5)
    for _ in range(max(1, rng.poisson(2 * response.size / 2**20))):
        y, x = rng.uniform(0.05, 0.95, 2) * shape
        radius = rng.uniform(1.5, 5)
        found = stamp(shape, y=y, x=x, radius=math.ceil(1.5 * radius))
        if found is not None:
            window, dy, dx = found
            azimuth = np.arctan2(dy, dx)
            edge = np.full_like(azimuth, radius)
            for waves in (2, 3, 4, 5):
                edge *= 1 + rng.normal(0, 0.25 / waves) * np.cos(
                    waves * azimuth + rng.uniform(0, 2 * math.pi)
                )
            response[window][dy**2 + dx**2 < edge**2] = rng.uniform(0, 0.3)
    return response


def _pixels(
    shape: tuple[int, int], rng: Generator, per_mpix: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of one random pixel or more."""
    height, width = shape
    count = max(1, rng.poisson(per_mpix * height * width / 2**20))
    flat = rng.choice(height * width, size=min(count, height * width), replace=False)
    rows, columns = np.divmod(flat, width)
    return rows, columns


def _column_starts(shape: tuple[int, int], rng: Generator) -> list[tuple[int, int]]:
    """Return the first row and the column of one bad column or more."""
    height, width = shape
    count = max(1, rng.poisson(1.5 * width / 1024))
    return [(int(rng.uniform(0, 0.8) * height), int(rng.integers(width))) for _ in range(count)]
