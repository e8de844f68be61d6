"""Settings of the search for ghosts: what makes the decisions, and what the products are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skysieve.core.errors import ConfigError
from skysieve.core.models.engine_settings import ModelSettings
from skysieve.core.settings import REQUIRED, check_bounds, read_assignments, setting
from skysieve.ghosts.simulate.settings import USUAL_FILTER_POSITION

__all__ = [
    "Binning",
    "GhostOptions",
    "GhostSettings",
    "GhostTables",
    "PredictedField",
    "PredictionProducts",
    "PredictionSettings",
]

SKY = 21.0
"""Surface brightness of a dark sky in red light, in magnitudes per square arc second."""

MIN_LEVEL = 0.01
"""Minimum level of ghosts that people outline, relative to the sky: 0.4 times the noise of a pixel of the
published pictures, which is about 2.6 % of their sky."""

Binning = Literal["medians", "samples"]
"""How the pixels of a CCD become those of the picture."""


def _thresholds(texts: list[str]) -> dict[str, float]:
    return read_assignments("--threshold", texts)


@dataclass(frozen=True, kw_only=True)
class GhostSettings(ModelSettings):
    """Settings of how pictures of focal planes are examined.

    Attributes
    ----------
    thresholds
        Minimum score of a class, as Faint=0.4; may be repeated. Default from the card of the model.
    views
        Test-time augmentation: number of reflections; fewer are faster and find a little less.
    """

    thresholds: Mapping[str, float] = setting(
        {}, "--threshold", factory=dict, metavar="NAME=VALUE", text_type=list[str], read=_thresholds
    )
    views: int = setting(4, metavar="1|2|4")


@dataclass(kw_only=True)
class GhostOptions:
    """Settings of the exposures that are read and the products that are written.

    Attributes
    ----------
    output
        Folder, or template with `{dir}`, `{stem}`, `{name}`, `{hdu}`; default
        `{dir}/{stem}.ghosts{hdu}.fits`.
    preview
        Also write a PNG of each focal plane.
    regions
        Also write the outlines as regions of SAOImage DS9.
    probabilities
        Also write the probability of each class at each position (FITS, PNG).
    ccd_masks
        Also write a bit mask of each CCD, HDU for HDU in its own pixels.
    screen
        Only report which exposures have ghosts; write no products.
    least
        Part of a CCD that a ghost must cover to touch it.
    mask_file
        File whose non-zero pixels have no data, CCD by CCD; may hold `{dir}`, `{stem}`, `{name}`.
    mask_bits
        Planes of the masks that mean no data, by name or value (`BAD,SAT` or `1,2`); by default every value
        but 0.
    binning
        samples: noisier, as in the published pictures.
    camera_file
        Table of another camera than DECam (ECSV).
    overwrite
        Whether to replace products that are there.
    """

    output: str | None = setting(None, "-o", "--output", metavar="PATH", hidden_default=True)
    preview: bool = setting(False)
    regions: bool = setting(False)
    probabilities: bool = setting(False)
    ccd_masks: bool = setting(False)
    screen: bool = setting(False)
    least: float = setting(0.01, minimum=0, maximum=1)
    mask_file: str | None = setting(None, metavar="PATH", hidden_default=True)
    mask_bits: str | int | Iterable[str | int] | None = setting(
        None, metavar="PLANES", text_type=str, hidden_default=True
    )
    binning: Binning = setting("medians")
    camera_file: Path | None = setting(None, "--camera", hidden_default=True)
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class GhostTables:
    """Tables of all exposures.

    Attributes
    ----------
    table
        Output table of the ghosts, or with --screen of the exposures (ECSV, or Parquet by its name).
    ccds
        Output table of the CCDs that ghosts touch (ECSV, or Parquet by its name).
    exclude
        Output list of these CCDs in the format of DELVE: date, expnum, ccd, id, ccdnum.
    """

    table: Path | None = setting(None, hidden_default=True)
    ccds: Path | None = setting(None, hidden_default=True)
    exclude: Path | None = setting(None, hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class PredictedField:
    """Field whose ghosts are predicted, and its stars.

    Attributes
    ----------
    ra
        Right ascension of the field's centre.
    dec
        Declination of the field's centre.
    stars
        Bright stars: a table (FITS, VOTable, ECSV, CSV) with right ascension, declination, magnitude.
    magnitude
        Column of the table with magnitudes in the band of the exposure.
    """

    ra: str = setting(REQUIRED, metavar="DEG|H:M:S")
    dec: str = setting(REQUIRED, metavar="DEG|D:M:S")
    stars: Path = setting(REQUIRED, metavar="CATALOG")
    magnitude: str | None = setting(None, metavar="COLUMN", hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class PredictionSettings:
    """Settings of the prediction of ghosts.

    Attributes
    ----------
    sky
        Sky brightness in magnitudes per square arcsecond.
    faintest
        Minimum surface brightness of a ghost, as a fraction of the sky brightness.
    filter_place
        Position of the filter in the filter changer: -90, -50 or 0 mm from that of the optical prescription,
        towards the detector.
    least
        Minimum fraction of a CCD that a ghost must cover to touch it.
    """

    sky: float = setting(SKY)
    faintest: float = setting(MIN_LEVEL)
    filter_place: float = setting(USUAL_FILTER_POSITION, metavar="MM")
    least: float = setting(0.01, minimum=0, maximum=1)

    def __post_init__(self) -> None:
        """Check the values."""
        check_bounds(self)
        if not self.faintest > 0:
            raise ConfigError(f"faintest {self.faintest:g}: expected a part of the sky's light above 0")


@dataclass(frozen=True, kw_only=True)
class PredictionProducts:
    """Files that a prediction writes.

    Attributes
    ----------
    table
        Output table of the ghosts (ECSV, or Parquet by its name).
    ccds
        Output table of the CCDs that ghosts touch (ECSV, or Parquet by its name).
    preview
        Output image of the focal plane.
    """

    table: Path | None = setting(None, hidden_default=True)
    ccds: Path | None = setting(None, hidden_default=True)
    preview: Path | None = setting(None, metavar="PNG", hidden_default=True)
