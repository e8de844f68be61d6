"""Parse the units in headers of microwave maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CanonicalUnit", "MapUnit", "parse_unit"]

CanonicalUnit: TypeAlias = Literal["K_CMB", "MJy/sr", "y"]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "micro": 1e-6, "n": 1e-9}
_KELVIN = re.compile(r"(?P<prefix>m|u|µ|μ|n|micro)?K[\s_,(]*(?:CMB|thermodynamic|thermo)\)?", re.IGNORECASE)
_SURFACE_BRIGHTNESS = re.compile(
    r"(?P<prefix>M|k|)Jy\s*(?:/\s*(?:sr|steradian)|[\s.*]*sr\s*(?:\^|\*\*)?\s*-1)"
)
_JANSKY = {"M": 1.0, "k": 1e-3, "": 1e-6}
_COMPTON = {"y", "1", "y_sz", "y_{sz}", "dimensionless", "compton", "compton y", ""}


@dataclass(frozen=True)
class MapUnit:
    """A unit, as a multiple of a canonical unit.

    Attributes
    ----------
    canonical
        ``K_CMB`` (thermodynamic), ``MJy/sr``, or ``y`` (Compton parameter).
    factor
        Value of the unit in the canonical unit.
    """

    canonical: CanonicalUnit
    factor: float


def parse_unit(text: str) -> MapUnit | None:
    """Parse a unit.

    A plain kelvin is ambiguous: it may be a thermodynamic or a Rayleigh-Jeans temperature.

    Parameters
    ----------
    text
        Unit as in a header.

    Returns
    -------
    MapUnit or None
        None if the unit is not known or ambiguous.

    Examples
    --------
    >>> parse_unit("uK_CMB")
    MapUnit(canonical='K_CMB', factor=1e-06)
    >>> parse_unit("Jy sr-1").canonical
    'MJy/sr'
    >>> parse_unit("mK")
    """
    text = text.strip()
    if kelvin := _KELVIN.fullmatch(text):
        prefix = kelvin["prefix"] or ""
        # Headers differ in case (KCMB, Kcmb).  M is milli: no map is in megakelvin
        return MapUnit("K_CMB", _PREFIXES[prefix.lower()])
    if jansky := _SURFACE_BRIGHTNESS.fullmatch(text):
        return MapUnit("MJy/sr", _JANSKY[jansky["prefix"]])
    if text.lower() in _COMPTON:
        return MapUnit("y", 1.0)
    return None
