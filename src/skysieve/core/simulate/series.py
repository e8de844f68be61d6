"""Series of simulated frames: which seed each has, and which file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_FRAMES", "frame_number", "frame_path", "frame_seed", "frames_in"]

MAX_FRAMES = 1_000_000
"""Frames of one series: the seeds of the next begin behind them."""

_STEM = "frame_"


def frame_seed(seed: int, number: int) -> int:
    """Return the seed of a frame, counted from 0, of the series with this seed.

    Examples
    --------
    >>> frame_seed(3, 17)
    3000017
    """
    return MAX_FRAMES * seed + number


def frame_path(folder: Path, number: int) -> Path:
    """Return where a frame of a series goes.

    Examples
    --------
    >>> from pathlib import Path
    >>> frame_path(Path("night"), 17).name
    'frame_00017.fits'
    """
    return folder / f"{_STEM}{number:05d}.fits"


def frame_number(path: Path) -> int:
    """Return the number of the frame that a file of a series holds."""
    return int(path.stem.removeprefix(_STEM))


def frames_in(folder: Path) -> list[Path]:
    """Return the frames of a series that are in a folder, by number."""
    found = [path for path in folder.glob(f"{_STEM}*.fits") if path.stem.removeprefix(_STEM).isdecimal()]
    return sorted(found, key=frame_number)
