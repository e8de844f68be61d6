"""Safety checks of foreign ONNX files before an engine reads them."""

from __future__ import annotations

import struct

from skysieve.core.errors import ModelError
from skysieve.core.models.protobuf import Message

__all__ = ["check_onnx", "read_inputs_outputs"]

# Path from the model to its tensors: kind of message, number of a field, kind of the messages in that field.
_INNER: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_GRAPH = 7
_INITIALIZER, _INPUTS, _OUTPUTS = 5, 11, 12
_KINDS = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def check_onnx(content: bytes, label: str) -> None:
    """Check that a file is an ONNX graph that contains all its weights.

    Weights may be in other files, which an engine reads from any path that the graph states: it could read
    any file of the user.

    Parameters
    ----------
    content
        The file.
    label
        Name of the file in messages.

    Raises
    ------
    ModelError
        If it is not an ONNX graph, or refers to other files.

    References
    ----------
    onnx/onnx.proto in github.com/onnx/onnx.
    """
    try:
        model = Message(memoryview(content))
        if _GRAPH not in model:
            raise ModelError(f"{label}: is no ONNX graph")
        waiting = [("model", model)]
        while waiting:
            kind, message = waiting.pop()
            if kind == "tensor" and (_EXTERNAL_DATA in message or message.integer(_DATA_LOCATION)):
                raise ModelError(f"{label}: has weights in other files, which are not read; put them into it")
            for number, inner in _INNER[kind].items():
                waiting += [(inner, Message(raw)) for raw in message.all_raw(number)]
    except (IndexError, ValueError, struct.error) as error:
        raise ModelError(f"{label}: is no ONNX graph ({error})") from error


def read_inputs_outputs(content: bytes, label: str) -> tuple[list[tuple[str, str, int | None]], list[str]]:
    """Return the inputs and outputs that an ONNX graph states.

    Some releases of ONNX Runtime abort the process on inputs that do not fit the first node, before the
    inputs can be queried.

    Parameters
    ----------
    content
        File that :func:`check_onnx` accepted.
    label
        Name of the file in messages.

    Returns
    -------
    inputs
        Name, type and number of axes of each input; None for any number of axes.
    outputs
        Type of each output.

    Raises
    ------
    ModelError
        If they cannot be read.
    """
    try:
        graph = Message(Message(memoryview(content)).raw(_GRAPH))
        # Old graphs list their weights among their inputs
        weights = {bytes(Message(tensor).raw(8)) for tensor in graph.all_raw(_INITIALIZER)}
        inputs = []
        for value in map(Message, graph.all_raw(_INPUTS)):
            name = bytes(value.raw(1))
            if name not in weights:
                inputs.append((name.decode(errors="replace"), *_tensor(value)))
        return inputs, [_tensor(Message(value))[0] for value in graph.all_raw(_OUTPUTS)]
    except (IndexError, ValueError, struct.error) as error:
        raise ModelError(f"{label}: is no ONNX graph ({error})") from error


def _tensor(value: Message) -> tuple[str, int | None]:
    """Return type and number of axes of an input or output."""
    tensor = Message(Message(value.raw(2)).raw(1))
    number = tensor.integer(1)
    axes = len(Message(tensor.raw(2)).all_raw(1)) if 2 in tensor else None
    return _KINDS.get(number, f"type {number} of ONNX"), axes
