"""Compare probabilities and decisions on stored tiles with those of the published networks on TensorFlow."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
from machine import has_bf16
from results import Bar, Result, Table

from frames import data_folder
from skysieve.core.models.engine import load_network
from skysieve.frames.mask import decide
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.track.model import TRACKING

if TYPE_CHECKING:
    from skysieve.core.models.network import Engine, Precision

__all__ = ["measure"]

HALF = np.float32(0.5)
NOTABLE = 1e-4
"""Minimum difference of probabilities that is counted."""


def measure() -> Result:
    """Compare every engine and precision that runs on this machine."""
    with np.load(data_folder() / "maximask_reference" / "tiles.npz") as stored:
        tiles = stored["inputs"][:, None]
        expected = stored["maximask_proba"].transpose(0, 3, 1, 2)
        expected_track = stored["maxitrack_proba"]
    choices: list[tuple[Engine, Precision]] = []
    if importlib.util.find_spec("openvino"):
        choices.append(("openvino", "f32"))
    if has_bf16():
        choices.append(("openvino", "bf16"))
    if importlib.util.find_spec("onnxruntime"):
        choices.append(("onnxruntime", "f32"))

    model, track_model = CONTAMINANTS.load("maximask"), TRACKING.load("maxitrack")
    card = model.card
    training = [card.training_priors[name] for name in card.classes]
    priors = [card.default_priors[name] for name in card.classes]
    thresholds = [card.default_thresholds[name] for name in card.classes]
    moved = decide.raw_thresholds(thresholds, training, priors)
    # as published: probabilities are corrected for the priors, then compared with the thresholds
    published = [decide.modify_priors(tile, training, priors) > _column(thresholds) for tile in expected]
    bars, rows = [], []
    for engine, precision in choices:
        found = load_network(model, engine=engine, precision=precision)(tiles)
        difference = np.abs(found.astype(np.float64) - expected)
        decided = [tile > _column(moved) for tile in found]
        changed = np.not_equal(decided, published)
        track = load_network(track_model, engine=engine, precision=precision)(tiles)
        track_difference = float(np.abs(track.astype(np.float64) - expected_track).max())
        rows.append(
            (
                engine,
                precision,
                float(difference.mean()),
                float(difference.max()),
                int((difference > NOTABLE).sum()),
                int(changed.sum()),
                float(changed.mean()),
                float(((found > HALF) != (expected > HALF)).mean()),
                track_difference,
            )
        )
        if precision == "f32":
            bars += [
                Bar(f"mean difference of probabilities, {engine} f32", "<=", 1e-6, float(difference.mean())),
                Bar(f"decisions that differ, {engine} f32", "<=", 1e-5, float(changed.mean())),
                Bar(f"difference of MaxiTrack's probabilities, {engine} f32", "<=", 1e-4, track_difference),
            ]
    columns = (
        ("engine", ""),
        ("precision", ""),
        ("mean difference", ".2g"),
        ("largest", ".2g"),
        (f"beyond {NOTABLE:g}", "d"),
        ("decisions that differ", "d"),
        ("fraction of all", ".2g"),
        ("fraction of all at 0.5, no priors", ".2g"),
        ("MaxiTrack, largest", ".2g"),
    )
    return Result(
        "The networks compared with TensorFlow, tile by tile",
        f"{len(tiles)} tiles of {tiles.shape[2]} x {tiles.shape[3]} normalised pixels, with the "
        "probabilities of the published networks for them on TensorFlow. A decision is one pixel "
        f"in one of {len(card.classes)} classes at the default priors and thresholds; there are "
        f"{expected.size} of them.",
        bars,
        [Table("Engines and precisions", columns, rows)],
    )


def _column(values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return one value per class in the shape ``(C, 1, 1)``."""
    return np.asarray(values, np.float32)[:, None, None]
