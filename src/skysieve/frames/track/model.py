"""Models for the detection of tracking errors, the published one among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.models.card import ModelCard, Tiling
from skysieve.core.models.find import ModelJob
from skysieve.frames.image.normalise import NAME as NORMALISATION
from skysieve.frames.maximask.published import GraphForm, PublishedNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import onnx
    from numpy.typing import NDArray

__all__ = ["MAXITRACK", "TRACKING"]


def _build(weights: Mapping[str, NDArray[np.generic]]) -> onnx.ModelProto:
    from skysieve.frames.maximask.maxitrack_graph import maxitrack_graph

    return maxitrack_graph(weights)


MAXITRACK = PublishedNetwork(
    card=ModelCard(
        name="maxitrack",
        job="tracking",
        version="1.3.0",
        description="the published MaxiTrack network: tracking errors in blocks of 400 x 400 pixels",
        licence="MIT, Copyright (c) 2018 Maxime Paillassa",
        reference="Paillassa, Bertin & Bouy 2020, A&A 634, A48",
        source="",
        normalisation=NORMALISATION,
        classes=("good", "tracking error"),
        tiling=Tiling(
            multiple=400,
            remainder=0,
            minimum=400,
            margin=0,
            fixed_size=400,
            bytes_per_pixel={"f32": 350, "bf16": 250},
        ),
        training_priors={"good": 0.5, "tracking error": 0.5},
        default_priors={"good": 0.95, "tracking error": 0.05},
        default_thresholds={"good": 0.5, "tracking error": 0.5},
        graphs=(),
    ),
    package="maximask_and_maxitrack",
    key="dense3/kernel",
    forms=(GraphForm("maxitrack.onnx", ("openvino", "onnxruntime"), _build),),
)


TRACKING = ModelJob(
    "tracking", NORMALISATION, required=("training_priors", "default_priors"), published=(MAXITRACK,)
)
"""Models for tracking errors."""
