"""astroscrappy (L.A.Cosmic), run with a series of detection limits.

The score of a pixel is the logarithm of the highest ``sigclip`` that still flags it; a threshold on the score
is equivalent to a detection limit.

References
----------
van Dokkum 2001, PASP 113, 1420; McCully et al. 2018, doi:10.5281/zenodo.1482019.
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

LIMITS = (2.0, 3.0, 4.0, 4.5, 5.0, 6.0, 7.5, 10.0, 15.0, 25.0, 50.0, 100.0)
NEVER = -24.0
"""Score of pixels that are not flagged with any limit."""


def load(options: Mapping[str, float]) -> Callable[[Electrons], NDArray[np.float32]]:
    """Return a function that computes scores ``(H, W)`` float32 of a frame."""
    detect_cosmics = importlib.import_module("astroscrappy").detect_cosmics

    def detect(frame: Electrons) -> NDArray[np.float32]:
        scores = np.full(frame.pixels.shape, NEVER, np.float32)
        for limit in LIMITS:
            flagged, _ = detect_cosmics(
                np.ascontiguousarray(frame.pixels),
                inmask=frame.nodata,
                sigclip=limit,
                sigfrac=options.get("sigfrac", 0.3),
                objlim=options.get("objlim", 5.0),
                gain=1.0,
                readnoise=max(frame.read_noise, 0.1),
                satlevel=min(frame.saturation, 1e30),
                niter=int(options.get("niter", 4)),
            )
            scores[flagged] = np.log(limit)
        return scores

    return detect
