"""Files of the finished units of a search, with which an interrupted search is resumed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from skysieve.clusters.search.finder import CANDIDATE_COLUMNS, FoundUnit
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.temporaries import sweep_temporaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["UnitFiles"]

logger = logging.getLogger(__name__)

_SEARCH = "search.json"
_SUM = "sha256"
"""Keys of the search file: identity of the search, products that are being written, and checksum of both."""
_DIGEST_BYTES = 32
_CANDIDATE = "candidate_"
_MAPS = ("probability", "snr", "source")


class _Search(TypedDict):
    """Content of the search file: all that the units depend on, and the products that are being written."""

    search: dict[str, object]
    products: list[str]


@dataclass(frozen=True)
class UnitFiles:
    """A folder with one file per finished unit.

    Attributes
    ----------
    folder
        The folder.
    """

    folder: Path

    def begin(self, search: Mapping[str, object], *, resume: bool, overwrite: bool) -> None:
        """Create the folder, and write the identity of the search to it.

        Parameters
        ----------
        search
            All that the units depend on, as JSON values.
        resume
            Whether to keep existing units, if they are of the same search.
        overwrite
            Whether to remove existing units.

        Raises
        ------
        OutputError
            If units exist that may be neither used nor replaced, or that are of another search, or if the
            folder cannot be written.
        """
        identity: dict[str, object] = json.loads(json.dumps(search))
        if (self.folder / _SEARCH).exists() and not overwrite:
            if not resume:
                raise OutputError(
                    f"{self.folder} holds tiles of an interrupted search; go on with --resume, or begin anew "
                    "with --overwrite"
                )
            before = self._read_search()
            if before is not None:
                changed = [key for key in identity if identity[key] != before["search"].get(key)]
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
        self._write_search(identity, ())

    def record_products(self, names: Iterable[str]) -> None:
        """Record the names of the products that are about to be written.

        If their writing is interrupted, a resumed search may replace those that exist.

        Parameters
        ----------
        names
            File names of the products.

        Raises
        ------
        OutputError
            If the record cannot be written, or the folder has no search.
        """
        search = self._read_search()
        if search is None:
            raise OutputError(f"{self.folder / _SEARCH} is missing or damaged; go on with --resume")
        self._write_search(search["search"], names)

    def recorded_products(self) -> frozenset[str]:
        """Return the products whose writing was interrupted.

        Returns
        -------
        frozenset of str
            File names of the products.
        """
        search = self._read_search()
        return frozenset() if search is None else frozenset(search["products"])

    @property
    def begun(self) -> bool:
        """Whether the folder has an unfinished search."""
        return (self.folder / _SEARCH).exists()

    def path_of(self, unit: int) -> Path:
        """Return the file of a unit.

        Parameters
        ----------
        unit
            Number of the unit.

        Returns
        -------
        Path
            File in the folder.
        """
        return self.folder / f"tile_{unit:03d}.npz"

    def unit_of(self, path: Path) -> int:
        """Return the unit of a file.

        Parameters
        ----------
        path
            File of :meth:`path_of`.

        Returns
        -------
        int
            Number of the unit.
        """
        return int(path.stem.rpartition("_")[2])

    def write(self, unit: int, found: FoundUnit, valid: NDArray[np.bool_]) -> None:
        """Write the results of a unit atomically.

        Parameters
        ----------
        unit
            Number of the unit.
        found
            Results of the unit.
        valid : ndarray of bool, shape (P,)
            Pixels that were searched.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        # Maps that were not computed are left out; half precision stores S/N to one part in a thousand
        arrays: dict[str, NDArray[np.generic]] = {"valid": np.packbits(valid)}
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
            # Readers of the archive ignore bytes after its end
            file.write(hashlib.sha256(content).digest())

    def read(self, unit: int, count: int) -> tuple[FoundUnit, NDArray[np.bool_]] | None:
        """Read the results of a unit.

        Parameters
        ----------
        unit
            Number of the unit.
        count
            Number of its pixels, P.

        Returns
        -------
        tuple or None
            Results of the unit, and which pixels ``(P,)`` were searched.  None if the file is missing, has a
            wrong checksum, or has another number of pixels.
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
        empty = np.full(count, np.nan, np.float32)
        maps = [arrays.get(name, empty).astype(np.float32) for name in _MAPS]
        if any(values.size != count for values in maps):
            return None
        return FoundUnit(maps[0], maps[1], maps[2], candidates), valid

    def remove(self) -> None:
        """Remove the files of the units, and the folder if it has no other files."""
        sweep_temporaries(self.folder)
        for path in [*self.folder.glob("tile_[0-9][0-9][0-9].npz"), self.folder / _SEARCH]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _read_search(self) -> _Search | None:
        """Return the content of the search file; None if it is missing or damaged."""
        try:
            content = json.loads((self.folder / _SEARCH).read_bytes())
            return content if content.pop(_SUM) == _sum_of(content) else None
        except (OSError, ValueError, KeyError, AttributeError, RecursionError):
            return None

    def _write_search(self, identity: Mapping[str, object], products: Iterable[str]) -> None:
        content: _Search = {"search": dict(identity), "products": sorted(products)}
        with atomic_write(self.folder / _SEARCH, overwrite=True) as temporary:
            stored = {**content, _SUM: _sum_of(content)}
            temporary.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _sum_of(content: _Search) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
