"""Convert the output of the network to ghosts (instance segmentation with dynamic convolutions).

At each grid position, the network predicts the probability of a ghost centre, and the weights of three small
layers that predict the mask of this ghost.  The constants agree with
:mod:`skysieve.ghosts.networks.ghost_net`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.special import expit

from skysieve.ghosts.classes import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DUPLICATE_IOU",
    "MAX_GHOSTS",
    "MIN_AREA",
    "Ghost",
    "GhostMaps",
    "are_duplicates",
    "draw_masks",
    "find_ghosts",
    "overlap",
    "suppress_duplicates",
]

CENTRE_STRIDE, CELL = 8, 4
"""Pixels per grid position of the centres, and per cell of the features, along each axis."""

REACH = 64.0
"""Pixels per unit of the coordinate inputs."""

COORDINATES = 5
"""Number of coordinate inputs: offsets down and right from the centre, and their three products."""

LAYERS = (8, 8, 1)
"""Output channels of the layers that predict a mask from features and coordinates."""

MAX_GHOSTS = 60
"""Maximum number of masks to predict, those with the highest scores.  People outlined 13 ghosts at most."""

DUPLICATE_IOU = 0.5
"""IoU above which two ghosts of a class are the same; the one with the higher score is kept."""

MIN_AREA = 25
"""Minimum area of a ghost in pixels; 95 % of the ghosts that people outlined have at least 300."""


@dataclass(frozen=True)
class GhostMaps:
    """The output of the network for one picture ``(H, W)``.

    Attributes
    ----------
    probability
        Probability that the picture has any ghost.
    classes
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32.
    centres
        Probability of a ghost centre at each grid position ``(C, H / 8, W / 8)`` float32.
    kernels
        Weights of the mask layers at each grid position ``(K, H / 8, W / 8)`` float32.
    features
        Shared input features of the mask layers ``(F, H / 4, W / 4)`` float32.
    """

    probability: float
    classes: NDArray[np.float32]
    centres: NDArray[np.float32]
    kernels: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def unpack(cls, array: NDArray[np.float32]) -> Self:
        """Unpack the array that a graph returns.

        Parameters
        ----------
        array
            Packed maps ``(1 + 2 C + K + F, H / 4, W / 4)`` float32.

        Returns
        -------
        GhostMaps
            The maps.
        """
        count = len(CLASS_NAMES)
        ends = np.cumsum([1, count, count, _kernel_size(len(array))])
        ghost, classes, centres, kernels, features = np.split(array, ends)
        step = CENTRE_STRIDE // CELL
        return cls(
            float(ghost[0, 0, 0]), classes, centres[:, ::step, ::step], kernels[:, ::step, ::step], features
        )

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Find the ghosts; see :func:`find_ghosts`.

        Parameters
        ----------
        thresholds
            Minimum score of each class.

        Returns
        -------
        list of Ghost
            Ghosts, sorted by decreasing score.
        """
        return find_ghosts(self, thresholds=thresholds)


