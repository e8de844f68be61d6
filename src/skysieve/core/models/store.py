"""Cache of models: one folder per model in the user's cache."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from skysieve.core.errors import ModelError
from skysieve.core.models.card import CARD_FILE, Model, ModelCard, read_model
from skysieve.core.temporaries import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["add_model", "cache_folder", "cached_models"]

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "SKYSIEVE_CACHE"


def cache_folder() -> Path:
    """Return the folder of cached models; the environment variable ``SKYSIEVE_CACHE`` sets its parent.

    Returns
    -------
    pathlib.Path
        The folder; it need not exist.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    return (Path(chosen) if chosen else user_cache_path("skysieve")) / "models"


def cached_models() -> list[Model]:
    """Return the intact models in the cache, by folder name; damaged ones are logged and left out.

    Returns
    -------
    list of Model
        The models.
    """
    models = []
    for card in sorted(cache_folder().glob(f"*/{CARD_FILE}")):
        try:
            models.append(read_model(card.parent))
        except ModelError as error:
            logger.warning("%s", error)
    return models


def add_model(card: ModelCard, graphs: Mapping[str, bytes], folder_name: str) -> Model:
    """Add a model to the cache.

    The folder gets its final name only when it is complete, so that several processes may add the same model.
    If the cache is not writable, a temporary cache replaces it, with a warning, until this process ends.

    Parameters
    ----------
    card
        Card of the model.
    graphs
        Content of each graph file that the card names.
    folder_name
        Name of the folder below :func:`cache_folder`.

    Returns
    -------
    Model
        The cached model.

    Raises
    ------
    OSError
        If neither the cache nor a temporary folder can be written.
    """
    try:
        return _install(card, graphs, cache_folder() / folder_name)
    except OSError as error:
        logger.warning(
            "the model cache %s cannot be written (%s), so models are converted for this run only; "
            "set %s to a writable folder to keep them",
            cache_folder(),
            error.strerror,
            CACHE_VARIABLE,
        )
        # an environment variable, so that child processes use the same cache
        os.environ[CACHE_VARIABLE] = tempfile.mkdtemp(prefix="skysieve-")
        atexit.register(shutil.rmtree, os.environ[CACHE_VARIABLE], ignore_errors=True)
        return _install(card, graphs, cache_folder() / folder_name)


def _install(card: ModelCard, graphs: Mapping[str, bytes], target: Path) -> Model:
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_beside(target) as unfinished:
        unfinished.mkdir()
        for file, content in graphs.items():
            (unfinished / file).write_bytes(content)
        (unfinished / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target, ignore_errors=True)
        try:
            unfinished.rename(target)
        except OSError:
            # another process was faster; its model is the same, or reading it reports the error
            if not (target / CARD_FILE).exists():
                raise
    return read_model(target)
