"""Reader of TensorFlow SavedModels in a folder or a wheel, without TensorFlow."""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.documents import read_bytes
from skysieve.core.errors import ModelError
from skysieve.frames.maximask.checkpoint import read_checkpoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SavedModel", "find_installed", "open_savedmodels"]

INDEX = "variables/variables.index"
DATA = "variables/variables.data-00000-of-00001"

LARGEST_INDEX, LARGEST_DATA = 2**24, 2**30
"""Limits in bytes; the published networks have 4000 and 20 million."""


@dataclass(frozen=True)
class SavedModel:
    """The checkpoint of a SavedModel; the weights are read on demand.

    Attributes
    ----------
    origin
        Folder, or wheel and folder in it, for messages.
    index
        Content of the index of the checkpoint.
    container, member
        Folder and "", or wheel file and folder in it, with the checkpoint.
    """

    origin: str
    index: bytes
    container: Path
    member: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the index, which contains the checksum of every tensor."""
        return hashlib.sha256(self.index).hexdigest()

    def weights(self) -> dict[str, NDArray[np.generic]]:
        """Read the tensors.

        Returns
        -------
        dict
            Tensors by key.

        Raises
        ------
        ModelError
            If the checkpoint is damaged.
        """
        try:
            if self.container.is_dir():
                data = read_bytes(self.container / DATA, error=ModelError, limit=LARGEST_DATA)
            else:
                with zipfile.ZipFile(self.container) as wheel:
                    data = _member(wheel, self.member + DATA, LARGEST_DATA)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{self.origin}: the checkpoint's data cannot be read ({error})") from error
        try:
            return read_checkpoint(self.index, data)
        except ModelError as error:
            raise ModelError(f"{self.origin}: {error}") from error


def open_savedmodels(source: Path) -> list[SavedModel]:
    """Find the SavedModels in a folder, its subfolders, or a wheel.

    Parameters
    ----------
    source
        Folder or wheel.

    Returns
    -------
    list of SavedModel
        At least one.

    Raises
    ------
    ModelError
        If the source does not exist, is not a wheel, or contains no SavedModel.
    """
    if source.is_dir():
        found = [
            SavedModel(str(index.parents[1]), _index(index), index.parents[1], "")
            for index in sorted(source.rglob(INDEX))
        ]
    elif source.is_file():
        found = _open_wheel(source)
    else:
        raise ModelError(f"{source}: no such folder or wheel")
    if not found:
        raise ModelError(f"{source}: holds no SavedModel (no {INDEX} in it)")
    return found


def _open_wheel(source: Path) -> list[SavedModel]:
    try:
        with zipfile.ZipFile(source) as wheel:
            members = sorted(name for name in wheel.namelist() if name.endswith(INDEX))
            return [
                SavedModel(
                    f"{source}:{name[: -len(INDEX)]}",
                    _member(wheel, name, LARGEST_INDEX),
                    source,
                    name[: -len(INDEX)],
                )
                for name in members
            ]
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{source}: neither a SavedModel folder nor a readable wheel ({error})") from error


def _index(path: Path) -> bytes:
    return read_bytes(path, error=ModelError, limit=LARGEST_INDEX)


def _member(wheel: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return the content of a file in a wheel, up to a limit on its unpacked size."""
    size = wheel.getinfo(name).file_size
    if size > limit:
        raise ModelError(f"{wheel.filename}: {name} would unpack to {size} bytes, more than {limit}")
    return wheel.read(name)


def find_installed(package: str, name: str) -> SavedModel | None:
    """Find a SavedModel in an installed package, without importing the package.

    Parameters
    ----------
    package
        Name of the package.
    name
        Name of a folder on the path of the SavedModel.

    Returns
    -------
    SavedModel or None
        The first one found; None if there is none, or the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or ():
        for index in sorted(Path(folder).rglob(INDEX)):
            if name in index.relative_to(folder).parts:
                return SavedModel(str(index.parents[1]), _index(index), index.parents[1], "")
    return None
