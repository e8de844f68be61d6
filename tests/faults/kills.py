"""``mask -j 2`` killed at any moment, in all ways, and gone on with."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from tests.faults.frames import simulated_pixels
from tests.faults.processes import Command, temporary_files
from tests.faults.tally import Tally

from skysieve.core.fits.fits_integrity import is_intact

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.models import Models
    from tests.faults.tally import Ended

__all__ = ["kill_masks"]

FILES = 12
ATTEMPTS = 5
"""A run that ended before it was killed is tried again so often."""
SLOWEST = 300.0
LONGEST_LEFT = 5.0
"""Seconds that processes may outlive the one that began them."""

WAYS = (
    ("SIGKILL to the first process", signal.SIGKILL, "parent"),
    ("SIGKILL to a worker", signal.SIGKILL, "worker"),
    ("SIGTERM to the first process", signal.SIGTERM, "parent"),
    ("SIGTERM to all", signal.SIGTERM, "all"),
    ("SIGTERM to a worker", signal.SIGTERM, "worker"),
    ("SIGHUP to all", signal.SIGHUP, "all"),
    ("Ctrl-C", signal.SIGINT, "all"),
    ("four Ctrl-C", signal.SIGINT, "all"),
    ("SIGKILL to all", signal.SIGKILL, "all"),
)


def kill_masks(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Kill a run for each case, one way after another, go on with each, and compare its masks."""
    rng = np.random.default_rng([seed, cases.start])
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(FILES):
        pixels = simulated_pixels(seed + number, 160)
        hdu = fits.CompImageHDU(pixels) if number % 3 == 2 else fits.ImageHDU(pixels)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(frames / f"{number:02}.fits")
    words = ["mask", "../frames", "--model", models.mask, "-o", "out/"]
    began = time.monotonic()
    whole = folder / "whole"
    whole.mkdir()
    ended = Command([*words, "-j", 2], whole).wait(SLOWEST)
    if ended.code != 0:
        raise RuntimeError(f"the run that nobody kills fails: {ended}")
    lasts = time.monotonic() - began
    expected = _contents(whole / "out")
    tallies = {name: Tally(f"`mask -j 2`, {name}, then `--resume`") for name, _, _ in WAYS}
    for number in cases:
        name, kind, target = WAYS[number % len(WAYS)]
        tally = tallies[name]
        tally.cases += 1
        attempt = 0
        while True:
            place = folder / f"kill-{number}-{attempt}"
            place.mkdir()
            command = Command([*words, "-j", 2], place)
            # at the start, or when so many masks are there
            masks = int(rng.integers(FILES - 3)) if rng.random() < 0.8 else 0
            delay = rng.uniform(0, 0.2) if masks else rng.uniform(0, 0.6) * lasts
            if _kill(command, kind, target, (masks, delay), times=4 if name.startswith("four") else 1):
                tally.facts["killed at work"] += 1
                break
            command.wait(SLOWEST)
            attempt += 1
            if attempt == ATTEMPTS:
                break
        _look(tally, command.wait(SLOWEST), kind, target, f"{name} {number}")
        left = command.orphans(LONGEST_LEFT)
        if left:
            tally.note("orphans", f"{name} {number}: {left}", left)
        if kind != signal.SIGKILL:
            _no_temporaries(tally, place, f"{name} {number}")
        for product in (place / "out").glob("[!.]*.fits"):
            if not is_intact(product):
                tally.note("broken products", f"{name} {number}: {product.name}")
        again = Command([*words, "--resume"], place)
        tally.read(again.wait(SLOWEST), {0}, f"{name} {number}, gone on with")
        _no_temporaries(tally, place, f"{name} {number}, gone on with")
        if _contents(place / "out") != expected:
            tally.note("broken products", f"{name} {number}: not those of a run that nobody killed")
    return list(tallies.values())


def _kill(
    command: Command, kind: signal.Signals, target: str, moment: tuple[int, float], *, times: int
) -> bool:
    """Send a signal at some moment, and tell whether there was anybody to get it."""
    masks, delay = moment
    while command.running and len(list((command.folder / "out").glob("[!.]*.fits"))) < masks:
        time.sleep(0.01)
    end = time.monotonic() + delay
    while command.running and (time.monotonic() < end or not command.listening):
        time.sleep(0.01)
    receivers = [command.process.pid]
    if target == "worker":
        while command.running and not (receivers := command.workers()):
            time.sleep(0.01)
        receivers = receivers[:1]
    sent = 0
    for _ in range(times):
        if not command.running or not receivers:
            break
        try:
            (os.killpg if target == "all" else os.kill)(receivers[0], kind)
        except ProcessLookupError:
            break
        sent += 1
        if times > 1:
            time.sleep(0.05)
    return sent > 0


def _look(tally: Tally, ended: Ended, kind: signal.Signals, target: str, what: str) -> None:
    if target == "worker":
        codes = {0}
    elif kind == signal.SIGKILL:
        codes = {0, -signal.SIGKILL}
    else:
        codes = {0, 128 + kind}
    err = ended.err
    if kind == signal.SIGKILL:
        # the interpreter itself says this of semaphores of a process that was killed
        own = ("resource_tracker", "warnings.warn")
        lines = [line for line in err.splitlines() if not any(word in line for word in own)]
        err = "\n".join(lines)
    tally.read(type(ended)(ended.code, ended.out, err), codes, what)


def _no_temporaries(tally: Tally, place: Path, what: str) -> None:
    hidden = temporary_files(place)
    if hidden:
        tally.note("temporary files", f"{what}: {hidden}", len(hidden))


def _contents(folder: Path) -> dict[str, object]:
    """Return what the products hold, but for when they were made."""
    found: dict[str, object] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix != ".fits":
            found[path.name] = path.stat().st_size if path.is_file() else None
            continue
        with fits.open(path) as hdus:
            found[path.name] = [
                (
                    None if hdu.data is None else hdu.data.tobytes(),
                    [card for card in hdu.header.items() if card[0] not in ("DATE", "CHECKSUM", "DATASUM")],
                )
                for hdu in hdus
            ]
    return found
