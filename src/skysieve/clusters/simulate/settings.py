"""Settings of simulated skies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, check_bounds, setting

__all__ = ["SkyFolder", "SkySettings"]

_MIN_NSIDE, _MAX_NSIDE = 16, 8192
_MIN_CAP, _MAX_CAP = 1.0, 180.0


@dataclass(frozen=True, kw_only=True)
class SkySettings:
    """Settings of a simulated microwave sky.

    Attributes
    ----------
    nside
        Resolution of the maps, a power of two.
    seed
        Random seed.
    cap
        Simulate only a cap of this radius around the north Galactic pole; default: whole sky.
    recipe
        Recipe of the sky: a YAML file, or the name of a recipe in the package.
    threads
        Threads for the synthesis of one band.
    """

    nside: int = setting(2048)
    seed: int = setting(0, minimum=0)
    cap: float | None = setting(None, metavar="DEGREES", hidden_default=True)
    recipe: str = setting("planck")
    threads: int = setting(1, minimum=1)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)

    def check(self) -> None:
        """Check nside and cap.

        Raises
        ------
        ConfigError
            If nside or cap are out of range.
        """
        power_of_two = self.nside.bit_count() == 1
        if not power_of_two or not _MIN_NSIDE <= self.nside <= _MAX_NSIDE:
            raise ConfigError(
                f"nside {self.nside}: expected a power of two from {_MIN_NSIDE} to {_MAX_NSIDE}"
            )
        if self.cap is not None and not _MIN_CAP <= self.cap < _MAX_CAP:
            raise ConfigError(
                f"a cap of {self.cap:g} degrees: expected {_MIN_CAP:g} to {_MAX_CAP:g}; "
                "leave it out for the whole sky"
            )

    def as_options(self) -> list[str]:
        """Return the options that give the same sky from the same recipe.

        Returns
        -------
        list of str
            Options of the command line, without the recipe.
        """
        options = ["--nside", str(self.nside), "--seed", str(self.seed)]
        return options if self.cap is None else [*options, "--cap", f"{self.cap:g}"]


@dataclass(frozen=True, kw_only=True)
class SkyFolder:
    """Folder of a simulated sky.

    Attributes
    ----------
    output
        Output folder; intact maps of the same sky are kept.
    """

    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")
