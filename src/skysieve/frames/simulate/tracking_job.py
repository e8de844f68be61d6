"""Job that simulates frames for tracking; one unit is the file of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve._version import __version__
from skysieve.core.execution.simulation_job import SeriesJob, SimulatedFile
from skysieve.core.fits.frame_hdu import frame_hdu
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.simulate.settings import FrameSeries
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.core.fits.fits_out import HDU

__all__ = ["TrackingSimulationJob"]


@dataclass
class TrackingSimulationJob(SeriesJob[Recipe, FrameSeries, SimulatedFile]):
    """Job that simulates frames with and without tracking errors.

    The recipe gives the fraction with a tracking error, by default one half. A frame with too few visible
    stars is drawn again.
    """

    only_here = "SLIP"

    def check(self) -> None:
        """Check the shape.

        Raises
        ------
        ConfigError
            If it is too small.
        """
        self.settings.check_shape()

    def _simulate(self, path: Path) -> list[HDU]:
        seed = self.seed_of(path)
        frame = simulate_tracking_frame(self.settings.shape, seed=seed, recipe=self.recipe)
        cards: list[HeaderCard] = [
            *((keyword, value, comment) for keyword, (value, comment) in frame.header().items()),
            ("SIMRECIP", self.recipe.name, "recipe of the simulation"),
            ("SIMSEED", seed, "seed of the simulation"),
            ("CREATOR", f"skysieve {__version__}", "software that made this file"),
        ]
        return [frame_hdu(frame.pixels, cards=cards)]

    def _identity(self, path: Path) -> dict[str, object]:
        height, width = self.settings.shape
        return {**super()._identity(path), "NAXIS2": height, "NAXIS1": width}

    def _record(self, path: Path, header: Mapping[str, HeaderValue]) -> SimulatedFile:
        return SimulatedFile(path, header)