@dataclass(frozen=True)
class Ghost:
    """One ghost.

    Attributes
    ----------
    class_name
        ``Rays``, ``Bright`` or ``Faint``.
    score
        Confidence, 0 to 1: probability of its centre times mean probability of its pixels.
    mask
        Its pixels in the picture ``(H, W)`` bool.
    """

    class_name: str
    score: float
    mask: NDArray[np.bool_]

    @cached_property
    def area(self) -> int:
        """Area in pixels of the picture."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def bits(self) -> NDArray[np.uint64]:
        """The mask with 64 pixels per element, for fast comparison of many ghosts."""
        octets = np.zeros(-(-self.mask.size // 64) * 8, np.uint8)
        packed = np.packbits(self.mask)
        octets[: packed.size] = packed
        return octets.view(np.uint64)


def find_ghosts(maps: GhostMaps, *, thresholds: Mapping[str, float]) -> list[Ghost]:
    """Find the ghosts of a picture: local maxima of the centre map, their masks, and duplicate suppression.

    Parameters
    ----------
    maps
        The output of the network.
    thresholds
        Minimum score of each class.

    Returns
    -------
    list of Ghost
        Ghosts, sorted by decreasing score.
    """
    peaks = maps.centres * (maps.centres == maximum_filter(maps.centres, size=(1, 3, 3), mode="constant"))
    kinds, rows, columns = np.nonzero(peaks >= min(thresholds.values()))
    scores = peaks[kinds, rows, columns]
    order = np.argsort(-scores, kind="stable")[:MAX_GHOSTS]
    enough = [number for number in order if scores[number] >= thresholds[CLASS_NAMES[kinds[number]]]]
    kinds, rows, columns, scores = kinds[enough], rows[enough], columns[enough], scores[enough]
    drawn = draw_masks(maps.features, maps.kernels[:, rows, columns].T, rows, columns)
    shape = tuple(CELL * side for side in maps.features.shape[1:])
    found = []
    for kind, score, (window, logits) in zip(kinds, scores, drawn, strict=True):
        on = logits > 0
        inside = logits[on]
        if inside.size < MIN_AREA:
            continue
        # the mask can only lower the score
        likely = float(score) * float(expit(inside).mean())
        if likely >= thresholds[CLASS_NAMES[kind]]:
            mask = np.zeros(shape, np.bool_)
            mask[window] = on
            found.append(Ghost(CLASS_NAMES[kind], likely, mask))
    return suppress_duplicates(sorted(found, key=lambda ghost: -ghost.score))


def draw_masks(
    features: NDArray[np.float32],
    kernels: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.float32]]]:
    """Predict the masks of ghosts with their own kernels.

    Parameters
    ----------
    features
        Shared features ``(F, H / 4, W / 4)`` float32.
    kernels
        Weights ``(G, K)`` float32, one row per ghost.
    rows, columns
        Grid position ``(G,)`` of the centre of each ghost, in units of 8 pixels.

    Yields
    ------
    window : tuple of slice
        Rows and columns of the picture ``(H, W)`` around all pixels with positive logits.
    logits : ndarray of float32, shape (h, w)
        Mask logits of one ghost in the window; they are negative elsewhere.
    """
    count, height, width = features.shape
    down, right = _interpolation_weights(height), _interpolation_weights(width)
    cell_y, cell_x = (CELL * np.arange(side) + (CELL - 1) / 2 for side in (height, width))
    # one array for all ghosts: the features stay, and each ghost overwrites the coordinates
    inputs = np.empty((count + COORDINATES, height, width), np.float32)
    inputs[:count] = features
    flat = inputs.reshape(len(inputs), -1)
    for kernel, row, column in zip(kernels, rows, columns, strict=True):
        y = ((cell_y - (CENTRE_STRIDE * row + (CENTRE_STRIDE - 1) / 2)) / REACH)[:, None]
        x = (cell_x - (CENTRE_STRIDE * column + (CENTRE_STRIDE - 1) / 2)) / REACH
        for number, coordinate in enumerate((y, x, y * y / 4, y * x / 4, x * x / 4), count):
            inputs[number] = coordinate
        values = flat
        start = 0
        for number, outputs in enumerate(LAYERS):
            end = start + outputs * len(values)
            weights, bias = kernel[start:end].reshape(outputs, -1), kernel[end : end + outputs, None]
            start = end + outputs
            values = weights @ values
            values += bias
            if number < len(LAYERS) - 1:
                np.maximum(values, 0, out=values)
        yield _upsample_logits(values.reshape(height, width), down, right)


def _upsample_logits(
    cells: NDArray[np.float32], down: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """Interpolate logits of cells to pixels, in a window around the positive cells."""
    positive = cells > 0
    rows, columns = (np.flatnonzero(positive.any(axis)) for axis in (1, 0))
    if not rows.size:
        return (slice(0, 0), slice(0, 0)), np.empty((0, 0), np.float32)
    # most ghosts are small, and interpolation between negative cells is negative
    top, left = max(0, rows[0] - 1), max(0, columns[0] - 1)
    bottom, end = min(len(cells), rows[-1] + 2), min(cells.shape[1], columns[-1] + 2)
    y, x = slice(CELL * top, CELL * bottom), slice(CELL * left, CELL * end)
    logits: NDArray[np.float32] = np.asarray(
        down[y, top:bottom] @ cells[top:bottom, left:end] @ right[x, left:end].T, np.float32
    )
    return (y, x), logits


def _kernel_size(channels: int) -> int:
    """Return the number of weights per ghost, from the number of channels of all packed maps."""
    others = sum(rows * columns + rows for rows, columns in zip(LAYERS[1:], LAYERS[:-1], strict=True))
    # each output of the first layer has weights for features and coordinates, and a bias
    remaining = channels - 1 - 2 * len(CLASS_NAMES) - others - (COORDINATES + 1) * LAYERS[0]
    features = remaining // (LAYERS[0] + 1)
    return others + LAYERS[0] * (features + COORDINATES + 1)


def _interpolation_weights(cells: int) -> NDArray[np.float32]:
    """Return the weights ``(P, cells)`` of linear interpolation between cell centres, constant beyond."""
    pixels = (np.arange(cells * CELL) - (CELL - 1) / 2) / CELL
    low = np.clip(np.floor(pixels), 0, cells - 1).astype(int)
    high = np.minimum(low + 1, cells - 1)
    part = np.clip(pixels - low, 0, 1)
    weights = np.zeros((len(pixels), cells), np.float32)
    np.add.at(weights, (np.arange(len(pixels)), low), 1 - part)
    np.add.at(weights, (np.arange(len(pixels)), high), part)
    return weights


def suppress_duplicates(ghosts: Sequence[Ghost]) -> list[Ghost]:
    """Remove ghosts that duplicate an earlier one (non-maximum suppression by mask IoU).

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing score.

    Returns
    -------
    list of Ghost
        Remaining ghosts, in the same order.
    """
    kept: list[Ghost] = []
    for ghost in ghosts:
        if not any(are_duplicates(ghost, other) for other in kept):
            kept.append(ghost)
    return kept


def are_duplicates(first: Ghost, second: Ghost) -> bool:
    """Tell whether two ghosts have the same class and an IoU above 0.5.

    Parameters
    ----------
    first, second
        The ghosts.

    Returns
    -------
    bool
        True if they are duplicates.
    """
    if first.class_name != second.class_name:
        return False
    smaller, larger = sorted((first.area, second.area))
    # the ratio of the areas is an upper limit of the IoU, and cheap
    return smaller > DUPLICATE_IOU * larger and overlap(first, second) > DUPLICATE_IOU


def overlap(first: Ghost, second: Ghost) -> float:
    """Return the intersection over union (IoU) of two ghosts.

    Parameters
    ----------
    first, second
        The ghosts.

    Returns
    -------
    float
        IoU of their masks, 0 to 1.
    """
    both = int(np.bitwise_count(first.bits & second.bits).sum(dtype=np.int64))
    return both / (first.area + second.area - both)
