"""Gaussian fields on the sphere: their harmonics, drawn one order at a time, and their synthesis on rings."""

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

# Beyond l sin(θ) the Legendre functions of order m fall off within about this many orders.
_MIN_MARGIN = 100
_RELATIVE_MARGIN = 0.01


@dataclass(frozen=True)
class Harmonics:
    """Which harmonics a map needs: degrees up to `lmax`, orders up to `mmax`.

    Coefficients are ``(count,)`` complex64 of a real field, orders one after another, as healpy has them.
    Those of one order come from a random stream of their own, in the order of their degrees: a field has
    the same coefficients whatever `lmax` and `mmax` are, so that a map of a few degrees, or a coarse one,
    shows the same sky as a map of everything.

    Attributes
    ----------
    lmax
        Highest degree.
    mmax
        Highest order. About a pole a cap of angle θ needs no order above ``lmax sin(θ)`` and a margin: the
        functions of higher ones vanish there.
    """

    lmax: int
    mmax: int

    @classmethod
    def for_region(cls, region: SkyRegion, lmax: int) -> Harmonics:
        """Return those that a part of the sky shows."""
        if region.cap is None or region.cap >= 90:
            return cls(lmax, lmax)
        margin = max(_MIN_MARGIN, _RELATIVE_MARGIN * lmax)
        return cls(lmax, min(lmax, ceil(lmax * sin(radians(region.cap)) + margin)))

    @property
    def count(self) -> int:
        """How many coefficients there are."""
        return (self.mmax + 1) * (2 * (self.lmax + 1) - self.mmax) // 2

    def zeros(self) -> NDArray[np.complex64]:
        """Return the coefficients of a field that is zero, ``(count,)`` complex64."""
        return np.zeros(self.count, np.complex64)

    def add_field(
        self, coefficients: NDArray[np.complex64], stream: Sequence[int], amplitude: NDArray[np.float64]
    ) -> None:
        """Draw a Gaussian field and add it, in place.

        Parameters
        ----------
        coefficients : ndarray, shape (count,), complex64
            What is added to.
        stream
            Names the field: the same numbers draw the same field.
        amplitude : ndarray, shape (lmax + 1,)
            By degree, the root of the angular power spectrum, times the beam's window if there is one; a
            negative amplitude adds the same field with the other sign.
        """
        weights = amplitude.astype(np.float32)
        halved = weights / np.float32(2**0.5)
        for order, part in self._orders(coefficients):
            generator = np.random.default_rng([*stream, order])
            drawn = generator.standard_normal(2 * part.size, np.float32).view(np.complex64)
            # Coefficients of order 0 are real; of the others, half of the power is in each part
            part[:] += drawn.real * weights if order == 0 else drawn * halved[order:]

    def synthesise(
        self, coefficients: NDArray[np.complex64], region: SkyRegion, *, threads: int = 1
    ) -> NDArray[np.float32]:
        """Return a field on the pixels of a region.

        Parameters
        ----------
        coefficients : ndarray, shape (count,), complex64
            Of the field.
        region
            Where.
        threads
            Threads at work.

        Returns
        -------
        ndarray, shape (npix,), float32
            Values of the pixels, in RING order.
        """
        import ducc0

        npix = len(region.pixels)
        rings = ducc0.healpix.Healpix_Base(region.nside, "RING").sht_info()
        inside = slice(int(np.searchsorted(rings["ringstart"], npix)))
        values = np.empty((1, npix), np.float32)
        ducc0.sht.synthesis(
            alm=coefficients[None],
            lmax=self.lmax,
            mmax=self.mmax,
            spin=0,
            map=values,
            nthreads=threads,
            **{name: column[inside] for name, column in rings.items()},
        )
        field: NDArray[np.float32] = values[0]
        return field

    def _orders(self, coefficients: NDArray[np.complex64]) -> Iterator[tuple[int, NDArray[np.complex64]]]:
        """Yield each order, and a view of its coefficients."""
        start = 0
        for order in range(self.mmax + 1):
            count = self.lmax + 1 - order
            yield order, coefficients[start : start + count]
            start += count


def multipoles(lmax: int) -> NDArray[np.float64]:
    """Return the degrees 0 to `lmax` as ``(lmax + 1,)`` float64."""
    return np.arange(lmax + 1, dtype=float)


def field_variance(amplitude: NDArray[np.float64]) -> float:
    """Return the variance of a field from the root of its spectrum by degree, ``(lmax + 1,)``."""
    return float(((2 * multipoles(len(amplitude) - 1) + 1) * amplitude**2).sum() / (4 * np.pi))
