"""``skysieve models``: which models there are, what they say of themselves, and how to add one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.errors import ModelError

if TYPE_CHECKING:
    from skysieve.models.card import Model

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List, show and import models.")


def _available() -> list[Model]:
    """Return the models of installed packages and of the cache, each once."""
    from skysieve.contaminants.model import MAXIMASK
    from skysieve.models.store import cached_models
    from skysieve.tracking.model import MAXITRACK

    found = {}
    for network in (MAXIMASK, MAXITRACK):
        try:
            model = network.load()
        except ModelError:
            continue
        found[model.folder] = model
    for model in cached_models():
        found.setdefault(model.folder, model)
    return list(found.values())


@app.command("list")
def list_models() -> None:
    """List the models that can be used now.

    Example: `skysieve models list`
    """
    models = _available()
    for model in models:
        card = model.card
        print(f"{card.name:12} {card.job:13} {card.version:8} {card.description}")
    if not models:
        print("no model is installed; run: pip install 'skysieve[maximask]', or: skysieve models import PATH")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Name of a model, or its folder.")]) -> None:
    """Print a model's card.

    Example: `skysieve models show maximask`
    """
    from skysieve.models.card import read_model

    if Path(name).is_dir():
        print(read_model(Path(name)).card.to_json(), end="")
        return
    models = [model for model in _available() if model.card.name == name]
    if not models:
        raise ModelError(f"no model {name!r}; see: skysieve models list")
    print(models[0].card.to_json(), end="")
    print(f"folder: {models[0].folder}")


@app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(help="SavedModel folder of MaxiMask or MaxiTrack, or a MaxiMask wheel.")
    ],
) -> None:
    """Import published weights, without TensorFlow.

    Example: `skysieve models import MaxiMask-1.3.0-py3-none-any.whl`
    """
    from skysieve.contaminants.model import MAXIMASK
    from skysieve.models.published import import_models
    from skysieve.tracking.model import MAXITRACK

    for model in import_models(source, (MAXIMASK, MAXITRACK)):
        print(f"{model.card.name}: {model.folder}")
