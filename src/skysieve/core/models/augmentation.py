"""Test-time augmentation: apply a network to rotated and mirrored tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.models.engine_settings import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["max_over_views"]


def max_over_views(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]], pixels: NDArray[np.float32], views: int
) -> NDArray[np.float32]:
    """Return the maximum over several views of the probabilities that a network predicts.

    The sky has no preferred direction, but networks do: a network that misses a trail may detect it in the
    image rotated by a quarter turn.

    Parameters
    ----------
    network
        Maps ``(N, 1, H, W)`` float32 to ``(N, C, H, W)`` float32.
    pixels : ndarray of float32, shape (N, 1, H, W)
        Normalised tiles.
    views
        Number of views, one of :data:`VIEWS`.

    Returns
    -------
    ndarray of float32, shape (N, C, H, W)
        Largest probability of each pixel and class.

    Raises
    ------
    ConfigError
        If there is no such number of views.
    """
    if views not in VIEWS:
        raise ConfigError(f"{views} views: choose from {', '.join(map(str, VIEWS))}")
    maximum = network(pixels)
    for view in range(1, views):
        turns, mirrored = view % 4, view >= 4
        rotated = np.rot90(pixels, turns, (2, 3))
        predicted = network(np.ascontiguousarray(rotated[..., ::-1] if mirrored else rotated))
        restored = np.rot90(predicted[..., ::-1] if mirrored else predicted, -turns, (2, 3))
        np.maximum(maximum, restored, out=maximum)
    return maximum
