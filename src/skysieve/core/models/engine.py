"""Load graphs into an inference engine, and choose the engine if the user does not.

OpenVINO was the faster engine on the x86-64 processors measured, in float32 and even more in bfloat16 where
the processor has instructions for it: see ``docs/results/engines.md``.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, get_args

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.extras import install_command
from skysieve.core.models.network import ENGINES, Engine, Precision

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysieve.core.models.card import Model
    from skysieve.core.models.network import EngineName, Network

__all__ = ["available_threads", "load_network"]

MIN_AGREEMENT = 0.9999
"""Smallest share of decisions equal to those of float32 for which ``auto`` uses a lower precision."""


def available_threads() -> int:
    """Return the number of processors that this process may use.

    Returns
    -------
    int
        Number of processors.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_network(
    model: Model,
    *,
    engine: Engine = "auto",
    precision: Precision = "auto",
    device: str = "cpu",
    threads: int | None = None,
) -> Network:
    """Load a model's graph.

    Parameters
    ----------
    model
        The model.
    engine
        ``auto`` selects ONNX Runtime on a GPU. On a CPU it selects OpenVINO if it is installed and the model
        has a graph for it, else ONNX Runtime.
    precision
        ``auto`` selects bf16 if the processor supports it and the card states that decisions agree.
    device
        ``cpu``, ``cuda`` or ``cuda:N``.
    threads
        Processor threads; all by default.

    Returns
    -------
    Network
        The loaded graph.

    Raises
    ------
    ConfigError
        If engine, precision and device are incompatible.
    ModelError
        If no engine is installed or the graph cannot be loaded.
    """
    for value, choices in ((engine, get_args(Engine)), (precision, get_args(Precision))):
        if value not in choices:
            raise ConfigError(f"unknown choice {value!r}; choose from {', '.join(choices)}")
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or (kind == "cpu" and number):
        raise ConfigError(f"unknown device {device!r}; choose cpu, cuda or cuda:N")
    chosen = _choose_engine(model, engine, kind)
    threads = threads or available_threads()
    return _LOADERS[chosen](model, precision, device, threads)


def _openvino(model: Model, precision: Precision, _device: str, threads: int) -> Network:
    from skysieve.core.models.openvino_engine import OpenVINONetwork

    bf16_agrees = model.card.agreement.get("bf16", 0.0) >= MIN_AGREEMENT
    return OpenVINONetwork(model, precision, threads, bf16_agrees=bf16_agrees)


def _onnxruntime(model: Model, precision: Precision, device: str, threads: int) -> Network:
    from skysieve.core.models.onnxruntime_engine import ONNXRuntimeNetwork

    if precision == "bf16":
        raise ConfigError("ONNX Runtime runs these graphs in f32 only; use --engine openvino for bf16")
    return ONNXRuntimeNetwork(model, device, threads)


_LOADERS: dict[EngineName, Callable[[Model, Precision, str, int], Network]] = {
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
}
"""Functions that load a graph into each engine."""


def _choose_engine(model: Model, engine: Engine, device_kind: str) -> EngineName:
    if device_kind == "cuda":
        if engine == "openvino":
            raise ConfigError("OpenVINO does not run on CUDA devices; use --engine onnxruntime")
        candidates: list[EngineName] = ["onnxruntime"]
    elif engine == "auto":
        able = {name for graph in model.card.graphs for name in graph.engines}
        candidates = [name for name in ENGINES if name in able] or [ENGINES[0]]
    else:
        candidates = [engine]
    for candidate in candidates:
        if importlib.util.find_spec(candidate) is not None:
            return candidate
    problem = f"{' or '.join(candidates)} is not installed"
    raise ModelError(f"{problem}; run: {install_command(candidates[0])}")
