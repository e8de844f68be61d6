"""``skysieve models``: list models, show their cards, and import or calibrate models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.extras import install_command, require
from skysieve.core.models.engine_settings import NamedModel
from skysieve.core.models.jobs import DEFAULT_MODEL
from skysieve.core.printable import print_error
from skysieve.frames.maximask.settings import PublishedWeights
from skysieve.frames.train.settings import DomainSettings

if TYPE_CHECKING:
    from skysieve.core.models.card import Model
    from skysieve.core.models.find import ModelJob

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List, show, import and calibrate models.")

Origin = Literal["packaged", "published", "cached"]
"""Sources of models."""


@app.callback()
def models() -> None:
    """List, show, import and calibrate models."""
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()


def _model_jobs() -> tuple[ModelJob, ...]:
    """Return the registry of what models are for."""
    from skysieve.clusters.search.model import CLUSTERS
    from skysieve.frames.mask.model import CONTAMINANTS
    from skysieve.frames.track.model import TRACKING
    from skysieve.ghosts.predict.model import GHOSTS

    return CONTAMINANTS, TRACKING, GHOSTS, CLUSTERS


def _available() -> list[tuple[Origin, Model]]:
    """Return the models of this package, of installed packages and of the cache, each once."""
    from skysieve.core.models.packaged import packaged_models
    from skysieve.core.models.store import cached_models

    found: dict[Path, tuple[Origin, Model]] = {
        model.folder: ("packaged", model) for model in packaged_models()
    }
    for network in (one for job in _model_jobs() for one in job.published):
        try:
            model = network.load()
        except ModelError:
            continue
        found[model.folder] = ("published", model)
    for model in cached_models():
        found.setdefault(model.folder, ("cached", model))
    return list(found.values())


@app.command("list")
@takes_settings
def list_models() -> None:
    """List the available models: name, job, version, origin, size, checksum, description.

    The size is that of all graphs of the model; the checksum is the beginning of the first graph's SHA-256.

    Example: `skysieve models list`
    """
    available = _available()
    for origin, model in available:
        card = model.card
        digest = card.graphs[0].sha256[:12] if card.graphs else ""
        default = " (default)" if card.name == DEFAULT_MODEL else ""
        print(
            f"{card.name:12} {card.job:13} {card.version:8} {origin:10} {model.size / 1e6:6.1f} MB "
            f"{digest:13} {card.description}{default}"
        )
    if not available:
        print(f"no model is installed; run: {install_command('maximask')}, or: skysieve models import PATH")


@app.command("show")
@takes_settings
def show(wanted: NamedModel) -> None:
    """Print a model's card.

    Example: `skysieve models show maximask`
    """
    from skysieve.core.models.card import read_model

    name, job = wanted.name, wanted.job
    named = [model for _, model in _available() if model.card.name == name and job in (None, model.card.job)]
    if not named and Path(name).is_dir():
        print(read_model(Path(name)).card.to_json(), end="")
        return
    if not named:
        raise ModelError(f"no model {name!r}{f' for {job}' if job else ''}; see: skysieve models list")
    jobs = dict.fromkeys(model.card.job for model in named)
    if len(jobs) > 1:
        raise ConfigError(f"models for {' and '.join(jobs)} are called {name!r}; choose one by --job")
    print(named[0].card.to_json(), end="")
    print_error(f"folder: {named[0].folder}")  # so that the rest is JSON


@app.command("import")
@takes_settings
def import_(weights: PublishedWeights) -> None:
    """Import published weights, without TensorFlow.

    Example: `skysieve models import MaxiMask-1.3.0-py3-none-any.whl`
    """
    from skysieve.core.models.store import cache_folder
    from skysieve.frames.mask.model import MAXIMASK
    from skysieve.frames.maximask.published import import_models
    from skysieve.frames.track.model import MAXITRACK

    kept = cache_folder()
    for model in import_models(weights.source, (MAXIMASK, MAXITRACK)):
        if model.folder.parent != kept:
            raise ModelError(f"{kept}: cannot be written, so that nothing was imported")
        print(f"{model.card.name}: {model.folder}")


@app.command("calibrate-domain")
@takes_settings
def calibrate_domain(settings: DomainSettings) -> None:
    """Measure statistics of training frames; `mask` and `track` warn of frames that differ from them.

    Simulates frames, runs the network on them, and writes quantiles of all statistics into the model's card.
    Run it after the weights or the simulation have changed. It does not train, and takes a few minutes.

    Example: `skysieve models calibrate-domain run/model`
    """
    require("calibrate-domain", "simulate", "galsim", "yaml")
    from skysieve.frames.train.domain import calibrate_on_recipe

    done, recipe = calibrate_on_recipe(settings)
    count = len(done.card.domain)
    print(f"{done.folder}: domain of {count} statistics from {settings.frames} frames of {recipe}")
