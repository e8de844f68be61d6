"""Combine instances, the class map and wide discs to the ghosts of a picture.

The network has two outputs: instances from predicted centres, and a class map (semantic segmentation).  The
map is better for wide and faint ghosts, instances are better for small ones.  The widest discs are found
best by their rims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.ndimage import label

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import CELL, DUPLICATE_IOU, MIN_AREA, Ghost, overlap
from skysieve.ghosts.predict.wide_discs import draw_disc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.wide_discs import WideDisc

__all__ = ["Combination", "combine", "remove_duplicates"]

Scalar = TypeVar("Scalar", bound=np.generic)

BRIGHT_FAINT_IOU = 0.6
"""IoU above which a Bright and a Faint ghost are the same."""

NESTED_FRACTION = 0.8
"""Fraction of the smaller of two Rays within the larger one above which they are the same."""

REFLECTIONS = frozenset({"Bright", "Faint"})

MARGIN = 1.5
"""Width in pixels of the margin that people include around the rim of a disc; ``TruthRule`` of the simulation
uses the same."""

LARGE_AREA = 12_000
"""Area in pixels above which a Faint instance on a disc is a part of this disc."""

COVERED_FRACTION = 0.8
"""Fraction of a region of the class map, covered by instances, from which on the region is dropped."""

DISC_BASE_SCORE = 0.5
"""Score of a disc with strength zero; the strength is added."""


@dataclass(frozen=True)
class Combination:
    """Parameters of :func:`combine`.

    Attributes
    ----------
    cut
        Minimum probability of a cell of the class map within a ghost.
    mapped
        Classes for which the class map is used.
    strength
        Minimum strength of the rim of a disc.
    within
        Minimum mean probability of Faint within a disc, if the network has a class map.
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
    nodata: NDArray[np.bool_],
    thresholds: Mapping[str, float],
    combination: Combination | None = None,
) -> list[Ghost]:
    """Combine instances, class map and discs to the ghosts of a picture.

    Parameters
    ----------
    instances
        Instances of the network, sorted by decreasing score.
    classes
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32; None if there is no class map.
    discs
        Circles with a rim, sorted by decreasing strength; the first valid one becomes a ghost.
    nodata
        Pixels ``(H, W)`` bool without data.
    thresholds
        Minimum score of each class.
    combination
        Parameters; None for the defaults.

    Returns
    -------
    list of Ghost
        Ghosts, sorted by decreasing score.
    """
    combination = Combination() if combination is None else combination
    shape = nodata.shape
    regions: list[Ghost] = []
    disc = _best_disc(discs, classes, nodata, combination)
    disc_mask = np.zeros(shape, bool)
    if disc is not None:
        regions.append(
            Ghost("Faint", min(0.99, DISC_BASE_SCORE + disc.strength), draw_disc(disc, shape, margin=MARGIN))
        )
        disc_mask = regions[0].mask
    kept = [one for one in instances if one.score >= thresholds[one.class_name]]
    kept = [one for one in kept if not (disc is not None and _is_part_of_disc(one, disc_mask))]
    if classes is not None:
        for name in combination.mapped:
            # with a disc, the Faint regions of the map are the same disc with a worse outline
            if not (name == "Faint" and disc is not None):
                regions += _regions(name, classes[CLASS_NAMES.index(name)], kept, combination.cut)
    return remove_duplicates(sorted([*regions, *kept], key=lambda one: -one.score))


def remove_duplicates(ghosts: Iterable[Ghost], among: Sequence[Ghost] = ()) -> list[Ghost]:
    """Remove duplicate ghosts, within a class and between Bright and Faint.

    Two ghosts of one class with an IoU above 0.5 are duplicates; the first is kept.  Rays are also duplicates
    if the larger contains more than 0.8 of the smaller.  A Bright and a Faint ghost with an IoU above 0.6 are
    duplicates; the Bright one is kept.  Such reflections are compact, and few people outlined them as Faint.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing score.
    among
        Further ghosts to compare with, which have precedence.

    Returns
    -------
    list of Ghost
        Remaining ghosts of `ghosts`, in the same order.
    """
    ordered = list(ghosts)
    kept: list[Ghost] = []
    for one in sorted(ordered, key=lambda ghost: ghost.class_name != "Bright"):  # Bright first; stable sort
        if not any(_is_duplicate(one, other) for other in (*among, *kept)):
            kept.append(one)
    chosen = {id(one) for one in kept}
    return [one for one in ordered if id(one) in chosen]


def _is_duplicate(one: Ghost, other: Ghost) -> bool:
    """Tell whether two ghosts are duplicates."""
    if one.class_name == other.class_name == "Rays":
        both = np.count_nonzero(one.mask & other.mask)
        return bool(both > NESTED_FRACTION * min(one.area, other.area)) or overlap(one, other) > DUPLICATE_IOU
    if one.class_name == other.class_name:
        return overlap(one, other) > DUPLICATE_IOU
    return {one.class_name, other.class_name} == REFLECTIONS and overlap(one, other) > BRIGHT_FAINT_IOU


def _best_disc(
    discs: Sequence[WideDisc],
    classes: NDArray[np.float32] | None,
    nodata: NDArray[np.bool_],
    combination: Combination,
) -> WideDisc | None:
    """Return the strongest valid disc; None if there is none."""
    for disc in discs:
        if disc.strength < combination.strength:
            return None
        if classes is None:
            return disc
        inside = draw_disc(disc, nodata.shape) & ~nodata
        if float(_upsample(classes[CLASS_NAMES.index("Faint")])[inside].mean()) >= combination.within:
            return disc
    return None


def _is_part_of_disc(ghost: Ghost, disc: NDArray[np.bool_]) -> bool:
    """Tell whether an instance is a disc or a part of it."""
    on = np.count_nonzero(ghost.mask & disc)
    return ghost.class_name == "Faint" and ghost.area > LARGE_AREA and bool(on > 0.5 * ghost.area)


def _regions(
    name: str, probabilities: NDArray[np.float32], instances: Sequence[Ghost], cut: float
) -> list[Ghost]:
    """Return the connected regions of a class map that no instances of this class cover."""
    parts, count = label(probabilities >= cut, np.ones((3, 3)))
    masks = [one.mask for one in instances if one.class_name == name]
    union = np.any(masks, axis=0) if masks else None
    found = []
    for number in range(1, count + 1):
        cells = parts == number
        mask = _upsample(cells)
        area = np.count_nonzero(mask)
        covered = 0 if union is None else np.count_nonzero(union & mask)
        if area >= MIN_AREA and covered < COVERED_FRACTION * area:
            found.append(Ghost(name, float(probabilities[cells].mean()), mask))
    return found


def _upsample(cells: NDArray[Scalar]) -> NDArray[Scalar]:
    """Repeat each cell to the pixels of the picture."""
    return np.repeat(np.repeat(cells, CELL, axis=0), CELL, axis=1)
