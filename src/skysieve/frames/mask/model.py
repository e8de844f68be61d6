"""The models of this job: the default model, and the published one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.models.card import ModelCard, Tiling
from skysieve.core.models.find import ModelJob
from skysieve.frames.image.normalise import NAME as NORMALISATION
from skysieve.frames.mask.classes import CLASS_NAMES, CLASSES
from skysieve.frames.maximask.published import GraphForm, PublishedNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import onnx
    from numpy.typing import NDArray

__all__ = ["CONTAMINANTS", "MAXIMASK"]


def _with_masks(weights: Mapping[str, NDArray[np.generic]]) -> onnx.ModelProto:
    from skysieve.frames.maximask.maximask_graph import maximask_graph

    return maximask_graph(weights, "masks")


def _with_indices(weights: Mapping[str, NDArray[np.generic]]) -> onnx.ModelProto:
    from skysieve.frames.maximask.maximask_graph import maximask_graph

    return maximask_graph(weights, "indices")


MAXIMASK = PublishedNetwork(
    card=ModelCard(
        name="maximask",
        job="contaminants",
        version="1.3.0",
        description="the published MaxiMask network: 14 classes of pixels in CCD and near-infrared frames",
        licence="MIT, Copyright (c) 2018 Maxime Paillassa",
        reference="Paillassa, Bertin & Bouy 2020, A&A 634, A48",
        source="",
        normalisation=NORMALISATION,
        classes=CLASS_NAMES,
        # Sides have the remainder 16 on division by 32, as 400 has, on which the network was trained.
        # Pooling then groups the same pixels at the far border as in the published tiling, which affects
        # decisions there.
        tiling=Tiling(
            multiple=32, remainder=16, minimum=400, margin=100, bytes_per_pixel={"f32": 1280, "bf16": 730}
        ),
        training_priors={c.name: c.training_prior for c in CLASSES},
        default_priors={c.name: c.default_prior for c in CLASSES},
        default_thresholds={c.name: c.default_threshold for c in CLASSES},
        graphs=(),
        agreement={"bf16": 0.9989},  # docs/results/agreement.md
    ),
    package="maximask_and_maxitrack",
    key="upconv5_1/kernel",
    forms=(
        GraphForm("maximask-masks.onnx", ("openvino",), _with_masks),
        GraphForm("maximask-indices.onnx", ("onnxruntime",), _with_indices),
    ),
)


CONTAMINANTS = ModelJob(
    "contaminants",
    NORMALISATION,
    required=("training_priors", "default_priors", "default_thresholds"),
    published=(MAXIMASK,),
)
"""Models for contaminants."""
