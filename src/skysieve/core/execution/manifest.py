"""Manifests: what became of each file of a shard.

During a run, a row per file is appended to a file of rows, which survives the death of the process.  At the
end of the run, also of an interrupted one, it becomes a Parquet file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from skysieve.core.atomic import atomic_write, check_target
from skysieve.core.errors import OutputError, SourceError
from skysieve.core.execution.run_identity import difference
from skysieve.core.execution.shards import Shard
from skysieve.core.tables.parquet import (
    ENDING,
    ROWS,
    Column,
    ParquetStream,
    check_parquet,
    read_batches,
    read_meta,
)
from skysieve.core.tables.row_files import RowFile, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "DONE",
    "FAILED",
    "HEADER_KEY",
    "MISSING",
    "ROWS_ENDING",
    "SKIPPED",
    "Manifest",
    "ManifestHeader",
    "manifest_path",
    "read_manifest",
]

DONE, FAILED, SKIPPED, MISSING = "done", "failed", "skipped", "missing"
"""Values of the column ``status``."""

ROWS_ENDING = ".rows"
"""Ending of the file of rows, in place of that of the manifest."""

HEADER_KEY = "skysieve"
"""Name of the header in the metadata of a manifest."""

_COLUMNS: dict[str, tuple[type, str, str]] = {
    "path": (str, "", "the file, as it was named"),
    "status": (str, "", "done; failed; skipped: holds no frame; missing: not reached"),
    "product": (str, "", "its main product; empty if there is none"),
    "checksum": (str, "", "SHA-256 of the main product"),
    "bytes": (int, "byte", "size of the main product"),
    "seconds": (float, "s", "run time"),
    "error": (str, "", "why it failed"),
}
"""Type, unit and description of the columns that all manifests have."""


@dataclass(frozen=True)
class ManifestHeader:
    """What a manifest is of.

    Attributes
    ----------
    run
        Identity of the run, see :func:`skysieve.core.execution.run_identity.identify_run`.
    list_id
        Identifier of the whole list of files, see :func:`skysieve.core.execution.shards.list_id`.
    files
        Number of files in the whole list.
    shard
        The part of the list.
    """

    run: dict[str, str]
    list_id: str
    files: int
    shard: Shard

    def to_json(self) -> str:
        """Return the header as text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, path: Path) -> ManifestHeader:
        """Read the header of a manifest, or of a file of rows.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        ManifestHeader
            Its header.

        Raises
        ------
        SourceError
            If it is no manifest.
        """
        if path.name.endswith(ROWS_ENDING):
            text = next((row.get(HEADER_KEY, "") for row in read_rows(path)), "")
        else:
            text = read_meta(path).get(HEADER_KEY, "")
        try:
            found = json.loads(text)
            shard = Shard(**found.pop("shard"))
            return cls(**found, shard=shard)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SourceError(f"{path}: is no manifest of a run; give files that --manifest wrote") from error

    def problem(self, other: ManifestHeader) -> str:
        """Return in words why another manifest does not go with this one.

        Parameters
        ----------
        other
            The other header.

        Returns
        -------
        str
            The first difference; empty if both are of one run and one list.
        """
        if changed := difference(other.run, self.run):
            return f"is of another run ({changed})"
        if other.list_id != self.list_id:
            return f"is of another list of files ({other.files} and {self.files} files)"
        if other.shard.count != self.shard.count:
            return f"is of another division ({other.shard.count} and {self.shard.count} shards)"
        return ""


def manifest_path(target: Path, shard: Shard) -> Path:
    """Return the path of the manifest of a shard.

    Parameters
    ----------
    target
        A name that ends in ``.parquet``, or a folder.
    shard
        The shard.

    Returns
    -------
    Path
        The file.
    """
    return target if target.name.lower().endswith(ENDING) else target / f"{shard.stem}{ENDING}"


