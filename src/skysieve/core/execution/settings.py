"""Settings of a run over many files: where their list is, and which part of it is done here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.execution.shards import Shard
from skysieve.core.settings import setting

__all__ = ["MANY", "FileOptions"]

MANY = "Many files and machines"
"""Heading of these settings in the help."""


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Settings of which files are done.

    Attributes
    ----------
    files_from
        Text file with one FITS file per line, `-` for standard input; folders and patterns are not expanded.
    shard
        Only do part K of N equal parts of the files; a file is always in the same part of a list.
    manifest
        Record what became of each file: a Parquet file, or a folder that gets one per shard.
    resume
        Skip files that are done: by the manifest, or else if the product exists, is intact and is newer.
    """

    files_from: str | None = setting(None, metavar="FILE", hidden_default=True, panel=MANY)
    shard: Shard | None = setting(
        None, metavar="K/N", text_type=str, read=Shard.parse, hidden_default=True, panel=MANY
    )
    manifest: Path | None = setting(None, metavar="PATH", hidden_default=True, panel=MANY)
    resume: bool = setting(False, panel=MANY)
