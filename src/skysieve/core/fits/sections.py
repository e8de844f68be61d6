"""Areas of a detector that a header states: the active area and the overscan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["Region", "Sections", "card", "read_sections", "section"]

Region = tuple[slice, slice]
"""Rows and columns."""

_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")
_AMPLIFIERS = ("", *"ABCDEFGH", *"0123456789")

MIN_ACTIVE_SHARE = 0.5
"""Sections with a smaller active area belong to another frame, as in a cut-out."""


@dataclass(frozen=True)
class Sections:
    """Active and overscan areas of a frame, by its header.

    Attributes
    ----------
    shape
        Height and width (H, W) of the frame in pixels.
    active
        One or more regions that were exposed to light; they do not fill the frame.
    overscan
        Regions that the header calls overscan or bias; empty if it names none.
    """

    shape: tuple[int, int]
    active: tuple[Region, ...]
    overscan: tuple[Region, ...]

    def inactive(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which pixels of some rows are outside the active area.

        Parameters
        ----------
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        ndarray of bool, shape (stop - start, W)
            True outside :attr:`active`.
        """
        return ~_region_mask(self.active, start, stop, self.shape[1])

    def in_overscan(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which pixels of some rows are in the overscan.

        Parameters
        ----------
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        ndarray of bool, shape (stop - start, W)
            True in :attr:`overscan`.
        """
        return _region_mask(self.overscan, start, stop, self.shape[1])


def read_sections(header: fits.Header | Mapping[str, object], shape: tuple[int, int]) -> Sections | None:
    """Read the active and overscan areas of a frame from its header.

    The active area is DATASEC or TRIMSEC; if both are given, their intersection. The overscan is BIASSEC.
    Each keyword may end in the letter or digit of an amplifier, as DATASECA and DATASECB.

    Parameters
    ----------
    header
        Header of the frame.
    shape
        Height and width (H, W) of the frame in pixels.

    Returns
    -------
    Sections or None
        None if the header states no active area, if the active area fills the frame, or if the sections do
        not belong to this frame. The latter reach beyond it, as in trimmed, binned and cut frames with a
        copied header, or leave more than half of it inactive.
    """
    stated = (_read_regions(key, header, shape) for key in ("DATASEC", "TRIMSEC"))
    known = [regions for regions in stated if regions]
    if not known:
        return None
    active = known[0] if len(known) == 1 else tuple(_overlaps(*known))
    area = np.count_nonzero(_region_mask(active, 0, shape[0], shape[1]))
    if area == shape[0] * shape[1] or area < MIN_ACTIVE_SHARE * shape[0] * shape[1]:
        return None
    return Sections(shape, active, _read_regions("BIASSEC", header, shape))


def section(
    header: fits.Header | Mapping[str, object], key: str, shape: tuple[int, int] | None
) -> Region | None:
    """Parse a card such as ``[57:1080,1:4096]``.

    Parameters
    ----------
    header
        The header.
    key
        Keyword of the card.
    shape
        Height and width (H, W) of the frame in pixels; None for no limit.

    Returns
    -------
    tuple of slice or None
        Rows and columns; None if the card is missing, malformed or reaches beyond the shape.
    """
    match = _SECTION.fullmatch(str(card(header, key) or "").strip())
    if match is None:
        return None
    x0, x1, y0, y1 = (int(number) for number in match.groups())
    rows = slice(min(y0, y1) - 1, max(y0, y1))
    columns = slice(min(x0, x1) - 1, max(x0, x1))
    inside = shape is None or (rows.stop <= shape[0] and columns.stop <= shape[1])
    return (rows, columns) if inside and rows.start >= 0 <= columns.start else None


def card(header: fits.Header | Mapping[str, object], key: str) -> Any:
    """Return the value of a card.

    Parameters
    ----------
    header
        The header.
    key
        Keyword of the card.

    Returns
    -------
    object or None
        The value; None if the card is missing or unreadable.
    """
    try:
        return header.get(key)
    except Exception:  # noqa: BLE001 - astropy raises many kinds for cards that break the standard
        return None


def _read_regions(
    key: str, header: fits.Header | Mapping[str, object], shape: tuple[int, int]
) -> tuple[Region, ...]:
    """Return the section of a keyword, or those of its amplifiers; empty if one of them does not fit."""
    whole = section(header, key, shape)
    if whole is not None:
        return (whole,)
    named = [key + letter for letter in _AMPLIFIERS[1:] if card(header, key + letter) is not None]
    found = [section(header, name, shape) for name in named]
    return tuple(part for part in found if part is not None) if all(found) else ()


def _overlaps(first: tuple[Region, ...], second: tuple[Region, ...]) -> list[Region]:
    """Return the intersections of each region of one tuple with each region of the other."""
    found = []
    for one in first:
        for other in second:
            rows, columns = (
                slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                found.append((rows, columns))
    return found


def _region_mask(parts: tuple[Region, ...], start: int, stop: int, width: int) -> NDArray[np.bool_]:
    """Return ``(stop - start, width)`` bool, True in the regions."""
    mask = np.zeros((stop - start, width), np.bool_)
    for rows, columns in parts:
        mask[max(rows.start - start, 0) : max(rows.stop - start, 0), columns] = True
    return mask
