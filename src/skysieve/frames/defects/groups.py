"""The frames of each detector in a set of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.errors import NoFrameError, SkysieveError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.detectors import detector_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.core.fits.file_units import UnitFailures

__all__ = ["DetectorFrames", "group_frames"]


@dataclass(frozen=True)
class DetectorFrames:
    """Frames of one detector.

    Attributes
    ----------
    name
        What identifies the detector.
    frames
        Locations of its frames, one HDU each.
    """

    name: str
    frames: tuple[Location, ...]

    def __str__(self) -> str:
        """Return the name of the detector."""
        return self.name


def group_frames(files: Iterable[Location], failures: UnitFailures) -> list[DetectorFrames]:
    """Group the frames of files by detector.

    Parameters
    ----------
    files
        The files.
    failures
        Gets the files that cannot be read, and those without a frame.

    Returns
    -------
    list of DetectorFrames
        The detectors, in the order in which they occur.
    """
    found: dict[str, list[Location]] = {}
    for unit in files:
        try:
            with FrameFile(unit) as file:
                primary = file.hdus[0].header
                for hdu in file.frames:
                    if len(hdu.planes) > 1:
                        continue  # the planes of a cube are no exposures of a detector
                    name = detector_name([hdu.header, primary], hdu.name, hdu.version, hdu.shape)
                    found.setdefault(name, []).append(Location(unit.path, hdu.index))
        except NoFrameError as error:
            if unit.found:
                failures.skip(unit, error)
            else:
                failures.add(unit, error)
        except SkysieveError as error:
            failures.add(unit, error)
    return [DetectorFrames(name, tuple(frames)) for name, frames in found.items()]
