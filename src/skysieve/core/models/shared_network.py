"""A network that several threads may use, and how it is asked for."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING

from skysieve.core.models.graph_ends import check_answer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import ModelCard
    from skysieve.core.models.graph_ends import Answer
    from skysieve.core.models.network import Network

__all__ = ["SharedNetwork"]


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
