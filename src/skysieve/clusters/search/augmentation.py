"""Predictions of a network on patches, with test-time augmentation: rotations and reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.models.engine_settings import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.maps.patches import MapStack
    from skysieve.clusters.maps.tiling import OwnedPatch
    from skysieve.clusters.search.model import NetworkInput

__all__ = ["MISSING_DATA_MARGIN", "interpolate", "predict_augmented", "predict_patches"]

_EPSILON = 1e-6

MISSING_DATA_MARGIN = 12.0
"""Radius in arcminutes around pixels without data in which predictions are discarded.  Training patches have
no edges of maps, and the network may take the step at an edge for a cluster."""


def predict_patches(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    stack: MapStack,
    patches: Sequence[OwnedPatch],
    network_input: NetworkInput,
    *,
    batch: int = 16,
    views: int = 1,
) -> list[NDArray[np.float32]]:
    """Predict the probability of a cluster at the pixels that each patch owns.

    Parameters
    ----------
    network
        Takes ``(N, B, H, W)`` float32 and returns probabilities ``(N, C, H, W)`` float32.
    stack
        Maps of the network's bands.
    patches
        Patches of :func:`skysieve.clusters.maps.tiling.cover_unit`.
    network_input
        Grid, preprocessing and output channel of the network.
    batch
        Patches per call of the network.
    views
        See :func:`predict_augmented`.

    Returns
    -------
    list of ndarray of float32, shape (P,)
        Probabilities at the pixels of each patch; NaN near missing data.
    """
    grid, found = network_input.grid, []
    for first in range(0, len(patches), batch):
        part = patches[first : first + batch]
        # All batches have one size, and the last is padded: engines compile each size anew
        pixels = np.zeros((batch, len(stack), grid.side, grid.side), np.float32)
        for bands, patch in zip(pixels, part, strict=False):
            bands[:] = stack.cut(patch.lon, patch.lat, grid, patch.rotation)
        predicted = predict_augmented(network, network_input.preprocessing(pixels), views)
        probability = predicted[:, network_input.channel].copy()
        for image, bands in zip(probability, pixels, strict=True):
            image[_near_missing(bands, MISSING_DATA_MARGIN / grid.resolution)] = np.nan
        found += [
            interpolate(image, patch.row, patch.column)
            for image, patch in zip(probability, part, strict=False)
        ]
    return found


def _near_missing(bands: NDArray[np.float32], radius: float) -> NDArray[np.bool_]:
    """Return which pixels ``(H, W)`` lie within a radius, in pixels, of one without data in any band."""
    covered = np.asarray(np.isfinite(bands).all(axis=0))
    if covered.all():
        return np.zeros_like(covered)
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(covered) <= radius)


def predict_augmented(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]], pixels: NDArray[np.float32], views: int
) -> NDArray[np.float32]:
    """Predict with test-time augmentation: average the log-odds over rotated and mirrored views.

    Parameters
    ----------
    network
        Takes ``(N, B, H, W)`` float32 and returns probabilities ``(N, C, H, W)`` float32.
    pixels : ndarray of float32, shape (N, B, H, H)
        Square patches.
    views
        1: as they are; 2: also rotated by 90 degrees; 4: all four rotations; 8: these, also mirrored.

    Returns
    -------
    ndarray of float32, shape (N, C, H, H)
        Probabilities.

    Raises
    ------
    ConfigError
        If the number of views is not 1, 2, 4 or 8.
    """
    if views not in VIEWS:
        raise ConfigError(f"{views} views: choose from {', '.join(map(str, VIEWS))}")
    from scipy.special import expit, logit

    first = network(pixels)
    if views == 1:
        return first
    total = logit(np.clip(first, _EPSILON, 1 - _EPSILON))
    for view in range(1, views):
        quarters, mirrored = view % 4, view >= 4
        rotated = np.rot90(pixels, quarters, (2, 3))
        predicted = network(np.ascontiguousarray(rotated[..., ::-1] if mirrored else rotated))
        restored = np.rot90(predicted[..., ::-1] if mirrored else predicted, -quarters, (2, 3))
        total += logit(np.clip(restored, _EPSILON, 1 - _EPSILON))
    return np.asarray(expit(total / views), np.float32)


def interpolate(
    image: NDArray[np.float32], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Interpolate an image bilinearly.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W)
        Values at the centres of pixels.
    row, column : ndarray of float64, shape (P,)
        Positions in pixels.

    Returns
    -------
    ndarray of float32, shape (P,)
        Interpolated values; NaN if one of the four pixels is NaN.
    """
    i = np.clip(np.floor(row).astype(np.intp), 0, image.shape[0] - 2)
    j = np.clip(np.floor(column).astype(np.intp), 0, image.shape[1] - 2)
    down, right = (row - i).astype(np.float32), (column - j).astype(np.float32)
    upper = image[i, j] * (1 - right) + image[i, j + 1] * right
    lower = image[i + 1, j] * (1 - right) + image[i + 1, j + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
