"""Rules for the mask values that mark pixels without data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.mask_schemes import scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.pixels import Scaling

__all__ = ["ANY", "MaskBits", "MaskRule", "mask_rule", "parse_mask_bits"]

ANY = "any"
"""Stands for every value but 0, in place of plane names."""

MaskBits: TypeAlias = str | int | Iterable[str | int]
"""Names or values of planes, or one text with commas between them."""

_MAX_VALUE = 2**63 - 1


@dataclass(frozen=True)
class MaskRule:
    """Rule for the mask values that mean no data.

    Attributes
    ----------
    kind
        ``any``: every value but 0; ``bits``: values with any of the bits set; ``codes``: the listed values.
    values
        The bits or codes.
    description
        The rule in words, for messages.
    """

    kind: Literal["any", "bits", "codes"]
    values: tuple[int, ...] = ()
    description: str = "every value but 0"

    def marks(self, stored: NDArray[np.generic], scaling: Scaling) -> NDArray[np.bool_]:
        """Return where mask values mean no data; undefined values (BLANK, NaN) do so too.

        Parameters
        ----------
        stored
            Mask values as stored in FITS, of any shape.
        scaling
            Scaling of the values.

        Returns
        -------
        ndarray of bool
            True where there is no data; shape of `stored`.
        """
        undefined = np.zeros(stored.shape, np.bool_)
        if stored.dtype.kind in "iu" and scaling.scale == 1 and scaling.zero == int(scaling.zero):
            # Integer arithmetic: floats cannot hold all integers of 32 bits and more.
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


def parse_mask_bits(bits: MaskBits | None) -> tuple[str | int, ...] | None:
    """Parse the names and values of mask planes.

    Parameters
    ----------
    bits
        Names or values, or one text with commas between them; None for none.

    Returns
    -------
    tuple or None
        Names and values in the given order; None if `bits` is None.

    Raises
    ------
    ConfigError
        If no plane is named, a value is not above 0, or ``any`` is one of several.

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
        if isinstance(part, int) and not 0 < part <= _MAX_VALUE:
            raise ConfigError(
                f"mask bits: {part} is no value of a mask; give values above 0, not bit numbers"
            )
    return found


def mask_rule(
    headers: Sequence[fits.Header], name: str, wanted: tuple[str | int, ...] | None, label: str
) -> MaskRule:
    """Return the rule for the values of a mask that mean no data.

    Parameters
    ----------
    headers
        Headers of the mask, of the frame and of the file.
    name
        EXTNAME of the mask.
    wanted
        Requested names and values of planes. None selects the planes that known schemes call bad or without
        data, and every value but 0 for other masks.
    label
        Name of the mask in messages.

    Returns
    -------
    MaskRule
        The rule.

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
