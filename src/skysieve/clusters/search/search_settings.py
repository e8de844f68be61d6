"""Settings of the search for clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from skysieve.clusters.matched_filter.matched_filter import FilterSettings
from skysieve.clusters.search.combine import Finder
from skysieve.clusters.search.model import DEFAULT_MODEL
from skysieve.core.errors import ConfigError
from skysieve.core.models.augmentation import VIEWS
from skysieve.core.models.engine_settings import EngineSettings

__all__ = ["ClusterSettings"]


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(EngineSettings):
    """Settings of the search for clusters.

    Attributes
    ----------
    finder
        ``network``, ``mmf`` (the matched filter) or ``both``.
    model
        Name of a model, or a folder with a card.
    threshold
        Minimum probability of the pixels of the network's candidates; None for that of the model's card.
    snr, most_source
        Limits of the matched filter's candidates; see
        :func:`skysieve.clusters.matched_filter.filter_candidates.mmf_candidates`.
    least_pixels, most_radius
        Minimum number of pixels and maximum radius in arcminutes of the network's candidates; see
        :func:`skysieve.clusters.search.decide.find_candidates`.
    same
        Candidates within this separation, in arcminutes, are one.
    batch, views
        See :func:`skysieve.clusters.search.augmentation.predict_patches`.
    filter
        Settings of the matched filter.
    engine, precision, device, threads
        See :func:`skysieve.core.models.engine.load_network`.
    """

    finder: Finder = "both"
    model: str = DEFAULT_MODEL
    threshold: float | None = None
    snr: float = 4.5
    most_source: float = 1.0
    least_pixels: int = 3
    most_radius: float = 15.0
    same: float = 5.0
    batch: int = 16
    views: int = 4
    filter: FilterSettings = field(default_factory=FilterSettings)

    def __post_init__(self) -> None:
        """Check the values."""
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
