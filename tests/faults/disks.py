"""Inputs cut while they are read, full disks, folders that cannot be written, two writers of one product."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from tests.clusters.tiny_sky import cluster_maps, two_units, write_sky
from tests.faults.frames import simulated_pixels
from tests.faults.processes import Command, temporary_files
from tests.faults.tally import Tally
from tests.ghosts.tiny_camera import sky, write_calibrated

from skysieve.core.fits.fits_integrity import is_intact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.models import Models

__all__ = ["cut_inputs", "full_disks", "two_writers"]

SLOWEST = 300.0
FULL = 65536
"""Bytes of a full disk."""


def cut_inputs(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Cut large frames while they are masked: each file is done or named, and nothing else happens."""
    rng = np.random.default_rng([seed, cases.start])
    tally = Tally("inputs cut while they are read")
    pixels = np.tile(simulated_pixels(seed, 256), (6, 6))
    folder.mkdir(parents=True)
    for number in cases:
        place = folder / f"cut-{number}"
        place.mkdir()
        names = [f"{one}.fits" for one in range(6)]
        for one, name in enumerate(names):
            hdu = fits.CompImageHDU(pixels) if one % 2 else fits.ImageHDU(pixels)
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(place / name)
        words = ["mask", *names, "-o", "out/", "--model", models.mask, "-j", 1 + number % 2]
        command = Command(words, place)
        while command.running and not any((place / "out").glob("*.fits")):
            time.sleep(0.01)
        cut = []
        for name in rng.permutation(names):
            if command.running and not (place / "out" / name.replace(".fits", ".mask.fits")).exists():
                size = (place / name).stat().st_size
                os.truncate(place / name, int(rng.integers(0, size)))
                cut.append(str(name))
                time.sleep(float(rng.uniform(0, 0.1)))
        ended = command.wait(SLOWEST)
        tally.cases += len(cut)
        tally.read(ended, {0, 1}, f"cut {number}")
        for name in names:
            product = place / "out" / name.replace(".fits", ".mask.fits")
            named = f"error: {name}" in ended.err
            if product.exists() == named or (product.exists() and not is_intact(product)):
                tally.note("broken products", f"cut {number}: {name} {product.exists()} {named}")
            if named and name not in cut:
                tally.note("wrong exit codes", f"cut {number}: {name} failed, but was whole")
            tally.facts["refused"] += named
        for hidden in temporary_files(place):
            tally.note("temporary files", hidden)
        _orphans(tally, command, f"cut {number}")
    return [tally]


def full_disks(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Write every kind of product to a disk that is full, and to a folder that cannot be written."""
    full, closed = Tally("full disk"), Tally("folder that cannot be written")
    folder.mkdir(parents=True)
    inputs = folder / "inputs"
    inputs.mkdir()
    names = [f"../inputs/{number}.fits" for number in range(3)]
    for number, name in enumerate(names):
        fits.PrimaryHDU(simulated_pixels(seed + number, 300)).writeto(inputs / Path(name).name)
    write_calibrated(inputs / "exposure.fits", sky(seed))
    write_sky(inputs / "maps", cluster_maps(seed), part=two_units())
    mask = ["mask", *names, "--model", models.mask]
    find = ["clusters", "find", "--maps", "../inputs/maps", "--finder", "network", "--model", models.clusters]
    find += ["--threshold", 0.1, "--least-pixels", 1]
    ghosts = ["ghosts", "../inputs/exposure.fits", "--model", models.ghosts, "--camera", models.camera]
    runs: list[list[object]] = [
        [*mask, "-o", "disk/", "--compression", "none"],
        [*mask, "-o", "disk/", "--format", "probabilities"],
        [*mask, "-o", "disk/", "--format", "probabilities", "-j", 2],
        [*mask, "-o", "disk/", "--preview", "--format", "cube"],
        [*mask, "-o", "disk/m.{name}.fits.gz", "--format", "probabilities", "--table", "disk/t.ecsv"],
        ["track", *names, "--model", models.track, "-o", "disk/t.ecsv", "--blocks", "disk/b.ecsv"],
        [*ghosts, "-o", "disk/", "--ccd-masks"],
        [*find, "-o", "disk/out"],
        ["simulate", "contaminants", "-n", 2, "--size", 128, "-o", "disk/sim"],
    ]
    for number in cases:
        words = runs[number % len(runs)]
        for tally, made in ((full, _full_disk), (closed, _closed_folder)):
            place = folder / f"{tally.name.split()[0]}-{number}"
            place.mkdir()
            disk = place / "disk"
            with made(disk) as most:
                command = Command(words, place, most_file=most)
                ended = command.wait(SLOWEST)
                tally.cases += 1
                small = words[0] == "track" and tally is full  # a table of a few lines finds room
                tally.read(ended, {0, 1} if small else {1}, f"{tally.name}, {' '.join(map(str, words[:3]))}")
                for hidden in temporary_files(disk):
                    tally.note("temporary files", hidden)
                for product in disk.rglob("*.fits*"):
                    if not is_intact(product):
                        tally.note("broken products", f"{tally.name}: {product.name}")
                _orphans(tally, command, tally.name)
    return [full, closed]


def two_writers(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Write the same products by two runs at once, which may or may not replace what is there."""
    tally = Tally("two writers of the same products")
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(8):
        fits.PrimaryHDU(simulated_pixels(seed + number, 160)).writeto(frames / f"{number}.fits")
    for number in cases:
        place = folder / f"both-{number}"
        place.mkdir()
        more = ["--overwrite"] if number % 2 else []
        words = ["mask", "../frames", "-o", "out/", "--model", models.mask, "--preview", *more]
        (place / "1").mkdir()
        (place / "2").mkdir()
        words = [word if word != "../frames" else "../../frames" for word in words]
        words[words.index("out/")] = "../out/"
        both = [Command(words, place / "1"), Command(words, place / "2")]
        for command in both:
            ended = command.wait(SLOWEST)
            tally.read(ended, {0} if more else {0, 1}, f"writers {number}")
            tally.cases += 1
            _orphans(tally, command, f"writers {number}")
        products = sorted((place / "out").glob("*.fits"))
        if len(products) != 8 or not all(map(is_intact, products)):
            tally.note("broken products", f"writers {number}: {len(products)}")
        for hidden in temporary_files(place):
            tally.note("temporary files", hidden)
    return [tally]


def _orphans(tally: Tally, command: Command, what: str) -> None:
    left = command.orphans(5.0)
    if left:
        tally.note("orphans", f"{what}: {left}", left)


@contextmanager
def _full_disk(place: Path) -> Iterator[int | None]:
    """Give a disk with little room: a file system of its own, or else a limit of what a file may hold."""
    place.mkdir()
    if _mount(place, f"size={FULL}"):
        try:
            yield None
        finally:
            _unmount(place)
    else:
        yield FULL // 2


@contextmanager
def _closed_folder(place: Path) -> Iterator[None]:
    """Give a folder that nobody may write to, the administrator included."""
    place.mkdir()
    if _mount(place, "ro"):
        try:
            yield None
        finally:
            _unmount(place)
    else:
        place.chmod(0o555)
        try:
            yield None
        finally:
            place.chmod(0o755)


def _mount(place: Path, option: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(place)]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=False)
