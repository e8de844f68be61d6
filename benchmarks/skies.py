"""Simulated skies by their seeds: for training, for selection, and for tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from process import SKYSIEVE, run_measured
from published_tools import CACHE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SELECTION_SEED", "TEST_SEEDS", "TRAINING_SEEDS", "sky_of_seed"]

TRAINING_SEEDS = (11, 12, 13, 14, 15, 16)
"""Seeds of the skies that the packaged network was trained on; see its recipe."""

SELECTION_SEED = 18
"""Seed of the sky on which trainings are compared and settings chosen."""

TEST_SEEDS = (902, 903)
"""Seeds of the test skies: not used for training, fits or selection, nor to evaluate an earlier network."""

BANDS = ("100", "143", "217", "353", "545", "857")


def sky_of_seed(seed: int) -> Path:
    """Return the folder of a full sky at nside 2048, which is simulated if it does not exist."""
    folder = CACHE / "skies" / f"s{seed}"
    if not all((folder / f"sky_{band}.fits").exists() for band in BANDS):
        print(f"  simulating the sky of seed {seed}", flush=True)
        jobs = min(2, len(os.sched_getaffinity(0)))
        run_measured([SKYSIEVE, "simulate", "sky", "-o", folder, "--seed", seed, "-j", jobs, "--quiet"])
    return folder
