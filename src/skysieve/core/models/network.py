"""Interface of a graph that an engine has loaded, and the record of its use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ENGINES", "Engine", "EngineName", "ModelUse", "Network", "Precision"]

EngineName = Literal["openvino", "onnxruntime"]
"""Engines, by the names of their packages; :mod:`skysieve.core.models.engine` says how each is loaded."""

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
"""Names of the engines; the first is preferred."""

Engine = Literal["auto", EngineName]
"""Choices of an engine."""

Precision = Literal["auto", "f32", "bf16"]


@dataclass(frozen=True)
class ModelUse:
    """The model that made a product, and its execution.

    Attributes
    ----------
    name, sha256
        Name of the model, and checksum of its graph.
    engine, precision
        Engine and precision with which it ran.
    """

    name: str
    sha256: str
    engine: str
    precision: str


class Network(Protocol):
    """A graph loaded into an engine.

    Attributes
    ----------
    engine, precision, device
        How it runs.
    sha256
        Checksum of the graph.
    """

    engine: str
    precision: str
    device: str
    sha256: str

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output.

        Parameters
        ----------
        pixels : ndarray of float32, shape (N, 1, H, W)
            Normalised pixels.

        Returns
        -------
        ndarray of float32
            Output of the graph; the first axis is N.
        """
        ...
