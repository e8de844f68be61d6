"""Graphs run by OpenVINO on the CPU."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.models.card import Model
    from skysieve.models.network import Precision

__all__ = ["OpenVINONetwork"]


def _without_telemetry() -> Any:
    """Import OpenVINO without the part that reports each import to its maker, from a process of its own."""
    modules: dict[str, Any] = sys.modules
    hidden = modules.setdefault("openvino_telemetry", None) is None
    try:
        import openvino
    finally:
        if hidden:
            del modules["openvino_telemetry"]
    return openvino


openvino = _without_telemetry()

COMPILED_SHAPES = 2
"""Shapes kept compiled; each holds the memory of one call."""


class OpenVINONetwork:
    """A graph compiled for every input shape that it meets, which is faster than one for all shapes.

    Parameters
    ----------
    model
        The model.
    precision
        ``auto``, ``f32`` or ``bf16``.
    threads
        Processor threads.
    bf16_agrees
        Whether ``auto`` may take bf16.

    Raises
    ------
    ConfigError
        If bf16 is asked for on a processor without it.
    ModelError
        If OpenVINO cannot read the graph.
    """

    engine = "openvino"
    device = "cpu"

    def __init__(self, model: Model, precision: Precision, threads: int, *, bf16_agrees: bool) -> None:
        self._core = openvino.Core()
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bf16" and not has_bf16:
            raise ConfigError("this processor has no bf16 instructions; use --precision f32")
        if precision == "auto":
            precision = "bf16" if has_bf16 and bf16_agrees else "f32"
        self.precision: str = precision
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        content, self.sha256 = model.graph(self.engine)
        self._name = model.card.name
        try:
            self._graph = self._core.read_model(content)
        except RuntimeError as error:
            raise ModelError(f"model {self._name!r}: OpenVINO cannot read its graph ({error})") from error
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output for ``(N, 1, H, W)`` float32 pixels."""
        request = self._requests.pop(pixels.shape, None) or self._compile(pixels.shape)
        self._requests[pixels.shape] = request
        result = request.infer({0: np.ascontiguousarray(pixels)}, share_inputs=True)
        output: NDArray[np.float32] = result[0]
        return output

    def _compile(self, shape: tuple[int, ...]) -> Any:
        while len(self._requests) >= COMPILED_SHAPES:
            self._requests.popitem(last=False)
        graph = self._graph.clone()
        try:
            graph.reshape(list(shape))
            return self._core.compile_model(graph, "CPU", self._settings).create_infer_request()
        except RuntimeError as error:
            raise ModelError(
                f"model {self._name!r} does not take input of shape {shape} ({error})"
            ) from error
