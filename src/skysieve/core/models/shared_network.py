"""A network shared by threads, and the settings that load it."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING

from skysieve.core.models.graph_io import check_output

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import ModelCard
    from skysieve.core.models.graph_io import OutputKind
    from skysieve.core.models.network import Network

__all__ = ["SharedNetwork"]


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
