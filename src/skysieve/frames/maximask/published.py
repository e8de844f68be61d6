"""Conversion of the published networks from SavedModels to models of this package."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.errors import ModelError
from skysieve.core.extras import install_command
from skysieve.core.models.card import GraphFile, Model, ModelCard, read_model
from skysieve.core.models.store import add_model, cache_folder, cached_models
from skysieve.frames.maximask.checkpoint import checkpoint_keys
from skysieve.frames.maximask.savedmodel import SavedModel, find_installed, open_savedmodels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from skysieve.core.models.network import EngineName

__all__ = ["GraphForm", "PublishedNetwork", "import_models"]

logger = logging.getLogger(__name__)

CONVERSION = 4
"""Version of the conversion; increase it with every change of the resulting graphs or cards."""


@dataclass(frozen=True)
class GraphForm:
    """One form of the graph of a network.

    Attributes
    ----------
    file
        Name of the graph file.
    engines
        Engines that run this form.
    build
        Function that builds the graph from the weights by key.
    """

    file: str
    engines: tuple[EngineName, ...]
    build: Callable[[Mapping[str, NDArray[np.generic]]], onnx.ModelProto]


@dataclass(frozen=True)
class PublishedNetwork:
    """A network whose weights are in a package of other authors.

    Attributes
    ----------
    card
        Card without graphs and source.
    package
        Python package that contains the weights.
    key
        Key of a tensor that only the checkpoint of this network has.
    forms
        Forms of the graph.
    """

    card: ModelCard
    package: str
    key: str
    forms: tuple[GraphForm, ...]

    def matches(self, saved: SavedModel) -> bool:
        """Return whether a SavedModel is this network, by the keys of its tensors.

        Parameters
        ----------
        saved
            The SavedModel.

        Returns
        -------
        bool
            True if it has :attr:`key`.

        Raises
        ------
        ModelError
            If the index of the SavedModel is damaged.
        """
        try:
            return self.key in checkpoint_keys(saved.index)
        except ModelError as error:
            raise ModelError(f"{saved.origin}: {error}") from error

    def load(self) -> Model:
        """Return the model of the installed package, or else the one imported before.

        Returns
        -------
        Model
            The converted model.

        Raises
        ------
        ModelError
            If there is neither.
        """
        installed = find_installed(self.package, self.card.name)
        if installed is not None:
            return self.convert(installed)
        for model in cached_models():
            if model.card.name == self.card.name:
                return model
        raise ModelError(
            f"the weights of {self.card.name} are not installed; run: {install_command('maximask')}, "
            "or: skysieve models import FOLDER_OR_WHEEL"
        )

    def convert(self, saved: SavedModel) -> Model:
        """Convert a SavedModel to a model, or return it from the cache.

        Parameters
        ----------
        saved
            The SavedModel.

        Returns
        -------
        Model
            The converted model, in the cache folder.

        Raises
        ------
        ModelError
            If the SavedModel is damaged or of another network.
        """
        folder_name = f"{self.card.name}-{saved.fingerprint[:12]}-{CONVERSION}"
        folder = cache_folder() / folder_name
        if folder.exists():
            try:
                model = read_model(folder)
                model.verify()
            except ModelError as error:
                logger.warning("%s; converting it again", str(error).partition(";")[0])
            else:
                return model
        if not self.matches(saved):
            raise ModelError(f"{saved.origin}: not the weights of {self.card.name}")
        try:
            import onnx  # noqa: F401
        except ImportError as error:
            problem = f"converting published weights needs onnx; run: {install_command('maximask')}"
            raise ModelError(problem) from error
        weights = saved.weights()
        contents = {form.file: form.build(weights).SerializeToString() for form in self.forms}
        graphs = tuple(
            GraphFile(form.file, hashlib.sha256(contents[form.file]).hexdigest(), form.engines)
            for form in self.forms
        )
        for older in cache_folder().glob(f"{self.card.name}-{saved.fingerprint[:12]}-*"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)
        source = f"SavedModel with index SHA-256 {saved.fingerprint}"
        return add_model(dataclasses.replace(self.card, graphs=graphs, source=source), contents, folder_name)


def import_models(source: Path, published: Iterable[PublishedNetwork]) -> list[Model]:
    """Import every known network from a SavedModel folder or a wheel.

    Parameters
    ----------
    source
        Folder or wheel.
    published
        Known networks.

    Returns
    -------
    list of Model
        Converted models, at least one.

    Raises
    ------
    ModelError
        If the source contains none of the networks, or is damaged.
    """
    known = list(published)
    models = [
        network.convert(saved)
        for saved in open_savedmodels(source)
        for network in known
        if network.matches(saved)
    ]
    if not models:
        names = " or ".join(network.card.name for network in known)
        raise ModelError(f"{source}: its SavedModels are of other networks than {names}")
    return models
