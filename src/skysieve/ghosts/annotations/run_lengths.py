"""Run-length encoding of masks, as COCO files use it.

Run lengths count pixels down the columns.  The first run is outside the mask.

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

_MAX_BITS = 60
"""Maximum bits of one run length.  More bits mean that the text is damaged."""


def encode_run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Encode a mask as run lengths down its columns.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        True where the ghost is.

    Returns
    -------
    list of int
        Lengths in pixels of runs outside, inside, outside and so on.

    Examples
    --------
    >>> encode_run_lengths(np.array([[False, True], [True, True]]))
    [1, 3]
    """
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels, prepend=False))
    return np.diff(changes, prepend=0, append=pixels.size).tolist() if pixels.size else []


def decode_run_lengths(counts: Sequence[int], shape: Shape) -> NDArray[np.bool_]:
    """Decode the run lengths of a mask.

    Parameters
    ----------
    counts
        Run lengths in pixels, the first outside the mask.
    shape
        Height and width of the mask.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask.

    Raises
    ------
    ValueError
        If the sum of the lengths is not the number of pixels.
    """
    height, width = shape
    if any(count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"run lengths of {sum(counts)} pixels do not make {height} × {width}")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(shape, order="F")


def compress_counts(counts: Sequence[int]) -> str:
    """Compress run lengths to the text format of COCO files.

    From the fourth on, the difference from the length two before is stored.  Each signed number is split into
    groups of 5 bits, the lowest first.  The value 32 is added to a group if more groups follow, and 48 to
    make it a printable character.

    Parameters
    ----------
    counts
        Run lengths in pixels.

    Returns
    -------
    str
        The compressed text.

    Examples
    --------
    >>> compress_counts([6, 1, 40, 4, 5, 4, 5, 4, 21])
    '61X13mN000`0'
    """
    letters = []
    for position, count in enumerate(counts):
        rest = count - counts[position - 2] if position > 2 else count
        while True:
            group = rest & 31
            rest >>= 5
            # the highest bit of the last group is the sign of the number
            more = rest != (-1 if group & 16 else 0)
            letters.append(chr(48 + group + 32 * more))
            if not more:
                break
    return "".join(letters)


def expand_counts(text: str) -> list[int]:
    """Decompress the text of :func:`compress_counts`.

    Parameters
    ----------
    text
        The compressed text.

    Returns
    -------
    list of int
        Run lengths in pixels.

    Raises
    ------
    ValueError
        If the text is not of that format.
    """
    counts: list[int] = []
    number = bits = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64:
            raise ValueError(f"{letter!r} is in no compressed run lengths")
        number |= (code & 31) << bits
        bits += 5
        if bits > _MAX_BITS:
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