class Manifest:
    """The manifest of a shard while its files are done.

    Use it in a ``with`` block.  However the block ends, the manifest is written.

    Parameters
    ----------
    path
        The Parquet file.
    header
        What the manifest is of.
    paths
        Names of all files of the shard.
    overwrite
        Whether an existing manifest may be replaced.
    resume
        Whether files are kept that an existing manifest has as done.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    OutputError
        If there is a manifest already, or it is of another run, list or shard.
    SourceError
        If an existing manifest cannot be read.
    """

    def __init__(
        self, path: Path, header: ManifestHeader, paths: Sequence[str], *, overwrite: bool, resume: bool
    ) -> None:
        check_parquet("a manifest")
        check_target(path, overwrite=overwrite or resume)
        self._path, self._header, self._paths = path, header, paths
        self._part = path.with_name(f"{path.name.removesuffix(ENDING)}{ROWS_ENDING}")
        if self._part.exists() and not (overwrite or resume):
            raise OutputError(f"{self._part}: a run of this shard was cut off; use --resume, or --overwrite")
        self._before = self._read_before() if resume else {}
        self._written: set[str] = set()
        self._rows: RowFile | None = None

    def _read_before(self) -> dict[str, dict[str, object]]:
        """Return the rows of finished files, by path."""
        found: dict[str, dict[str, object]] = {}
        for path in (self._path, self._part):
            if not path.exists():
                continue
            header = ManifestHeader.read(path)
            problem = self._header.problem(header)
            if not problem and header.shard != self._header.shard:
                problem = f"is of shard {header.shard}, not {self._header.shard}"
            if problem:
                raise OutputError(f"{path}: {problem}; name another --manifest, or use --overwrite")
            rows = read_rows(path) if path == self._part else read_manifest(path)
            found.update({row["path"]: row for row in rows if row.get("status") == DONE})
        return found

    @property
    def finished(self) -> Mapping[str, Mapping[str, object]]:
        """Rows of the files that an earlier run finished, by path."""
        return self._before

    def keep(self, paths: Iterable[str]) -> None:
        """Begin, and keep the rows of files that are not done again.

        Parameters
        ----------
        paths
            Some of :attr:`finished`.

        Raises
        ------
        OutputError
            If the file of rows cannot be written.
        """
        with atomic_write(self._part, overwrite=True) as temporary:
            rows = RowFile(temporary)
            rows.append({HEADER_KEY: self._header.to_json()})
            for path in paths:
                rows.append(self._before[path])
                self._written.add(path)
            rows.close()
        self._before = {}
        self._rows = RowFile(self._part)

    def add(self, path: str, status: str, **values: object) -> None:
        """Add a row at once.

        Parameters
        ----------
        path
            Name of the file.
        status
            What became of it.
        **values
            Further values: the columns of all manifests, and numbers of this run.

        Raises
        ------
        OutputError
            If the row cannot be written.
        """
        if self._rows is None:
            self.keep(())
        assert self._rows is not None  # noqa: S101 (keep opened it)
        self._rows.append({"path": path, "status": status, **values})
        self._written.add(path)

    def close(self) -> None:
        """Write the Parquet file, and remove the file of rows.

        Raises
        ------
        OutputError
            If it cannot be written; the file of rows is kept then.
        """
        if self._rows is None:
            self.keep(())
        assert self._rows is not None  # noqa: S101 (keep opened it)
        self._rows.close()
        missing = ({"path": path, "status": MISSING} for path in self._paths if path not in self._written)
        with ParquetStream(self._path, overwrite=True) as stream:
            stream.set_meta(**{HEADER_KEY: self._header.to_json()})
            for rows in _batched((row for row in read_rows(self._part) if HEADER_KEY not in row), missing):
                stream.append(_row_columns(rows))
        self._part.unlink(missing_ok=True)


def _batched(*parts: Iterable[Mapping[str, object]]) -> Iterator[list[Mapping[str, object]]]:
    """Yield rows in batches; one empty batch if there are none, for the columns."""
    batch: list[Mapping[str, object]] = []
    for part in parts:
        for row in part:
            batch.append(row)
            if len(batch) == ROWS:
                yield batch
                batch = []
    yield batch


def _row_columns(rows: Sequence[Mapping[str, object]]) -> dict[str, Column]:
    """Return rows as columns: those of all manifests, then the numbers of this run."""
    found: dict[str, Column] = {}
    for name, (kind, unit, description) in _COLUMNS.items():
        values = [row.get(name) for row in rows]
        if kind is str:
            values = [value or "" for value in values]
        found[name] = Column(_typed(values, kind), unit, description)
    for name in dict.fromkeys(name for row in rows for name in row if name not in _COLUMNS):
        found[name] = Column(_typed([row.get(name) for row in rows], float))
    return found


def _typed(values: Sequence[object], kind: type) -> Any:
    """Return an Arrow array, so that columns of nulls have their type."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    return pa.array(values, types[kind])


def read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a manifest.

    Parameters
    ----------
    path
        The Parquet file.

    Yields
    ------
    dict
        Values by name, without those that are unknown.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    for batch in read_batches(path):
        for row in batch.to_pylist():
            yield {name: value for name, value in row.items() if value is not None}
