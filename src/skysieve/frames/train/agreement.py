"""How often a lower precision decides as float32 does."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.models.engine import load_network
from skysieve.frames.mask.decide import raw_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysieve.core.models.card import Model
    from skysieve.core.models.network import Precision

__all__ = ["bf16_agreement"]


def bf16_agreement(
    model: Model, frames: Iterable[tuple[NDArray[np.float32], NDArray[np.bool_]]]
) -> float | None:
    """Return the part of the decisions at default priors and thresholds that bf16 shares with float32.

    Parameters
    ----------
    model
        A model for contaminants.
    frames
        Normalised pixels ``(H, W)``, and which of them count.

    Returns
    -------
    float
        Over pixels and classes, the background among these; None where it cannot be measured: without
        OpenVINO, or on a processor without bf16, or with no pixels.
    """
    if find_spec("openvino") is None:
        return None
    shown = list(frames)
    # One engine after the other: two at a time leave OpenVINO with a stack for signals that is gone
    whole = _decisions(model, "f32", shown)
    try:
        lower = _decisions(model, "bf16", shown)
    except ConfigError:
        return None
    total = len(model.card.classes) * sum(int(valid.sum()) for _, valid in shown)
    different = sum(int(np.bitwise_count(a ^ b).sum()) for a, b in zip(whole, lower, strict=True))
    return 1 - different / total if total else None


def _decisions(
    model: Model, precision: Precision, frames: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]]
) -> list[NDArray[np.uint8]]:
    """Return the decisions about the pixels of each frame that count, eight in a byte."""
    card = model.card
    values = (card.default_thresholds, card.training_priors, card.default_priors)
    thresholds, training, priors = ([by_name[name] for name in card.classes] for by_name in values)
    limits = raw_thresholds(thresholds, training, priors)[:, None]
    network = load_network(model, engine="openvino", precision=precision)
    return [np.packbits(network(pixels[None, None])[0][:, valid] > limits) for pixels, valid in frames]
