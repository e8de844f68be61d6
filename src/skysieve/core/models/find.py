"""Models by name: in the package, from elsewhere, in a folder, or imported before."""

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
    """A model whose weights come from elsewhere."""

    @property
    def card(self) -> ModelCard:
        """Its card, which has its name."""
        ...

    def load(self) -> Model:
        """Return the model, ready to run."""
        ...


def find_model(name: str, *, job: str, normalisation: str, published: Iterable[LoadableModel] = ()) -> Model:
    """Find a model for a job.

    Parameters
    ----------
    name
        A model in this package, a published network, an imported model, or a folder that holds a card; the
        first that there is.
    job
        The job that the model must be for.
    normalisation
        The normalisation that the job does.
    published
        Models of this job whose weights come from elsewhere.

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
