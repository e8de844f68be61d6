"""Growth of marks (dilation), class by class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.frames.mask.classes import NODATA, find_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["Growth", "grow_bits", "read_growth"]

MAX_GROWTH = 1000
"""Maximum growth in pixels, so that not the whole frame is marked."""


@dataclass(frozen=True)
class Growth:
    """Growth of marks in pixels.

    Attributes
    ----------
    of_bad
        Growth of the marks of all bad classes, without pixels without data.
    of_class
        Growth by class name, in place of `of_bad`; it may include ``NODATA``.
    """

    of_bad: int = 0
    of_class: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether any mark grows."""
        return bool(self.of_bad or any(self.of_class.values()))

    def __str__(self) -> str:
        """Return the text for :func:`read_growth`."""
        parts = [str(self.of_bad)] if self.of_bad else []
        return ",".join([*parts, *(f"{name}={pixels}" for name, pixels in self.of_class.items())])

    def by_code(self, bad: Iterable[str]) -> dict[int, int]:
        """Return the growth of each class that grows.

        Parameters
        ----------
        bad
            Names of the bad classes.

        Returns
        -------
        dict
            Growth in pixels by the code of the class.
        """
        pixels = dict.fromkeys(bad, self.of_bad) | dict(self.of_class)
        codes = {name: NODATA.code if name == NODATA.name else find_class(name).code for name in pixels}
        return {codes[name]: number for name, number in pixels.items() if number}


def read_growth(text: str) -> Growth:
    """Read a growth from a text: a number of pixels, numbers by class, or both.

    Parameters
    ----------
    text
        ``"2"``, ``"CR=1,TRL=5"`` or ``"1,TRL=5"``; an empty text for no growth.

    Returns
    -------
    Growth
        The growth.

    Raises
    ------
    ConfigError
        If a part is neither a number nor NAME=NUMBER, a class is unknown or the background, or a number is
        out of range.

    Examples
    --------
    >>> read_growth("1, trl=5")
    Growth(of_bad=1, of_class={'TRL': 5})
    """
    of_bad: int | None = None
    of_class: dict[str, int] = {}
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        name, equals, number = part.rpartition("=")
        pixels = _pixels(number.strip(), text)
        if equals:
            of_class[_class_name(name.strip())] = pixels
        elif of_bad is not None:
            raise ConfigError(
                f"growth {text!r}: two numbers for all classes; write NAME=NUMBER for one class"
            )
        else:
            of_bad = pixels
    return Growth(of_bad or 0, of_class)


def grow_bits(bits: NDArray[np.int16], growth: Mapping[int, int]) -> NDArray[np.int16]:
    """Dilate the marks of a mask.

    A pixel gets a class if any pixel in the square of side 2 N + 1 around it has this class.  Pixels without
    data get no class.

    Parameters
    ----------
    bits
        ``(H, W)`` int16, sums of codes; not modified.
    growth
        N in pixels by the code of each class that grows.

    Returns
    -------
    ndarray
        ``(H, W)`` int16.
    """
    grown = bits.copy()
    for pixels in set(growth.values()):
        codes = np.int16(sum(code for code, number in growth.items() if number == pixels))
        grown |= _or_in_squares(bits & codes, pixels)
    grown[(grown & NODATA.code) != 0] = NODATA.code
    return grown


def _or_in_squares(bits: NDArray[np.int16], pixels: int) -> NDArray[np.int16]:
    """Return the bits that are set in any pixel of a square around each pixel."""
    return _or_along_rows(_or_along_rows(bits, pixels).T, pixels).T


def _or_along_rows(bits: NDArray[np.int16], pixels: int) -> NDArray[np.int16]:
    # combine two windows to one of twice the width: the cost grows with the logarithm of the width
    length, width, full = bits.shape[1], 1, 2 * pixels + 1
    found = np.pad(bits, ((0, 0), (pixels, pixels)))
    while width < full:
        step = min(width, full - width)
        found[:, :-step] |= found[:, step:].copy()
        width += step
    return found[:, :length]


def _class_name(name: str) -> str:
    if name.upper() == NODATA.name:
        return NODATA.name
    found = find_class(name)
    if not found.code:
        raise ConfigError(f"{found.name} cannot grow: it is every pixel of no other class; leave it out")
    return found.name


def _pixels(number: str, text: str) -> int:
    if not (number.isascii() and number.isdecimal()) or int(number) > MAX_GROWTH:
        raise ConfigError(
            f"growth {text!r}: {number!r} is not a whole number of pixels from 0 to {MAX_GROWTH}; "
            "write 2, or CR=1,TRL=5"
        )
    return int(number)
