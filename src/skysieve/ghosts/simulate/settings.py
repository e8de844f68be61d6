"""Settings of simulated focal planes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import setting
from skysieve.core.simulate.settings import SeriesSettings

__all__ = ["USUAL_FILTER_POSITION", "GhostSeries"]

USUAL_FILTER_POSITION = -50.0
"""Filter position in mm, relative to the prescription and positive towards the detector."""


@dataclass(frozen=True, kw_only=True)
class GhostSeries(SeriesSettings):
    """Settings of a series of simulated focal planes.

    Attributes
    ----------
    recipe
        Recipe: a YAML file, or the name of a recipe in the package.
    camera_file
        Table of another camera than DECam (ECSV).
    optics_file
        Table of the ghosts of this camera (NPZ), from `python -m skysieve.ghosts.simulate.traced`.
    """

    recipe: str = setting("ghosts")
    camera_file: Path | None = setting(None, "--camera", hidden_default=True)
    optics_file: Path | None = setting(None, "--optics", hidden_default=True)
