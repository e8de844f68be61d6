"""Graphs run by ONNX Runtime, on the CPU or a CUDA GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.extras import install_command
from skysieve.core.models.graph_io import INPUT, check_inputs_outputs, short_reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model

__all__ = ["ONNXRuntimeNetwork"]

ERRORS_ONLY = 3


class ONNXRuntimeNetwork:
    """A graph in an ONNX Runtime session.

    Parameters
    ----------
    model
        The model.
    device
        ``cpu``, ``cuda`` or ``cuda:N``.
    threads
        Processor threads.

    Raises
    ------
    ConfigError
        If the device is not available.
    ModelError
        If ONNX Runtime cannot load the graph, or the graph does not take only pixels and return float32.
    """

    engine = "onnxruntime"
    precision = "f32"

    def __init__(self, model: Model, device: str, threads: int) -> None:
        self.device = device
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False  # would double the memory of a call without saving time
        options.log_severity_level = ERRORS_ONLY
        providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
        if device != "cpu":
            if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
                raise ConfigError(
                    f"device {device!r}: this ONNX Runtime has no CUDA; run: pip uninstall onnxruntime, "
                    f"and then: {install_command('gpu')}"
                )
            number = device.partition(":")[2] or "0"
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
        content, self.sha256 = model.graph(self.engine)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors share no base class of their own
            reason = short_reason(error)
            raise ModelError(f"model {model.card.name!r}: ONNX Runtime cannot load it ({reason})") from error
        self._name = model.card.name
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        check_inputs_outputs(
            self._name,
            [
                (one.name, one.type.removeprefix("tensor(").removesuffix(")"), len(one.shape))
                for one in inputs
            ],
            [one.type.removeprefix("tensor(").removesuffix(")") for one in outputs],
        )
        self._output = outputs[0].name
        if device != "cpu" and self._session.get_providers()[0] != "CUDAExecutionProvider":
            raise ConfigError(f"device {device!r} cannot be used by ONNX Runtime; is the driver installed?")

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`skysieve.core.models.network.Network.__call__`.

        Raises
        ------
        ModelError
            If the graph does not accept pixels of this shape, or cannot be run.
        """
        try:
            output: NDArray[np.float32] = self._session.run([self._output], {INPUT: pixels})[0]
        except Exception as error:  # ONNX Runtime's errors share no base class of their own
            raise ModelError(
                f"model {self._name!r} does not take input of shape {pixels.shape} ({short_reason(error)})"
            ) from error
        return output
