"""Masks as run lengths, as COCO files keep them.

Run lengths count pixels down the columns, first those outside.

References
----------
Lin et al. 2014, Microsoft COCO: Common Objects in Context, ECCV; cocodataset.org, "Data format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["compress_counts", "decode_run_lengths", "encode_run_lengths", "expand_counts"]

_MOST_BITS = 60
"""More bits than any length has: a text that goes on is damaged."""


def encode_run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return a mask as lengths of runs down its columns: outside, inside, outside and so on.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        True where the ghost is.

    Examples
    --------
    >>> encode_run_lengths(np.array([[False, True], [True, True]]))
    [1, 3]
    """
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels, prepend=False))
    return np.diff(changes, prepend=0, append=pixels.size).tolist() if pixels.size else []


def decode_run_lengths(counts: Sequence[int], shape: Shape) -> NDArray[np.bool_]:
    """Return the mask, ``(H, W)``, of which these are the lengths of runs.

    Raises
    ------
    ValueError
        If they do not add up to the pixels of the picture.
    """
    height, width = shape
    if any(count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"run lengths of {sum(counts)} pixels do not make {height} × {width}")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(shape, order="F")


def compress_counts(counts: Sequence[int]) -> str:
    """Return lengths of runs as the text in which COCO files keep them.

    From the fourth on, a length is kept as the difference from that two before. Each number is cut into
    groups of 5 bits, the lowest first, that of the sign included; 32 marks that more follow; 48 is added
    to make letters of them.

    Examples
    --------
    >>> compress_counts([6, 1, 40, 4, 5, 4, 5, 4, 21])
    '61X13mN000`0'
    """
    letters = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        while True:
            group = rest & 31
            rest >>= 5
            # the highest bit of the last group is the sign of all
            more = rest != (-1 if group & 16 else 0)
            letters.append(chr(48 + group + 32 * more))
            if not more:
                break
    return "".join(letters)


def expand_counts(text: str) -> list[int]:
    """Return the lengths of runs that a text holds; see :func:`compress_counts`.

    Raises
    ------
    ValueError
        If the text is none of that kind.
    """
    counts: list[int] = []
    number = bits = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64:
            raise ValueError(f"{letter!r} is in no compressed run lengths")
        number |= (code & 31) << bits
        bits += 5
        if bits > _MOST_BITS:
            raise ValueError("a run length is longer than any picture")
        if code & 32:
            continue
        if code & 16:
            number -= 1 << bits
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = bits = 0
    if bits:
        raise ValueError("compressed run lengths are cut off")
    return counts
