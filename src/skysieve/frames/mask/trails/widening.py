"""Masks of trails that extend into their faint wings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.classes import NODATA, find_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.mask.trails.measuring import MeasuredTrail

__all__ = ["widen_trails"]

MAX_REACH, MAX_REACH_PER_WIDTH = 128.0, 12.0
"""Maximum distance from the centre line in pixels, or in widths for wide trails: further out, the profile is
an extrapolation."""


def widen_trails(bits: NDArray[np.int16], trails: Sequence[MeasuredTrail], level: float) -> NDArray[np.int16]:
    """Mark each trail from end to end, and to both sides up to where its profile falls below a level.

    Masks of trails end where the light of a pixel sinks into its noise.  The wings beyond remain visible in
    the mean of many frames.

    Parameters
    ----------
    bits
        ``(H, W)`` int16, the mask; it is not changed.
    trails
        The trails.
    level
        The level in units of the noise of a pixel of the sky.

    Returns
    -------
    ndarray
        ``(H, W)`` int16, the mask with more pixels of TRL.  Pixels without data stay as they are.

    References
    ----------
    Hasan et al. 2022, Astronomy and Computing 39, 100584 (arXiv 2112.14292): light that masks of trails miss.
    """
    found = bits.copy()
    code = np.int16(find_class("TRL").code)
    height, width = bits.shape
    for trail in trails:
        limit = max(MAX_REACH, MAX_REACH_PER_WIDTH * trail.width)
        reach = min(trail.profile.reach(level), limit)
        if reach <= 0:
            continue
        # the ends are rounded as the sides are
        t = np.arange(trail.ends[0] - reach, trail.ends[1] + reach + 0.5, 0.5)
        beyond = np.maximum(np.maximum(trail.ends[0] - t, t - trail.ends[1]), 0)
        steps = math.ceil(2 * reach)
        across = (
            np.linspace(-1, 1, 2 * steps + 1)[None] * np.sqrt(np.maximum(reach**2 - beyond**2, 0))[:, None]
        )
        rows, columns = trail.course.at(t[:, None], across)
        y, x = np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y[inside], x[inside]
        free = (found[y, x] & NODATA.code) == 0
        found[y[free], x[free]] |= code
    return found
