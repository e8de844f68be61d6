"""Mutated FITS files through mask, track and ghosts, many in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.faults.frames import exposure_files, frame_files
from tests.faults.mutations import mutate
from tests.faults.processes import Command, temporary_files
from tests.faults.tally import Ended, Tally

from skysieve.core.fits.fits_integrity import is_intact

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.models import Models

__all__ = ["mutated_files"]

BATCH = 60
SLOWEST = 900.0
"""Seconds of a batch; one file gets a fifth of it."""


def mutated_files(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Put a file for each case through each verb; one in five is an exposure of a camera."""
    rng = np.random.default_rng([seed, cases.start])
    frames, exposures = frame_files(seed), exposure_files(seed)
    tallies = [Tally(f"mutated FITS files, `{verb}`") for verb in ("mask", "track", "ghosts")]
    for first in range(cases.start, cases.stop, BATCH):
        batch = folder / f"batch-{first}"
        batch.mkdir(parents=True)
        kinds = {}
        for number in range(first, min(first + BATCH, cases.stop)):
            bases = exposures if number % 5 == 4 else frames
            base = list(bases)[int(rng.integers(len(bases)))]
            fault, content = mutate(bases[base], rng)
            name = f"{number:05}.fits"
            (batch / name).write_bytes(content)
            kinds[name] = f"{name} ({base}: {fault})"
        for tally in tallies:
            _run(tally, batch, models, kinds)
    return tallies


def _run(tally: Tally, batch: Path, models: Models, kinds: dict[str, str]) -> None:
    """Run a verb on files; where it crashes or hangs, on each alone."""
    verb, names = tally.name.split("`")[1], list(kinds)
    (batch / "names.list").write_text("\n".join(names) + "\n")
    words = [verb, "@names.list", "--quiet", "--model", getattr(models, verb)]
    out = batch / f"{verb}.out"
    options: dict[str, list[str | Path]] = {
        "mask": ["-o", f"{out.name}/", "--table", f"{out.name}/t.ecsv", "--overwrite"],
        "track": ["-o", f"{out.name}/t.ecsv", "--overwrite"],
        "ghosts": ["-o", f"{out.name}/", "--camera", models.camera, "--ccd-masks", "--overwrite"],
    }
    words += options[verb]
    out.mkdir(exist_ok=True)
    ended = Command(words, batch).wait(SLOWEST if len(names) > 1 else SLOWEST / 5)
    if (ended.code is None or ended.code < 0) and len(names) > 1:
        for name in names:
            _run(tally, batch, models, {name: kinds[name]})
        return
    tally.cases += len(names)
    tally.read(ended, {0, 1}, f"{verb} {kinds[names[0]]} and what follows")
    failed = {name for name in names if any(f"error: {name}" in line for line in ended.err.splitlines())}
    tally.facts["refused"] += len(failed)
    _name(tally, ended, kinds)
    if (ended.code == 0) != (not failed):
        tally.note("wrong exit codes", f"{verb}: {ended.code} with {len(failed)} failures")
    for hidden in temporary_files(out):
        tally.note("temporary files", hidden)
    if verb != "track":
        ending = {"mask": ".mask.fits", "ghosts": ".ghosts.fits"}[verb]
        for name in names:
            product = out / name.replace(".fits", ending)
            if product.exists() == (name in failed) or (product.exists() and not is_intact(product)):
                tally.note("broken products", f"{kinds[name]}: product is {product.exists()}")


def _name(tally: Tally, ended: Ended, kinds: dict[str, str]) -> None:
    """Say of the examples which fault the file has."""
    for number, example in enumerate(tally.examples):
        for name, kind in kinds.items():
            if name in example and kind not in example:
                tally.examples[number] = f"{example} [{kind}]"
