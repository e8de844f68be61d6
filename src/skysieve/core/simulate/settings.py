"""Settings of series of simulated frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import REQUIRED, check_bounds, setting

__all__ = ["SeriesFolder", "SeriesSettings"]


@dataclass(frozen=True, kw_only=True)
class SeriesSettings:
    """Settings of a series of simulated frames.

    Attributes
    ----------
    count
        Number of frames.
    seed
        Random seed.
    recipe
        Recipe: a YAML file, or the name of a recipe in the package.
    preview
        Also write a contact sheet, preview.png.
    """

    count: int = setting(10, "-n", "--frames")
    seed: int = setting(0, minimum=0)
    recipe: str = setting("default")
    preview: bool = setting(False, "--preview")

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)

    def as_options(self) -> list[str]:
        """Return the options that give the same frames from the same recipe.

        Returns
        -------
        list of str
            Options of the command line, without the recipe.
        """
        return ["-n", str(self.count), "--seed", str(self.seed)]


@dataclass(frozen=True, kw_only=True)
class SeriesFolder:
    """Folder of a series of simulated frames.

    Attributes
    ----------
    output
        Output folder; intact frames of the same series are kept.
    """

    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")
