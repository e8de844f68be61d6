"""Statistics of what the network makes of a frame, to be compared with what it makes of training frames.

- ``marked CR``, ``marked TRL``, …: log10 of the part of the pixels whose probability is above the default
  threshold of the class, with default priors.
- ``doubt``: log10 of the mean binary entropy, in bits, of the probabilities of all classes of small things
  (not those of light that covers much of a frame): 0 where the network is sure, whatever it says.
- ``doubt SAT``: the same of saturated pixels: extended light with sharp edges, as of a pupil, leaves the
  network in doubt whether it is saturated.
- ``undecided``: part of the pixels for which the network decides for no class, not even the background.

Every fourth pixel of every fourth row is looked at.  In frames of less than 60 000 pixels one bright star
decides the numbers, so that none is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.frame_statistics import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MaskStatistics"]

STEP = 4
LEAST_AREA = 60_000
SMALL = ("CR", "HCL", "DCL", "HP", "DP", "P", "TRL", "SAT", "SP")
LIGHT = ("FR", "NEB", "BBG")
"""Classes of light that covers much of a frame: they may take up any part of it, but not leave doubt."""
COMPARED = (*SMALL, *LIGHT)
LEAST_PART = 1e-4
LEAST_ENTROPY = 1e-3
CLOSEST = 1e-6
"""Probabilities closer to 0 or 1 count as this close."""


class MaskStatistics:
    """Counts while a frame passes through the network, tile by tile.

    Parameters
    ----------
    classes
        Names of the network's classes, in the order of the planes.
    limits
        ``(C,)`` probabilities above which the network decides for each class by default.
    complete
        Whether these are all classes that the network knows.
    """

    def __init__(self, classes: Sequence[str], limits: NDArray[np.float32], *, complete: bool) -> None:
        self._classes, self._limits, self._complete = tuple(classes), limits, complete
        self._marked = np.zeros(len(self._classes))
        self._entropy = np.zeros(len(self._classes))
        self._undecided = 0
        self._pixels = 0

    def add(self, posteriors: NDArray[np.float32]) -> None:
        """Count the probabilities ``(N, C, H, W)`` of some tiles."""
        sample = posteriors[:, :, STEP // 2 :: STEP, STEP // 2 :: STEP]
        above = sample > self._limits[:, None, None]
        self._marked += above.sum(axis=(0, 2, 3))
        self._undecided += int((~above.any(axis=1)).sum())
        self._pixels += sample.shape[0] * sample.shape[2] * sample.shape[3]
        sure = np.clip(sample, CLOSEST, 1 - CLOSEST)
        bits = sure * np.log2(sure) + (1 - sure) * np.log2(1 - sure)
        self._entropy -= bits.sum(axis=(0, 2, 3), dtype=np.float64)

    def found(self, shape: tuple[int, int]) -> dict[str, Measured]:
        """Return the statistics of a frame ``(H, W)``; none if it is small."""
        if shape[0] * shape[1] < LEAST_AREA or not self._pixels:
            return {}
        marked = dict(zip(self._classes, self._marked / self._pixels, strict=True))
        entropy = dict(zip(self._classes, self._entropy / self._pixels + LEAST_ENTROPY, strict=True))
        found = {
            f"marked {name}": Measured(float(np.log10(marked[name] + LEAST_PART)))
            for name in COMPARED
            if name in marked
        }
        if all(name in entropy for name in SMALL):
            found["doubt"] = Measured(float(np.log10(np.mean([entropy[name] for name in SMALL]))))
        if "SAT" in entropy:
            found["doubt SAT"] = Measured(float(np.log10(entropy["SAT"])))
        if self._complete:
            found["undecided"] = Measured(self._undecided / self._pixels)
        return found
