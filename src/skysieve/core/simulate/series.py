"""Series of simulated frames: the seed and the file of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_FRAMES", "frame_number", "frame_path", "frame_seed", "frames_in"]

MAX_FRAMES = 1_000_000
"""Maximum number of frames in a series; the seeds of the next series begin after them."""

_STEM = "frame_"


def frame_seed(seed: int, number: int) -> int:
    """Return the seed of a frame in a series.

    Parameters
    ----------
    seed
        Seed of the series.
    number
        Number of the frame, from 0.

    Returns
    -------
    int
        Seed that no other frame of any series has.

    Examples
    --------
    >>> frame_seed(3, 17)
    3000017
    """
    return MAX_FRAMES * seed + number


def frame_path(folder: Path, number: int) -> Path:
    """Return the path of a frame in a series.

    Parameters
    ----------
    folder
        Folder of the series.
    number
        Number of the frame, from 0.

    Returns
    -------
    Path
        Path of the FITS file.

    Examples
    --------
    >>> from pathlib import Path
    >>> frame_path(Path("night"), 17).name
    'frame_00017.fits'
    """
    return folder / f"{_STEM}{number:05d}.fits"


def frame_number(path: Path) -> int:
    """Return the number of a frame in a series.

    Parameters
    ----------
    path
        Path of :func:`frame_path`.

    Returns
    -------
    int
        Number of the frame, from 0.
    """
    return int(path.stem.removeprefix(_STEM))


def frames_in(folder: Path) -> list[Path]:
    """Return the frames of a series in a folder.

    Parameters
    ----------
    folder
        Folder of the series.

    Returns
    -------
    list
        Existing files in the order of their numbers.
    """
    found = [path for path in folder.glob(f"{_STEM}*.fits") if path.stem.removeprefix(_STEM).isdecimal()]
    return sorted(found, key=frame_number)
