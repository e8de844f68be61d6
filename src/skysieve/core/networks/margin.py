"""Margin of a tile in which the output differs from that on the whole frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from skysieve.core.networks.blocks import ExportableNetwork

__all__ = ["measure_margin"]


def measure_margin(
    network: ExportableNetwork, pixels: Tensor, *, border: int, tolerance: float = 1e-3, part: float = 0.0
) -> int:
    """Measure the width of the margin in which probabilities depend on pixels outside the tile.

    The network runs once on all of ``pixels`` and once on ``pixels`` without a border.  The probabilities are
    compared at each distance from the new edge.

    Parameters
    ----------
    network
        Network on pixels, in evaluation mode.
    pixels
        ``(N, 1, H, W)`` normalised pixels; sides are multiples of the network's `multiple`.
    border
        Pixels to remove at each side; a multiple of the network's `multiple`.
    tolerance
        Difference of probabilities that is accepted.
    part
        Fraction of the values at one distance that may differ by more.

    Returns
    -------
    int
        Smallest margin in pixels beyond which probabilities agree; at most half of the inner tile.

    Raises
    ------
    ValueError
        If the border is not a multiple of the network's `multiple`, or leaves no pixels.
    """
    height, width = pixels.shape[-2:]
    if border <= 0 or border % network.multiple or min(height, width) <= 2 * border:
        raise ValueError(
            f"border of {border} px: expected a multiple of {network.multiple} that leaves a tile"
        )
    inner = (..., slice(border, height - border), slice(border, width - border))
    with torch.inference_mode():
        whole = network.probabilities(pixels)[inner]
        alone = network.probabilities(pixels[inner].contiguous())
    wrong = ((whole - alone).abs() > tolerance).float().mean((0, 1))
    rows, columns = wrong.shape
    from_edge = [torch.minimum(torch.arange(n), torch.arange(n - 1, -1, -1)) for n in (rows, columns)]
    distance = torch.minimum(from_edge[0][:, None], from_edge[1][None, :]).to(wrong.device)
    share = torch.zeros(int(distance.max()) + 1, device=wrong.device)
    counts = torch.zeros_like(share)
    share.index_add_(0, distance.flatten(), wrong.flatten())
    counts.index_add_(0, distance.flatten(), torch.ones_like(wrong).flatten())
    above = torch.nonzero(share > part * counts)
    return int(above[-1]) + 1 if len(above) else 0
