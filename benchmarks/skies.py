"""Simulated skies by their seeds: those for training, one for choices, and those that judge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from peer import CACHE
from process import SKYSIEVE, run_measured

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CHOICE", "JUDGED", "LEARNT", "sky_of_seed"]

LEARNT = (11, 12, 13, 14, 15, 16)
"""Seeds of the skies that the packaged network was trained on; see its recipe."""

CHOICE = 18
"""Of the sky on which trainings are compared, and settings chosen."""

JUDGED = (902, 903)
"""Of the skies that nothing was trained, fitted or chosen on, and on which no earlier network was judged."""

BANDS = ("100", "143", "217", "353", "545", "857")


def sky_of_seed(seed: int) -> Path:
    """Return the folder of a full sky at nside 2048, which is simulated if it is not there."""
    folder = CACHE / "skies" / f"s{seed}"
    if not all((folder / f"sky_{band}.fits").exists() for band in BANDS):
        print(f"  simulating the sky of seed {seed}", flush=True)
        jobs = min(2, len(os.sched_getaffinity(0)))
        run_measured([SKYSIEVE, "simulate", "sky", "-o", folder, "--seed", seed, "-j", jobs, "--quiet"])
    return folder
