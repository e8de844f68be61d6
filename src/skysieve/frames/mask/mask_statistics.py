"""Statistics of the network's output for a frame, for the comparison with training frames.

- ``marked CR``, ``marked TRL``, …: log10 of the fraction of the pixels whose probability is above the default
  threshold of the class, with default priors.
- ``doubt``: log10 of the mean binary entropy, in bits, of the probabilities of all classes of small objects
  (not of extended light).  It is low where the network is certain, whatever its decision.
- ``doubt SAT``: the same for saturated pixels.  Extended light with sharp edges, such as an image of the
  pupil, leaves the network uncertain whether it is saturated.
- ``undecided``: fraction of the pixels in no class, not even the background.

Every fourth pixel of every fourth row is used.  Frames with fewer than 60 000 pixels have no statistics,
because a single bright star dominates them.
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
MIN_AREA = 60_000
SMALL = ("CR", "HCL", "DCL", "HP", "DP", "P", "TRL", "SAT", "SP")
EXTENDED = ("FR", "NEB", "BBG")
"""Classes of extended light, which may be uncertain in large areas; they are not part of ``doubt``."""
COMPARED = (*SMALL, *EXTENDED)
MIN_FRACTION = 1e-4
MIN_ENTROPY = 1e-3
MIN_PROBABILITY = 1e-6
"""Probabilities are clipped at this distance from 0 and 1."""


class MaskStatistics:
    """Accumulates statistics of the network's output for a frame, tile by tile.

    Parameters
    ----------
    classes
        Names of the classes in the order of the planes.
    limits
        ``(C,)`` float32, thresholds on the probabilities of the network with default priors.
    complete
        Whether these are all classes of the network.
    """

    def __init__(self, classes: Sequence[str], limits: NDArray[np.float32], *, complete: bool) -> None:
        self._classes, self._limits, self._complete = tuple(classes), limits, complete
        self._marked = np.zeros(len(self._classes))
        self._entropy = np.zeros(len(self._classes))
        self._undecided = 0
        self._pixels = 0

    def add(self, posteriors: NDArray[np.float32]) -> None:
        """Add the output for some tiles.

        Parameters
        ----------
        posteriors
            ``(N, C, h, w)`` float32 probabilities.
        """
        sample = posteriors[:, :, STEP // 2 :: STEP, STEP // 2 :: STEP]
        above = sample > self._limits[:, None, None]
        self._marked += above.sum(axis=(0, 2, 3))
        self._undecided += int((~above.any(axis=1)).sum())
        self._pixels += sample.shape[0] * sample.shape[2] * sample.shape[3]
        clipped = np.clip(sample, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        negative_entropy = clipped * np.log2(clipped) + (1 - clipped) * np.log2(1 - clipped)
        self._entropy -= negative_entropy.sum(axis=(0, 2, 3), dtype=np.float64)

    def results(self, shape: tuple[int, int]) -> dict[str, Measured]:
        """Return the statistics of the frame.

        Parameters
        ----------
        shape
            Height and width (H, W) of the frame.

        Returns
        -------
        dict
            Statistics by name; empty if the frame is small.
        """
        if shape[0] * shape[1] < MIN_AREA or not self._pixels:
            return {}
        marked = dict(zip(self._classes, self._marked / self._pixels, strict=True))
        entropy = dict(zip(self._classes, self._entropy / self._pixels + MIN_ENTROPY, strict=True))
        found = {
            f"marked {name}": Measured(float(np.log10(marked[name] + MIN_FRACTION)))
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
