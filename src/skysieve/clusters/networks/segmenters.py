"""The networks that find things in maps of several bands, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
"""What makes each network, by the name that users give."""

DEEPLY_SUPERVISED = frozenset({"unet++", "u2net", "unet3+"})
"""Networks of which more than the last stage may predict in training."""


def build_segmenter(
    kind: str,
    *,
    bands: int,
    classes: int = 1,
    widths: Sequence[int] = (),
    prior: float = PRIOR,
    deep_supervision: bool = False,
) -> Segmenter:
    """Return an untrained network, its weights drawn from torch's global generator.

    Parameters
    ----------
    kind
        One of :data:`SEGMENTERS`.
    bands
        Channels of the input.
    classes
        Number of classes; they may overlap.
    widths
        Channels at 1, 1/2, 1/4, … of the resolution; those published if empty.
    prior
        Probability that the untrained network gives to each class.
    deep_supervision
        Whether earlier stages predict, too; for networks in :data:`DEEPLY_SUPERVISED`.

    Raises
    ------
    ValueError
        If there is no such network, or it takes no such bands, classes, widths, prior or supervision.
    """
    if kind not in SEGMENTERS:
        raise ValueError(f"no network is called {kind!r}: expected one of {', '.join(SEGMENTERS)}")
    options: dict[str, Any] = {"prior": prior}
    if deep_supervision:
        if kind not in DEEPLY_SUPERVISED:
            takers = ", ".join(sorted(DEEPLY_SUPERVISED))
            raise ValueError(f"{kind} has one prediction only: deep supervision is for {takers}")
        options["deep_supervision"] = True
    if widths:
        options["widths"] = tuple(widths)
    return SEGMENTERS[kind](bands, classes, **options)
