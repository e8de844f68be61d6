"""How often a lower precision decides as float32 does."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from skysieve.contaminants.decide import raw_thresholds
from skysieve.errors import ConfigError
from skysieve.models.engine import load_network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysieve.models.card import Model

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
    whole = load_network(model, engine="openvino", precision="f32")
    try:
        lower = load_network(model, engine="openvino", precision="bf16")
    except ConfigError:
        return None
    card = model.card
    values = (card.default_thresholds, card.training_priors, card.default_priors)
    thresholds, training, priors = ([by_name[name] for name in card.classes] for by_name in values)
    limits = raw_thresholds(thresholds, training, priors)[:, None]
    equal = decisions = 0
    for pixels, valid in frames:
        shown = pixels[None, None]
        # each engine gives out the same memory again, so that the first result is decided before the next
        one, other = (network(shown)[0][:, valid] > limits for network in (whole, lower))
        equal += int(np.count_nonzero(one == other))
        decisions += one.size
    return equal / decisions if decisions else None
