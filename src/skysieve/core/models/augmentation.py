"""Networks shown the same tiles turned and mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["VIEWS", "highest_over_views"]

VIEWS = (1, 2, 4, 8)
"""Numbers of views: as it is; and turned by a quarter; all four turns; all turns, mirrored too."""


def highest_over_views(
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]], pixels: NDArray[np.float32], views: int
) -> NDArray[np.float32]:
    """Return the highest probability that a network gives each pixel in any of several views.

    The sky has no preferred direction, but networks do: one that misses a trail may find it in the
    picture turned by a quarter.

    Parameters
    ----------
    network
        Takes ``(N, 1, H, W)`` float32 and returns ``(N, C, H, W)`` float32.
    pixels
        ``(N, 1, H, W)`` float32.
    views
        One of :data:`VIEWS`.

    Returns
    -------
    ndarray
        ``(N, C, H, W)`` float32.

    Raises
    ------
    ConfigError
        If there is no such number of views.
    """
    if views not in VIEWS:
        raise ConfigError(f"{views} views: choose from {', '.join(map(str, VIEWS))}")
    highest = network(pixels)
    for view in range(1, views):
        turns, mirrored = view % 4, view >= 4
        turned = np.rot90(pixels, turns, (2, 3))
        seen = network(np.ascontiguousarray(turned[..., ::-1] if mirrored else turned))
        back = np.rot90(seen[..., ::-1] if mirrored else seen, -turns, (2, 3))
        np.maximum(highest, back, out=highest)
    return highest
