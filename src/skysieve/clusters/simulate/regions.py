"""Simulated part of the sky: all of it, or a cap around the north Galactic pole."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skysieve.core.errors import ConfigError

__all__ = ["SkyRegion"]


@dataclass(frozen=True)
class SkyRegion:
    """Pixels of a HEALPix map in RING order, in Galactic coordinates.

    A cap around the pole consists of whole rings, the first of the map.

    Attributes
    ----------
    nside
        Nside of the map, a power of two.
    cap
        Radius around the north Galactic pole in degrees; None for the whole sky.

    Raises
    ------
    ConfigError
        If nside is not a power of two, or the cap holds no pixel or exceeds the sky.

    Examples
    --------
    >>> len(SkyRegion(64).pixels), len(SkyRegion(64, cap=10).pixels)
    (49152, 364)
    """

    nside: int
    cap: float | None = None

    def __post_init__(self) -> None:
        """Check nside and cap."""
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise ConfigError(f"nside {self.nside}: expected a power of two, as 2048")
        if self.cap is not None and not (0 < self.cap <= 180 and len(self.pixels)):
            raise ConfigError(f"a cap of {self.cap} degrees: expected more than a pixel and at most 180")

    @property
    def pixels(self) -> range:
        """Indices of its pixels in RING order, from zero."""
        import healpy

        if self.cap is None:
            return range(12 * self.nside**2)
        pixels = healpy.query_strip(self.nside, 0.0, math.radians(self.cap), nest=False)
        return range(len(pixels))

    @property
    def area(self) -> float:
        """Area of its pixels in square degrees."""
        return math.degrees(math.degrees(4 * math.pi)) * len(self.pixels) / (12 * self.nside**2)

    @property
    def pixel_fwhm(self) -> float:
        """FWHM in arcminutes of the Gaussian with the same variance as the mean over a pixel.

        A pixel is taken as a square, whose variance along each side is a twelfth of its area.
        """
        pixel = 4 * math.pi / (12 * self.nside**2) * math.degrees(60) ** 2
        return math.sqrt(8 * math.log(2) * pixel / 12)
