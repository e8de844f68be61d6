"""Settings of the detection of tracking errors."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.settings import setting
from skysieve.frames.image.settings import FrameSettings, NoDataOptions

__all__ = ["TrackOptions", "TrackSettings"]


@dataclass(frozen=True, kw_only=True)
class TrackSettings(FrameSettings):
    """Settings of how frames are examined.

    Attributes
    ----------
    prior
        Proportion of frames with tracking errors; default from the card of the model.
    """

    prior: float | None = setting(None, hidden_default=True)


@dataclass(kw_only=True)
class TrackOptions(NoDataOptions):
    """Settings of which frames of a file are examined.

    Attributes
    ----------
    fraction
        Part of the frames of each file to examine, chosen at random.
    seed
        Random seed of that choice.
    """

    fraction: float = setting(1.0, "--frac")
    seed: int = setting(0, minimum=0)
