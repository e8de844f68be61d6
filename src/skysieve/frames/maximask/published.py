"""Networks published elsewhere: from their SavedModels to models of our own."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.errors import ModelError
from skysieve.core.extras import install_command
from skysieve.core.models.card import EngineName, GraphFile, Model, ModelCard, read_model
from skysieve.core.models.store import add_model, cache_folder, cached_models
from skysieve.frames.maximask.checkpoint import checkpoint_keys
from skysieve.frames.maximask.savedmodel import SavedModel, find_installed, open_savedmodels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import onnx
    from numpy.typing import NDArray

__all__ = ["GraphForm", "PublishedNetwork", "import_models"]

logger = logging.getLogger(__name__)

CONVERSION = 4
"""Number of the conversion; raised with each change of the graphs or cards that it makes."""


@dataclass(frozen=True)
class GraphForm:
    """One form of a network's graph: which engines it is for, and how it is made from the weights."""

    file: str
    engines: tuple[EngineName, ...]
    build: Callable[[Mapping[str, NDArray[np.generic]]], onnx.ModelProto]


@dataclass(frozen=True)
class PublishedNetwork:
    """A network whose weights come in a package of somebody else.

    Attributes
    ----------
    card
        Card without graphs and source.
    package
        Python package that carries the weights.
    key
        A tensor that only this network's checkpoint has.
    forms
        Forms of its graph.
    """

    card: ModelCard
    package: str
    key: str
    forms: tuple[GraphForm, ...]

    def matches(self, saved: SavedModel) -> bool:
        """Tell whether the SavedModel is of this network, by the names of its tensors.

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
        """Return the model of the installed package, or the one imported before.

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
        """Return the model of a SavedModel, converted once and then taken from the cache.

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
        self._drop_older_conversions(saved, folder)
        source = f"SavedModel with index SHA-256 {saved.fingerprint}"
        return add_model(dataclasses.replace(self.card, graphs=graphs, source=source), contents, folder_name)

    def _drop_older_conversions(self, saved: SavedModel, current: Path) -> None:
        for folder in cache_folder().glob(f"{self.card.name}-{saved.fingerprint[:12]}-*"):
            if folder != current:
                shutil.rmtree(folder, ignore_errors=True)


def import_models(source: Path, published: Iterable[PublishedNetwork]) -> list[Model]:
    """Import every known network from a SavedModel folder or a wheel.

    Raises
    ------
    ModelError
        If the source holds none of them, or is damaged.
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
