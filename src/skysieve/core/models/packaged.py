"""Packaged models: one folder per job inside this package, so that no download is needed."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path

from skysieve.core.errors import ModelError
from skysieve.core.models.card import CARD_FILE, Model, read_model

__all__ = ["FOLDER", "find_packaged", "packaged_models"]

logger = logging.getLogger(__name__)

FOLDER = Path(str(files("skysieve.core.models"))) / "weights"
"""Folder of the packaged models: ``weights/<job>/`` with a card and the graphs that it names."""

REPAIR = "install Skysieve again"


def packaged_models() -> list[Model]:
    """Return the packaged models, by folder name; damaged ones are logged and left out.

    Returns
    -------
    list of Model
        The models.
    """
    models = []
    for card in sorted(FOLDER.glob(f"*/{CARD_FILE}")):
        try:
            models.append(read_model(card.parent, repair=REPAIR))
        except ModelError as error:
            logger.warning("%s", error)
    return models


def find_packaged(name: str, job: str) -> Model | None:
    """Return the packaged model with this name for a job, or None.

    As for every model, the bytes of its graph are checked against the card when they are read.

    Parameters
    ----------
    name
        Name of the model.
    job
        Job that the model must be for.

    Returns
    -------
    Model or None
        The model.
    """
    for model in packaged_models():
        if (model.card.name, model.card.job) == (name, job):
            return model
    return None
