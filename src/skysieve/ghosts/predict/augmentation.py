"""Test-time augmentation: run a network on mirrored views of a picture, and merge the ghosts of all views.

DECam is mirror-symmetric, so that mirrored pictures are valid inputs.  The network finds real ghosts in all
views, but chance detections only in some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve.ghosts.predict.decide import MIN_AREA, Ghost, GhostMaps, are_duplicates, suppress_duplicates
from skysieve.ghosts.predict.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DEFAULT_VIEWS",
    "VIEWS",
    "AugmentedOutput",
    "NetworkOutput",
    "merge_views",
    "predict_augmented",
    "unpack_output",
]

VIEWS: Mapping[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 1),),
    2: ((1, 1), (-1, -1)),
    4: ((1, 1), (1, -1), (-1, 1), (-1, -1)),
}
"""Index steps along rows and columns of each view, by the number of views; -1 mirrors an axis."""

DEFAULT_VIEWS = 4


class NetworkOutput(Protocol):
    """The output of a network for a picture."""

    @property
    def probability(self) -> float:
        """Probability that the picture has any ghost."""
        ...

    @property
    def classes(self) -> NDArray[np.float32] | None:
        """Class probabilities of each cell ``(C, H / 4, W / 4)``; None if the network has no class map."""
        ...

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Return the ghosts with a sufficient score.

        Parameters
        ----------
        thresholds
            Minimum score of each class.

        Returns
        -------
        list of Ghost
            The ghosts, sorted by decreasing score.
        """
        ...


@dataclass(frozen=True)
class AugmentedOutput:
    """The output of a network for a picture, combined over all views.

    Attributes
    ----------
    probability
        Probability that the picture has any ghost: mean over the views.
    ghosts
        Ghosts, sorted by decreasing score.
    classes
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32: mean over the views; None if the
        network has no class map.
    """

    probability: float
    ghosts: tuple[Ghost, ...]
    classes: NDArray[np.float32] | None


def unpack_output(output: NDArray[np.float32], shape: tuple[int, int]) -> NetworkOutput:
    """Unpack the output of a graph.

    Parameters
    ----------
    output
        Output for one picture, float32: maps ``(C, H / 4, W / 4)`` or objects ``(D, V)``.
    shape
        Rows and columns of the picture.

    Returns
    -------
    NetworkOutput
        The unpacked output.

    Raises
    ------
    ModelError
        If the output has neither form.
    """
    return GhostMaps.unpack(output) if output.ndim == 3 else Detections.unpack(output, shape)


def predict_augmented(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pixels: NDArray[np.float32],
    *,
    min_scores: Mapping[str, float],
    views: int = DEFAULT_VIEWS,
) -> AugmentedOutput:
    """Run a network on a picture with test-time augmentation.

    Parameters
    ----------
    network
        Maps pixels ``(1, 1, H, W)`` float32 to the output of a graph.
    pixels
        Picture ``(H, W)`` float32 from :func:`skysieve.ghosts.focal_plane.levels.normalise_picture`.
    min_scores
        Minimum score of each class.
    views
        Number of mirrored views, a key of :data:`VIEWS`.

    Returns
    -------
    AugmentedOutput
        The combined output.
    """
    height, width = pixels.shape
    picture_probabilities, maps, found = [], [], []
    for down, right in VIEWS[views]:
        view = np.ascontiguousarray(pixels[::down, ::right])
        output = unpack_output(network(view[None, None])[0], (height, width))
        picture_probabilities.append(output.probability)
        if output.classes is not None:
            maps.append(output.classes[:, ::down, ::right])
        found.append(
            [
                Ghost(ghost.class_name, ghost.score, ghost.mask[::down, ::right])
                for ghost in output.ghosts(min_scores)
            ]
        )
    ghosts = merge_views(found) if views > 1 else found[0]
    kept = tuple(ghost for ghost in ghosts if ghost.score >= min_scores[ghost.class_name])
    return AugmentedOutput(
        float(np.mean(picture_probabilities)), kept, np.mean(maps, axis=0, dtype=np.float32) if maps else None
    )


def merge_views(views: Sequence[Sequence[Ghost]]) -> list[Ghost]:
    """Merge the ghosts of all views.

    Ghosts of one class with an IoU above 0.5 are merged.  The merged score is the mean over all views, with
    zero for views without the ghost.  The merged mask is the score-weighted majority of the masks.

    Parameters
    ----------
    views
        Ghosts of each view, in the pixels of the unmirrored picture.

    Returns
    -------
    list of Ghost
        Merged ghosts, sorted by decreasing score.

    Examples
    --------
    >>> disc = np.hypot(*np.ogrid[-20:20, -20:20]) < 15
    >>> [ghost.score for ghost in merge_views([[Ghost("Bright", 0.8, disc)], []])]
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
            if view not in group and are_duplicates(first, ghost):
                group[view] = ghost
                break
        else:
            groups.append({view: ghost})
    merged = []
    for group in groups:
        members = list(group.values())
        total = sum(ghost.score for ghost in members)
        mask = _majority_mask(members)
        if np.count_nonzero(mask) >= MIN_AREA:
            merged.append(Ghost(members[0].class_name, total / len(views), mask))
    return suppress_duplicates(sorted(merged, key=lambda ghost: -ghost.score))


def _majority_mask(ghosts: Sequence[Ghost]) -> NDArray[np.bool_]:
    """Return the pixels of a score-weighted majority of the masks."""
    if len(ghosts) == 1:
        return ghosts[0].mask
    votes = np.zeros(ghosts[0].mask.shape, np.float32)
    window = _bounding_box(np.any([ghost.mask for ghost in ghosts], axis=0))  # the rest is empty
    for ghost in ghosts:
        votes[window] += np.float32(ghost.score) * ghost.mask[window]
    mask: NDArray[np.bool_] = votes > 0.5 * float(np.sum([np.float32(ghost.score) for ghost in ghosts]))
    return mask


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns from the first to the last True."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
