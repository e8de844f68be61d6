"""``skysieve models``: which models there are, what they say of themselves, and how to add one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug
from skysieve.errors import ModelError

if TYPE_CHECKING:
    from skysieve.models.card import Model

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List, show and import models.")


@app.callback()
def models() -> None:
    """List, show and import models."""
    from skysieve.cli.running import start_logging

    start_logging()


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
def list_models(*, _debug: Debug = False) -> None:
    """List the models that can be used now.

    Example: `skysieve models list`
    """
    available = _available()
    for model in available:
        card = model.card
        print(f"{card.name:12} {card.job:13} {card.version:8} {card.description}")
    if not available:
        print(
            "no model is installed; run: pip install MaxiMask==1.3.0 onnx google-crc32c, "
            "or: skysieve models import PATH"
        )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a model, or its folder.")], *, _debug: Debug = False
) -> None:
    """Print a model's card.

    Example: `skysieve models show maximask`
    """
    from skysieve.models.card import read_model

    if Path(name).is_dir():
        print(read_model(Path(name)).card.to_json(), end="")
        return
    named = [model for model in _available() if model.card.name == name]
    if not named:
        raise ModelError(f"no model {name!r}; see: skysieve models list")
    print(named[0].card.to_json(), end="")
    print(f"folder: {named[0].folder}", file=sys.stderr)  # so that the rest is JSON


@app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(help="SavedModel folder of MaxiMask or MaxiTrack, or a MaxiMask wheel.")
    ],
    *,
    _debug: Debug = False,
) -> None:
    """Import published weights, without TensorFlow.

    Example: `skysieve models import MaxiMask-1.3.0-py3-none-any.whl`
    """
    from skysieve.contaminants.model import MAXIMASK
    from skysieve.models.published import import_models
    from skysieve.models.store import cache_folder
    from skysieve.tracking.model import MAXITRACK

    kept = cache_folder()
    for model in import_models(source, (MAXIMASK, MAXITRACK)):
        if model.folder.parent != kept:
            raise ModelError(f"{kept}: cannot be written, so that nothing was imported")
        print(f"{model.card.name}: {model.folder}")
