"""Merge the manifests of all shards of a run, and check that they are complete."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.execution.manifest import (
    DONE,
    FAILED,
    HEADER_KEY,
    MISSING,
    ROWS_ENDING,
    ManifestHeader,
)
from skysieve.core.execution.shards import Shard
from skysieve.core.printable import one_line
from skysieve.core.tables.parquet import ENDING, ParquetStream, check_parquet, read_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["MergedRun", "find_manifests", "merge_manifests"]

MAX_NAMED = 10
"""Number of files of one kind that are named."""


@dataclass
class MergedRun:
    """What the manifests of a run say.

    Attributes
    ----------
    shards
        Number of shards with a manifest.
    count
        Number of shards.
    states
        Number of files by status.
    incomplete
        One line for each reason for which the manifests are not the whole run: shards without a manifest,
        shards that were cut off or are there twice, files that are in two shards.
    failed
        Lines of the first files that failed.
    missing
        Names of the first files that were not reached.
    """

    shards: int = 0
    count: int = 0
    states: Counter[str] = field(default_factory=Counter)
    incomplete: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the numbers of shards and of files by status.

        Returns
        -------
        str
            One line.
        """
        states = ", ".join(f"{number} {state}" for state, number in sorted(self.states.items()))
        return f"{self.shards} of {self.count} shards, {self.states.total()} files: {states or 'none'}"

    def problems(self) -> Iterator[str]:
        """Yield why the run is not complete, and the first files that failed or were not reached.

        Yields
        ------
        str
            A line.
        """
        for line in self.incomplete:
            yield f"skysieve: error: {one_line(line)}"
        for what, state, named in (("failed", FAILED, self.failed), ("not reached", MISSING, self.missing)):
            if total := self.states[state]:
                yield f"skysieve: {total} {what}:"
                yield from (f"  {one_line(line)}" for line in named)
                if total > len(named):
                    yield f"  and {total - len(named)} more, in the table"


def find_manifests(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Find the manifests in folders and among files.

    Parameters
    ----------
    paths
        Manifests, and folders of them.

    Returns
    -------
    manifests, cut_off : list of Path
        The manifests, and the files of rows of runs that were killed.

    Raises
    ------
    SourceError
        If there are none.
    """
    manifests: dict[Path, None] = {}
    cut_off: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            manifests.update(dict.fromkeys(sorted(path.glob(f"*{ENDING}"))))
            cut_off.update(dict.fromkeys(sorted(path.glob(f"*{ROWS_ENDING}"))))
        elif path.name.endswith(ROWS_ENDING):
            cut_off[path] = None
        elif path.exists():
            manifests[path] = None
        else:
            raise SourceError(f"{path}: no such manifest or folder; check the name")
    if not manifests and not cut_off:
        raise SourceError("no manifests there; name files that --manifest wrote, or their folder")
    return list(manifests), list(cut_off)


def merge_manifests(
    manifests: Sequence[Path],
    cut_off: Sequence[Path],
    output: Path,
    *,
    partial: bool = False,
    overwrite: bool = False,
) -> MergedRun:
    """Write one table of the manifests of a run.

    Parameters
    ----------
    manifests, cut_off
        See :func:`find_manifests`.
    output
        The table, a Parquet file.
    partial
        Whether the table is also written if the run is incomplete.
    overwrite
        Whether an existing table may be replaced.

    Returns
    -------
    MergedRun
        What the manifests say. If it is incomplete and `partial` is False, no table was written.

    Raises
    ------
    ConfigError
        If two manifests are of different runs, lists or divisions.
    OutputError
        If the table exists and may not be replaced, or cannot be written.
    SourceError
        If a manifest cannot be read.
    """
    check_parquet("merging manifests")
    manifests = [path for path in manifests if path.resolve() != output.resolve()]
    headers = {path: ManifestHeader.read(path) for path in [*manifests, *cut_off]}
    if not headers:
        raise SourceError(f"no manifest besides {output}; name files that --manifest wrote, or their folder")
    (first, one), *others = headers.items()
    for path, header in others:
        if problem := one.problem(header):
            raise ConfigError(f"{path}: {problem}, compared with {first}; merge the manifests of one run")
    found = MergedRun(shards=len({headers[path].shard for path in manifests}), count=one.shard.count)
    found.incomplete = _find_gaps(headers, manifests, cut_off)
    digests = array("Q")
    for path in manifests:
        for batch in read_batches(path, ["path", "status", "error"]):
            _count(found, digests, batch.to_pydict())
    if doubled := len(digests) - len(np.unique(np.frombuffer(digests, np.uint64))):
        found.incomplete.append(f"{doubled} files are in two manifests: {_named_doubles(manifests)}")
    if found.incomplete and not partial:
        return found
    with ParquetStream(output, overwrite=overwrite) as stream:
        stream.set_meta(**{HEADER_KEY: ManifestHeader(one.run, one.list_id, one.files, Shard()).to_json()})
        for path in manifests:
            stream.append_file(path)
    return found


def _find_gaps(
    headers: dict[Path, ManifestHeader], manifests: Sequence[Path], cut_off: Sequence[Path]
) -> list[str]:
    """Return lines about shards that are absent, doubled or cut off."""
    count = next(iter(headers.values())).shard.count
    numbers = Counter(headers[path].shard.number for path in manifests)
    killed = {headers[path].shard.number: path for path in cut_off}
    lines = [
        f"shard {number}/{count} was cut off, see {path}; run it again with --resume"
        for number, path in sorted(killed.items())
    ]
    absent = [n for n in range(1, count + 1) if n not in numbers and n not in killed]
    if absent:
        words = "shard" if len(absent) == 1 else "shards"
        lines.append(f"no manifest of {words} {_ranges(absent)} of {count}")
    for number, times in sorted(numbers.items()):
        if times > 1:
            twice = [str(path) for path in manifests if headers[path].shard.number == number]
            lines.append(f"shard {number}/{count} is there {times} times: {', '.join(twice[:3])}")
    return lines


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in the form of Slurm's ``--array``, as ``1-3,7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _count(found: MergedRun, digests: array[int], rows: dict[str, list[str]]) -> None:
    found.states.update(rows["status"])
    digests.extend(_digest(path) for path in rows["path"])
    if set(rows["status"]) <= {DONE}:
        return
    for path, status, error in zip(rows["path"], rows["status"], rows["error"], strict=True):
        if status == FAILED and len(found.failed) < MAX_NAMED:
            found.failed.append(error or path)
        elif status == MISSING and len(found.missing) < MAX_NAMED:
            found.missing.append(path)


def _digest(path: str) -> int:
    """Return a number of a name: a million of them take little memory."""
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), "big")


def _named_doubles(manifests: Sequence[Path]) -> str:
    seen: set[int] = set()
    doubled: list[str] = []
    for path in manifests:
        for batch in read_batches(path, ["path"]):
            for name in batch.to_pydict()["path"]:
                digest = _digest(name)
                if digest in seen and len(doubled) < MAX_NAMED:
                    doubled.append(name)
                seen.add(digest)
    return ", ".join(doubled)
