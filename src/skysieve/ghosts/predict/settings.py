"""Settings of the search for ghosts: what makes the decisions, and what the products are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skysieve.core.models.engine_settings import ModelSettings
from skysieve.core.settings import read_assignments, setting

__all__ = ["Binning", "GhostOptions", "GhostSettings", "GhostTables"]

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
