"""Find the models of this job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.models.find import find_model
from skysieve.ghosts.predict.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from skysieve.core.models.card import Model

__all__ = ["DEFAULT_MODEL", "JOB", "NORMALISATION", "load_model"]

JOB = "ghosts"
NORMALISATION = "focal plane in 8 bits"


def load_model(name: str = DEFAULT_MODEL) -> Model:
    """Find a model for ghosts.

    Parameters
    ----------
    name
        Name of a built-in or imported model, or a folder with a model card.

    Returns
    -------
    Model
        The model; its network is not loaded.

    Raises
    ------
    ModelError
        If there is no such model, or it is for another job.
    """
    model = find_model(name, job=JOB, normalisation=NORMALISATION)
    model.card.require_fields("default_thresholds")
    return model
