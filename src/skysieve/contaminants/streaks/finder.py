"""The streaks of a frame, and what they say about its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.contaminants.streaks.clipped_frame import ClippedFrame, Mark
from skysieve.contaminants.streaks.spikes import find_spikes
from skysieve.contaminants.streaks.trails import find_trails

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.contaminants.streaks.spikes import Spikes
    from skysieve.contaminants.streaks.trails import Trail
    from skysieve.imaging.frames import Frame

__all__ = ["CERTAINTY", "Streaks", "find_streaks"]

CERTAINTY = 0.98
"""Probability of its class in the pixels of a streak, at the proportions of the network's training set."""

CLASS_OF = {Mark.TRAIL: "TRL", Mark.SPIKE: "SP"}

NEVER_BOTH = ("CR", "HP", "HCL", "P", "TRL", "SP")
"""Classes that the pixels of a streak do not have, but for its own: what networks take streaks for."""


@dataclass(frozen=True)
class Streaks:
    """The streaks of a frame.

    Attributes
    ----------
    trails
        Trails, the clearest first.
    spikes
        Stars with spikes, the brightest first.
    marks
        ``(H, W)`` int8, a :class:`~skysieve.contaminants.streaks.clipped_frame.Mark` in pixels of a streak.
    """

    trails: tuple[Trail, ...]
    spikes: tuple[Spikes, ...]
    marks: NDArray[np.int8]

    def correct(
        self, probabilities: NDArray[np.float32], classes: Sequence[str], rows: slice, columns: slice
    ) -> NDArray[np.float32]:
        """Return probabilities of a part of the frame, at least :data:`CERTAINTY` where there is a streak.

        Parameters
        ----------
        probabilities
            ``(C, h, w)`` float32 of the network.
        classes
            Names of their classes.
        rows, columns
            Which part.
        """
        changed = probabilities
        for here, name in self._kinds(rows, columns):
            if changed is probabilities:
                changed = probabilities.copy()
            for plane, other in zip(changed, classes, strict=True):
                if other == name:
                    plane[here] = np.maximum(plane[here], CERTAINTY)
                elif other in NEVER_BOTH:
                    plane[here] = np.minimum(plane[here], 1 - CERTAINTY)
        return changed

    def correct_bits(
        self,
        bits: NDArray[np.int16],
        classes: Sequence[str],
        codes: Sequence[int],
        limits: NDArray[np.float32],
        part: tuple[slice, slice],
    ) -> NDArray[np.int16]:
        """Return decisions of a part of the frame as :meth:`correct` would have made them.

        Parameters
        ----------
        bits
            ``(h, w)`` int16, sums of codes of the classes whose probability is above its limit.
        classes, codes, limits
            Names, codes and limits of the classes.
        part
            Rows and columns.
        """
        changed = bits
        for here, name in self._kinds(*part):
            if changed is bits:
                changed = bits.copy()
            for other, code, limit in zip(classes, codes, limits, strict=True):
                if other == name and limit < CERTAINTY:
                    changed[here] |= np.int16(code)
                elif other in NEVER_BOTH and other != name and limit >= 1 - CERTAINTY:
                    changed[here] &= np.int16(~code)
        return changed

    def _kinds(self, rows: slice, columns: slice) -> Iterator[tuple[NDArray[np.bool_], str]]:
        """Yield the pixels of a part of the frame ``(h, w)`` in each kind of streak, and its class."""
        for mark, name in CLASS_OF.items():
            here = self.marks[rows, columns] == mark
            if here.any():
                yield here, name


def find_streaks(frame: Frame, *, classes: Sequence[str] = ("TRL", "SP")) -> Streaks | None:
    """Return the streaks of a frame; None if there are none.

    Parameters
    ----------
    frame
        ``(H, W)`` pixels in units of the noise above the sky.
    classes
        What is sought: TRL, SP or both.
    """
    clipped = ClippedFrame.of_frame(frame)
    # first the spikes, as two of them on opposite sides of a star look like a trail
    spikes = find_spikes(clipped) if {"TRL", "SP"} & set(classes) else []
    trails = find_trails(clipped) if "TRL" in classes else []
    if not spikes and not trails:
        return None
    return Streaks(tuple(trails), tuple(spikes), clipped.values)
