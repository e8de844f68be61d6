"""Compare the speed of the simulator on one core with the speed at which training uses frames."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from machine import CORES
from process import run_measured
from results import Cell, Table

__all__ = ["generator_table"]

NEEDED = ("torch", "galsim")


def generator_table() -> tuple[list[Table], list[str]]:
    """Return the table and remarks; only a remark if the packages for training are missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return [], [f"The generator was not measured: {', '.join(missing)} is not installed."]
    worker = Path(__file__).with_name("generator_worker.py")
    found = json.loads(run_measured([sys.executable, worker]).output.strip().splitlines()[-1])
    reuse = found["reuse"]
    rows: list[tuple[Cell, ...]] = [
        ("frames simulated, one core", 1, found["simulated"]),
        ("the stream of tiles, one core: simulated, normalised, cut, rotated", 1, found["fresh"]),
        (f"the same, each tile used {reuse} times", 1, found["fresh"] * reuse),
        (f"the trainer alone, tiles in memory, {found['precision']}", CORES, found["alone"]),
        ("the trainer with one simulating process, at the same time", CORES, found["fed"]),
    ]
    columns = (("what", ""), ("processors", "d"), ("Mpix/s", ".2f"))
    text = (
        f"The recipe `{found['recipe']}` of `skysieve train contaminants`: tiles of {found['tile']} px, "
        f"each used {reuse} times, {found['batch']} to a batch; pixels that go through the network. The "
        "trainer waits for the simulator if the third row is below the fourth. The last row includes that "
        "both share the processors."
    )
    return [Table("The generator", columns, rows, text)], []
