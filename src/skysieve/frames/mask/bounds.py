"""Bounds on the probabilities of pixels, from detections in the whole frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Bounds", "bound_bits", "bound_probabilities"]


@dataclass(frozen=True)
class Bounds:
    """Bounds on the probabilities of some pixels, at the class proportions of the training set.

    Attributes
    ----------
    marks
        ``(H, W)`` bool or int8.
    lower, upper
        Minimum and maximum probability by name of the class.
    mark
        The bounds apply where `marks` has this value.
    """

    marks: NDArray[np.bool_] | NDArray[np.int8]
    lower: Mapping[str, float] = field(default_factory=dict)
    upper: Mapping[str, float] = field(default_factory=dict)
    mark: int = True


def bound_probabilities(
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    bounds: Iterable[Bounds],
    part: tuple[slice, slice],
) -> NDArray[np.float32]:
    """Clip the probabilities of a part of a frame to their bounds.

    Parameters
    ----------
    probabilities
        ``(C, h, w)`` float32, output of the network; not modified.
    classes
        Names of the classes.
    bounds
        Bounds of the whole frame, applied in this order.
    part
        Rows and columns of the part.

    Returns
    -------
    ndarray
        ``(C, h, w)`` float32; the input array if no bound applies.

    Examples
    --------
    >>> import numpy as np
    >>> full = Bounds(np.array([[True, False]]), lower={"SAT": 0.9})
    >>> given = np.full((1, 1, 2), 0.25, np.float32)
    >>> found = bound_probabilities(given, ["SAT"], [full], (slice(None), slice(None)))
    >>> [round(float(value), 2) for value in found.ravel()]
    [0.9, 0.25]
    """
    changed = probabilities
    for one, here in _applicable(bounds, part):
        if changed is probabilities:
            changed = probabilities.copy()
        for plane, name in zip(changed, classes, strict=True):
            if name in one.lower:
                plane[here] = np.maximum(plane[here], one.lower[name])
            if name in one.upper:
                plane[here] = np.minimum(plane[here], one.upper[name])
    return changed


def bound_bits(
    bits: NDArray[np.int16],
    classes: Mapping[str, int],
    limits: Sequence[float] | NDArray[np.float32],
    bounds: Iterable[Bounds],
    part: tuple[slice, slice],
) -> NDArray[np.int16]:
    """Correct the decisions in a part of a frame to those that clipped probabilities give.

    Parameters
    ----------
    bits
        ``(h, w)`` int16, sums of the codes of classes whose probability is above its limit; not modified.
    classes
        Code of each class by name.
    limits
        Limit of the probability of each class.
    bounds
        Bounds of the whole frame, as for :func:`bound_probabilities`.
    part
        Rows and columns of the part.

    Returns
    -------
    ndarray
        ``(h, w)`` int16; the input array if no bound applies.
    """
    changed = bits
    for one, here in _applicable(bounds, part):
        if changed is bits:
            changed = bits.copy()
        for (name, code), limit in zip(classes.items(), limits, strict=True):
            if one.lower.get(name, 0.0) > limit:
                changed[here] |= np.int16(code)
            elif one.upper.get(name, 1.0) <= limit:
                changed[here] &= np.int16(~code)
    return changed


def _applicable(
    bounds: Iterable[Bounds], part: tuple[slice, slice]
) -> Iterator[tuple[Bounds, NDArray[np.bool_]]]:
    """Yield the bounds that apply in a part of a frame, and the pixels ``(h, w)`` in which they do."""
    for one in bounds:
        here = one.marks[part] == one.mark
        if here.any():
            yield one, here
