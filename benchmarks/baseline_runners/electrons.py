"""Convert frames to electrons, with a sky level that matches their noise, as detectors of cosmic rays expect.

Detectors compute the noise of a pixel from its value.  This is wrong for a frame with a bias, or after sky
subtraction.  So each frame is shifted to the level at which photon and read noise give its measured noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Electrons", "to_electrons"]

NEIGHBOUR = 4
"""Distance of the pixels that are compared for the noise; larger than correlations by resampling."""

NORMAL = 1.4826
"""Ratio of the standard deviation of a normal distribution to its median absolute deviation."""


@dataclass(frozen=True)
class Electrons:
    """A frame in electrons.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, electrons; the sky where there is no data.
    nodata
        ``(H, W)`` bool, pixels without data.
    read_noise
        Read noise in electrons.
    saturation
        Saturation level in electrons; infinite if unknown.
    """

    pixels: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    read_noise: float
    saturation: float


def to_electrons(pixels: NDArray[np.float32], facts: Mapping[str, float]) -> Electrons:
    """Convert a frame to electrons, and shift its sky level.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32 in ADU, in any state of processing; NaN where there is no data.
    facts
        ``gain`` in electrons per ADU, ``read_noise`` in electrons, ``saturation`` in ADU or NaN.

    Returns
    -------
    Electrons
        The converted frame.
    """
    nodata = ~np.isfinite(pixels)
    level = 0.0 if nodata.all() else float(np.median(pixels[~nodata]))
    filled = np.where(nodata, np.float32(level), pixels)
    differences = np.abs(filled[:, NEIGHBOUR:] - filled[:, :-NEIGHBOUR])
    sigma = facts["gain"] * NORMAL * float(np.median(differences)) / np.sqrt(2)
    sky = max(float(sigma**2) - facts["read_noise"] ** 2, 0.0)
    electrons = (filled - np.float32(level)) * np.float32(facts["gain"]) + np.float32(sky)
    full = (facts["saturation"] - level) * facts["gain"] + sky
    return Electrons(electrons, nodata, facts["read_noise"], full if np.isfinite(full) else float("inf"))
