"""Settings of the matched filter."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.errors import ConfigError

__all__ = ["SIZES", "FilterSettings"]

SIZES: tuple[float, ...] = tuple(float(f"{35 ** (n / 11):.3g}") for n in range(12))
"""Theta500 in arcminutes, as in the searches of Planck (2014, A&A 571, A29, section 2.2)."""


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """Settings of the matched filter.

    Attributes
    ----------
    sizes
        Theta500 of the cluster templates, in arcminutes.
    source_snr
        Point sources above this signal-to-noise ratio are masked, if a cluster there is less significant.
    cluster_snr
        Clusters above this signal-to-noise ratio are excluded from the noise measurement.
    passes
        Number of noise measurements; from the second on, sources and clusters are known.
    """

    sizes: tuple[float, ...] = SIZES
    source_snr: float = 8.0
    cluster_snr: float = 5.0
    passes: int = 2

    def __post_init__(self) -> None:
        """Check the settings."""
        if not self.sizes or not all(0 < size < 180 for size in self.sizes):
            raise ConfigError(f"sizes of clusters {self.sizes}: give at least one, between 0 and 180 arcmin")
        if self.passes < 1 or not (self.source_snr > 0 and self.cluster_snr > 0):
            raise ConfigError(
                f"{self.passes} passes, sources from {self.source_snr} and clusters from {self.cluster_snr} "
                "sigma: each must be above 0"
            )
