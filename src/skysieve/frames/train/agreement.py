"""Agreement of the decisions in bfloat16 with those in float32."""

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
    """Measure the fraction of decisions that are the same in bf16 and float32.

    Parameters
    ----------
    model
        Model for contaminants; its default priors and thresholds are used.
    frames
        Normalised pixels ``(H, W)`` float32, and valid pixels ``(H, W)`` bool.

    Returns
    -------
    float or None
        Fraction over pixels and classes, including the background.  None without OpenVINO, on a processor
        without bf16, or without valid pixels.
    """
    if find_spec("openvino") is None:
        return None
    used = list(frames)
    # One engine at a time: with two, OpenVINO keeps an alternate signal stack that no longer exists
    full = _decisions(model, "f32", used)
    try:
        lower = _decisions(model, "bf16", used)
    except ConfigError:
        return None
    total = len(model.card.classes) * sum(int(valid.sum()) for _, valid in used)
    different = sum(int(np.bitwise_count(a ^ b).sum()) for a, b in zip(full, lower, strict=True))
    return 1 - different / total if total else None


def _decisions(
    model: Model, precision: Precision, frames: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]]
) -> list[NDArray[np.uint8]]:
    """Return the decisions on the valid pixels of each frame, packed as bits."""
    card = model.card
    values = (card.default_thresholds, card.training_priors, card.default_priors)
    thresholds, training, priors = ([by_name[name] for name in card.classes] for by_name in values)
    limits = raw_thresholds(thresholds, training, priors)[:, None]
    network = load_network(model, engine="openvino", precision=precision)
    return [np.packbits(network(pixels[None, None])[0][:, valid] > limits) for pixels, valid in frames]
