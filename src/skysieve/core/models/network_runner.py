"""Base of the classes that run a network on frames, pictures or maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skysieve.core.models.shared_network import SharedNetwork

__all__ = ["NetworkRunner"]


class NetworkRunner(ABC):
    """Runs a network, which is loaded at its first use, and can be stopped from another thread."""

    @abstractmethod
    def _load_network(self) -> SharedNetwork:
        """Load the network; called once."""

    @cached_property
    def network(self) -> SharedNetwork:
        """The network, loaded at its first use."""
        return self._load_network()

    def load(self) -> None:
        """Load what the first frame would load.

        Raises
        ------
        ConfigError
            If the settings do not go together.
        ModelError
            If the model cannot be used.
        """
        _ = self.network

    def stop(self) -> None:
        """Interrupt all threads before their next call of the network, with a KeyboardInterrupt."""
        if "network" in self.__dict__:
            self.network.stop()
