"""The streaks of a frame, and what they say about its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.frames.mask.bounds import Bounds
from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame, Mark
from skysieve.frames.mask.streaks.spikes import find_spikes
from skysieve.frames.mask.streaks.trails import find_trails

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.mask.streaks.spikes import Spikes
    from skysieve.frames.mask.streaks.trails import Trail

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
        ``(H, W)`` int8, a :class:`~skysieve.frames.mask.streaks.clipped_frame.Mark` in pixels of a streak.
    """

    trails: tuple[Trail, ...]
    spikes: tuple[Spikes, ...]
    marks: NDArray[np.int8]

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """What follows for probabilities: at least :data:`CERTAINTY` for its class where there is a streak.

        And at most as much as is left of one for classes that networks take streaks for.
        """
        return tuple(
            Bounds(
                self.marks,
                lower={name: CERTAINTY},
                upper={other: 1 - CERTAINTY for other in NEVER_BOTH if other != name},
                mark=mark,
            )
            for mark, name in CLASS_OF.items()
        )


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
