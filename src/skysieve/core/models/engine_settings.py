"""Settings of what runs a network, and of the model that is run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from skysieve.core.models.jobs import DEFAULT_MODEL, Job
from skysieve.core.models.network import Engine, Precision
from skysieve.core.settings import REQUIRED, check_bounds, setting

if TYPE_CHECKING:
    from skysieve.core.models.card import Model
    from skysieve.core.models.graph_io import OutputKind
    from skysieve.core.models.shared_network import SharedNetwork

__all__ = ["SPEED", "VIEWS", "EngineSettings", "ModelSettings", "NamedModel"]

SPEED = "Speed"
"""Heading of these settings in the help."""

VIEWS = (1, 2, 4, 8)
"""Numbers of views: the original; with one quarter turn; all four rotations; all rotations, also mirrored."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Settings of what runs a network.

    Attributes
    ----------
    engine
        Inference engine.
    precision
        auto: bf16 on CPUs with native support if decisions agree, otherwise f32.
    device
        cpu, cuda or cuda:N.
    threads
        Number of CPU threads; default all.
    """

    engine: Engine = setting("auto", panel=SPEED)
    precision: Precision = setting("auto", panel=SPEED)
    device: str = setting("cpu", metavar="DEVICE", panel=SPEED)
    threads: int | None = setting(None, minimum=1, hidden_default=True, panel=SPEED)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)

    def load(self, model: Model, *, output_kind: OutputKind = "other") -> SharedNetwork:
        """Load the graph of a model.

        Parameters
        ----------
        model
            The model.
        output_kind
            What its graph returns, which is checked at each call.

        Returns
        -------
        SharedNetwork
            The network, ready to run.

        Raises
        ------
        ConfigError
            If the settings do not go together.
        ModelError
            If the graph cannot be loaded.
        """
        from skysieve.core.models.engine import load_network
        from skysieve.core.models.shared_network import SharedNetwork

        network = load_network(
            model, engine=self.engine, precision=self.precision, device=self.device, threads=self.threads
        )
        return SharedNetwork(network, model.card, output_kind)

    @property
    def all_threads(self) -> int:
        """Number of CPU threads to use."""
        from skysieve.core.models.engine import available_threads

        return self.threads or available_threads()

    def shared_by(self, workers: int) -> Self:
        """Return the settings of one of several processes that share the CPU.

        Parameters
        ----------
        workers
            Number of processes.

        Returns
        -------
        EngineSettings
            These settings, with an equal share of the threads unless a number was chosen.
        """
        if workers == 1 or self.threads is not None:
            return self
        return replace(self, threads=max(1, self.all_threads // workers))


@dataclass(frozen=True, kw_only=True)
class ModelSettings(EngineSettings):
    """Settings of the model that is run, and of what runs it.

    Attributes
    ----------
    model
        Name, or folder with a card; `skysieve models list` shows the models and the default.
    """

    model: str = setting(DEFAULT_MODEL, hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """A model by its name.

    Attributes
    ----------
    name
        Name of a model, or its folder.
    job
        Job of the model, if several models have the same name.
    """

    name: str = setting(REQUIRED, argument=True)
    job: Job | None = setting(None, hidden_default=True)
