"""Settings of simulated focal planes."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.settings import setting
from skysieve.core.simulate.settings import SeriesSettings

__all__ = ["GhostSeries"]


@dataclass(frozen=True, kw_only=True)
class GhostSeries(SeriesSettings):
    """Settings of a series of simulated focal planes."""

    recipe: str = setting("ghosts")
