"""What is searched for in a whole frame, beside the network that sees it part by part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from skysieve.frames.mask.isolated_pixels import find_isolated_pixels
from skysieve.frames.mask.saturation import find_saturation
from skysieve.frames.mask.streaks.finder import find_streaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.frames.image.normalise import NormalisedFrame
    from skysieve.frames.mask.bounds import Bounds
    from skysieve.frames.mask.isolated_pixels import IsolatedPixels
    from skysieve.frames.mask.saturation import Saturation
    from skysieve.frames.mask.streaks.finder import Streaks

__all__ = ["Findings", "search_frame"]


@dataclass(frozen=True)
class Findings:
    """What was found in a frame; None for what was not sought or is not there.

    Attributes
    ----------
    isolated
        Isolated bright pixels.
    saturation
        Saturated pixels.
    streaks
        Trails and diffraction spikes.
    """

    isolated: IsolatedPixels | None = None
    saturation: Saturation | None = None
    streaks: Streaks | None = None

    @cached_property
    def bounds(self) -> tuple[Bounds, ...]:
        """What follows from all of it for probabilities."""
        found = [one for one in (self.isolated, self.saturation, self.streaks) if one is not None]
        return tuple(bounds for one in found for bounds in one.bounds)


def search_frame(
    normalised: NormalisedFrame, classes: Sequence[str], *, streaks: bool = True, saturation: bool = True
) -> Findings:
    """Search a frame for what tells more as a whole than in parts.

    Parameters
    ----------
    normalised
        The frame ``(H, W)`` with its sky.
    classes
        Names of the classes that are wanted.
    streaks, saturation
        Whether trails and spikes, and saturated pixels, are sought.
    """
    return Findings(
        find_isolated_pixels(normalised) if "CR" in classes else None,
        find_saturation(normalised) if saturation and "SAT" in classes else None,
        find_streaks(normalised, classes=classes) if streaks else None,
    )
