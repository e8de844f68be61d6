"""Statistics of a frame: noise, sampling, digitisation, sources, structure.

They are measured in a sample of the frame (:mod:`skysieve.frames.image.frame_sample`).  None depends on the
unit, the sky level or the gain.  :mod:`skysieve.frames.image.noise_statistics` and
:mod:`skysieve.frames.image.source_statistics` define most of them.  Two more are

- ``constant``: fraction of the frame in which all pixels have one value.
- ``saturated``: fraction of the frame in large saturated areas.

A statistic is left out, and not compared, if the frame is too small or has too few stars for it.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.frames.image.frame_sample import MIN_CELLS, sample_frame
from skysieve.frames.image.noise_statistics import NOISE_STATISTICS, noise_statistics
from skysieve.frames.image.source_statistics import SOURCE_STATISTICS, source_statistics

if TYPE_CHECKING:
    from skysieve.core.fits.frames import Frame

__all__ = ["STATISTICS", "Measured", "measure_statistics"]

STATISTICS = (*NOISE_STATISTICS, *SOURCE_STATISTICS, "constant", "saturated")
"""Names of the statistics."""


class Measured(NamedTuple):
    """A statistic of one frame.

    Attributes
    ----------
    value
        The measured value.
    error
        Its standard error in this frame, from the number of cells or sources in the measurement.
    """

    value: float
    error: float = 0.0


def measure_statistics(frame: Frame) -> dict[str, Measured]:
    """Measure the statistics of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit, not normalised; at most three strips of 256 rows are read.

    Returns
    -------
    dict
        Statistics by the names in :data:`STATISTICS`, without those that cannot be measured.
    """
    with np.errstate(all="ignore"):  # values near the limit of float32 overflow
        sample = sample_frame(frame)
        if sample is None:
            return {}
        found = {"constant": (sample.constant, 0.0), "saturated": (sample.saturated, 0.0)}
        if len(sample.empty) >= MIN_CELLS and isfinite(sample.noise):
            found |= noise_statistics(sample) | source_statistics(sample)
    kept = {name: Measured(*found[name]) for name in STATISTICS if name in found}
    return {name: one for name, one in kept.items() if isfinite(one.value) and isfinite(one.error)}
