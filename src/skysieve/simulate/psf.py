"""The point spread function of a frame taken through the atmosphere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Psf", "stamp"]


@dataclass(frozen=True)
class _Moffat:
    """A Moffat profile of total flux 1: ``(beta - 1) / (pi alpha^2) (1 + r^2 / alpha^2)^-beta``."""

    alpha: float
    beta: float

    def at(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        peak = (self.beta - 1) / (math.pi * self.alpha**2)
        return peak * (1 + squared / self.alpha**2) ** np.float32(-self.beta)

    def line(self, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Integrate along straight lines that pass at these offsets from the centre."""
        log_ratio = math.lgamma(self.beta - 0.5) - math.lgamma(self.beta)
        peak = (self.beta - 1) / (math.sqrt(math.pi) * self.alpha) * math.exp(log_ratio)
        return peak * (1 + (offset / self.alpha) ** 2) ** np.float32(0.5 - self.beta)


@dataclass(frozen=True)
class Psf:
    """A Moffat core with a faint, wide aureole; total flux 1.

    Light is sampled at pixel centres: an FWHM of 2.5 pixels or more keeps the flux of a star right to a few
    per cent.

    Parameters
    ----------
    fwhm
        Full width at half maximum of the core, in pixels.
    beta
        Exponent of the core; observed cores have 2.5 to 4.5, below the 4.765 of pure turbulence.
    wings
        Fraction of the light in the aureole, which falls as r^-2.6.

    References
    ----------
    Moffat 1969, A&A 3, 455 (the profile); Trujillo et al. 2001, MNRAS 328, 977 (its exponent);
    King 1971, PASP 83, 199, and Racine 1996, PASP 108, 699 (the aureole, close to r^-2).
    """

    fwhm: float
    beta: float = 3.2
    wings: float = 0.02

    @property
    def _core(self) -> _Moffat:
        return _Moffat(self.fwhm / (2 * math.sqrt(2 ** (1 / self.beta) - 1)), self.beta)

    @property
    def _aureole(self) -> _Moffat:
        return _Moffat(3 * self.fwhm, 1.3)

    def at(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the fraction of the flux in a pixel, given its squared distance from the centre."""
        return (1 - self.wings) * self._core.at(squared) + self.wings * self._aureole.at(squared)

    def line(self, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the profile across a line of light of flux 1 per pixel of length, offsets in pixels."""
        return (1 - self.wings) * self._core.line(offset) + self.wings * self._aureole.line(offset)

    @property
    def peak(self) -> float:
        """Fraction of the flux in the pixel at the centre."""
        return float(self.at(np.zeros(1, np.float32))[0])

    def reach(self, flux: float, floor: float) -> int:
        """Return the radius in pixels beyond which a star of this flux gives pixels less than the floor."""
        radii = np.geomspace(1, 4000, 400, dtype=np.float32)
        above = np.flatnonzero(flux * self.at(radii**2) > floor)
        return math.ceil(radii[above[-1]]) if above.size else 1

    def kernel(self, radius: int) -> NDArray[np.float32]:
        """Return the profile as an array ``(2 radius + 1, 2 radius + 1)`` of sum 1."""
        offset = np.arange(-radius, radius + 1, dtype=np.float32)
        kernel = self.at(offset[:, None] ** 2 + offset**2)
        kernel /= kernel.sum()
        return kernel

    def add_star(self, image: NDArray[np.float32], *, y: float, x: float, flux: float, floor: float) -> None:
        """Add a star to the image ``(H, W)`` in place, as far as it gives a pixel more than the floor."""
        found = stamp(image.shape, y=y, x=x, radius=self.reach(flux, floor))
        if found is not None:
            window, dy, dx = found
            image[window] += flux * self.at(dy**2 + dx**2)


def stamp(
    shape: tuple[int, ...], *, y: float, x: float, radius: int
) -> tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the part of an image within a square about a point, or None where they do not meet.

    Returns
    -------
    tuple
        The slices, and the offsets of the pixels from the point: ``(h, 1)`` along y and ``(1, w)`` along x.
    """
    height, width = shape
    top, bottom = max(0, round(y) - radius), min(height, round(y) + radius + 1)
    left, right = max(0, round(x) - radius), min(width, round(x) + radius + 1)
    if top >= bottom or left >= right:
        return None
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    return (slice(top, bottom), slice(left, right)), dy, dx
