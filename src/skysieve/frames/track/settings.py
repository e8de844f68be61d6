"""Settings of the detection of tracking errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import setting
from skysieve.frames.image.settings import FrameSettings, NoDataOptions

__all__ = ["TrackOptions", "TrackSettings", "TrackTables"]


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


@dataclass(frozen=True, kw_only=True)
class TrackTables:
    """Tables of all files.

    Attributes
    ----------
    table
        Output table of the frames' probabilities (ECSV, or Parquet by its name).
    blocks
        Output table of the blocks' probabilities (ECSV, or Parquet by its name).
    """

    table: Path | None = setting(None, "-o", "--output", hidden_default=True)
    blocks: Path | None = setting(None, hidden_default=True)
