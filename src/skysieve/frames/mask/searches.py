"""Detectors that need the whole frame, in addition to the network, which processes tiles."""

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

__all__ = ["Detections", "search_frame"]


@dataclass(frozen=True)
class Detections:
    """Detections in a frame; None for detectors that did not run or found nothing.

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
        """Bounds on probabilities from all detections."""
        found = [one for one in (self.isolated, self.saturation, self.streaks) if one is not None]
        return tuple(bounds for one in found for bounds in one.bounds)


def search_frame(
    normalised: NormalisedFrame, classes: Sequence[str], *, streaks: bool = True, saturation: bool = True
) -> Detections:
    """Run the detectors that need the whole frame.

    Parameters
    ----------
    normalised
        Normalised frame of ``(H, W)`` pixels.
    classes
        Names of the requested classes.
    streaks, saturation
        Whether to detect trails and spikes, and saturated pixels.

    Returns
    -------
    Detections
        The detections.
    """
    return Detections(
        find_isolated_pixels(normalised) if "CR" in classes else None,
        find_saturation(normalised) if saturation and "SAT" in classes else None,
        find_streaks(normalised, classes=classes) if streaks else None,
    )
