"""Find models by name: packaged, published elsewhere, in a folder, or imported before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from skysieve.core.errors import ModelError
from skysieve.core.models.card import read_model
from skysieve.core.models.jobs import DEFAULT_MODEL
from skysieve.core.models.packaged import find_packaged
from skysieve.core.models.store import cached_models

if TYPE_CHECKING:
    from skysieve.core.models.card import Model, ModelCard
    from skysieve.core.models.jobs import Job

__all__ = ["LoadableModel", "ModelJob"]


class LoadableModel(Protocol):
    """A model whose weights are published elsewhere."""

    @property
    def card(self) -> ModelCard:
        """Its card, with its name."""
        ...

    def load(self) -> Model:
        """Return the model, ready to run.

        Returns
        -------
        Model
            The model.
        """
        ...


@dataclass(frozen=True)
class ModelJob:
    """What models are for, and what a job needs of them.

    Attributes
    ----------
    name
        Name of the job.
    normalisation
        Normalisation that the job applies.
    required
        Fields of the card that the job needs, and that other jobs may leave out.
    published
        Models of this job whose weights are published elsewhere.
    """

    name: Job
    normalisation: str
    required: tuple[str, ...] = ()
    published: tuple[LoadableModel, ...] = ()

    def load(self, name: str = DEFAULT_MODEL) -> Model:
        """Find a model and check that it is for this job; its network is not loaded.

        Parameters
        ----------
        name
            Packaged model, published network, folder with a card, or imported model; the first match is used.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        ModelError
            If there is no such model, it is for another job or another normalisation, or its card lacks a
            field that the job needs.
        """
        model = self._find(name)
        if model.card.job != self.name:
            raise ModelError(f"{name}: a model for {model.card.job}, not for {self.name}")
        if model.card.normalisation != self.normalisation:
            raise ModelError(
                f"{name}: wants its pixels normalised as {model.card.normalisation!r}, "
                f"which this version does not do ({self.normalisation!r} it does)"
            )
        model.card.require_fields(*self.required)
        return model

    def _find(self, name: str) -> Model:
        packaged = find_packaged(name, self.name)
        if packaged is not None:
            return packaged
        for network in self.published:
            if network.card.name == name:
                return network.load()
        if Path(name).is_dir():
            return read_model(Path(name))
        for model in cached_models():
            if model.card.name == name and model.card.job == self.name:
                return model
        raise ModelError(f"no model {name!r} for {self.name}; see: skysieve models list")
