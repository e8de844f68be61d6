"""The campaigns, and their parts, which run side by side."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.faults.disks import cut_inputs, full_disks, two_writers
from tests.faults.hostile import hostile_descriptions
from tests.faults.kills import kill_masks
from tests.faults.mutated_files import mutated_files
from tests.faults.search_kills import kill_searches

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.models import Models
    from tests.faults.tally import Tally

__all__ = ["CAMPAIGNS", "run_part", "split"]

CAMPAIGNS = {
    "kills": (kill_masks, 108, 9),
    "searches": (kill_searches, 21, 3),
    "hostile": (hostile_descriptions, 90, 15),
    "files": (mutated_files, 2040, 120),
    "cuts": (cut_inputs, 8, 2),
    "disks": (full_disks, 9, 3),
    "writers": (two_writers, 6, 2),
}
"""Each with how many cases of it are run, and how many of them one after another."""


def split(campaign: str, scale: float) -> list[range]:
    """Return the cases of a campaign in parts."""
    _, count, size = CAMPAIGNS[campaign]
    count = max(1, round(count * scale))
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def run_part(campaign: str, folder: Path, models: Models, cases: range, seed: int) -> tuple[str, list[Tally]]:
    """Run a part of a campaign in a folder of its own."""
    place = folder / f"{campaign}-{cases.start}"
    made = CAMPAIGNS[campaign][0](place, models, cases, seed)
    shutil.rmtree(place, ignore_errors=True)
    return f"{campaign} {cases.start} to {cases.stop - 1}", made
