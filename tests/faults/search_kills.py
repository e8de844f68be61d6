"""``clusters find`` killed at any moment, and gone on with."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from tests.clusters.tiny_sky import cluster_maps, two_units, write_sky
from tests.faults.processes import Command, temporary_files
from tests.faults.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.models import Models

__all__ = ["kill_searches"]

SLOWEST = 600.0
LONGEST_LEFT = 5.0
ATTEMPTS = 4
WAYS = ("at any moment", "while products are written", "and a tile damaged")


def kill_searches(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Kill a search for each case, go on with each, and compare their products."""
    rng = np.random.default_rng([seed, cases.start])
    folder.mkdir(parents=True)
    write_sky(folder / "maps", cluster_maps(seed), part=two_units())
    words = ["clusters", "find", "--maps", folder / "maps", "-o", "out", "--finder", "network"]
    words += ["--model", models.clusters, "--threshold", 0.1, "--least-pixels", 1]
    whole = folder / "whole"
    whole.mkdir()
    began = time.monotonic()
    ended = Command(words, whole).wait(SLOWEST)
    if ended.code != 0:
        raise RuntimeError(f"the search that nobody kills fails: {ended}")
    lasts = time.monotonic() - began
    expected = _contents(whole / "out")
    tallies = {way: Tally(f"`clusters find`, SIGKILL {way}, then `--resume`") for way in WAYS}
    for number in cases:
        way = WAYS[number % len(WAYS)]
        tally = tallies[way]
        tally.cases += 1
        attempt = 0
        while True:
            place = folder / f"kill-{number}-{attempt}"
            place.mkdir()
            command = Command([*words, *(["-j", 2] if number % 2 else [])], place)
            if _kill(command, way, lasts * rng.uniform(0.2, 0.9)):
                tally.facts["killed at work"] += 1
                break
            command.wait(SLOWEST)
            attempt += 1
            if attempt == ATTEMPTS:
                break
        command.wait(SLOWEST)
        left = command.orphans(LONGEST_LEFT)
        if left:
            tally.note("orphans", f"{way} {number}: {left}", left)
        if way == WAYS[2]:
            _damage(place / "out.parts", rng)
        for what in ("gone on with", "gone on with once more")[: 2 if number % 3 == 0 else 1]:
            tally.read(Command([*words, "--resume"], place).wait(SLOWEST), {0}, f"{way} {number}, {what}")
        hidden = temporary_files(place)
        if hidden:
            tally.note("temporary files", f"{way} {number}: {hidden}", len(hidden))
        if (place / "out.parts").exists():
            tally.note("temporary files", f"{way} {number}: tiles are left")
        found = _contents(place / "out")
        names = sorted(name for name in {*found, *expected} if found.get(name, "") != expected.get(name, ""))
        if names:
            others = f"{', '.join(names)} not those of a search that nobody killed"
            tally.note("broken products", f"{way} {number}: {others}")
    return list(tallies.values())


def _kill(command: Command, way: str, delay: float) -> bool:
    """Kill a search at the moment that is asked for, and tell whether there was anything to kill."""
    parts, end = command.folder / "out.parts", time.monotonic() + delay
    while command.running:
        if way == WAYS[1]:
            ready = any((command.folder / "out").glob("[!.]*"))
        elif way == WAYS[2]:
            ready = any(parts.glob("tile_*.npz"))
        else:
            ready = time.monotonic() > end
        if ready:
            os.kill(command.process.pid, signal.SIGKILL)
            return command.process.wait(SLOWEST) == -signal.SIGKILL
        time.sleep(0.002)
    return False


def _damage(parts: Path, rng: np.random.Generator) -> None:
    """Flip a bit of a finished tile, or of what describes the search where there is none."""
    for path in [*sorted(parts.glob("tile_*.npz")), parts / "search.json"][:1]:
        if path.exists():
            content = bytearray(path.read_bytes())
            content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
            path.write_bytes(content)


def _contents(folder: Path) -> dict[str, object]:
    """Return what the products hold, but for when they were made."""
    found: dict[str, object] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix == ".fits":
            with fits.open(path) as hdus:
                found[path.name] = [None if hdu.data is None else hdu.data.tobytes() for hdu in hdus]
        elif path.suffix in (".ecsv", ".reg", ".json", ".txt"):
            lines = path.read_text().splitlines()
            found[path.name] = [line for line in lines if "DATE" not in line and "date" not in line]
        else:
            found[path.name] = None
    return found
