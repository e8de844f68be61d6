"""Defects of detectors: found in simulated nights of dithered frames, and in real repeated darks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from results import Bar, Result, Table

from skysieve.core.fits.locations import Location
from skysieve.frames.defects.groups import DetectorFrames
from skysieve.frames.defects.job import DefectJob
from skysieve.frames.defects.settings import DefectSettings
from skysieve.frames.mask.classes import find_class
from skysieve.frames.simulate.exposure import expose
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.simulate.scenery import STREAMS, draw_field, draw_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Layer

__all__ = ["measure", "simulate_night"]

SIDE = 512
NIGHTS, FRAMES = 4, 8
FIXED = ("HP", "DP", "HCL", "DCL")
MOVING = ("CR", "TRL", "SP")
TARGET = 0.95
DARK_LEVEL = 12.0
"""Minimum excess of hot pixels in the darks, in units of the noise that is measured here; that of their truth
is 10 in units of another measure of the noise, which is larger."""


def measure() -> Result:
    """Measure both."""
    bars, tables = [], []
    nights = [_score_night(seed) for seed in range(NIGHTS)]
    rows = []
    for name in ("HP", "DP"):
        scores, truth = (np.concatenate([night[name][i] for night in nights]) for i in range(2))
        value = _average_precision(scores, truth)
        bars.append(Bar(f"AP of {name}, simulated nights", ">=", TARGET, value))
    for name in FIXED:
        marked, truth = (np.concatenate([night[name][i] for night in nights]) for i in (2, 1))
        rows.append((name, int(truth.sum()), *_rates(marked, truth)))
    columns = (("class", ""), ("pixels in the truth", "d"), ("precision", ".3f"), ("recall", ".3f"))
    tables.append(Table(f"{NIGHTS} simulated nights of {FRAMES} frames", columns, rows))
    darks = _score_darks()
    if darks is not None:
        precision, recall, ap = darks
        bars.append(Bar("AP of hot pixels, real darks", ">=", TARGET, ap))
        bars.append(Bar("precision of hot pixels, real darks", ">=", TARGET, precision))
        bars.append(Bar("recall of hot pixels, real darks", ">=", TARGET, recall))
    return Result(
        "Defects of detectors",
        f"`skysieve defects` on {NIGHTS} simulated nights, each of {FRAMES} raw frames of {SIDE} x {SIDE} "
        "pixels of one detector with fields of their own; hot and dead pixels and columns are the same in "
        "all. Their truth is that of a single frame: more than one sigma of its noise. AP: average precision "
        "by significance, without pixels of columns. The real darks are five of an uncooled camera; their "
        "truth is the pixels that exceed the background of the frame by 10 sigma in each, which is not "
        f"independent of the data; here with a level of {DARK_LEVEL:g} above the pixels around.",
        bars,
        tables,
    )


def simulate_night(
    seed: int, frames: int = FRAMES, side: int = SIDE
) -> tuple[list[NDArray[np.float32]], dict[str, NDArray[np.bool_]]]:
    """Return raw frames of one detector, and the truth about its defects.

    Parameters
    ----------
    seed
        Seed of the night.
    frames
        Number of frames.
    side
        Side of a frame in pixels.

    Returns
    -------
    frames
        ``(H, W)`` float32 each.
    truth
        ``(H, W)`` bool by class: pixels in the truth of most frames.
    """
    recipe = Recipe()
    fixed: dict[str, Layer] | None = None
    pixels, truths = [], []
    for number in range(frames):
        streams = _streams(1000 * seed + number + 1)
        # the camera and the level of the sky are those of the night
        streams.update({name: _streams(1000 * seed)[name] for name in ("camera", "sky")})
        field = draw_field((side, side), streams, recipe=recipe)
        if fixed is None:
            fixed = draw_layers(field.scene, _streams(1000 * seed), recipe, FIXED)
        layers = {**draw_layers(field.scene, streams, recipe, MOVING), **fixed}
        done = expose(field, layers, streams["exposure"], recipe=recipe)
        pixels.append(done.pixels)
        truths.append(done.truth)
    return pixels, {name: np.median([one[name] for one in truths], axis=0) > 0.5 for name in FIXED}


def _streams(seed: int) -> dict[str, np.random.Generator]:
    return dict(zip(STREAMS, np.random.default_rng(seed).spawn(len(STREAMS)), strict=True))


def _score_night(seed: int) -> dict[str, tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return scores, truth and marks of each class, in pixels that count for it."""
    pixels, truth = simulate_night(seed)
    with tempfile.TemporaryDirectory() as name:
        paths = []
        for number, frame in enumerate(pixels):
            paths.append(Path(name) / f"{number}.fits")
            fits.PrimaryHDU(frame).writeto(paths[-1])
        marks, significance = _find(Path(name), paths, DefectSettings())
    columns = truth["HCL"] | truth["DCL"]
    found = {}
    for one in FIXED:
        counts = ~columns if one in ("HP", "DP") else np.ones_like(columns)
        score = significance if one in ("HP", "HCL") else -significance
        if one in ("HP", "DP"):  # what the map calls a column is no single pixel
            score = np.where(marks["HCL"] | marks["DCL"], -np.inf, score)
        found[one] = (score[counts], truth[one][counts], marks[one][counts])
    return found


def _find(
    folder: Path, paths: Sequence[Path], settings: DefectSettings
) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.float32]]:
    unit = DetectorFrames("detector", tuple(Location(path) for path in paths))
    record = DefectJob(folder / "defects", settings).run(unit)
    with fits.open(record.product) as hdus:
        bits = np.array(hdus["DEFECTS"].data)
        return {n: (bits & find_class(n).code) != 0 for n in FIXED}, np.array(hdus["SIGNIFICANCE"].data)


def _score_darks() -> tuple[float, float, float] | None:
    """Return precision, recall and AP of hot pixels in the real darks, if they are there."""
    folder = Path(os.environ.get("SKYSIEVE_TEST_DATA", "")) / "real"
    paths = sorted((folder / "frames").glob("asi120_dark_100s_*.fits.fz"))
    if not paths:
        return None
    with fits.open(folder / "bpm" / "asi120_hotmap.fits.fz") as hdus:
        truth = np.array(hdus["HOT"].data) != 0
    with tempfile.TemporaryDirectory() as name:
        settings = DefectSettings(level=DARK_LEVEL, frames=len(paths))
        marks, significance = _find(Path(name), paths, settings)
    rates = _rates(np.any([marks[one] for one in ("HP", "HCL")], axis=0), truth)
    return *rates, _average_precision(significance.ravel(), truth.ravel())


def _rates(marked: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Return precision and recall."""
    both = int((marked & truth).sum())
    return both / max(int(marked.sum()), 1), both / max(int(truth.sum()), 1)


def _average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the mean over the pixels of the truth of the precision at the score of each."""
    right = truth[np.argsort(-scores, kind="stable")]
    hits = np.flatnonzero(right)
    return float(np.mean(np.arange(1, hits.size + 1) / (hits + 1))) if hits.size else float("nan")
