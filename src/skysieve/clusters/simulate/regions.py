"""The part of the sky that is simulated: all of it, or what lies about the north Galactic pole."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skysieve.core.errors import ConfigError

__all__ = ["SkyRegion"]


@dataclass(frozen=True)
class SkyRegion:
    """Pixels of a HEALPix map in RING order, in Galactic coordinates.

    A cap about the pole is whole rings, the first of the map.

    Attributes
    ----------
    nside
        Resolution of the map, a power of two.
    cap
        Radius about the north Galactic pole, in degrees; None for the full sky.

    Raises
    ------
    ConfigError
        If there is no such map, or the cap holds no pixel or is more than the sky.

    Examples
    --------
    >>> len(SkyRegion(64).pixels), len(SkyRegion(64, cap=10).pixels)
    (49152, 364)
    """

    nside: int
    cap: float | None = None

    def __post_init__(self) -> None:
        """Refuse regions that are none."""
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise ConfigError(f"nside {self.nside}: expected a power of two, as 2048")
        if self.cap is not None and not (0 < self.cap <= 180 and len(self.pixels)):
            raise ConfigError(f"a cap of {self.cap} degrees: expected more than a pixel and at most 180")

    @property
    def pixels(self) -> range:
        """Numbers of its pixels in RING order: from zero on."""
        import healpy

        if self.cap is None:
            return range(12 * self.nside**2)
        pixels = healpy.query_strip(self.nside, 0.0, math.radians(self.cap), nest=False)
        return range(len(pixels))

    @property
    def area(self) -> float:
        """Square degrees of its pixels."""
        return math.degrees(math.degrees(4 * math.pi)) * len(self.pixels) / (12 * self.nside**2)

    @property
    def pixel_fwhm(self) -> float:
        """Full width at half maximum of the Gaussian that blurs as the mean over a pixel does, in arcminutes.

        It has the variance of a square of the pixel's area, a twelfth of it along each side.
        """
        pixel = 4 * math.pi / (12 * self.nside**2) * math.degrees(60) ** 2
        return math.sqrt(8 * math.log(2) * pixel / 12)
