"""What the header of a HEALPix map states: frame, order of pixels, unit, resolution.  Nothing is guessed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits

__all__ = ["Frame", "MapHeader", "Ordering", "frame_named", "ordering_named", "side_of"]

logger = logging.getLogger(__name__)

Frame: TypeAlias = Literal["G", "C", "E"]
"""Galactic, equatorial (ICRS) or ecliptic."""

Ordering: TypeAlias = Literal["RING", "NESTED"]

_FRAMES: dict[str, Frame] = {
    "G": "G",
    "GAL": "G",
    "GALACTIC": "G",
    "C": "C",
    "Q": "C",
    "CELESTIAL": "C",
    "EQUATORIAL": "C",
    "ICRS": "C",
    "J2000": "C",
    "E": "E",
    "ECL": "E",
    "ECLIPTIC": "E",
}
_ORDERINGS: dict[str, Ordering] = {"RING": "RING", "NESTED": "NESTED", "NEST": "NESTED"}
_NOT_STATED = {"", "UNKNOWN", "UNDEF", "UNDEFINED", "NONE", "N/A"}
_LARGEST_NSIDE = 2**29

Value = TypeVar("Value")


class MapHeader:
    """The header of a map, with what was given for what it may lack.

    Parameters
    ----------
    header
        Of the HDU with the map.
    label
        Names the HDU in messages.
    """

    def __init__(self, header: fits.Header, label: str) -> None:
        self._header = header
        self._label = label

    def frame(self, given: str | None) -> Frame:
        """Return COORDSYS, or what was given where there is none.

        Raises
        ------
        SourceError
            If it is not known, or neither stated nor given.
        ConfigError
            If what was given is not known.
        """
        return self._stated("COORDSYS", "frame", _FRAMES, given)

    def nested(self, given: str | None) -> bool:
        """Return whether ORDERING is NESTED, or what was given where there is none.

        Raises
        ------
        SourceError
            If it is not known, or neither stated nor given.
        ConfigError
            If what was given is not known.
        """
        return self._stated("ORDERING", "ordering", _ORDERINGS, given) == "NESTED"

    def unit(self, stated: str | None, given: str | None) -> str:
        """Return the unit of a column, or what was given where it has none: with a warning if that is a unit.

        Raises
        ------
        SourceError
            If it is neither stated nor given.
        """
        text = (stated or "").strip()
        if text.upper() not in _NOT_STATED:
            return text
        if given is None:
            raise SourceError(f"{self._label}: its column has no TUNIT; say in what unit it is (option unit)")
        if given.strip():
            logger.warning("%s: its column has no TUNIT; taken to be in %s, as given", self._label, given)
        return given.strip()

    def nside(self, stored: int, *, nested: bool, partial: bool) -> int:
        """Return NSIDE, or what the number of stored values makes it where it is not stated.

        Raises
        ------
        SourceError
            If it is no valid resolution, or not stated where only a part of the sky is stored.
        """
        stated: Any = self._header.get("NSIDE")
        if stated is None:
            stated = None if partial else side_of(stored)
            if stated is None:
                raise SourceError(
                    f"{self._label}: its header has no NSIDE, and {stored} values make no full sky;"
                    " mend the header"
                )
            logger.warning("%s: its header has no NSIDE; %d values make it %d", self._label, stored, stated)
        if isinstance(stated, bool) or not isinstance(stated, int) or not 0 < stated <= _LARGEST_NSIDE:
            raise SourceError(
                f"{self._label}: NSIDE is {stated!r}, not a whole number above 0; mend the header"
            )
        if nested and stated & (stated - 1):
            raise SourceError(
                f"{self._label}: NSIDE is {stated}, no power of two, which the order NESTED needs;"
                " mend the header"
            )
        return stated

    def _stated(self, keyword: str, option: str, known: Mapping[str, Value], given: str | None) -> Value:
        if given is not None and given.strip().upper() not in known:
            raise ConfigError(f"{option} {given!r} is not known; choose from {', '.join(known)}")
        text = str(self._header.get(keyword, "")).strip().upper()
        if text in _NOT_STATED:
            if given is None:
                raise SourceError(
                    f"{self._label}: its header has no {keyword}; say what it is (option {option})"
                )
            logger.warning("%s: its header has no %s; taken to be %s, as given", self._label, keyword, given)
            return known[given.strip().upper()]
        if text not in known:
            raise SourceError(f"{self._label}: {keyword} is {text!r}, which is not known; mend the header")
        if given is not None and known[given.strip().upper()] != known[text]:
            logger.warning(
                "%s: %s is %s, and that holds, not the %s that was given", self._label, keyword, text, given
            )
        return known[text]


def frame_named(text: str) -> Frame | None:
    """Return the frame that a text names, as ``G`` or ``galactic``, or None if it is not known."""
    return _FRAMES.get(text.strip().upper())


def ordering_named(text: str) -> Ordering | None:
    """Return the order of pixels that a text names, as ``nested``, or None if it is not known."""
    return _ORDERINGS.get(text.strip().upper())


def side_of(npix: int) -> int | None:
    """Return the nside of a map of so many pixels, or None if there is none."""
    nside = round((npix / 12) ** 0.5)
    return nside if nside > 0 and 12 * nside**2 == npix else None
