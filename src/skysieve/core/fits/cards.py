"""Header cards: set new ones, and select those that a product copies from a science header."""

from __future__ import annotations

import copy
import logging
import re
from typing import TYPE_CHECKING, TypeAlias

from astropy.io import fits

from skysieve.core.fits.distortion_tables import drop_lookups

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HeaderCard", "HeaderValue", "inherit_cards", "keep_cards", "printable", "set_cards", "text_value"]

logger = logging.getLogger(__name__)

HeaderValue: TypeAlias = str | int | float | bool
HeaderCard: TypeAlias = tuple[str, HeaderValue, str]
"""A card as ``(keyword, value, comment)``."""

_COMMENTARY = ("HISTORY", "COMMENT")

_CARD = 80
_TEXT = re.compile(r".{8}= *'((?:[^']|'')*)'")
# Minimum width of a value, of any type, in columns.
_VALUE = 20

# A list of allowed keywords. A mask must not have the units, scaling, checksums, statistics or compression of
# its science pixels, and headers in use have thousands of keywords that cannot all be listed for exclusion.
_WCS = (
    r"WCSAXES[A-Z]?|WCSNAME[A-Z]?|(CTYPE|CUNIT|CRPIX|CRVAL|CDELT|CNAME|CRDER|CSYER)\d[A-Z]?|CROTA\d"
    r"|(CD|PC|PV|PS)\d+_\d+[A-Z]?|(LONPOLE|LATPOLE|RADESYS|EQUINOX)[A-Z]?|RADECSYS|EPOCH"
)
_DISTORTION = (
    r"(A|B|AP|BP)_(ORDER|DMAX|\d_\d)"  # SIP
    r"|(CPDIS|CQDIS|CPERR|CQERR)\d[A-Z]?|D[PQ]\d[A-Z]?(\..+)?"  # TPD and other distortion papers
    r"|D2IM(DIS|ERR)\d|D2IM\d(\..+)?"  # HST's tables of irregular pixels
    r"|WCSDIM|WAXMAP\d\d|WAT\d_\d{3}"  # IRAF's TNX and ZPX
    r"|AMD[XY]\d+|PPO\d|PLT(RAH|RAM|RAS|DECSN|DECD|DECM|DECS|SCALE)|CNPIX\d|[XY]PIXELSZ"  # DSS plates
)
_GEOMETRY = (
    r"(LTV|DTV|ATV)\d|(LTM|DTM|ATM)\d_\d"
    r"|(DET|DATA|CCD|AMP|TRIM|BIAS|PRE|POST)SEC[A-Z0-9]?|(DET|CCD)SIZE|CCDSUM|[XY]BINNING"
)
_IDENTITY = (
    r"INHERIT|EXTNAME|EXTVER|EXTLEVEL|CCD(NUM|NAME|ID|CHIP)|AMP(NAME|ID|NUM)|CHIPID|IMAGEID|DETECTOR|DETPOS"
    r"|OBJECT|OBSERVAT|TELESCOP|INSTRUME|OBSID|EXPNUM|EXPID|ROOTNAME|PROPID|OBSTYPE|IMAGETYP"
    r"|DATE-(OBS|BEG|AVG|END)|TIME-OBS|TIMESYS|UT|UTSTART|MJD|JD|MJD-(OBS|BEG|AVG|END)|MJDREF[IF]?"
    r"|EXPTIME|EXPOSURE|FILTER\d?|BAND|RA|DEC|AIRMASS|OBSGEO-[XYZBLH]"
)
_COORDINATES = re.compile(f"{_WCS}|{_DISTORTION}")
_INHERITED = re.compile(f"{_WCS}|{_DISTORTION}|{_GEOMETRY}|{_IDENTITY}")

_OF_PIXELS = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|GROUPS|EXTEND|INHERIT"
    r"|BSCALE|BZERO|BLANK|BUNIT|BSOFTEN|BOFFSET|DATAM(IN|AX)|CHECKSUM|DATASUM"
    # tile compression
    r"|TFIELDS|TTYPE\d+|TFORM\d+|THEAP"
    r"|Z(IMAGE|SIMPLE|TENSION|EXTEND|BLOCKED|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TILE\d+|CMPTYPE|NAME\d+|VAL\d+)"
    r"|Z(MASKCMP|QUANTIZ|DITHER0|BLANK|SCALE|ZERO|HECKSUM|DATASUM)"
)

# Values of DATExxxx keywords (FITS 4.0, section 9.1.1), with the format used before 2000.
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d*)?)?|\d\d/\d\d/\d\d")


def printable(text: str) -> str:
    r"""Return the text in the characters that FITS allows; other characters become Python escapes.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        Printable ASCII text.

    Examples
    --------
    >>> printable("κ Cas")
    '\\u03ba Cas'
    """
    escaped = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in escaped)


