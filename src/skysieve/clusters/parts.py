"""Finished units of a search on disk, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import contextlib
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.finder import CANDIDATE_COLUMNS, FoundUnit
from skysieve.errors import OutputError
from skysieve.imaging.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Parts"]

_SEARCH = "search.json"
_CANDIDATE = "candidate_"
_MAPS = ("probability", "snr", "source")


@dataclass(frozen=True)
class Parts:
    """A folder of finished units, each in a file of its own.

    Attributes
    ----------
    folder
        Where.
    """

    folder: Path

    def begin(self, search: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Make the folder, and state in it what is searched and how.

        Parameters
        ----------
        search
            All that the units depend on, as JSON has it.
        resume
            Go on with what is there, if it is of the same search.
        overwrite
            Begin anew over what is there.

        Raises
        ------
        OutputError
            If units are there that are neither to be used nor to be replaced, or are of another search; or
            if nothing can be written.
        """
        path = self.folder / _SEARCH
        stated = json.dumps(search, indent=1, sort_keys=True) + "\n"
        if path.exists() and not overwrite:
            if not resume:
                raise OutputError(
                    f"{self.folder} holds tiles of an interrupted search; go on with --resume, or begin anew "
                    "with --overwrite"
                )
            before = _read_json(path)
            changed = [key for key in search if json.loads(stated)[key] != before.get(key)]
            if changed:
                raise OutputError(
                    f"{self.folder} holds tiles of another search: {', '.join(sorted(changed))} differs; "
                    "begin anew with --overwrite, or choose another --output"
                )
            return
        if overwrite:
            self.remove()
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_text(stated, encoding="utf-8")

    def path_of(self, unit: int) -> Path:
        """Return the file of a unit."""
        return self.folder / f"tile_{unit:03d}.npz"

    def unit_of(self, path: Path) -> int:
        """Return the unit of a file."""
        return int(path.stem.rpartition("_")[2])

    def write(self, unit: int, found: FoundUnit, valid: NDArray[np.bool_]) -> None:
        """Write what was found in a unit, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        # Of maps that were not made nothing is kept; half precision tells S/N to a thousandth
        arrays: dict[str, NDArray[Any]] = {"valid": np.packbits(valid)}
        arrays |= {f"{_CANDIDATE}{name}": values for name, values in found.candidates.items()}
        for name in _MAPS:
            values = getattr(found, name)
            if np.isfinite(values).any():
                arrays[name] = values if name == "probability" else values.astype(np.float16)
        with atomic_write(self.path_of(unit), overwrite=True) as temporary:
            np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]

    def read(self, unit: int, count: int) -> tuple[FoundUnit, NDArray[np.bool_]] | None:
        """Return what was found in a unit, and which of its `count` pixels were searched.

        Returns
        -------
        tuple or None
            None if the file is missing, damaged, or of another number of pixels.
        """
        try:
            with self.path_of(unit).open("rb") as file, np.load(file) as stored:
                arrays = dict(stored)
            valid = np.unpackbits(arrays["valid"], count=count).astype(bool)
            candidates = {name: arrays[f"{_CANDIDATE}{name}"] for name in CANDIDATE_COLUMNS}
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None
        nothing = np.full(count, np.nan, np.float32)
        maps = [arrays.get(name, nothing).astype(np.float32) for name in _MAPS]
        if any(values.size != count for values in maps):
            return None
        return FoundUnit(maps[0], maps[1], maps[2], candidates), valid

    def remove(self) -> None:
        """Take away the folder and its units; what else lies in it stays, and so does the folder then."""
        for path in [*self.folder.glob("tile_[0-9][0-9][0-9].npz"), self.folder / _SEARCH]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be read ({error}); begin anew with --overwrite") from error
    return content if isinstance(content, dict) else {}
