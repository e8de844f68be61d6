"""Finished units of a search on disk, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.search.finder import CANDIDATE_COLUMNS, FoundUnit
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.temporaries import sweep_temporaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Parts"]

logger = logging.getLogger(__name__)

_SEARCH = "search.json"
_STATED, _PRODUCTS, _SUM = "search", "products", "sha256"
"""What the file of the search holds: what was stated of it, products that are being written, and its sum."""
_DIGEST_BYTES = 32
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
        stated = json.loads(json.dumps(search))
        if (self.folder / _SEARCH).exists() and not overwrite:
            if not resume:
                raise OutputError(
                    f"{self.folder} holds tiles of an interrupted search; go on with --resume, or begin anew "
                    "with --overwrite"
                )
            before = self._read_search()
            if before is not None:
                changed = [key for key in stated if stated[key] != before[_STATED].get(key)]
                if changed:
                    raise OutputError(
                        f"{self.folder} holds tiles of another search: {', '.join(sorted(changed))} differs; "
                        "begin anew with --overwrite, or choose another --output"
                    )
                return
            logger.warning(
                "%s is damaged, so that nobody knows what its tiles are of; they are made anew",
                self.folder / _SEARCH,
            )
        if overwrite or self.folder.exists():
            self.remove()
        self._write_search(stated, ())

    def state_products(self, names: Iterable[str]) -> None:
        """State which products are written from now on.

        If that is interrupted, those that are in place may be replaced when the search goes on.

        Raises
        ------
        OutputError
            If it cannot be written, or the folder is that of no search.
        """
        search = self._read_search()
        if search is None:
            raise OutputError(f"{self.folder / _SEARCH} is missing or damaged; go on with --resume")
        self._write_search(search[_STATED], names)

    def stated_products(self) -> frozenset[str]:
        """Return the names of products whose writing was interrupted."""
        search = self._read_search()
        return frozenset() if search is None else frozenset(search[_PRODUCTS])

    @property
    def begun(self) -> bool:
        """Whether there is a search that has not come to its end."""
        return (self.folder / _SEARCH).exists()

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
        with atomic_write(self.path_of(unit), overwrite=True) as temporary, temporary.open("wb") as file:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
            content = buffer.getbuffer()
            file.write(content)
            # Behind the end of the archive, where its readers do not look
            file.write(hashlib.sha256(content).digest())

    def read(self, unit: int, count: int) -> tuple[FoundUnit, NDArray[np.bool_]] | None:
        """Return what was found in a unit, and which of its `count` pixels were searched.

        Returns
        -------
        tuple or None
            None if the file is missing, damaged (by its checksum), or of another number of pixels.
        """
        try:
            content = memoryview(self.path_of(unit).read_bytes())
            body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
            if hashlib.sha256(body).digest() != digest:
                return None
            with np.load(io.BytesIO(body)) as stored:
                arrays = dict(stored)
            valid = np.unpackbits(arrays["valid"], count=count).astype(bool)
            candidates = {name: arrays[f"{_CANDIDATE}{name}"] for name in CANDIDATE_COLUMNS}
        except (OSError, KeyError, ValueError):
            return None
        nothing = np.full(count, np.nan, np.float32)
        maps = [arrays.get(name, nothing).astype(np.float32) for name in _MAPS]
        if any(values.size != count for values in maps):
            return None
        return FoundUnit(maps[0], maps[1], maps[2], candidates), valid

    def remove(self) -> None:
        """Take away the folder and its units; what else lies in it stays, and so does the folder then."""
        sweep_temporaries(self.folder)
        for path in [*self.folder.glob("tile_[0-9][0-9][0-9].npz"), self.folder / _SEARCH]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _read_search(self) -> dict[str, Any] | None:
        """Return what the file of the search holds; None if it is missing or damaged."""
        try:
            content = json.loads((self.folder / _SEARCH).read_bytes())
            return content if content.pop(_SUM) == _sum_of(content) else None
        except (OSError, ValueError, KeyError, AttributeError, RecursionError):
            return None

    def _write_search(self, stated: Mapping[str, Any], products: Iterable[str]) -> None:
        content: dict[str, Any] = {_STATED: dict(stated), _PRODUCTS: sorted(products)}
        content[_SUM] = _sum_of(content)
        with atomic_write(self.folder / _SEARCH, overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _sum_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
