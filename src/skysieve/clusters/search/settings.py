"""Settings of the search for clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from skysieve.clusters.matched_filter.settings import FilterSettings
from skysieve.core.errors import ConfigError
from skysieve.core.models.engine_settings import VIEWS, ModelSettings
from skysieve.core.settings import REQUIRED, setting

__all__ = ["ClusterOptions", "ClusterSettings", "Finder", "SearchPreview", "SearchedMaps"]

Finder = Literal["network", "mmf", "both"]
"""What finds candidates: the network, the matched filter, or both."""


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(ModelSettings):
    """Settings of the search for clusters.

    Attributes
    ----------
    finder
        Use the network, the matched filter, or both.
    threshold
        Minimum probability of the pixels of a candidate; default from the card of the model.
    snr
        Minimum S/N in the matched filter.
    most_source
        Maximum ratio of the S/N of a point source to that of a candidate of the matched filter; see
        :func:`skysieve.clusters.matched_filter.filter_candidates.mmf_candidates`.
    least_pixels
        Minimum number of pixels of a candidate of the network.
    most_radius
        Maximum radius of a candidate of the network.
    same
        Candidates within this separation, in arcminutes, are one.
    batch
        Number of patches in one call of the network.
    views
        Test-time augmentation: number of rotations and reflections of each patch.
    filter
        Settings of the matched filter.
    """

    finder: Finder = setting("both")
    threshold: float | None = setting(None, hidden_default=True)
    snr: float = setting(4.5)
    most_source: float = 1.0
    least_pixels: int = setting(3)
    most_radius: float = setting(15.0, metavar="ARCMIN")
    same: float = 5.0
    batch: int = 16
    views: int = setting(4, metavar="1|2|4|8")
    filter: FilterSettings = field(default_factory=FilterSettings)

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if self.finder not in get_args(Finder):
            raise ConfigError(f"finder {self.finder!r}: choose from {', '.join(get_args(Finder))}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold of the probability: {self.threshold} is not above 0 and at most 1")
        for name in ("snr", "most_source", "least_pixels", "most_radius", "same", "batch"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name.replace('_', ' ')}: {getattr(self, name)} is not above 0")
        if self.views not in VIEWS:
            raise ConfigError(f"{self.views} views: choose from {', '.join(map(str, VIEWS))}")

    @property
    def uses_network(self) -> bool:
        """Whether the network is used."""
        return self.finder != "mmf"

    @property
    def uses_filter(self) -> bool:
        """Whether the matched filter is used."""
        return self.finder != "network"


def _units(texts: list[str]) -> dict[str, str] | str:
    """Return units by band, or one for all."""
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    units = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise ConfigError(f"--unit {text!r}: give one for all, as K_CMB, or each as 857=MJy/sr")
        units[name] = value
    return units


@dataclass(kw_only=True)
class ClusterOptions:
    """Settings of the maps that are searched and the products that are written.

    Attributes
    ----------
    galactic_cut
        Exclude Galactic latitudes below this value.
    mask
        HEALPix map of the area to search: 1 inside, 0 outside.
    nside
        nside of the output maps; by default that of the input maps.
    prefix
        Prefix of the names of candidates.
    votable
        Also write the catalogue as a VOTable.
    parquet
        Also write the catalogue as a Parquet file.
    frame
        Coordinates of maps without COORDSYS.
    units_of_maps
        Unit of maps without TUNIT, as K_CMB or 857=MJy/sr; may be repeated.
    ordering
        Order of maps without ORDERING.
    resume
        Resume an interrupted search.
    overwrite
        Whether to replace existing products and units.
    """

    galactic_cut: float = setting(15.0, metavar="DEGREES")
    mask: Path | None = setting(None, metavar="MAP", hidden_default=True)
    nside: int | None = setting(None, hidden_default=True)
    prefix: str = setting("SKS", hidden_default=True)
    votable: bool = setting(False)
    parquet: bool = setting(False)
    frame: str | None = setting(None, metavar="G|C|E", hidden_default=True)
    units_of_maps: str | Mapping[str, str] | None = setting(
        None, "--unit", metavar="[BAND=]UNIT", text_type=list[str], read=_units
    )
    ordering: str | None = setting(None, metavar="RING|NESTED", hidden_default=True)
    resume: bool = setting(False)
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class SearchedMaps:
    """Maps that are searched, and where the products go.

    Attributes
    ----------
    maps
        Folder of maps, a map, or a YAML file that describes maps; may be repeated. File names of Planck and
        of `skysieve simulate sky` are recognised.
    output
        Output folder.
    """

    maps: list[str] = setting(REQUIRED, "--maps", metavar="PATH")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")


@dataclass(frozen=True, kw_only=True)
class SearchPreview:
    """Pictures of a search.

    Attributes
    ----------
    preview
        Plot the sky, the best candidates in all bands, and stacks.
    """

    preview: bool = setting(False, "--preview")
