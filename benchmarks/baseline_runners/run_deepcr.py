"""deepCR with its weights for DECam.

The weights expect calibrated frames with their sky, "in the original unit (adu)" (its model zoo).  DECam
has a gain of about 4 electrons per ADU, so electrons of all cameras are divided by 4.

References
----------
Zhang & Bloom 2020, ApJ 889, 24; weights ``decam`` of deepCR 0.3.1; gain of DECam: Flaugher et al. 2015,
AJ 150, 150, table 4.
"""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from electrons import Electrons
    from numpy.typing import NDArray

__all__ = ["load"]

DECAM_GAIN = 4.0
"""Electrons per ADU."""

PATCH = 1024
"""Maximum side of a piece, as recommended by deepCR."""

MULTIPLE = 4
"""Sides are padded by reflection to multiples of this; deepCR pads with zeros, which look like an edge."""


def load(options: Mapping[str, float]) -> Callable[[Electrons], NDArray[np.float32]]:
    """Return a function that computes probabilities ``(H, W)`` float32 of a frame."""
    model = importlib.import_module("deepCR").deepCR(mask="decam", device="CPU")
    gain = options.get("gain", DECAM_GAIN)

    def detect(frame: Electrons) -> NDArray[np.float32]:
        height, width = frame.pixels.shape
        pieces = [math.ceil(side / PATCH) for side in (height, width)]
        sides = [
            math.ceil(side / count / MULTIPLE) * MULTIPLE
            for side, count in zip((height, width), pieces, strict=True)
        ]
        padding = [
            (0, side * n - length) for side, n, length in zip(sides, pieces, frame.pixels.shape, strict=True)
        ]
        padded = np.pad(frame.pixels / np.float32(gain), padding, mode="reflect")
        scores = np.empty(padded.shape, np.float32)
        for top in range(0, padded.shape[0], sides[0]):
            for left in range(0, padded.shape[1], sides[1]):
                part = slice(top, top + sides[0]), slice(left, left + sides[1])
                scores[part] = model.clean(padded[part], binary=False, segment=False)
        return scores[:height, :width]

    return detect
