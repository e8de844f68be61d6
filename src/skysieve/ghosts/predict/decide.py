"""From what the network says of a picture to ghosts: pure functions on arrays.

The network says at each place whether the middle of a ghost is there, and gives the weights of three small
layers that draw this ghost; see :mod:`skysieve.ghosts.networks.ghost_net`, whose numbers these are.
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
    "LEAST_AREA",
    "MOST",
    "SAME",
    "Ghost",
    "GhostMaps",
    "are_twins",
    "draw_masks",
    "find_ghosts",
    "overlap",
    "without_twins",
]

PLACE, CELL = 8, 4
"""Pixels of the picture on a side of a place, and of a cell of the shared features."""

REACH = 64.0
COORDINATES = 5
"""Inputs that say where a pixel lies: down, right, and the products of these."""

LAYERS = (8, 8, 1)
"""Outputs of the layers that draw from features and coordinates."""

MOST = 60
"""Places that are drawn at most, the likeliest; people outlined 13 ghosts at most."""

SAME = 0.5
"""Two ghosts of a class with a larger intersection over union are one: the likelier is kept."""

LEAST_AREA = 25
"""Pixels of the smallest ghost; 95 in 100 of those that people outlined have 300 and more."""


@dataclass(frozen=True)
class GhostMaps:
    """What the network says of one picture ``(H, W)``.

    Attributes
    ----------
    probability
        That there is any ghost.
    classes
        Of each class in each cell ``(C, H / 4, W / 4)`` float32.
    middles
        Of a middle of a ghost at each place ``(C, H / 8, W / 8)`` float32.
    kernels
        Weights of the layers that draw ``(K, H / 8, W / 8)`` float32.
    features
        What they draw from ``(F, H / 4, W / 4)`` float32.
    """

    probability: float
    classes: NDArray[np.float32]
    middles: NDArray[np.float32]
    kernels: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def unpack(cls, array: NDArray[np.float32]) -> Self:
        """Return the maps that the graph packs into one array ``(1 + 2 C + K + F, H / 4, W / 4)``."""
        count = len(CLASS_NAMES)
        ends = np.cumsum([1, count, count, _kernel_size(len(array))])
        ghost, classes, middles, kernels, features = np.split(array, ends)
        step = PLACE // CELL
        return cls(
            float(ghost[0, 0, 0]), classes, middles[:, ::step, ::step], kernels[:, ::step, ::step], features
        )

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Return the ghosts, the likeliest first; see :func:`find_ghosts`."""
        return find_ghosts(self, thresholds=thresholds)


