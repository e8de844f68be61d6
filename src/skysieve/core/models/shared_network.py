"""A network that several threads may use, and how it is asked for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from skysieve.core.models.engine import available_threads, load_network
from skysieve.core.models.graph_ends import check_answer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model, ModelCard
    from skysieve.core.models.graph_ends import Answer
    from skysieve.core.models.network import Engine, Network, Precision

__all__ = ["EngineSettings", "SharedNetwork"]


class SharedNetwork:
    """A network that threads call one at a time, and that can be stopped.

    Frames may be at work in several threads, but the network already uses all processors.

    Parameters
    ----------
    network
        The loaded network.
    card
        Of its model.
    answer
        What it is to give.
    """

    def __init__(self, network: Network, card: ModelCard, answer: Answer = "other") -> None:
        self._name, self._classes, self._answer = card.name, len(card.classes), answer
        self.engine, self.precision = network.engine, network.precision
        self.device, self.sha256 = network.device, network.sha256
        self._network = network
        self._busy = Lock()
        self._stopped = Event()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output for ``(N, 1, H, W)`` pixels.

        Raises
        ------
        KeyboardInterrupt
            If the network was stopped.
        ModelError
            If the graph cannot be run, or gives what cannot be right: see :func:`check_answer`.
        """
        with self._busy:
            if self._stopped.is_set():
                raise KeyboardInterrupt
            output = self._network(pixels)
        check_answer(output, pixels, model=self._name, answer=self._answer, classes=self._classes)
        return output

    def stop(self) -> None:
        """End the work of all threads, each at its next call."""
        self._stopped.set()


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What runs a network.

    Attributes
    ----------
    engine, precision, device, threads
        See :func:`skysieve.core.models.engine.load_network`.
    """

    engine: Engine = "auto"
    precision: Precision = "auto"
    device: str = "cpu"
    threads: int | None = None

    def load(self, model: Model, *, answer: Answer = "other") -> SharedNetwork:
        """Load a model's graph.

        Parameters
        ----------
        model
            The model.
        answer
            What its graph is to give, which is checked each time.

        Raises
        ------
        ConfigError
            If the settings do not go together.
        ModelError
            If the graph cannot be loaded.
        """
        network = load_network(
            model, engine=self.engine, precision=self.precision, device=self.device, threads=self.threads
        )
        return SharedNetwork(network, model.card, answer)

    @property
    def all_threads(self) -> int:
        """Processor threads to be used."""
        return self.threads or available_threads()

    def shared_by(self, workers: int) -> Self:
        """Return the settings of one of several processes that share the processors."""
        if workers == 1 or self.threads is not None:
            return self
        return dataclasses.replace(self, threads=max(1, available_threads() // workers))
