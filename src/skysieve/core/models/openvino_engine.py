"""Graphs run by OpenVINO on the CPU."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.models.graph_io import INPUT, check_inputs_outputs, short_reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model
    from skysieve.core.models.network import Precision

__all__ = ["OpenVINONetwork"]


def _without_telemetry() -> Any:
    """Import OpenVINO without its telemetry module, which reports each import from its own process."""
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
"""Number of input shapes kept compiled; each one holds the memory of one call."""


class OpenVINONetwork:
    """A graph compiled for each input shape separately, which is faster than one graph for all shapes.

    Parameters
    ----------
    model
        The model.
    precision
        ``auto``, ``f32`` or ``bf16``.
    threads
        Processor threads.
    bf16_agrees
        Whether ``auto`` may select bf16.

    Raises
    ------
    ConfigError
        If bf16 is requested on a processor without it.
    ModelError
        If OpenVINO cannot read the graph, or the graph does not take only pixels and return float32.
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
            reason = short_reason(error)
            raise ModelError(f"model {self._name!r}: OpenVINO cannot read its graph ({reason})") from error
        check_inputs_outputs(
            self._name,
            [(_name(one), one.element_type.to_string(), _axes(one)) for one in self._graph.inputs],
            [one.element_type.to_string() for one in self._graph.outputs],
        )
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`skysieve.core.models.network.Network.__call__`.

        Raises
        ------
        ModelError
            If the graph does not accept pixels of this shape, or cannot be run.
        """
        request = self._requests.pop(pixels.shape, None) or self._compile(pixels.shape)
        self._requests[pixels.shape] = request
        try:
            result = request.infer({0: np.ascontiguousarray(pixels)}, share_inputs=True)
        except RuntimeError as error:
            raise ModelError(
                f"model {self._name!r} cannot be run on input of shape {pixels.shape} ({short_reason(error)})"
            ) from error
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
                f"model {self._name!r} does not take input of shape {shape} ({short_reason(error)})"
            ) from error


def _name(end: Any) -> str:
    names = end.get_names()
    return INPUT if INPUT in names else next(iter(sorted(names)), "")


def _axes(end: Any) -> int | None:
    """Return the number of axes of an input, or None if any number is allowed."""
    rank = end.get_partial_shape().rank
    return int(rank.get_length()) if rank.is_static else None
