"""Segmentation networks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.clusters.networks.attention_unet import AttentionUNet
from skysieve.clusters.networks.r2_unet import R2UNet
from skysieve.clusters.networks.resunet_a import ResUNetA
from skysieve.clusters.networks.segmentation_blocks import PRIOR, Segmenter
from skysieve.clusters.networks.u2_net import U2Net
from skysieve.clusters.networks.unet import UNet
from skysieve.clusters.networks.unet_3plus import UNet3Plus
from skysieve.clusters.networks.unet_plus_plus import UNetPlusPlus
from skysieve.clusters.networks.vnet import VNet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DEEPLY_SUPERVISED", "SEGMENTERS", "Segmenter", "build_segmenter"]

SEGMENTERS: dict[str, Callable[..., Segmenter]] = {
    "unet": UNet,
    "vnet": VNet,
    "unet++": UNetPlusPlus,
    "r2unet": R2UNet,
    "attention-unet": AttentionUNet,
    "resunet-a": ResUNetA,
    "u2net": U2Net,
    "unet3+": UNet3Plus,
}
"""Network classes by the names that recipes use."""

DEEPLY_SUPERVISED = frozenset({"unet++", "u2net", "unet3+"})
"""Networks that can predict from earlier stages too, for deep supervision in training."""


def build_segmenter(
    kind: str,
    *,
    bands: int,
    classes: int = 1,
    widths: Sequence[int] = (),
    prior: float = PRIOR,
    deep_supervision: bool = False,
) -> Segmenter:
    """Build an untrained network; its weights are drawn from torch's global generator.

    Parameters
    ----------
    kind
        One of :data:`SEGMENTERS`.
    bands
        Channels of the input.
    classes
        Number of classes, which may overlap.
    widths
        Channels at 1, 1/2, 1/4, … of the resolution; by default those of the network.
    prior
        Probability that the untrained network predicts for each class.
    deep_supervision
        Whether earlier stages predict too; for networks in :data:`DEEPLY_SUPERVISED`.

    Returns
    -------
    Segmenter
        With random weights.

    Raises
    ------
    ValueError
        If the network is unknown, an argument is out of range, or deep supervision is not available.
    """
    if kind not in SEGMENTERS:
        raise ValueError(f"no network is called {kind!r}: expected one of {', '.join(SEGMENTERS)}")
    options: dict[str, float | bool | tuple[int, ...]] = {"prior": prior}
    if deep_supervision:
        if kind not in DEEPLY_SUPERVISED:
            takers = ", ".join(sorted(DEEPLY_SUPERVISED))
            raise ValueError(f"{kind} has one prediction only: deep supervision is for {takers}")
        options["deep_supervision"] = True
    if widths:
        options["widths"] = tuple(widths)
    return SEGMENTERS[kind](bands, classes, **options)
