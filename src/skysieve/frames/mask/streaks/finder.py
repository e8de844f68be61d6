"""Detection of the streaks of a frame, and the bounds on probabilities that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skysieve.frames.mask.bounds import Bounds
from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame, Mark
from skysieve.frames.mask.streaks.inner_spikes import find_inner_spikes
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
"""Probability of a streak's class in its pixels, at the class proportions of the training set."""

CLASS_OF = {Mark.TRAIL: "TRL", Mark.SPIKE: "SP"}

EXCLUSIVE = ("CR", "HP", "HCL", "P", "TRL", "SP")
"""Classes that networks confuse with streaks; the pixels of a streak have none of them except its own."""


@dataclass(frozen=True)
class Streaks:
    """The streaks of a frame.

    Attributes
    ----------
    trails
        Trails, the most significant first.
    spikes
        Stars with spikes.
    marks
        ``(H, W)`` int8, a :class:`~skysieve.frames.mask.streaks.clipped_frame.Mark` in pixels of a streak.
    """

    trails: tuple[Trail, ...]
    spikes: tuple[Spikes, ...]
    marks: NDArray[np.int8]

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """Bounds on probabilities in the pixels of streaks.

        The probability of the streak's class is at least :data:`CERTAINTY`; that of other classes in
        :data:`EXCLUSIVE` is at most 1 minus this.
        """
        return tuple(
            Bounds(
                self.marks,
                lower={name: CERTAINTY},
                upper={other: 1 - CERTAINTY for other in EXCLUSIVE if other != name},
                mark=mark,
            )
            for mark, name in CLASS_OF.items()
        )


def find_streaks(frame: Frame, *, classes: Sequence[str] = ("TRL", "SP")) -> Streaks | None:
    """Find the streaks of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.
    classes
        Classes to detect: TRL, SP or both.

    Returns
    -------
    Streaks or None
        None if there are no streaks.
    """
    clipped = ClippedFrame.of_frame(frame)
    # spikes first, because two spikes on opposite sides of a star look like a trail
    spikes = _all_spikes(frame, clipped) if {"TRL", "SP"} & set(classes) else []
    trails = find_trails(clipped) if "TRL" in classes else []
    if not spikes and not trails:
        return None
    return Streaks(tuple(trails), tuple(spikes), clipped.values)


def _all_spikes(frame: Frame, clipped: ClippedFrame) -> list[Spikes]:
    """Find spikes within the light of their stars and far from it, and mark their pixels."""
    inner = find_inner_spikes(frame, clipped.peaks)
    outer = find_spikes(clipped, [one.spikes for one in inner])
    spikes = []
    for one in inner:
        clipped.mark(one.rows, one.columns, Mark.SPIKE)
        reach = max([one.spikes.reach, *(o.reach for o in outer if one.spikes.is_at(o.row, o.column))])
        spikes.append(replace(one.spikes, reach=reach))
    return spikes + [o for o in outer if not any(one.spikes.is_at(o.row, o.column) for one in inner)]
