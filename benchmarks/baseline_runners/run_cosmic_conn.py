"""Cosmic-CoNN with its weights for ground-based imaging.

It subtracts the median from each piece of 1024 pixels.  Its weights were trained on frames of Las Cumbres
Observatory, reduced by its pipeline, in electrons.

References
----------
Xu et al. 2023, ApJ 942, 73; weights ``ground_imaging`` v0.2.8 of cosmic-conn 0.6.1.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from electrons import Electrons
    from numpy.typing import NDArray

__all__ = ["load"]

MULTIPLE = 16
"""Sides must be multiples of this, as the detector drops the last pixels; frames are padded by reflection."""


def load(options: Mapping[str, float]) -> Callable[[Electrons], NDArray[np.float32]]:
    """Return a function that computes probabilities ``(H, W)`` float32 of a frame."""
    model = importlib.import_module("cosmic_conn").init_model("ground_imaging")
    scale = np.float32(options.get("scale", 1.0))

    def detect(frame: Electrons) -> NDArray[np.float32]:
        height, width = frame.pixels.shape
        padded = np.pad(
            scale * frame.pixels, [(0, -height % MULTIPLE), (0, -width % MULTIPLE)], mode="reflect"
        )
        scores: NDArray[np.float32] = model.detect_cr(padded, ret_numpy=True)
        return scores[:height, :width]

    return detect
