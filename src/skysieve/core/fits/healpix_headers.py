"""Header of a HEALPix map: coordinate frame, pixel ordering, unit, resolution; no value is guessed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits

__all__ = ["Frame", "MapHeader", "Ordering", "nside_of", "parse_frame", "parse_ordering"]

logger = logging.getLogger(__name__)

Frame: TypeAlias = Literal["G", "C", "E"]
"""Coordinate frame: Galactic, equatorial (ICRS) or ecliptic."""

Ordering: TypeAlias = Literal["RING", "NESTED"]
"""Pixel ordering."""

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
_MAX_NSIDE = 2**29

Value = TypeVar("Value")


class MapHeader:
    """The header of a map, completed by values that the user gives.

    Parameters
    ----------
    header
        Header of the HDU with the map.
    label
        Name of the HDU in messages.
    """

    def __init__(self, header: fits.Header, label: str) -> None:
        self._header = header
        self._label = label

    def frame(self, given: str | None) -> Frame:
        """Return the coordinate frame: COORDSYS, or the given value if the header lacks it.

        Parameters
        ----------
        given
            Value that the user gives, or None.

        Returns
        -------
        str
            The frame.

        Raises
        ------
        SourceError
            If the stated frame is unknown, or the frame is neither stated nor given.
        ConfigError
            If the given frame is unknown.
        """
        return self._stated("COORDSYS", "frame", _FRAMES, given)

    def nested(self, given: str | None) -> bool:
        """Return whether ORDERING is NESTED; use the given value if the header lacks it.

        Parameters
        ----------
        given
            Value that the user gives, or None.

        Returns
        -------
        bool
            True for NESTED, False for RING.

        Raises
        ------
        SourceError
            If the stated ordering is unknown, or the ordering is neither stated nor given.
        ConfigError
            If the given ordering is unknown.
        """
        return self._stated("ORDERING", "ordering", _ORDERINGS, given) == "NESTED"

    def unit(self, stated: str | None, given: str | None) -> str:
        """Return the unit of a column; use the given value, with a warning, if the column has none.

        Parameters
        ----------
        stated
            TUNIT of the column, or None.
        given
            Value that the user gives, or None; an empty text gives no unit and no warning.

        Returns
        -------
        str
            The unit.

        Raises
        ------
        SourceError
            If the unit is neither stated nor given.
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
        """Return NSIDE, or derive it from the number of stored values if the header lacks it.

        Parameters
        ----------
        stored
            Number of stored values.
        nested
            Whether the ordering is NESTED.
        partial
            Whether only a part of the sky is stored.

        Returns
        -------
        int
            NSIDE.

        Raises
        ------
        SourceError
            If NSIDE is not a valid resolution, or is missing and cannot be derived.
        """
        stated: object = self._header.get("NSIDE")
        if stated is None:
            stated = None if partial else nside_of(stored)
            if stated is None:
                raise SourceError(
                    f"{self._label}: its header has no NSIDE, and {stored} values make no full sky;"
                    " mend the header"
                )
            logger.warning("%s: its header has no NSIDE; %d values make it %d", self._label, stored, stated)
        if isinstance(stated, bool) or not isinstance(stated, int) or not 0 < stated <= _MAX_NSIDE:
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


def parse_frame(text: str) -> Frame | None:
    """Parse a coordinate frame, such as ``G`` or ``galactic``.

    Parameters
    ----------
    text
        Name of the frame, in any case.

    Returns
    -------
    str or None
        The frame; None if the name is unknown.
    """
    return _FRAMES.get(text.strip().upper())


def parse_ordering(text: str) -> Ordering | None:
    """Parse a pixel ordering, such as ``nested``.

    Parameters
    ----------
    text
        Name of the ordering, in any case.

    Returns
    -------
    str or None
        The ordering; None if the name is unknown.
    """
    return _ORDERINGS.get(text.strip().upper())


def nside_of(npix: int) -> int | None:
    """Return the NSIDE of a full-sky map.

    Parameters
    ----------
    npix
        Number of pixels.

    Returns
    -------
    int or None
        NSIDE; None if no map has that number of pixels.
    """
    nside = round((npix / 12) ** 0.5)
    return nside if nside > 0 and 12 * nside**2 == npix else None
