"""What a frame looks like, in a few simple statistics: noise, sampling, digitisation, sources, structure.

They are taken from a sample of the frame (:mod:`skysieve.frames.image.frame_sample`), and none depends on the
unit, the sky level or the gain.  :mod:`skysieve.frames.image.noise_statistics` and
:mod:`skysieve.frames.image.source_statistics` say what each is; two more are

- ``constant``: part of the frame in which all pixels have one value.
- ``saturated``: part of the frame in large saturated areas.

A statistic for which a frame is too small or too poor in stars is not given, and not compared.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.frames.image.frame_sample import LEAST_CELLS, sample_frame
from skysieve.frames.image.noise_statistics import NOISE_STATISTICS, noise_statistics
from skysieve.frames.image.source_statistics import SOURCE_STATISTICS, source_statistics

if TYPE_CHECKING:
    from skysieve.core.fits.frames import Frame

__all__ = ["STATISTICS", "Measured", "look_at"]

STATISTICS = (*NOISE_STATISTICS, *SOURCE_STATISTICS, "constant", "saturated")
"""Names of the statistics."""


class Measured(NamedTuple):
    """A statistic of one frame.

    Attributes
    ----------
    value
        What was measured.
    error
        Its standard error in this frame, from the number of cells or sources that it was measured on.
    """

    value: float
    error: float = 0.0


def look_at(frame: Frame) -> dict[str, Measured]:
    """Measure what a frame looks like.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels as they are, in any unit; three strips of 256 rows are read at most.

    Returns
    -------
    dict
        By the names in :data:`STATISTICS`, without those that cannot be measured.
    """
    with np.errstate(all="ignore"):  # values near the end of float32 give no finite statistic
        sample = sample_frame(frame)
        if sample is None:
            return {}
        found = {"constant": (sample.constant, 0.0), "saturated": (sample.saturated, 0.0)}
        if len(sample.empty) >= LEAST_CELLS and isfinite(sample.noise):
            found |= noise_statistics(sample) | source_statistics(sample)
    kept = {name: Measured(*found[name]) for name in STATISTICS if name in found}
    return {name: one for name, one in kept.items() if isfinite(one.value) and isfinite(one.error)}
