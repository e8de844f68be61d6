"""What a graph of somebody else's must not hold, seen before an engine reads it."""

from __future__ import annotations

import struct

from skysieve.core.errors import ModelError
from skysieve.core.models.protobuf import Message

__all__ = ["check_onnx", "graph_ends"]

# Where messages hold others that lead to tensors: kind of message, field, kind of what it holds.
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
    """Make sure that a file is an ONNX graph, and that all its weights are in it.

    Weights may be in other files, which an engine reads wherever the graph says: any file of the user's.

    Parameters
    ----------
    content
        The file.
    label
        What to call it in messages.

    Raises
    ------
    ModelError
        If it is no ONNX graph, or names other files.

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


def graph_ends(content: bytes, label: str) -> tuple[list[tuple[str, str, int | None]], list[str]]:
    """Return what an ONNX graph says it takes and gives.

    Some releases of ONNX Runtime abort the process on inputs that do not fit the first node, before it can be
    asked for them.

    Parameters
    ----------
    content
        A file that :func:`check_onnx` found right.
    label
        What to call it in messages.

    Returns
    -------
    inputs
        Name, type and number of axes of each; None for any number.
    outputs
        Type of each.

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
    """Return type and number of axes of what goes into a graph or comes out of it."""
    tensor = Message(Message(value.raw(2)).raw(1))
    number = tensor.integer(1)
    axes = len(Message(tensor.raw(2)).all_raw(1)) if 2 in tensor else None
    return _KINDS.get(number, f"type {number} of ONNX"), axes