def text_value(header: fits.Header, keyword: str, default: str = "") -> str:
    """Return the text of a card, also if it contains an apostrophe followed by a slash.

    Astropy ends the text of such a card too early.

    Parameters
    ----------
    header
        The header, as read or made.
    keyword
        Keyword of the card.
    default
        Value if there is no such card.

    Returns
    -------
    str
        The text.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.2.1: an apostrophe within text is doubled.

    Examples
    --------
    >>> header = fits.Header.fromstring(fits.Card("WHO", "'/").image)
    >>> text_value(header, "WHO")
    "'/"
    """
    if keyword not in header:
        return default
    card = header.cards[keyword]
    # Longer text continues in CONTINUE cards, which astropy joins
    quoted = _TEXT.match(card.image) if len(card.image) <= _CARD else None
    return str(card.value) if quoted is None else quoted[1].replace("''", "'").rstrip(" ")


def set_cards(header: fits.Header, cards: Iterable[HeaderCard]) -> None:
    """Set cards in the header, in place.

    ``HISTORY`` and ``COMMENT`` cards are appended, and wrapped if they are long. Any other card replaces the
    one with the same keyword. A comment that does not fit behind the value is left out.

    Parameters
    ----------
    header
        The header to change.
    cards
        Cards, as ``(keyword, value, comment)``.
    """
    for keyword, value, comment in cards:
        if keyword in _COMMENTARY:
            header[keyword] = printable(str(value))
            continue
        text = printable(value) if isinstance(value, str) else value
        width = len(text.replace("'", "''")) + 2 if isinstance(text, str) else 0
        room = _CARD - len(f"{keyword:8}= ") - max(_VALUE, width) - len(" / ")
        explained = printable(comment)
        header[keyword] = (text, explained if len(explained) <= room else "")


def inherit_cards(header: fits.Header, *, tables: bool = False) -> fits.Header:
    """Return the cards of a science header that also apply to a mask of that frame.

    Kept are the world coordinates with their distortions, the position of the pixels on the detector, and the
    identity of HDU and observation. Left out are cards that describe the pixel values: scaling, ``BLANK``,
    ``BUNIT``, compression, checksums, statistics. Unreadable cards are skipped, with a debug message.

    Parameters
    ----------
    header
        Science header.
    tables
        Whether the product holds the distortion look-up tables that the header refers to. If not, the cards
        that refer to them are left out: readers of the world coordinates would fail on them.

    Returns
    -------
    astropy.io.fits.Header
        The cards.
    """
    inherited = fits.Header()
    for card in header.cards:
        if not _INHERITED.fullmatch(card.keyword) or card.keyword in inherited:
            continue
        sound = _sound_copy(card)
        if sound is not None:
            inherited.append(sound, end=True)
    if not tables:
        for keyword in drop_lookups(inherited):
            logger.debug("left out the distortion table of %s", keyword)
    _lead_with_axes(inherited)
    return inherited


def keep_cards(header: fits.Header) -> fits.Header:
    """Return the cards of a source's primary header that an empty primary HDU may keep.

    These are all cards except those that describe pixels. If the source has its image in the primary HDU, the
    world coordinates are left out too. Unreadable cards are skipped, with a debug message.

    Parameters
    ----------
    header
        Primary header of the source.

    Returns
    -------
    astropy.io.fits.Header
        The cards.
    """
    leave = [_OF_PIXELS]
    axes = range(1, header.get("NAXIS", 0) + 1)
    if axes and all(header.get(f"NAXIS{axis}", 0) for axis in axes):
        leave.append(_COORDINATES)
    kept = fits.Header()
    for card in header.cards:
        if any(pattern.fullmatch(card.keyword) for pattern in leave):
            continue
        sound = _sound_copy(card)
        if sound is not None:
            kept.append(sound, end=True)
    return kept


def _sound_copy(card: fits.Card) -> fits.Card | None:
    try:
        # Read the value first: verify() turns an unreadable value into a string.
        value = card.value
        if isinstance(value, fits.card.Undefined):
            logger.debug("skipped a header card without a value: %s", card.keyword)
            return None
        # Copy the card rather than its value, so that numbers keep their digits as written.
        sound = copy.copy(card)
        sound.verify("silentfix+exception")
        if not _states_value(sound):
            logger.debug("skipped a header card without '= ' after the keyword: %s", card.keyword)
            return None
        if card.keyword.startswith("DATE") and not _DATE.fullmatch(str(value).strip()):
            logger.debug("skipped a header card with an impossible date: %s %s", card.keyword, value)
            return None
    except (fits.VerifyError, ValueError) as error:
        logger.debug("skipped an unreadable header card: %s", " ".join(str(error).split()))
        return None
    return sound


def _states_value(card: fits.Card) -> bool:
    # In the standard a card without a value indicator is a comment; astropy cannot read it a second time.
    return (
        card.keyword in ("", *_COMMENTARY) or card.image[8:10] == "= " or card.image.startswith("HIERARCH ")
    )


def _lead_with_axes(header: fits.Header) -> None:
    # WCSAXES must precede all other keywords of the world coordinates (FITS 4.0, section 8.2).
    for keyword in [k for k in header if k.startswith("WCSAXES")]:
        card = header.cards[keyword]
        header.remove(keyword)
        header.insert(0, card)
