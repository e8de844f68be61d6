"""Which pixels of a mask mean that the frame has no data there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.mask_schemes import scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.fits_frames import FitsFrame
    from skysieve.core.fits.pixels import Scaling

__all__ = ["ANY", "MaskBits", "MaskRule", "StoredMask", "mask_rule", "parse_mask_bits"]

ANY = "any"
"""In place of planes: every value but 0."""

MaskBits: TypeAlias = str | int | Iterable[str | int]
"""Names or values of planes, or one text with commas between them."""

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class MaskRule:
    """Which values count.

    Attributes
    ----------
    kind
        ``any``: every value but 0; ``bits``: those that have one of the bits; ``codes``: those named.
    values
        The bits or codes.
    words
        What counts, for people.
    """

    kind: Literal["any", "bits", "codes"]
    values: tuple[int, ...] = ()
    words: str = "every value but 0"

    def marks(self, stored: NDArray[Any], scaling: Scaling) -> NDArray[np.bool_]:
        """Return where values count, of the shape of the values; undefined ones (BLANK, NaN) do.

        Parameters
        ----------
        stored
            Values as FITS stores them.
        scaling
            How they are scaled.
        """
        undefined = np.zeros(stored.shape, np.bool_)
        if stored.dtype.kind in "iu" and scaling.scale == 1 and scaling.zero == int(scaling.zero):
            # In whole numbers: 32 bits and more do not fit into floats.
            values = stored.astype(np.int64) + int(scaling.zero)
            if scaling.blank is not None:
                undefined |= stored == scaling.blank
        else:
            floats = stored.astype(np.float64) * scaling.scale + scaling.zero
            undefined |= ~np.isfinite(floats)
            if self.kind == "any":
                undefined |= floats != 0
                return undefined
            values = np.rint(np.where(undefined, 0, floats)).astype(np.int64)
        if self.kind == "codes":
            undefined |= np.isin(values, self.values)
            return undefined
        bits = -1 if self.kind == "any" else int(np.bitwise_or.reduce(np.array(self.values, np.int64)))
        undefined |= (values & bits) != 0
        return undefined


@dataclass(frozen=True)
class StoredMask:
    """A plane of a mask HDU, and which of its values count.

    Attributes
    ----------
    plane
        The plane, as if it were a frame.
    scaling
        How its values are scaled.
    rule
        Which of them count.
    """

    plane: FitsFrame
    scaling: Scaling
    rule: MaskRule

    def read(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return where rows of the frame have no data, ``(stop - start, W)``."""
        return self.rule.marks(self.plane.stored(start, stop), self.scaling)


def parse_mask_bits(bits: MaskBits | None) -> tuple[str | int, ...] | None:
    """Return the names and values of planes; None if none are asked for.

    Raises
    ------
    ConfigError
        If nothing is named, a value is not above 0, or ``any`` is one of several.

    Examples
    --------
    >>> parse_mask_bits("BAD, SAT,16,0x20")
    ('BAD', 'SAT', 16, 32)
    """
    if bits is None:
        return None
    given = [bits] if isinstance(bits, str | int) else list(bits)
    parts: list[str | int] = []
    for one in given:
        parts += [one] if isinstance(one, int) else [part.strip() for part in one.split(",") if part.strip()]
    found = tuple(_number(part) for part in parts)
    if not found:
        raise ConfigError("no mask bits are named; give names or values of planes, as BAD,SAT or 1,2")
    if len(found) > 1 and any(isinstance(part, str) and part.lower() == ANY for part in found):
        raise ConfigError(f"mask bits {', '.join(map(str, found))}: {ANY!r} stands for all, so name it alone")
    for part in found:
        if isinstance(part, int) and not 0 < part <= _LARGEST:
            raise ConfigError(
                f"mask bits: {part} is no value of a mask; give values above 0, not bit numbers"
            )
    return found


def mask_rule(
    headers: Sequence[fits.Header], name: str, wanted: tuple[str | int, ...] | None, label: str
) -> MaskRule:
    """Return which values of a mask count as no data.

    Parameters
    ----------
    headers
        Of the mask, of the frame and of the file.
    name
        EXTNAME of the mask.
    wanted
        Names and values of planes that were asked for; None takes what the known schemes call bad or without
        data, and every value but 0 of masks of no known scheme.
    label
        What to call the mask in messages.

    Raises
    ------
    FrameError
        If a name is unknown, or the planes of the mask are known and none of them means no data.
    """
    scheme = scheme_of(headers, name)
    if wanted is not None and [str(part).lower() for part in wanted] == [ANY]:
        return MaskRule("any")
    if scheme is None:
        if wanted is None:
            return MaskRule("any")
        unknown = [part for part in wanted if isinstance(part, str)]
        if unknown:
            raise FrameError(
                f"{label}: the mask does not say what its values mean, so that {unknown[0]} cannot be found; "
                "give values, as --mask-bits 1,4"
            )
        numbers = tuple(part for part in wanted if isinstance(part, int))
        return MaskRule("bits", numbers, f"bits {', '.join(map(str, numbers))}")
    known = {plane.upper(): value for plane, value in scheme.values.items()}
    if wanted is None:
        if not scheme.no_data:
            raise FrameError(
                f"{label}: none of the planes of the mask ({', '.join(scheme.values)}) means no data; choose "
                f"some by --mask-bits, or {ANY}"
            )
        wanted = scheme.no_data
    values = []
    for part in wanted:
        if isinstance(part, int):
            values.append(part)
        elif part.upper() in known:
            values.append(known[part.upper()])
        else:
            raise FrameError(
                f"{label}: the mask has no plane {part}; by {scheme.name} it has {', '.join(scheme.values)}"
            )
    what = f"{scheme.kind} {', '.join(map(str, wanted))} of {scheme.name}"
    return MaskRule(scheme.kind, tuple(values), what)


def _number(part: str | int) -> str | int:
    if isinstance(part, int):
        return part
    try:
        return int(part, 0)
    except ValueError:
        return part
