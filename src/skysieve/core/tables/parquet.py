"""Parquet files that are written batch by batch, so that their size does not matter.

Units and descriptions are stored twice: in the fields of the schema, and in the form that Astropy reads.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skysieve.core.atomic import atomic_write, check_target
from skysieve.core.errors import SourceError
from skysieve.core.extras import require
from skysieve.core.temporaries import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["ENDING", "Column", "ParquetStream", "check_parquet", "read_batches", "read_meta"]

ENDING = ".parquet"
"""Ending of the names of Parquet files."""

ROWS = 32768
"""Rows that are held in memory, and of a row group."""


@dataclass(frozen=True)
class Column:
    """Some rows of one column.

    Attributes
    ----------
    values
        ``(N,)`` numbers, booleans or texts.
    unit
        Unit, as Astropy writes it; empty if there is none.
    description
        What the column holds; may be empty.
    """

    values: Sequence[Any] | NDArray[Any]
    unit: str = ""
    description: str = ""


def check_parquet(purpose: str = "writing Parquet") -> None:
    """Check that Parquet files can be read and written.

    Parameters
    ----------
    purpose
        What needs it, for the message.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    """
    require(purpose, "parquet")


class ParquetStream:
    """A Parquet file that grows by batches and gets its name when it is complete.

    Use it in a ``with`` block; if the block ends with an error, nothing is written.  A later batch may have
    further columns; the earlier rows then hold nulls in them.

    Parameters
    ----------
    path
        The file.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    OutputError
        If the file exists and may not be replaced.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        check_parquet()
        check_target(path, overwrite=overwrite)
        self._path, self._overwrite = path, overwrite
        self._meta: dict[str, str] = {}
        self._schema: Any = None
        self._waiting: list[Any] = []
        self._files = ExitStack()
        self._part: Path | None = None
        self._writer: Any = None
        self._lengths: dict[str, int] = {}
        self.rows = 0
        """Number of rows so far."""

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the file, unless there was an error, and remove temporary files."""
        with self._files:
            if kind is None:
                self._finish()
            elif self._writer is not None:
                self._writer.close()

    def set_meta(self, **meta: str) -> None:
        """Add texts to the metadata of the file.

        Parameters
        ----------
        **meta
            Texts by name.
        """
        self._meta.update(meta)

    def append(self, columns: Mapping[str, Column]) -> None:
        """Append rows.

        Parameters
        ----------
        columns
            Columns of one length, by name.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        import pyarrow as pa

        arrays, fields = [], []
        for name, column in columns.items():
            values = column.values
            if isinstance(values, np.ndarray) and values.dtype.kind == "U":
                values = values.tolist()
            array = pa.array(values)
            if pa.types.is_null(array.type):  # no row, or nothing but nulls: numbers that are unknown
                array = array.cast(pa.float64())
            meta = {"unit": column.unit, "description": column.description}
            fields.append(pa.field(name, array.type, metadata={k: v for k, v in meta.items() if v}))
            arrays.append(array)
        self._append_arrow(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))

    def append_file(self, path: Path, *, unless: tuple[str, Sequence[str]] | None = None) -> None:
        """Append the rows of another Parquet file.

        Parameters
        ----------
        path
            The other file.
        unless
            Name of a text column, and values of it whose rows are left out.

        Raises
        ------
        SourceError
            If the file cannot be read, or lacks the column.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        omitted = None if unless is None else pa.array(list(unless[1]), pa.string())
        for batch in read_batches(path):
            table = batch
            if unless is not None:
                if unless[0] not in batch.column_names:
                    raise SourceError(f"{path}: has no column {unless[0]}; give another table")
                found = pc.is_in(batch[unless[0]], value_set=omitted)
                table = batch.filter(pc.invert(found))
            self._append_arrow(table)

    def _append_arrow(self, table: Any) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = table.replace_schema_metadata(None)
        for name, field in zip(table.column_names, table.schema, strict=True):
            if pa.types.is_string(field.type) and len(table):
                longest = pc.max(pc.utf8_length(table[name])).as_py() or 0
                self._lengths[name] = max(self._lengths.get(name, 1), longest)
        if self._schema is None:
            self._schema = table.schema
        elif set(table.column_names) - set(self._schema.names):
            self._widen(table.schema)
        self._waiting.append(self._in_schema(table))
        self.rows += len(table)
        if sum(map(len, self._waiting)) >= ROWS:
            self._flush()

    def _in_schema(self, table: Any) -> Any:
        """Return a table with the columns of the schema, nulls in those that it lacks."""
        import pyarrow as pa

        arrays = [
            table[field.name].cast(field.type)
            if field.name in table.column_names
            else pa.nulls(len(table), field.type)
            for field in self._schema
        ]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _widen(self, other: Any) -> None:
        """Add the columns of another schema to that of the file, and rewrite what was written."""
        import pyarrow as pa

        self._flush()
        before = self._part
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        known = set(self._schema.names)
        self._schema = pa.schema([*self._schema, *(field for field in other if field.name not in known)])
        if before is not None:
            self._part = None
            for batch in read_batches(before):
                self._write(self._in_schema(batch))
            before.unlink()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._write(pa.concat_tables(self._waiting))
            self._waiting = []

    def _write(self, table: Any) -> None:
        if self._part is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._part = self._files.enter_context(temporary_beside(self._path))
            self._writer = _open(self._part, self._schema)
        self._writer.write_table(table, row_group_size=ROWS)

    def _finish(self) -> None:
        """Write the final file: only now the longest text of each column is known, which Astropy needs."""
        import pyarrow as pa

        self._flush()
        if self._writer is not None:
            self._writer.close()
        schema = pa.schema([]) if self._schema is None else self._schema
        schema = schema.with_metadata(_astropy_meta(schema, self._lengths) | self._meta)
        with (
            atomic_write(self._path, overwrite=self._overwrite) as temporary,
            _open(temporary, schema) as out,
        ):
            for batch in () if self._part is None else read_batches(self._part):
                out.write_table(batch.cast(schema), row_group_size=ROWS)


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """Yield the rows of a Parquet file in batches.

    Parameters
    ----------
    path
        The file.
    columns
        Names of the columns to read; by default all.

    Yields
    ------
    pyarrow.Table
        Some rows.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=columns):
                yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def read_meta(path: Path) -> dict[str, str]:
    """Return the texts in the metadata of a Parquet file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        Texts by name.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    import pyarrow as pa
    from pyarrow.parquet import read_schema

    try:
        found = read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in found.items()}


def _unreadable(path: Path, error: Exception) -> SourceError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return SourceError(f"{path}: cannot be read as a Parquet file ({reason}); give one that Skysieve wrote")


def _open(path: Path, schema: Any) -> Any:
    from pyarrow.parquet import ParquetWriter

    return ParquetWriter(path, schema, compression="zstd")


def _astropy_meta(schema: Any, lengths: Mapping[str, int]) -> dict[str, str]:
    """Return the metadata from which Astropy reads units, descriptions and the lengths of texts."""
    from astropy.table import Table
    from astropy.table.meta import get_yaml_from_table

    table = Table()
    found: dict[str, str] = {}
    for field in schema:
        if field.name in lengths or str(field.type) == "string":
            length = lengths.get(field.name, 1)
            table[field.name] = np.empty(0, f"U{length}")
            found[f"table::len::{field.name}"] = str(length)
        else:
            table[field.name] = np.empty(0, field.type.to_pandas_dtype())
        meta = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        table[field.name].unit = meta.get("unit")
        table[field.name].description = meta.get("description")
    return {"table_meta_yaml": "\n".join(get_yaml_from_table(table)), **found}
