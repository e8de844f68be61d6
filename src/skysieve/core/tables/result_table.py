"""Tables that a run writes: as ECSV, or as Parquet by the ending of the name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from skysieve.core.atomic import atomic_write, check_target
from skysieve.core.errors import OutputError
from skysieve.core.printable import printable
from skysieve.core.tables.parquet import ENDING, Column, ParquetStream, check_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from astropy.table import Table

__all__ = ["ResultTable", "write_table"]

Key = TypeVar("Key")
Record = TypeVar("Record")

BATCH = 64
"""Records that become rows of Parquet together."""


class ResultTable(Generic[Key, Record]):
    """Table of the records of a run, which also gets those of an interrupted run.

    Use it in a ``with`` block.  However the block ends, the table is written if it has a record.  As Parquet
    it takes little memory, however long it is; as ECSV all records are held until the end.

    Parameters
    ----------
    path
        The file, Parquet if its name ends in ``.parquet`` and ECSV otherwise; None for no table.
    make
        Makes a table, with a column ``file``, of records by file.
    overwrite
        Whether an existing file may be replaced.
    extend
        Whether the rows of other files in an existing table are kept.

    Raises
    ------
    ConfigError
        If pyarrow is needed and not installed.
    OutputError
        If the file exists and may not be replaced.
    """

    def __init__(
        self,
        path: Path | None,
        make: Callable[[Mapping[Key, Record]], Table],
        *,
        overwrite: bool,
        extend: bool = False,
    ) -> None:
        self._path, self._make, self._extend = path, make, extend
        self._overwrite = overwrite or extend
        self._records: dict[Key, Record] = {}
        self._keeps = extend and path is not None and path.exists()
        self._files: set[str] = set()  # names whose older rows go; empty if none are kept
        self._stream: ParquetStream | None = None
        self.written = False
        """Whether the table was written."""
        if path is not None:
            if _is_parquet(path):
                check_parquet()
            check_target(path, overwrite=self._overwrite)

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the table."""
        if self._path is None or not (self._records or self._stream):
            return
        if not _is_parquet(self._path):
            table, files = self._make(self._records), map(printable, self._records)
            write_table(table, self._path, files=files, overwrite=self._overwrite, extend=self._extend)
        else:
            self._flush()
            assert self._stream is not None  # noqa: S101 (there was a record)
            with self._stream:
                if self._keeps:
                    self._stream.append_file(self._path, unless=("file", sorted(self._files)))
        self.written = True

    def add(self, key: Key, record: Record) -> None:
        """Add the record of a file.

        Parameters
        ----------
        key
            The file.
        record
            Its record.
        """
        if self._path is None:
            return
        self._records[key] = record
        if _is_parquet(self._path) and len(self._records) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        """Make rows of Parquet of the records."""
        assert self._path is not None  # noqa: S101 (for Parquet only)
        if self._stream is None:
            self._stream = ParquetStream(self._path, overwrite=self._overwrite)
        if self._records:
            table = self._make(self._records)
            self._stream.append(_columns(table))
            if self._keeps:
                self._files.update(map(printable, self._records), map(str, table["file"]))
            self._records = {}


def write_table(
    table: Table,
    path: Path,
    *,
    files: Iterable[str] = (),
    overwrite: bool = False,
    extend: bool = False,
    meta: Mapping[str, object] | None = None,
) -> None:
    """Write a table as ECSV, or as Parquet if the name ends in ``.parquet``.

    Parameters
    ----------
    table
        The table.
    path
        The output file.
    files
        Further files whose rows in an existing table are replaced, as those without a row now.
    overwrite
        Whether to replace an existing table.
    extend
        Whether to keep the rows of other files in an existing table.
    meta
        Further metadata of a Parquet file by name.

    Raises
    ------
    ConfigError
        If pyarrow is needed and not installed.
    OutputError
        If the file exists and may not be replaced, cannot be written, or is no table that can be extended.
    """
    extend = extend and path.exists()
    if _is_parquet(path):
        with ParquetStream(path, overwrite=overwrite or extend) as stream:
            stream.append(_columns(table))
            stream.set_meta(**{name: str(value) for name, value in (meta or {}).items()})
            if extend:
                stream.append_file(path, unless=("file", [*files, *map(str, table["file"])]))
        return
    if extend:
        table = _extended(path, table, list(files))
    with atomic_write(path, overwrite=overwrite or extend) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)


def _extended(path: Path, table: Table, files: list[str]) -> Table:
    from astropy.table import QTable, vstack

    try:
        before = QTable.read(path, format="ascii.ecsv")
        done = [*files, *map(str, table["file"])]
        others = before[~np.isin(before["file"].astype(str), done)]
        if not (len(others) and len(table)):
            return others if len(others) else table
        return vstack([others, table], metadata_conflicts="silent")
    except Exception as error:  # each reader fails in ways of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise OutputError(f"{path}: is no table to be extended ({reason}); name another") from error


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(ENDING)


def _columns(table: Table) -> dict[str, Column]:
    """Return the columns of a table, without their units; masked values are None."""
    return {
        name: Column(
            _values(getattr(column, "value", column)),
            unit=str(column.unit or ""),
            description=column.info.description or "",
        )
        for name, column in zip(table.colnames, table.itercols(), strict=True)
    }


def _values(column: Any) -> Any:
    if np.ma.is_masked(column):
        return np.ma.asarray(column).tolist()
    return np.asarray(column)
