"""The frame on which the published commands were run, and what they said of it.

``data/published.npz`` was made by MaxiMask 1.4.1 on TensorFlow 2.15 (the weights are those of 1.3.0) from
the file that :func:`write_published_frame` writes:

- ``masks``: the product of ``maximask frame.fits``, packed to bits along its last axis;
- ``tracking``: the number in the line of ``maxitrack frame.fits``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

SHAPE = (411, 403)
OUTPUT = Path(__file__).parent / "data" / "published.npz"


def write_published_frame(path):
    """Write stars, a hot and a dead column, a cosmic ray and a trail, in integers: the same everywhere."""
    random = np.random.default_rng(1)
    pixels = 1000 + random.integers(-8, 9, (4, *SHAPE)).sum(axis=0)
    rows, columns = np.indices(SHAPE)
    for row, column, flux in zip(
        *random.integers(10, 400, (2, 60)), random.integers(100, 30_000, 60), strict=True
    ):
        distance = (rows - row) ** 2 + (columns - column) ** 2 * 3 // 5
        pixels += (flux // (1 + distance // 3) ** 2) * (distance < 900)
    pixels[:, 120] += 400
    pixels[150:, 260] = 700
    pixels[200 + np.arange(12) // 2, 60 + np.arange(12)] += 3000
    pixels[(rows - columns // 2 - 100) // 3 == 0] += 60
    fits.PrimaryHDU(np.minimum(pixels, 30_000).astype(np.int16)).writeto(path)


def published_masks():
    """Return the masks, (14, H, W) of 0 and 1."""
    with np.load(OUTPUT) as stored:
        return np.unpackbits(stored["masks"], axis=-1, count=SHAPE[1])


def published_tracking():
    """Return the tracking probability."""
    with np.load(OUTPUT) as stored:
        return float(stored["tracking"])
