"""Segmentation networks by name; their modules, which import torch, are imported when one is built."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.clusters.networks.segmentation_blocks import Segmenter

__all__ = ["DEEPLY_SUPERVISED", "SEGMENTERS", "build_segmenter"]

SEGMENTERS = {
    "unet": "unet:UNet",
    "vnet": "vnet:VNet",
    "unet++": "unet_plus_plus:UNetPlusPlus",
    "r2unet": "r2_unet:R2UNet",
    "attention-unet": "attention_unet:AttentionUNet",
    "resunet-a": "resunet_a:ResUNetA",
    "u2net": "u2_net:U2Net",
    "unet3+": "unet_3plus:UNet3Plus",
}
"""Module of this package and class of each network, by the names that recipes use."""

DEEPLY_SUPERVISED = frozenset({"unet++", "u2net", "unet3+"})
"""Networks that can predict from earlier stages too, for deep supervision in training."""


def build_segmenter(
    kind: str,
    *,
    bands: int,
    classes: int = 1,
    widths: Sequence[int] = (),
    prior: float | None = None,
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
        Probability that the untrained network predicts for each class; by default that of the network.
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
    options: dict[str, float | bool | tuple[int, ...]] = {} if prior is None else {"prior": prior}
    if deep_supervision:
        if kind not in DEEPLY_SUPERVISED:
            takers = ", ".join(sorted(DEEPLY_SUPERVISED))
            raise ValueError(f"{kind} has one prediction only: deep supervision is for {takers}")
        options["deep_supervision"] = True
    if widths:
        options["widths"] = tuple(widths)
    module, _, name = SEGMENTERS[kind].partition(":")
    network: Segmenter = getattr(import_module(f"skysieve.clusters.networks.{module}"), name)(
        bands, classes, **options
    )
    return network
