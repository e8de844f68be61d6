"""What a network says of a picture, seen once or mirrored as well, and what is agreed on over these views.

A camera that is its own mirror image, as DECam is, may be looked at from either side: what is there is seen
in all views, and what is seen by chance is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve.ghosts.predict.decide import LEAST_AREA, Ghost, GhostMaps, are_twins, without_twins
from skysieve.ghosts.predict.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["DEFAULT_VIEWS", "VIEWS", "Look", "Seen", "agree", "look", "unpack"]

VIEWS: Mapping[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 1),),
    2: ((1, 1), (-1, -1)),
    4: ((1, 1), (1, -1), (-1, 1), (-1, -1)),
}
"""Steps along rows and columns of each view, by their number."""

DEFAULT_VIEWS = 4


class Seen(Protocol):
    """What a network says of a picture."""

    @property
    def probability(self) -> float:
        """That there is any ghost."""
        ...

    @property
    def classes(self) -> NDArray[np.float32] | None:
        """Probability of each class in each cell ``(C, H / 4, W / 4)``; None of a network without a map."""
        ...

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Return the ghosts whose scores reach the thresholds of their classes, the likeliest first."""
        ...


@dataclass(frozen=True)
class Look:
    """What a network says of a picture, over all its views.

    Attributes
    ----------
    probability
        That there is any ghost.
    ghosts
        The likeliest first.
    classes
        Probability of each class in each cell ``(C, H / 4, W / 4)`` float32; None of a network without a map
        of classes.
    """

    probability: float
    ghosts: tuple[Ghost, ...]
    classes: NDArray[np.float32] | None


def unpack(output: NDArray[np.float32], shape: tuple[int, int]) -> Seen:
    """Return what a graph said of a picture ``(H, W)``: maps ``(C, H / 4, W / 4)``, or objects ``(D, V)``.

    Raises
    ------
    ModelError
        If the graph gives neither.
    """
    return GhostMaps.unpack(output) if output.ndim == 3 else Detections.unpack(output, shape)


def look(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pixels: NDArray[np.float32],
    *,
    least: Mapping[str, float],
    views: int = DEFAULT_VIEWS,
) -> Look:
    """Return what a network says of a picture.

    Parameters
    ----------
    network
        Takes ``(1, 1, H, W)`` pixels and gives what a graph does.
    pixels
        A picture ``(H, W)``, as :func:`skysieve.ghosts.focal_plane.levels.contrast` gives it.
    least
        Least score of each class.
    views
        Mirrored views, of :data:`VIEWS`.
    """
    height, width = pixels.shape
    wholes, maps, found = [], [], []
    for down, right in VIEWS[views]:
        view = np.ascontiguousarray(pixels[::down, ::right])
        seen = unpack(network(view[None, None])[0], (height, width))
        wholes.append(seen.probability)
        if seen.classes is not None:
            maps.append(seen.classes[:, ::down, ::right])
        found.append(
            [
                Ghost(ghost.class_name, ghost.score, ghost.mask[::down, ::right])
                for ghost in seen.ghosts(least)
            ]
        )
    ghosts = agree(found) if views > 1 else found[0]
    kept = tuple(ghost for ghost in ghosts if ghost.score >= least[ghost.class_name])
    return Look(float(np.mean(wholes)), kept, np.mean(maps, axis=0, dtype=np.float32) if maps else None)


def agree(views: Sequence[Sequence[Ghost]]) -> list[Ghost]:
    """Return the ghosts of all views together, the likeliest first.

    Ghosts of a class whose intersection is more than half of their union are one.  Its score is the mean over
    the views, zero where it was not seen; it has the pixels that more than half of those have who saw it,
    each counting by its score.

    Parameters
    ----------
    views
        The ghosts of each, in the pixels of one picture.

    Examples
    --------
    >>> disc = np.hypot(*np.ogrid[-20:20, -20:20]) < 15
    >>> [ghost.score for ghost in agree([[Ghost("Bright", 0.8, disc)], []])]
    [0.4]
    """
    groups: list[dict[int, Ghost]] = []
    ordered = sorted(
        ((ghost, view) for view, ghosts in enumerate(views) for ghost in ghosts),
        key=lambda one: -one[0].score,
    )
    for ghost, view in ordered:
        for group in groups:
            first = next(iter(group.values()))
            if view not in group and are_twins(first, ghost):
                group[view] = ghost
                break
        else:
            groups.append({view: ghost})
    agreed = []
    for group in groups:
        seen = list(group.values())
        total = sum(ghost.score for ghost in seen)
        mask = _by_majority(seen)
        if np.count_nonzero(mask) >= LEAST_AREA:
            agreed.append(Ghost(seen[0].class_name, total / len(views), mask))
    return without_twins(sorted(agreed, key=lambda ghost: -ghost.score))


def _by_majority(seen: Sequence[Ghost]) -> NDArray[np.bool_]:
    """Return the pixels that more than half of some ghosts have, each counting by its score."""
    if len(seen) == 1:
        return seen[0].mask
    votes = np.zeros(seen[0].mask.shape, np.float32)
    for ghost in seen:
        votes += np.float32(ghost.score) * ghost.mask
    mask: NDArray[np.bool_] = votes > 0.5 * float(np.sum([np.float32(ghost.score) for ghost in seen]))
    return mask
