"""How far from its border a tile's result differs from that of the whole frame."""

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
    """Return the pixels at a tile's border whose probabilities depend on what lies beyond it.

    The network sees ``pixels`` once whole and once without a border all around; what remains is compared
    at each distance from its new border.

    Parameters
    ----------
    network
        A network for pixels; it is put into evaluation mode for the measurement by the caller.
    pixels
        ``(N, 1, H, W)`` normalised pixels, sides multiples of the network's.
    border
        Pixels cut off at each side, a multiple of the network's.
    tolerance
        Difference of probabilities that does not matter.
    part
        Part of the values at one distance that may differ by more.

    Returns
    -------
    int
        The least margin beyond which probabilities agree; at most half of what remains.

    Raises
    ------
    ValueError
        If the border is no multiple of the network's, or leaves nothing.
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
