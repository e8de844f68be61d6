"""What a header says of the parts of a detector: which pixels saw light, and which are overscan."""

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

LEAST_LIT = 0.5
"""Sections that leave less of a frame lit are taken for those of another frame, as in a cut-out."""


@dataclass(frozen=True)
class Sections:
    """The parts of a frame by its header.

    Attributes
    ----------
    shape
        Height and width (H, W) of the frame in pixels.
    lit
        Parts that saw light, one or more; they do not fill the frame.
    overscan
        Parts that the header calls overscan or bias; empty if it names none.
    """

    shape: tuple[int, int]
    lit: tuple[Region, ...]
    overscan: tuple[Region, ...]

    def dark(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return ``(stop - start, W)`` bool, True where rows `start` to `stop` saw no light."""
        return ~_drawn(self.lit, start, stop, self.shape[1])

    def biased(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return ``(stop - start, W)`` bool, True where rows `start` to `stop` are in :attr:`overscan`."""
        return _drawn(self.overscan, start, stop, self.shape[1])


def read_sections(header: fits.Header | Mapping[str, Any], shape: tuple[int, int]) -> Sections | None:
    """Return the parts of a frame that its header names.

    Pixels that saw light are those of DATASEC and TRIMSEC, where both are given those of both; overscan is
    that of BIASSEC.  Each may have the letter or digit of an amplifier, as DATASECA and DATASECB.

    Parameters
    ----------
    header
        Of the frame.
    shape
        Height and width (H, W) of the frame in pixels.

    Returns
    -------
    Sections or None
        None where the header does not tell, where its sections leave nothing dark, and where they do not
        belong to this frame: those that reach beyond it, as in trimmed, binned and cut frames whose header
        was copied, and those that leave more than half of it dark.
    """
    known = [lit for lit in (_all_of("DATASEC", header, shape), _all_of("TRIMSEC", header, shape)) if lit]
    if not known:
        return None
    lit = known[0] if len(known) == 1 else tuple(_overlaps(*known))
    area = np.count_nonzero(_drawn(lit, 0, shape[0], shape[1]))
    if area == shape[0] * shape[1] or area < LEAST_LIT * shape[0] * shape[1]:
        return None
    return Sections(shape, lit, _all_of("BIASSEC", header, shape))


def section(
    header: fits.Header | Mapping[str, Any], key: str, shape: tuple[int, int] | None
) -> Region | None:
    """Return rows and columns that a card like ``[57:1080,1:4096]`` names; None if not inside the shape."""
    match = _SECTION.fullmatch(str(card(header, key) or "").strip())
    if match is None:
        return None
    x0, x1, y0, y1 = (int(number) for number in match.groups())
    rows = slice(min(y0, y1) - 1, max(y0, y1))
    columns = slice(min(x0, x1) - 1, max(x0, x1))
    inside = shape is None or (rows.stop <= shape[0] and columns.stop <= shape[1])
    return (rows, columns) if inside and rows.start >= 0 <= columns.start else None


def card(header: fits.Header | Mapping[str, Any], key: str) -> Any:
    """Return the value of a card; None if there is none, or it cannot be read."""
    try:
        return header.get(key)
    except Exception:  # noqa: BLE001 - whatever astropy raises for a card against the standard
        return None


def _all_of(key: str, header: fits.Header | Mapping[str, Any], shape: tuple[int, int]) -> tuple[Region, ...]:
    """Return the section of a keyword, or those of its amplifiers; none if one of them does not fit."""
    whole = section(header, key, shape)
    if whole is not None:
        return (whole,)
    named = [key + letter for letter in _AMPLIFIERS[1:] if card(header, key + letter) is not None]
    found = [section(header, name, shape) for name in named]
    return tuple(part for part in found if part is not None) if all(found) else ()


def _overlaps(first: tuple[Region, ...], second: tuple[Region, ...]) -> list[Region]:
    """Return what each part of one has in common with each part of the other."""
    found = []
    for one in first:
        for other in second:
            rows, columns = (
                slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                found.append((rows, columns))
    return found


def _drawn(parts: tuple[Region, ...], start: int, stop: int, width: int) -> NDArray[np.bool_]:
    """Return ``(stop - start, width)`` bool, True in the parts."""
    drawn = np.zeros((stop - start, width), np.bool_)
    for rows, columns in parts:
        drawn[max(rows.start - start, 0) : max(rows.stop - start, 0), columns] = True
    return drawn
