"""Models small enough to know by heart, in the form of real ones: a card and a graph."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skysieve.core.models.card import CARD_FILE, GraphFile, ModelCard, Tiling
from skysieve.frames.mask.classes import CLASSES
from skysieve.ghosts.classes import CLASS_NAMES as GHOST_CLASSES
from skysieve.ghosts.predict.decide import COORDINATES, LAYERS
from skysieve.ghosts.predict.model import GHOSTS

SHARPNESS = 4.0


def _save(graph, folder, *, normalisation="mesh-200", **card):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    written = ModelCard(
        version="1",
        description="a test",
        licence="MIT",
        reference="",
        source="",
        normalisation=normalisation,
        graphs=(GraphFile("tiny.onnx", digest, ("openvino", "onnxruntime")),),
        **card,
    )
    (folder / CARD_FILE).write_text(written.to_json())
    return folder


def save_pixel_model(folder, limits, **tiling):
    """Save a model for contaminants that looks at single pixels.

    The probability of a class is a logistic function of the pixel in sigma, one half at the class's limit
    in ``limits`` (by name; the others are never seen).
    """
    offsets = np.array([-SHARPNESS * limits.get(c.name, 1e4) for c in CLASSES], np.float32)
    slopes = np.full((len(CLASSES), 1, 1, 1), SHARPNESS, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "slopes", "offsets"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
        ],
        "pixels",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(CLASSES), "h", "w"])],
        [numpy_helper.from_array(slopes, "slopes"), numpy_helper.from_array(offsets, "offsets")],
    )
    sizes = {"multiple": 16, "remainder": 0, "minimum": 64, "margin": 8, **tiling}
    return _save(
        graph,
        folder,
        name="tiny",
        job="contaminants",
        classes=tuple(c.name for c in CLASSES),
        tiling=Tiling(**sizes, bytes_per_pixel={"f32": 100, "bf16": 100}),
        training_priors={c.name: c.training_prior for c in CLASSES},
        default_priors={c.name: c.default_prior for c in CLASSES},
        default_thresholds={c.name: 0.5 for c in CLASSES},
    )


def save_mean_model(folder, size=64):
    """Save a model for tracking that is sure of an error where the mean of a block is above 1 sigma."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
            helper.make_node("Gemm", ["column", "weights", "offsets"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "mean",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, size, size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(np.array([1]), "axis"),
            numpy_helper.from_array(np.array([[0.0, 100.0]], np.float32), "weights"),
            numpy_helper.from_array(np.array([0.0, -100.0], np.float32), "offsets"),
        ],
    )
    sizes = {"multiple": size, "remainder": 0, "minimum": size, "margin": 0, "fixed_size": size}
    even = {"good": 0.5, "tracking error": 0.5}
    return _save(
        graph,
        folder,
        name="tiny-track",
        job="tracking",
        classes=("good", "tracking error"),
        tiling=Tiling(**sizes, bytes_per_pixel={"f32": 100, "bf16": 100}),
        training_priors=even,
        default_priors=even,
        default_thresholds=even,
    )


def save_ghost_model(folder, side=0):
    """Save a model for ghosts that takes every patch of the picture above 8 sigma for one Bright ghost."""
    features, count = 8, len(GHOST_CLASSES)
    inputs, kernels = features + COORDINATES, []
    for number, outputs in enumerate(LAYERS):
        weights, biases = np.zeros((outputs, inputs)), np.zeros(outputs)
        # the first feature is handed on, and cut at one half by the last layer
        weights[0, 0], biases[0] = (40, -20) if number == len(LAYERS) - 1 else (1, 0)
        kernels += [*weights.ravel(), *biases]
        inputs = outputs
    first = 1 + 2 * count
    weights = np.zeros((first + len(kernels) + features, 2, 1, 1), np.float32)
    biases = np.zeros(len(weights), np.float32)
    biases[first : first + len(kernels)] = kernels
    bright = GHOST_CLASSES.index("Bright")
    weights[0, 1] = 0.9
    weights[1 + bright, 0] = 1
    weights[1 + count + bright, 0] = 0.8
    weights[first + len(kernels), 0] = 1
    sides = [side or "h", side or "w"]
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["pixels", "limit"], ["above"]),
            helper.make_node("Mul", ["above", "steep"], ["steeper"]),
            helper.make_node("Clip", ["steeper", "zero", "one"], ["lit"]),
            helper.make_node("AveragePool", ["lit"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
            helper.make_node("ReduceMax", ["cells"], ["most"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Mul", ["cells", "zero"], ["blank"]),
            helper.make_node("Add", ["blank", "most"], ["any"]),
            helper.make_node("Concat", ["cells", "any"], ["both"], axis=1),
            helper.make_node("Conv", ["both", "weights", "biases"], ["maps"]),
        ],
        "ghosts",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, *sides])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", len(weights), "p", "q"])],
        [
            *(
                numpy_helper.from_array(np.array(value, np.float32), name)
                for name, value in (("limit", 8), ("steep", 1e3), ("zero", 0), ("one", 1))
            ),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(biases, "biases"),
        ],
    )
    sizes = {"multiple": 8, "remainder": 0, "minimum": 8, "margin": 0, "fixed_size": side}
    return _save(
        graph,
        folder,
        name="tiny-ghosts",
        job="ghosts",
        normalisation=GHOSTS.normalisation,
        classes=GHOST_CLASSES,
        tiling=Tiling(**sizes, bytes_per_pixel={"f32": 100, "bf16": 100}),
        training_priors={},
        default_priors={},
        default_thresholds=dict.fromkeys(GHOST_CLASSES, 0.3),
    )
