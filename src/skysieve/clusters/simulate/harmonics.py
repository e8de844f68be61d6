"""Gaussian fields on the sphere: random harmonic coefficients, and their synthesis on HEALPix rings."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, radians, sin
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["Harmonics", "field_variance", "multipoles"]

# Legendre functions vanish within about this many orders above l sin(θ).
_MIN_MARGIN = 100
_RELATIVE_MARGIN = 0.01


@dataclass(frozen=True)
class Harmonics:
    """Range of spherical harmonics: multipoles up to `lmax`, orders up to `mmax`.

    Coefficients of a real field are ``(count,)`` complex64, sorted by order and then by multipole, as in
    healpy.  Each order has its own random stream, in ascending multipoles.  A field thus has the same
    coefficients whatever `lmax` and `mmax` are: a map of a small region, or of low resolution, shows the same
    sky as a full map.

    Attributes
    ----------
    lmax
        Maximum multipole.
    mmax
        Maximum order.  A cap of angle θ around a pole needs no order above ``lmax sin(θ)`` plus a margin, as
        the functions of higher orders vanish there.
    """

    lmax: int
    mmax: int

    @classmethod
    def for_region(cls, region: SkyRegion, lmax: int) -> Harmonics:
        """Return the harmonics that contribute to a region.

        Parameters
        ----------
        region
            Part of the sky.
        lmax
            Maximum multipole.

        Returns
        -------
        Harmonics
            With the smallest sufficient `mmax`.
        """
        if region.cap is None or region.cap >= 90:
            return cls(lmax, lmax)
        margin = max(_MIN_MARGIN, _RELATIVE_MARGIN * lmax)
        return cls(lmax, min(lmax, ceil(lmax * sin(radians(region.cap)) + margin)))

    @property
    def count(self) -> int:
        """Number of coefficients."""
        return (self.mmax + 1) * (2 * (self.lmax + 1) - self.mmax) // 2

    def zeros(self) -> NDArray[np.complex64]:
        """Return the coefficients of a field that is zero.

        Returns
        -------
        ndarray, shape (count,), complex64
            Zeros.
        """
        return np.zeros(self.count, np.complex64)

    def add_field(
        self, coefficients: NDArray[np.complex64], stream: Sequence[int], amplitude: NDArray[np.float64]
    ) -> None:
        """Draw a Gaussian field and add it to coefficients, in place.

        Parameters
        ----------
        coefficients : ndarray, shape (count,), complex64
            Coefficients to add to.
        stream
            Seeds of the field; the same numbers give the same field.
        amplitude : ndarray, shape (lmax + 1,)
            Square root of the angular power spectrum by multipole, times the beam's window if there is one; a
            negative amplitude adds the same field with the opposite sign.
        """
        weights = amplitude.astype(np.float32)
        halved = weights / np.float32(2**0.5)
        for order, part in self._orders(coefficients):
            generator = np.random.default_rng([*stream, order])
            drawn = generator.standard_normal(2 * part.size, np.float32).view(np.complex64)
            # Order 0 is real; other orders have half of the power in each of real and imaginary part
            part[:] += drawn.real * weights if order == 0 else drawn * halved[order:]

    def synthesise(
        self, coefficients: NDArray[np.complex64], region: SkyRegion, *, threads: int = 1
    ) -> NDArray[np.float32]:
        """Return the field on the pixels of a region.

        Parameters
        ----------
        coefficients : ndarray, shape (count,), complex64
            Coefficients of the field.
        region
            Part of the sky.
        threads
            Number of threads.

        Returns
        -------
        ndarray, shape (npix,), float32
            Values of the pixels, in RING order.
        """
        import ducc0

        npix = len(region.pixels)
        values = np.empty((1, npix), np.float32)
        ducc0.sht.synthesis(
            alm=coefficients[None],
            lmax=self.lmax,
            mmax=self.mmax,
            spin=0,
            map=values,
            nthreads=threads,
            **_rings(region),
        )
        field: NDArray[np.float32] = values[0]
        return field

    def analyse(
        self, values: NDArray[np.float32], region: SkyRegion, *, threads: int = 1
    ) -> NDArray[np.complex64]:
        """Return the harmonic coefficients of a map of a region, which is zero elsewhere.

        Parameters
        ----------
        values : ndarray, shape (npix,), float32
            Values of the pixels, in RING order.
        region
            Part of the sky.
        threads
            Number of threads.

        Returns
        -------
        ndarray, shape (count,), complex64
            Coefficients, by the sum over pixels; their error is some 1e-3 for `lmax` up to 2 nside.
        """
        import ducc0

        area = np.float32(4 * np.pi / (12 * region.nside**2))
        coefficients: NDArray[np.complex64] = ducc0.sht.adjoint_synthesis(
            map=(values * area)[None],
            lmax=self.lmax,
            mmax=self.mmax,
            spin=0,
            nthreads=threads,
            **_rings(region),
        )[0]
        return coefficients

    def multiply(
        self, coefficients: NDArray[np.complex64], window: NDArray[np.float64]
    ) -> NDArray[np.complex64]:
        """Multiply coefficients by a function of the multipole, in place.

        Parameters
        ----------
        coefficients : ndarray, shape (count,), complex64
            Coefficients.
        window : ndarray, shape (lmax + 1,)
            Factor by multipole.

        Returns
        -------
        ndarray, shape (count,), complex64
            The same coefficients.
        """
        factors = window.astype(np.float32)
        for order, part in self._orders(coefficients):
            np.multiply(part, factors[order:], out=part)
        return coefficients

    def _orders(self, coefficients: NDArray[np.complex64]) -> Iterator[tuple[int, NDArray[np.complex64]]]:
        """Yield each order with a view of its coefficients."""
        start = 0
        for order in range(self.mmax + 1):
            count = self.lmax + 1 - order
            yield order, coefficients[start : start + count]
            start += count


def _rings(region: SkyRegion) -> dict[str, NDArray[np.generic]]:
    """Return the geometry of the rings of a region, as ducc0 takes it."""
    import ducc0

    rings = ducc0.healpix.Healpix_Base(region.nside, "RING").sht_info()
    inside = slice(int(np.searchsorted(rings["ringstart"], len(region.pixels))))
    return {name: column[inside] for name, column in rings.items()}


def multipoles(lmax: int) -> NDArray[np.float64]:
    """Return the multipoles 0 to `lmax`.

    Parameters
    ----------
    lmax
        Maximum multipole.

    Returns
    -------
    ndarray, shape (lmax + 1,), float64
        Ascending.
    """
    return np.arange(lmax + 1, dtype=float)


def field_variance(amplitude: NDArray[np.float64]) -> float:
    """Return the variance of a field.

    Parameters
    ----------
    amplitude
        Square root of the angular power spectrum by multipole ``(lmax + 1,)``.

    Returns
    -------
    float
        Variance of a pixel.
    """
    return float(((2 * multipoles(len(amplitude) - 1) + 1) * amplitude**2).sum() / (4 * np.pi))