@dataclass(frozen=True)
class Ghost:
    """One ghost.

    Attributes
    ----------
    class_name
        Rays, Bright or Faint.
    score
        0 to 1: how likely its middle is there, times how clearly it was drawn.
    mask
        Its pixels in the picture ``(H, W)``.
    """

    class_name: str
    score: float
    mask: NDArray[np.bool_]

    @cached_property
    def area(self) -> int:
        """Pixels of the picture."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """The mask, eight pixels a byte: many ghosts are compared with many."""
        return np.packbits(self.mask)


def find_ghosts(maps: GhostMaps, *, thresholds: Mapping[str, float]) -> list[Ghost]:
    """Return the ghosts of a picture, the likeliest first.

    Parameters
    ----------
    maps
        What the network says of it.
    thresholds
        Least score of each class.
    """
    peaks = maps.middles * (maps.middles == maximum_filter(maps.middles, size=(1, 3, 3), mode="constant"))
    kinds, rows, columns = np.nonzero(peaks >= min(thresholds.values()))
    scores = peaks[kinds, rows, columns]
    order = np.argsort(-scores, kind="stable")[:MOST]
    kinds, rows, columns, scores = kinds[order], rows[order], columns[order], scores[order]
    drawn = draw_masks(maps.features, maps.kernels[:, rows, columns].T, rows, columns)
    found = []
    for kind, score, logits in zip(kinds, scores, drawn, strict=True):
        if score < thresholds[CLASS_NAMES[kind]]:
            continue
        mask = logits > 0
        inside = logits[mask]
        # no mask makes a ghost likelier than its middle is
        if inside.size >= LEAST_AREA:
            found.append(Ghost(CLASS_NAMES[kind], float(score) * float(expit(inside).mean()), mask))
    likely = [ghost for ghost in found if ghost.score >= thresholds[ghost.class_name]]
    return without_twins(sorted(likely, key=lambda ghost: -ghost.score))


def draw_masks(
    features: NDArray[np.float32],
    kernels: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Iterator[NDArray[np.float32]]:
    """Yield the logits of each pixel of the picture to belong to each ghost, one ghost after another.

    Parameters
    ----------
    features
        ``(F, H / 4, W / 4)``.
    kernels
        ``(G, K)``, one row a ghost.
    rows, columns
        Place of each, in eighths ``(G,)``.

    Yields
    ------
    ndarray
        ``(H, W)`` float32; beyond the cells around those that are above zero, minus infinity.
    """
    height, width = features.shape[1:]
    down, right = _to_pixels(height), _to_pixels(width)
    flat = features.reshape(len(features), -1)
    cell_y, cell_x = (CELL * np.arange(side) + (CELL - 1) / 2 for side in (height, width))
    for kernel, row, column in zip(kernels, rows, columns, strict=True):
        y = (cell_y - (PLACE * row + (PLACE - 1) / 2)) / REACH
        x = (cell_x - (PLACE * column + (PLACE - 1) / 2)) / REACH
        down_from, right_from = np.repeat(y, width), np.tile(x, height)
        products = down_from * down_from, down_from * right_from, right_from * right_from
        seen_from = np.stack([down_from, right_from, *(product / 4 for product in products)])
        values = np.concatenate([flat, seen_from.astype(np.float32)])
        start = 0
        for number, outputs in enumerate(LAYERS):
            end = start + outputs * len(values)
            weights, bias = kernel[start:end].reshape(outputs, -1), kernel[end : end + outputs, None]
            start = end + outputs
            values = weights @ values + bias
            if number < len(LAYERS) - 1:
                values = np.maximum(values, 0)
        yield _in_pixels(values.reshape(height, width), down, right)


def _in_pixels(
    cells: NDArray[np.float32], down: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return logits of cells in each pixel, where there may be any above zero."""
    logits = np.full((len(down), len(right)), -np.inf, np.float32)
    rows, columns = (np.flatnonzero((cells > 0).any(axis)) for axis in (1, 0))
    if rows.size:
        # most ghosts are small, and what lies between cells below zero is below zero
        top, left = max(0, rows[0] - 1), max(0, columns[0] - 1)
        bottom, end = rows[-1] + 2, columns[-1] + 2
        part = cells[top:bottom, left:end]
        y, x = slice(CELL * top, CELL * bottom), slice(CELL * left, CELL * end)
        logits[y, x] = down[y, top:bottom] @ part @ right[x, left:end].T
    return logits


def _kernel_size(channels: int) -> int:
    """Return how many weights draw a ghost, of the channels of the array that holds all maps."""
    # of the first layer a row has features, coordinates and a bias
    others = sum(rows * columns + rows for rows, columns in zip(LAYERS[1:], LAYERS[:-1], strict=True))
    left = channels - 1 - 2 * len(CLASS_NAMES) - others - (COORDINATES + 1) * LAYERS[0]
    features = left // (LAYERS[0] + 1)
    return others + LAYERS[0] * (features + COORDINATES + 1)


def _to_pixels(cells: int) -> NDArray[np.float32]:
    """Return the weights ``(P, cells)`` of cells in each pixel: linear between their middles, flat beyond."""
    pixels = (np.arange(cells * CELL) - (CELL - 1) / 2) / CELL
    low = np.clip(np.floor(pixels), 0, cells - 1).astype(int)
    high = np.minimum(low + 1, cells - 1)
    part = np.clip(pixels - low, 0, 1)
    weights = np.zeros((len(pixels), cells), np.float32)
    np.add.at(weights, (np.arange(len(pixels)), low), 1 - part)
    np.add.at(weights, (np.arange(len(pixels)), high), part)
    return weights


def without_twins(ghosts: Sequence[Ghost]) -> list[Ghost]:
    """Return the ghosts that no likelier one of their class covers."""
    kept: list[Ghost] = []
    for ghost in ghosts:
        if not any(are_twins(ghost, other) for other in kept):
            kept.append(ghost)
    return kept


def are_twins(first: Ghost, second: Ghost) -> bool:
    """Tell whether two ghosts are of one class and share more than half of the pixels of both."""
    smaller, larger = sorted((first.area, second.area))
    # pixels are compared only where areas allow it
    return first.class_name == second.class_name and smaller > SAME * larger and overlap(first, second) > SAME


def overlap(first: Ghost, second: Ghost) -> float:
    """Return the intersection over union of two ghosts."""
    both = int(np.bitwise_count(first.bits & second.bits).sum(dtype=np.int64))
    return both / (first.area + second.area - both)
