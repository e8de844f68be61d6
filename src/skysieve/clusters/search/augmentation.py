"""What a network says of patches, seen once or also turned and mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.models.augmentation import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.maps.patches import MapStack
    from skysieve.clusters.maps.tiling import OwnedPatch
    from skysieve.clusters.search.model import NetworkInput

__all__ = ["FROM_MISSING", "interpolate", "look", "mean_over_views"]

_LEAST = 1e-6

FROM_MISSING = 12.0
"""Arcminutes around pixels without data in which a network says nothing: it never saw where maps end, and may
take the step from what they show to nothing for a cluster."""


def look(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    stack: MapStack,
    patches: Sequence[OwnedPatch],
    given: NetworkInput,
    *,
    batch: int = 16,
    views: int = 1,
) -> list[NDArray[np.float32]]:
    """Return the probability of a cluster at the pixels that each patch owns; NaN close to missing data.

    Parameters
    ----------
    network
        Takes ``(N, B, H, W)`` float32 and returns probabilities ``(N, C, H, W)``.
    stack
        Maps of the bands that it takes.
    patches
        Of :func:`skysieve.clusters.maps.tiling.cover_unit`.
    given
        What the network is to be shown.
    batch
        Patches in one call.
    views
        See :func:`mean_over_views`.
    """
    grid, found = given.grid, []
    for first in range(0, len(patches), batch):
        part = patches[first : first + batch]
        # Batches are of one size, the last is filled up: engines compile each size anew
        pixels = np.zeros((batch, len(stack), grid.side, grid.side), np.float32)
        for place, patch in zip(pixels, part, strict=False):
            place[:] = stack.cut(patch.lon, patch.lat, grid, patch.rotation)
        seen = mean_over_views(network, given.preprocessing(pixels), views)[:, given.channel].copy()
        for image, bands in zip(seen, pixels, strict=True):
            image[_near_missing(bands, FROM_MISSING / grid.resolution)] = np.nan
        found += [
            interpolate(image, patch.row, patch.column) for image, patch in zip(seen, part, strict=False)
        ]
    return found


def _near_missing(bands: NDArray[np.float32], radius: float) -> NDArray[np.bool_]:
    """Return which pixels ``(H, W)`` lie within some pixels of one that a band has no data for."""
    covered = np.asarray(np.isfinite(bands).all(axis=0))
    if covered.all():
        return np.zeros_like(covered)
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(covered) <= radius)


def mean_over_views(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]], pixels: NDArray[np.float32], views: int
) -> NDArray[np.float32]:
    """Return the probability that a network gives each pixel: the mean of its log-odds over several views.

    Parameters
    ----------
    network
        Takes ``(N, B, H, W)`` float32 and returns ``(N, C, H, W)``.
    pixels
        ``(N, B, H, W)`` of squares.
    views
        1, 2, 4 or 8: as they are; and turned by a quarter; all four turns; all turns, mirrored too.

    Raises
    ------
    ConfigError
        If there is no such number of views.
    """
    if views not in VIEWS:
        raise ConfigError(f"{views} views: choose from {', '.join(map(str, VIEWS))}")
    from scipy.special import expit, logit

    first = network(pixels)
    if views == 1:
        return first
    total = logit(np.clip(first, _LEAST, 1 - _LEAST))
    for view in range(1, views):
        turns, mirrored = view % 4, view >= 4
        turned = np.rot90(pixels, turns, (2, 3))
        seen = network(np.ascontiguousarray(turned[..., ::-1] if mirrored else turned))
        back = np.rot90(seen[..., ::-1] if mirrored else seen, -turns, (2, 3))
        total += logit(np.clip(back, _LEAST, 1 - _LEAST))
    return np.asarray(expit(total / views), np.float32)


def interpolate(
    image: NDArray[np.float32], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return an image ``(H, W)`` between its pixels, bilinear; NaN where one of the four is."""
    i = np.clip(np.floor(row).astype(np.intp), 0, image.shape[0] - 2)
    j = np.clip(np.floor(column).astype(np.intp), 0, image.shape[1] - 2)
    down, right = (row - i).astype(np.float32), (column - j).astype(np.float32)
    upper = image[i, j] * (1 - right) + image[i, j + 1] * right
    lower = image[i + 1, j] * (1 - right) + image[i + 1, j + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
