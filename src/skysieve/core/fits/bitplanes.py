"""Bit planes: the meaning of each bit of a mask, and how a FITS header states it.

Masks carry both header styles in use, so that readers of either understand them: ``MSKN``/``MSKM``/``MSKD``
cards with a name, a mask value and a description for each plane, and the older ``MP_<NAME>`` cards with a bit
index. Masks of Pan-STARRS are read but not written; they have ``MSKNAMnn`` and ``MSKVALnn`` cards, where two
names may share a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, FrameError, SkysieveError
from skysieve.core.fits.cards import text_value

if TYPE_CHECKING:
    from astropy.io import fits

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["MaskPlane", "MaskSchema", "has_planes", "named_values"]

# Names become part of FITS keywords, which allow no other characters.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NUMBERED = re.compile(r"MSKN(\d{4})")
_BIT_PREFIX = "MP_"
_PAN_STARRS = re.compile(r"MSKNAM(\d{2})")
_MAX_KEYWORD_LENGTH = 8
_MAX_PLANES = 10_000


@dataclass(frozen=True)
class MaskPlane:
    """One bit of a mask.

    Attributes
    ----------
    name
        Abbreviation: letters, digits, ``_`` and ``-``.
    value
        Mask value, a power of two.
    description
        What the plane marks, in a few words.

    Raises
    ------
    ConfigError
        If the name cannot be part of a FITS keyword, or the value is not a power of two.

    Examples
    --------
    >>> MaskPlane("TRL", 64, "trails").bit
    6
    """

    name: str
    value: int
    description: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"mask plane {self.name!r}: a name has letters, digits, '_' and '-' only")
        if self.value <= 0 or self.value & (self.value - 1):
            raise ConfigError(f"mask plane {self.name!r}: its value {self.value} is not a power of two")

    @property
    def bit(self) -> int:
        """Bit index: 0 for the value 1, 1 for 2, 2 for 4."""
        return self.value.bit_length() - 1


@dataclass(frozen=True)
class MaskSchema:
    """The planes of a mask.

    Attributes
    ----------
    planes
        The planes, in the order in which headers and tables list them.

    Raises
    ------
    ConfigError
        If two planes share a name (in any case, like FITS keywords) or a value, or there are more than the 10
        000 that the header style can number.

    Examples
    --------
    >>> schema = MaskSchema((MaskPlane("CR", 1), MaskPlane("TRL", 64)))
    >>> schema.interpret(65)
    ('CR', 'TRL')
    """

    planes: tuple[MaskPlane, ...]

    def __post_init__(self) -> None:
        if len(self.planes) > _MAX_PLANES:
            raise ConfigError(f"a mask has at most {_MAX_PLANES} planes; {len(self.planes)} are given")
        names: set[str] = set()
        owners: dict[int, str] = {}
        for plane in self.planes:
            if plane.name.upper() in names:
                raise ConfigError(f"two mask planes are named {plane.name!r}")
            if plane.value in owners:
                raise ConfigError(
                    f"mask planes {owners[plane.value]!r} and {plane.name!r} share the value {plane.value}"
                )
            names.add(plane.name.upper())
            owners[plane.value] = plane.name

    def interpret(self, value: int) -> tuple[str, ...]:
        """Return the names of the planes that are set in a mask value.

        Parameters
        ----------
        value
            Value of a pixel; bits without a plane are ignored.

        Returns
        -------
        tuple of str
            Names, in the order of the planes.
        """
        return tuple(plane.name for plane in self.planes if int(value) & plane.value)

    def header_cards(self) -> list[HeaderCard]:
        """Return the cards that describe the planes.

        A name of more than five characters makes its ``MP_`` keyword too long for FITS. Such a card uses the
        ``HIERARCH`` convention, as LSST's do.

        Returns
        -------
        list of (str, value, str)
            Cards as ``(keyword, value, comment)``.
        """
        cards: list[HeaderCard] = []
        for number, plane in enumerate(self.planes):
            cards += [
                (f"MSKN{number:04d}", plane.name, "name of the mask plane"),
                (f"MSKM{number:04d}", plane.value, "its value in the mask"),
                (f"MSKD{number:04d}", plane.description, ""),
            ]
        for plane in self.planes:
            keyword = f"{_BIT_PREFIX}{plane.name.upper()}"
            if len(keyword) > _MAX_KEYWORD_LENGTH:
                keyword = f"HIERARCH {keyword}"
            cards.append((keyword, plane.bit, "bit of the mask plane"))
        return cards

    @classmethod
    def from_header(cls, header: fits.Header) -> MaskSchema:
        """Read the planes from a header.

        The ``MSKN`` cards are used if there are any. Otherwise the ``MP_`` cards are used, which state
        neither descriptions nor lower case.

        Parameters
        ----------
        header
            Header of a mask.

        Returns
        -------
        MaskSchema
            The planes.

        Raises
        ------
        FrameError
            If the header describes no mask planes, or a card has a value of the wrong type.
        ConfigError
            If the planes contradict each other.
        """
        try:
            planes = _numbered_planes(header) or _bit_planes(header)
        except (TypeError, ValueError) as error:
            raise FrameError(f"the header describes its mask planes wrongly: {error}") from error
        if not planes:
            raise FrameError("the header describes no mask planes: it has neither MSKN nor MP_ cards")
        return cls(planes)


def has_planes(header: fits.Header) -> bool:
    """Check whether a header describes planes of an integer mask, in any style.

    Parameters
    ----------
    header
        The header.

    Returns
    -------
    bool
        Whether it does.
    """
    if header.get("BITPIX", 0) < 0:
        return False
    try:
        return bool(named_values(header))
    except SkysieveError:
        return False


def named_values(header: fits.Header) -> dict[str, int]:
    """Return the mask values that a header names, in any style.

    Parameters
    ----------
    header
        Header of a mask.

    Returns
    -------
    dict of str to int
        Mask value by name.

    Raises
    ------
    FrameError
        If the header describes no mask planes, or a card has a value of the wrong type.
    ConfigError
        If the planes contradict each other.

    References
    ----------
    Pan-STARRS: Waters et al. 2020, ApJS 251, 4 (masks of GPC1).
    """
    named: dict[str, int] = {}
    for keyword in header:
        if match := _PAN_STARRS.fullmatch(keyword):
            try:
                named[text_value(header, keyword)] = int(header[f"MSKVAL{match[1]}"])
            except (KeyError, TypeError, ValueError) as error:
                wrong = f"{keyword} has no MSKVAL{match[1]} of a whole number"
                raise FrameError(f"the header describes its mask planes wrongly: {wrong}") from error
    return named or {plane.name: plane.value for plane in MaskSchema.from_header(header).planes}


def _numbered_planes(header: fits.Header) -> tuple[MaskPlane, ...]:
    matches = (_NUMBERED.fullmatch(keyword) for keyword in header)
    planes = []
    for digits in sorted(match[1] for match in matches if match):
        # Rubin numbers planes by bit and may omit the mask value; Skysieve numbers them consecutively.
        value = header.get(f"MSKM{digits}", 1 << int(digits))
        description = text_value(header, f"MSKD{digits}")
        planes.append(MaskPlane(str(header[f"MSKN{digits}"]), int(value), description))
    return tuple(planes)


def _bit_planes(header: fits.Header) -> tuple[MaskPlane, ...]:
    bits = {
        keyword.removeprefix(_BIT_PREFIX): int(header[keyword])
        for keyword in header
        if keyword.startswith(_BIT_PREFIX)
    }
    return tuple(MaskPlane(name, 1 << bit) for name, bit in sorted(bits.items(), key=lambda item: item[1]))
