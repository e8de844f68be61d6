"""Settings of survey masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, check_bounds, read_names, setting

__all__ = ["MAX_NSIDE", "MIN_NSIDE", "NSIDE_COVERAGE", "MapSettings", "SurveyFiles", "SurveySettings"]

NSIDE_COVERAGE = 128
"""NSIDE of the coverage map: the sky is kept in blocks of 27 arcminutes."""

MIN_NSIDE, MAX_NSIDE = 512, 131_072
"""Bounds of NSIDE: a block has whole bytes, and less than 2**20 + 1 pixels."""


@dataclass(frozen=True, kw_only=True)
class SurveyFiles:
    """Masks, and the survey to which they belong.

    Attributes
    ----------
    masks
        Masks, folders of masks, globs, `.list` files.
    output
        Folder of the survey.
    """

    masks: list[str] = setting(REQUIRED, argument=True, metavar="MASK")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="FOLDER")


@dataclass(frozen=True, kw_only=True)
class SurveySettings:
    """Settings of how masks are projected to the sky.

    Attributes
    ----------
    nside
        NSIDE of the maps, a power of two from 512 (6.9 arcmin a pixel) to 131072 (1.6 arcsec).
    band_card
        Keyword of the header whose first word names the band.
    """

    nside: int = setting(MAX_NSIDE, metavar="NSIDE")
    band_card: str = setting("FILTER", metavar="KEYWORD")

    def __post_init__(self) -> None:
        """Check the values."""
        if not MIN_NSIDE <= self.nside <= MAX_NSIDE or self.nside & (self.nside - 1):
            raise ConfigError(f"nside {self.nside}: expected a power of two from {MIN_NSIDE} to {MAX_NSIDE}")


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """Settings of the maps that are made from projected masks.

    Attributes
    ----------
    classes
        Planes of the masks that get a map, separated by commas, as CR,TRL; default those of bad pixels.
    by_band
        Make separate maps of each band.
    moc
        Also write each map as a MOC of this order, 0 to 17; a cell of a lower order than the map is in the
        MOC if any of its pixels is marked.
    parts_only
        Only project the masks; another run makes the maps.
    """

    classes: tuple[str, ...] = setting((), metavar="NAMES", text_type=str, read=read_names)
    by_band: bool = setting(False, "--by-band")
    moc: int | None = setting(None, metavar="ORDER", minimum=0, maximum=17, hidden_default=True)
    parts_only: bool = setting(False, "--parts-only")

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)
