"""Find models by name: packaged, published elsewhere, in a folder, or imported before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from skysieve.core.errors import ModelError
from skysieve.core.models.card import read_model
from skysieve.core.models.packaged import find_packaged
from skysieve.core.models.store import cached_models

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.core.models.card import Model, ModelCard

__all__ = ["LoadableModel", "find_model"]


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


def find_model(name: str, *, job: str, normalisation: str, published: Iterable[LoadableModel] = ()) -> Model:
    """Find a model for a job.

    Parameters
    ----------
    name
        Packaged model, published network, imported model, or folder with a card; the first match is used.
    job
        Job that the model must be for.
    normalisation
        Normalisation that the job applies.
    published
        Models of this job whose weights are published elsewhere.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    ModelError
        If there is no such model, or it is for another job or another normalisation.
    """
    model = _find(name, job, published)
    if model.card.job != job:
        raise ModelError(f"{name}: a model for {model.card.job}, not for {job}")
    if model.card.normalisation != normalisation:
        raise ModelError(
            f"{name}: wants its pixels normalised as {model.card.normalisation!r}, "
            f"which this version does not do ({normalisation!r} it does)"
        )
    return model


def _find(name: str, job: str, published: Iterable[LoadableModel]) -> Model:
    packaged = find_packaged(name, job)
    if packaged is not None:
        return packaged
    for network in published:
        if network.card.name == name:
            return network.load()
    if Path(name).is_dir():
        return read_model(Path(name))
    for model in cached_models():
        if model.card.name == name and model.card.job == job:
            return model
    raise ModelError(f"no model {name!r} for {job}; see: skysieve models list")
