"""A network shared by threads, and the settings that load it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from skysieve.core.models.engine import available_threads, load_network
from skysieve.core.models.graph_io import check_output

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model, ModelCard
    from skysieve.core.models.graph_io import OutputKind
    from skysieve.core.models.network import Engine, Network, Precision

__all__ = ["EngineSettings", "SharedNetwork"]


class SharedNetwork:
    """A network that threads call one at a time, and that can be stopped.

    Several threads may process frames, but the network already uses all processors.

    Parameters
    ----------
    network
        The loaded network.
    card
        Card of its model.
    output_kind
        Kind of output to check for.
    """

    def __init__(self, network: Network, card: ModelCard, output_kind: OutputKind = "other") -> None:
        self._name, self._classes, self._output_kind = card.name, len(card.classes), output_kind
        self.engine, self.precision = network.engine, network.precision
        self.device, self.sha256 = network.device, network.sha256
        self._network = network
        self._busy = Lock()
        self._stopped = Event()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`skysieve.core.models.network.Network.__call__`.

        Raises
        ------
        KeyboardInterrupt
            If the network was stopped.
        ModelError
            If the graph cannot be run, or its output is invalid; see :func:`check_output`.
        """
        with self._busy:
            if self._stopped.is_set():
                raise KeyboardInterrupt
            output = self._network(pixels)
        check_output(output, pixels, model=self._name, output_kind=self._output_kind, classes=self._classes)
        return output

    def stop(self) -> None:
        """Stop all threads, each at its next call of the network."""
        self._stopped.set()


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Settings of the inference engine.

    Attributes
    ----------
    engine, precision, device, threads
        See :func:`skysieve.core.models.engine.load_network`.
    """

    engine: Engine = "auto"
    precision: Precision = "auto"
    device: str = "cpu"
    threads: int | None = None

    def load(self, model: Model, *, output_kind: OutputKind = "other") -> SharedNetwork:
        """Load a model's graph.

        Parameters
        ----------
        model
            The model.
        output_kind
            Kind of output, which is checked after each call.

        Returns
        -------
        SharedNetwork
            The loaded network.

        Raises
        ------
        ConfigError
            If the settings are incompatible.
        ModelError
            If the graph cannot be loaded.
        """
        network = load_network(
            model, engine=self.engine, precision=self.precision, device=self.device, threads=self.threads
        )
        return SharedNetwork(network, model.card, output_kind)

    @property
    def all_threads(self) -> int:
        """Number of processor threads to use."""
        return self.threads or available_threads()

    def shared_by(self, workers: int) -> Self:
        """Return the settings for one of several processes that share the processors.

        Parameters
        ----------
        workers
            Number of processes.

        Returns
        -------
        EngineSettings
            The same settings, with the threads divided unless the user set their number.
        """
        if workers == 1 or self.threads is not None:
            return self
        return dataclasses.replace(self, threads=max(1, available_threads() // workers))
