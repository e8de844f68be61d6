"""Settings of a run over many files: where their list is, and which part of it is done here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.execution.shards import Shard
from skysieve.core.settings import REQUIRED, setting

__all__ = ["MANY", "FileOptions", "MergeSettings"]

MANY = "Many files and machines"
"""Heading of these settings in the help."""


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Settings of which files are done.

    Attributes
    ----------
    paths
        FITS files, `file.fits[2]`, `file.fits[SCI,1]`, folders, globs, `.list` files, `@list`; `-` for a list
        from standard input.
    files_from
        Text file with one FITS file per line, `-` for standard input; folders and patterns are not expanded.
    shard
        Only do part K of N equal parts of the files; a file is always in the same part of a list.
    manifest
        Record what became of each file: a Parquet file, or a folder that gets one per shard.
    resume
        Skip files that are done: by the manifest, or else if the product exists, is intact and is newer.
    """

    paths: list[str] | None = setting(None, argument=True, metavar="PATH")
    """None only with `files_from`."""
    files_from: str | None = setting(None, metavar="FILE", hidden_default=True, panel=MANY)
    shard: Shard | None = setting(
        None, metavar="K/N", text_type=str, read=Shard.parse, hidden_default=True, panel=MANY
    )
    manifest: Path | None = setting(None, metavar="PATH", hidden_default=True, panel=MANY)
    resume: bool = setting(False, panel=MANY)


@dataclass(frozen=True, kw_only=True)
class MergeSettings:
    """Settings of the merging of manifests.

    Attributes
    ----------
    manifests
        Manifests that `--manifest` wrote, or folders.
    output
        Output table (Parquet).
    partial
        Also write the table if shards are missing.
    """

    manifests: list[Path] = setting(REQUIRED, argument=True, metavar="MANIFEST")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="FILE")
    partial: bool = setting(False, "--partial")
