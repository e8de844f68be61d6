"""Simulated frames for tracking as a job: one unit is the file of one frame."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, OutputError, SkysieveError
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_hdu import frame_hdu
from skysieve.core.fits.locations import Location
from skysieve.core.simulate.series import frame_number, frame_path, frame_seed
from skysieve.frames.simulate.frame import SMALLEST
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.io import fits

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.frames.simulate.recipe import Recipe

__all__ = ["TrackingRecord", "TrackingSimulationJob"]


@dataclass(frozen=True)
class TrackingRecord:
    """What became of one frame.

    Attributes
    ----------
    path
        The file.
    header
        Cards of its header.
    kept
        Whether it was there already.
    seconds
        Time it took.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    kept: bool
    seconds: float


@dataclass
class TrackingSimulationJob:
    """Simulates frames with and without tracking errors.

    The recipe gives the share of those with an error, a half by default.  Frames without stars enough to tell
    are drawn again.  A frame that is there and intact is kept.

    Attributes
    ----------
    recipe
        What frames are drawn from.
    folder
        Where they go.
    shape
        ``(H, W)`` in pixels.
    seed
        Of the series: see :func:`skysieve.core.simulate.series.frame_seed`.
    overwrite
        Whether to make frames anew that are there.
    """

    recipe: Recipe
    folder: Path
    shape: tuple[int, int] = (1024, 1024)
    seed: int = 0
    overwrite: bool = False
    _stopped: bool = field(default=False, init=False, repr=False)

    def units(self, count: int) -> list[Location]:
        """List the files of so many frames."""
        return [Location(frame_path(self.folder, number)) for number in range(count)]

    def check(self) -> None:
        """Check the shape.

        Raises
        ------
        ConfigError
            If it is too small.
        """
        if min(self.shape) < SMALLEST:
            height, width = self.shape
            raise ConfigError(
                f"frames of {height}x{width} px are too small: give {SMALLEST} px or more a side"
            )

    def prepare(self, *, workers: int = 1) -> None:
        """Do nothing: a frame needs nothing that another could use."""

    def stop(self) -> None:
        """Let the frames at work end without being written."""
        self._stopped = True

    def run(self, unit: Location) -> TrackingRecord:
        """Make one frame, unless it is there.

        Raises
        ------
        SkysieveError
            If it cannot be made or written, or another frame is there.
        """
        start = time.perf_counter()
        path = unit.path
        kept = not self.overwrite and is_intact(path)
        if kept:
            with FrameFile(unit) as file:
                header = _cards(file.hdus[0].header)
            self._check_same_frame(path, header)
        else:
            hdu = self._make(frame_seed(self.seed, frame_number(path)))
            if self._stopped:
                raise SkysieveError(f"{path}: stopped before it was written")
            write_fits([hdu], path, overwrite=True)
            header = _cards(hdu.header)
        return TrackingRecord(path, header, kept, time.perf_counter() - start)

    def _make(self, seed: int) -> fits.PrimaryHDU:
        frame = simulate_tracking_frame(self.shape, seed=seed, recipe=self.recipe)
        cards: list[HeaderCard] = [
            *((keyword, value, comment) for keyword, (value, comment) in frame.header().items()),
            ("SIMRECIP", self.recipe.name, "recipe of the simulation"),
            ("SIMSEED", seed, "seed of the simulation"),
            ("CREATOR", f"skysieve {__version__}", "software that made this file"),
        ]
        return frame_hdu(frame.pixels, cards=cards)

    def _check_same_frame(self, path: Path, header: Mapping[str, HeaderValue]) -> None:
        """Raise OutputError if a file is not the frame that this job would make."""
        height, width = self.shape
        seed = frame_seed(self.seed, frame_number(path))
        expected = {"SIMSEED": seed, "SIMRECIP": self.recipe.name, "NAXIS2": height, "NAXIS1": width}
        for keyword, value in expected.items():
            if header.get(keyword) != value or "SLIP" not in header:
                raise OutputError(
                    f"{path} is another frame: {keyword} is {header.get(keyword)}, not {value}; "
                    "use --overwrite or another --output"
                )


def _cards(header: fits.Header) -> dict[str, HeaderValue]:
    return {card.keyword: card.value for card in header.cards if card.keyword}
