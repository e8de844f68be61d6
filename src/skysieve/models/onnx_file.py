"""What a graph of somebody else's must not hold, seen before an engine reads it."""

from __future__ import annotations

import struct

from skysieve.errors import ModelError
from skysieve.models.protobuf import Message

__all__ = ["check_onnx"]

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
