"""Settings of the search for defects of detectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import REQUIRED, check_bounds, setting

__all__ = ["MIN_FRAMES", "DefectFiles", "DefectSettings"]

MIN_FRAMES = 3
"""Minimum number of frames of a detector."""


@dataclass(frozen=True, kw_only=True)
class DefectFiles:
    """Frames in which defects are sought, and where their maps are written.

    Attributes
    ----------
    paths
        FITS files of frames, folders, globs, `.list` files, `@list`.
    output
        Folder of the maps.
    """

    paths: list[str] = setting(REQUIRED, argument=True, metavar="PATH")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="FOLDER")


@dataclass(frozen=True, kw_only=True)
class DefectSettings:
    """Settings of the search for defects.

    Attributes
    ----------
    significance
        Minimum significance of a pixel, in standard deviations of all frames together.
    level
        Minimum excess or lack of a pixel, in standard deviations of the noise of a single frame.
    frames
        Minimum number of frames of a detector.
    """

    significance: float = setting(6.0, minimum=3)
    level: float = setting(1.0, minimum=0)
    frames: int = setting(5, "--min-frames", minimum=MIN_FRAMES)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)
