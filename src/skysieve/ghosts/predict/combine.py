"""Instances, the map of classes and the widest discs put together into the ghosts of a picture.

The network speaks of ghosts in two ways: instance by instance, from their middles, and place by place.  What
is wide and faint it knows better by places; what is small, by instances.  The widest discs are known best by
their rims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.ndimage import label

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import CELL, LEAST_AREA, SAME, Ghost, overlap
from skysieve.ghosts.predict.wide_discs import draw_disc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.wide_discs import WideDisc

__all__ = ["Combination", "combine", "distinct"]

Scalar = TypeVar("Scalar", bound=np.generic)

MIXED = 0.6
"""Intersection over union from which on a Bright and a Faint ghost are one."""

PART = 0.8
"""Part of a fan of rays that lies in a likelier one when it is no fan of its own."""

REFLECTIONS = frozenset({"Bright", "Faint"})

MARGIN = 1.5
"""Pixels outside of the rim of a disc that people outline, as :class:`TruthRule` of the simulation has it."""

LARGE = 12_000
"""Pixels from which on a Faint ghost that lies on a disc is a drawing of this disc."""

COVERED = 0.8
"""Part of a region of the map that instances cover when it is no ghost of its own."""

SURE = 0.5
"""Score of a disc, before its strength is added."""


@dataclass(frozen=True)
class Combination:
    """How ghosts are put together.

    Attributes
    ----------
    cut
        Probability from which on a place of the map of classes belongs to a ghost.
    mapped
        Classes of which the map is used.
    strength
        Least strength of the rim of a disc.
    within
        Least mean probability of Faint within a disc, where the network gives a map of classes.
    """

    cut: float = 0.5
    mapped: tuple[str, ...] = ("Faint",)
    strength: float = 0.34
    within: float = 0.1


def combine(
    instances: Iterable[Ghost],
    classes: NDArray[np.float32] | None,
    discs: Sequence[WideDisc],
    *,
    dark: NDArray[np.bool_],
    thresholds: Mapping[str, float],
    how: Combination | None = None,
) -> list[Ghost]:
    """Return the ghosts of a picture, the likeliest first.

    Parameters
    ----------
    instances
        What the network outlined, the likeliest first.
    classes
        Probability of each class in each cell ``(C, H / 4, W / 4)``; None if there is no map.
    discs
        Circles with a rim, the strongest first; the first that is good enough is a ghost.
    dark
        Pixels ``(H, W)`` without data.
    thresholds
        Least score of each class.
    how
        Which of these count; the usual, if None.
    """
    how = Combination() if how is None else how
    shape = dark.shape
    regions: list[Ghost] = []
    disc = _chosen(discs, classes, dark, how)
    around = np.zeros(shape, bool)
    if disc is not None:
        regions.append(Ghost("Faint", min(0.99, SURE + disc.strength), draw_disc(disc, shape, margin=MARGIN)))
        around = regions[0].mask
    kept = [one for one in instances if one.score >= thresholds[one.class_name]]
    kept = [one for one in kept if not (disc is not None and _is_drawing_of(one, around))]
    if classes is not None:
        for name in how.mapped:
            # beside a disc, what the map has of Faint is the same disc, less well drawn
            if not (name == "Faint" and disc is not None):
                regions += _regions(name, classes[CLASS_NAMES.index(name)], kept, how.cut)
    return distinct(sorted([*regions, *kept], key=lambda one: -one.score))


def distinct(ghosts: Iterable[Ghost], among: Sequence[Ghost] = ()) -> list[Ghost]:
    """Return ghosts without those that are another one.

    Two of one class with a larger intersection over union than one half are one, the likelier; of Rays, also
    if the smaller lies in the larger by 0.8.  A Bright and a Faint one with more than 0.6 are one Bright one:
    what is both is compact, and few people outlined such a reflection as Faint where it is of high contrast.

    Parameters
    ----------
    ghosts
        The likeliest first.
    among
        Further ghosts, which stay whatever is found.
    """
    ordered = list(ghosts)
    kept: list[Ghost] = []
    for one in sorted(ordered, key=lambda ghost: ghost.class_name != "Bright"):  # keeps the order otherwise
        if not any(_same(one, other) for other in (*among, *kept)):
            kept.append(one)
    chosen = {id(one) for one in kept}
    return [one for one in ordered if id(one) in chosen]


def _same(one: Ghost, other: Ghost) -> bool:
    """Tell whether two ghosts are one."""
    if one.class_name == other.class_name == "Rays":
        both = np.count_nonzero(one.mask & other.mask)
        return bool(both > PART * min(one.area, other.area)) or overlap(one, other) > SAME
    if one.class_name == other.class_name:
        return overlap(one, other) > SAME
    return {one.class_name, other.class_name} == REFLECTIONS and overlap(one, other) > MIXED


def _chosen(
    discs: Sequence[WideDisc], classes: NDArray[np.float32] | None, dark: NDArray[np.bool_], how: Combination
) -> WideDisc | None:
    """Return the strongest disc that is a ghost, if there is any."""
    for disc in discs:
        if disc.strength < how.strength:
            return None
        if classes is None:
            return disc
        inside = draw_disc(disc, dark.shape) & ~dark
        if float(_full(classes[CLASS_NAMES.index("Faint")])[inside].mean()) >= how.within:
            return disc
    return None


def _is_drawing_of(ghost: Ghost, disc: NDArray[np.bool_]) -> bool:
    """Tell whether an instance is the network's own drawing of a disc, whole or in part."""
    on = np.count_nonzero(ghost.mask & disc)
    return ghost.class_name == "Faint" and ghost.area > LARGE and bool(on > 0.5 * ghost.area)


def _regions(
    name: str, probabilities: NDArray[np.float32], instances: Sequence[Ghost], cut: float
) -> list[Ghost]:
    """Return what hangs together of the map of a class, but for what instances of the class cover."""
    parts, count = label(probabilities >= cut, np.ones((3, 3)))
    masks = [one.mask for one in instances if one.class_name == name]
    known = np.any(masks, axis=0) if masks else None
    found = []
    for number in range(1, count + 1):
        cells = parts == number
        mask = _full(cells)
        area = np.count_nonzero(mask)
        covered = 0 if known is None else np.count_nonzero(known & mask)
        if area >= LEAST_AREA and covered < COVERED * area:
            found.append(Ghost(name, float(probabilities[cells].mean()), mask))
    return found


def _full(cells: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return cells as pixels of the picture."""
    return np.repeat(np.repeat(cells, CELL, axis=0), CELL, axis=1)
