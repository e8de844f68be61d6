"""Job that simulates frames for tracking; one unit is the file of one frame."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysieve._version import __version__
from skysieve.core.errors import OutputError, SkysieveError
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_hdu import frame_hdu
from skysieve.core.fits.locations import Location
from skysieve.core.simulate.series import frame_number, frame_path, frame_seed
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.io import fits

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.simulate.settings import FrameSeries

__all__ = ["TrackingRecord", "TrackingSimulationJob"]


@dataclass(frozen=True)
class TrackingRecord:
    """Result for one frame.

    Attributes
    ----------
    path
        File of the frame.
    header
        Cards of its header.
    kept
        Whether the file existed already.
    seconds
        Run time.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    kept: bool
    seconds: float


@dataclass
class TrackingSimulationJob:
    """Job that simulates frames with and without tracking errors.

    The recipe gives the fraction with a tracking error, by default one half. A frame with too few visible
    stars is drawn again. Existing intact files of the same series are kept.

    Attributes
    ----------
    recipe
        Ranges from which frames are drawn.
    folder
        Output folder.
    settings
        Number, seeds and shape of the frames.
    overwrite
        Whether to replace existing files.
    """

    recipe: Recipe
    folder: Path
    settings: FrameSeries
    overwrite: bool = False
    _stopped: bool = field(default=False, init=False, repr=False)

    def units(self) -> list[Location]:
        """Return the output files of the frames.

        Returns
        -------
        list
            One location per frame.
        """
        return [Location(frame_path(self.folder, number)) for number in range(self.settings.count)]

    def check(self) -> None:
        """Check the shape.

        Raises
        ------
        ConfigError
            If it is too small.
        """
        self.settings.check_shape()

    def prepare(self, *, workers: int = 1) -> None:
        """Do nothing: frames share no preparation.

        Parameters
        ----------
        workers
            Ignored.
        """

    def stop(self) -> None:
        """Stop: frames in progress are not written."""
        self._stopped = True

    def run(self, unit: Location) -> TrackingRecord:
        """Simulate and write one frame, unless the file exists.

        Parameters
        ----------
        unit
            Output file.

        Returns
        -------
        TrackingRecord
            Path and header.

        Raises
        ------
        SkysieveError
            If the frame cannot be simulated or written, or the file holds another frame.
        """
        start = time.perf_counter()
        path = unit.path
        kept = not self.overwrite and is_intact(path)
        if kept:
            with FrameFile(unit) as file:
                header = _cards(file.hdus[0].header)
            self._check_same_frame(path, header)
        else:
            hdu = self._make(frame_seed(self.settings.seed, frame_number(path)))
            if self._stopped:
                raise SkysieveError(f"{path}: stopped before it was written")
            write_fits([hdu], path, overwrite=True)
            header = _cards(hdu.header)
        return TrackingRecord(path, header, kept, time.perf_counter() - start)

    def _make(self, seed: int) -> fits.PrimaryHDU:
        frame = simulate_tracking_frame(self.settings.shape, seed=seed, recipe=self.recipe)
        cards: list[HeaderCard] = [
            *((keyword, value, comment) for keyword, (value, comment) in frame.header().items()),
            ("SIMRECIP", self.recipe.name, "recipe of the simulation"),
            ("SIMSEED", seed, "seed of the simulation"),
            ("CREATOR", f"skysieve {__version__}", "software that made this file"),
        ]
        return frame_hdu(frame.pixels, cards=cards)

    def _check_same_frame(self, path: Path, header: Mapping[str, HeaderValue]) -> None:
        """Raise OutputError if an existing file is not the frame that this job would write."""
        height, width = self.settings.shape
        seed = frame_seed(self.settings.seed, frame_number(path))
        expected = {"SIMSEED": seed, "SIMRECIP": self.recipe.name, "NAXIS2": height, "NAXIS1": width}
        for keyword, value in expected.items():
            if header.get(keyword) != value or "SLIP" not in header:
                raise OutputError(
                    f"{path} is another frame: {keyword} is {header.get(keyword)}, not {value}; "
                    "use --overwrite or another --output"
                )


def _cards(header: fits.Header) -> dict[str, HeaderValue]:
    return {card.keyword: card.value for card in header.cards if card.keyword}
