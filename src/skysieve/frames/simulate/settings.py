"""Settings of simulated frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, setting
from skysieve.core.simulate.settings import SeriesSettings

__all__ = ["MIN_SIDE", "ContaminantSeries", "FrameFile", "FrameSeries", "SingleFrame"]

SIDE = 1024
"""Default height and width of a frame."""

MIN_SIDE = 64
"""Minimum height and width of a frame."""


def _shape(size: str) -> tuple[int, int]:
    """Read a size, ``1024`` or ``512x1024``, as height and width."""
    sides = size.lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdecimal() for side in sides):
        raise ConfigError(f"--size {size!r}: expected a side in pixels, or height x width, as 512x1024")
    return int(sides[0]), int(sides[-1])


@dataclass(frozen=True, kw_only=True)
class FrameSeries(SeriesSettings):
    """Settings of a series of simulated frames of a camera.

    Attributes
    ----------
    shape
        Size of a frame; default 1024.
    """

    shape: tuple[int, int] = setting((SIDE, SIDE), "--size", metavar="PX|HxW", text_type=str, read=_shape)

    def check_shape(self) -> None:
        """Compare the shape with its minimum.

        Raises
        ------
        ConfigError
            If it is too small.
        """
        height, width = self.shape
        if min(self.shape) < MIN_SIDE:
            raise ConfigError(
                f"frames of {height}x{width} px are too small: give {MIN_SIDE} px or more a side"
            )

    def as_options(self) -> list[str]:
        """Return the options that give the same frames from the same recipe.

        Returns
        -------
        list of str
            Options of the command line, without the recipe.
        """
        return [*super().as_options(), "--size", "{}x{}".format(*self.shape)]


@dataclass(frozen=True, kw_only=True)
class ContaminantSeries(FrameSeries):
    """Settings of a series of frames with contaminants.

    Attributes
    ----------
    clean_frames
        Inject contaminants into your own frames, in turn, instead of a simulated sky.
    """

    clean_frames: Path | None = setting(None, metavar="DIR", hidden_default=True)

    def as_options(self) -> list[str]:
        """Return the options that give the same frames from the same recipe.

        Returns
        -------
        list of str
            Options of the command line, without the recipe.
        """
        if self.clean_frames is None:
            return super().as_options()
        return [*SeriesSettings.as_options(self), "--clean-frames", str(self.clean_frames)]


@dataclass(frozen=True, kw_only=True)
class SingleFrame:
    """Settings of one frame with every contaminant of its recipe.

    Attributes
    ----------
    seed
        Random seed.
    width
        Number of columns.
    height
        Number of rows.
    recipe
        Recipe: a YAML file, or the name of a recipe in the package.
    """

    seed: int = setting(0, minimum=0)
    width: int = setting(SIDE, minimum=MIN_SIDE)
    height: int = setting(SIDE, minimum=MIN_SIDE)
    recipe: str = setting("showcase")


@dataclass(frozen=True, kw_only=True)
class FrameFile:
    """File of a simulated frame.

    Attributes
    ----------
    output
        Output FITS file; the HDU TRUTH has the truth.
    """

    output: Path = setting(REQUIRED, "-o", "--output")
