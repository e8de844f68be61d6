"""Frames of held-out cameras, not used for training or tuning; simulated once and stored."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import CORES

from frames import simulation_folder
from skysieve.frames.evaluate.tracking import LabelledFrame
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame
from skysieve.frames.simulate.truth_frames import CameraFacts, TruthFrame, simulated_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "HELD_OUT",
    "MovedFrame",
    "keep_contaminant_frames",
    "keep_tracking_frames",
    "read_contaminant_frame",
    "read_tracking_frame",
    "recipe_name",
    "seed_of",
]

SEED = 3_141_592_653
"""Base seed, far from the seeds of training, validation and calibration, which are of the order of 10^6."""

HELD_OUT = (
    "These frames were not used for training or tuning: the training recipes cover many kinds of cameras but "
    "include none of these, the seeds are used nowhere else, and thresholds, calibration and the choice of "
    "the network come from frames of the training recipe with other seeds."
)


@dataclass(frozen=True)
class MovedFrame:
    """A simulated frame with or without a known tracking error.

    Attributes
    ----------
    frame
        Pixels and label.
    kind
        Kind of the motion.
    extent
        Standard deviation of the motion along its main axis, in FWHM.
    """

    frame: LabelledFrame
    kind: str
    extent: float


def recipe_name(recipe: str) -> str:
    """Return the name of a recipe that is given by name or file."""
    return Path(recipe).stem


def seed_of(*words: str | int) -> int:
    """Return a seed derived from the words."""
    return SEED + zlib.crc32(" ".join(map(str, words)).encode())


def keep_contaminant_frames(recipes: Sequence[str], count: int, side: int) -> dict[str, list[Path]]:
    """Return files of frames with contaminants, by name of the recipe; simulate those that are missing.

    Parameters
    ----------
    recipes
        Names or files of the recipes.
    count
        Number of frames of each recipe.
    side
        Pixels of a frame along each axis.

    Returns
    -------
    dict of str to list of Path
        The files.
    """
    return _keep(_make_contaminant_frame, "contaminants", recipes, count, side)


def keep_tracking_frames(recipes: Sequence[str], count: int, side: int) -> dict[str, list[Path]]:
    """Return files of frames with and without tracking errors; see :func:`keep_contaminant_frames`."""
    return _keep(_make_tracking_frame, "tracking", recipes, count, side)


def read_contaminant_frame(path: Path) -> TruthFrame:
    """Read a frame of :func:`keep_contaminant_frames`."""
    with np.load(path) as kept:
        facts = CameraFacts(*map(float, kept["facts"]))
        return TruthFrame(str(kept["name"]), kept["pixels"], kept["bits"], facts=facts)


def read_tracking_frame(path: Path) -> MovedFrame:
    """Read a frame of :func:`keep_tracking_frames`."""
    with np.load(path) as kept:
        frame = LabelledFrame(str(kept["name"]), (kept["pixels"],), bool(kept["tracking_error"]))
        return MovedFrame(frame, str(kept["kind"]), float(kept["extent"]))


def _keep(
    make: Callable[[Path, str, int, int], None], job: str, recipes: Sequence[str], count: int, side: int
) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    missing: list[tuple[Path, str, int, int]] = []
    for recipe in recipes:
        content = hashlib.sha256(read_recipe(recipe).to_yaml().encode()).hexdigest()[:8]
        folder = simulation_folder() / job / f"{recipe_name(recipe)}-{content}-{side}"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{number}.npz" for number in range(1, count + 1)]
        found[recipe_name(recipe)] = paths
        missing += [(path, recipe, number, side) for number, path in enumerate(paths, 1) if not path.exists()]
    if missing:
        print(f"  simulating {len(missing)} frames of {side} x {side} px ...", flush=True)
        # spawned, not forked: this process may have threads of an engine
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(CORES, len(missing)), mp_context=context) as pool:
            list(pool.map(make, *zip(*missing, strict=True)))
    return found


def _make_contaminant_frame(path: Path, recipe: str, number: int, side: int) -> None:
    seed = seed_of("contaminants", recipe_name(recipe), side, number)
    (frame,) = simulated_frames(recipe, 1, seed=seed, side=side)
    facts = np.array(dataclasses.astuple(frame.facts))
    name = f"{recipe_name(recipe)} {number}"
    _write(path, name=np.array(name), pixels=frame.pixels, bits=frame.bits, facts=facts)


def _make_tracking_frame(path: Path, recipe: str, number: int, side: int) -> None:
    seed = seed_of("tracking", recipe_name(recipe), side, number)
    frame = simulate_tracking_frame((side, side), seed=seed, recipe=read_recipe(recipe))
    _write(
        path,
        name=np.array(f"{recipe_name(recipe)} {number}"),
        pixels=frame.pixels,
        tracking_error=np.array(frame.tracking_error),
        kind=np.array(frame.kind),
        extent=np.array(frame.extent),
    )


def _write(path: Path, **arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    """Write a file atomically, by renaming it when it is complete."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    unfinished.rename(path)
