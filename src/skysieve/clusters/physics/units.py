"""Conversion between units of microwave maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from skysieve.clusters.physics.spectra import RAYLEIGH_JEANS
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = ["UNITS", "conversion_factor", "convert"]

Values = TypeVar("Values", float, "NDArray[np.float32]", "NDArray[np.float64]")

_TEMPERATURES = {"K_CMB": 1.0, "mK_CMB": 1e-3, "uK_CMB": 1e-6}
_INTENSITIES = {"MJy/sr": 1.0, "kJy/sr": 1e-3, "Jy/sr": 1e-6}

UNITS = (*_TEMPERATURES, *_INTENSITIES, "K_RJ")
"""Known units."""


def conversion_factor(from_unit: str, to_unit: str, band: Band) -> float:
    """Return the factor that converts values from one unit to another.

    Thermodynamic temperatures and intensities are related by the band's own conversion over its bandpass,
    Rayleigh-Jeans temperatures by the nominal frequency.

    Parameters
    ----------
    from_unit, to_unit
        Units, from :data:`UNITS`.
    band
        Band of the map.

    Returns
    -------
    float
        Value in `to_unit` of one `from_unit`.

    Raises
    ------
    ConfigError
        If a unit is unknown.

    Examples
    --------
    >>> from skysieve.clusters.physics.bands import band
    >>> conversion_factor("K_CMB", "MJy/sr", band("545"))
    58.04
    """
    return _in_mjysr(from_unit, band) / _in_mjysr(to_unit, band)


def convert(values: Values, from_unit: str, to_unit: str, band: Band) -> Values:
    """Convert values from one unit to another.

    Parameters
    ----------
    values
        A number or an array.
    from_unit, to_unit, band
        See :func:`conversion_factor`.

    Returns
    -------
    float or ndarray
        Same shape and dtype as `values`.
    """
    return values * conversion_factor(from_unit, to_unit, band)


def _in_mjysr(unit: str, band: Band) -> float:
    """Return the value of one unit in MJy/sr."""
    if unit in _INTENSITIES:
        return _INTENSITIES[unit]
    if unit in _TEMPERATURES:
        return _TEMPERATURES[unit] * band.mjysr_per_kcmb
    if unit == "K_RJ":
        return RAYLEIGH_JEANS * band.frequency**2
    raise ConfigError(f"unit {unit!r}: choose from {', '.join(UNITS)}")
