"""Time and memory of a cluster search of the whole sky, of its simulation, and of the demonstration."""

from __future__ import annotations

import tempfile
from pathlib import Path

from process import SKYSIEVE, run_measured
from published_tools import CACHE
from results import Bar, Result, Table
from skies import TEST_SEEDS, sky_of_seed

__all__ = ["measure"]

MAX_SEARCH, MAX_SIMULATION, MAX_DEMO = 20.0, 15.0, 2.0
"""Limits in minutes."""

MAX_MB = 4000.0


def measure(*, model: str) -> Result:
    """Time each command once, in a separate process."""
    sky = sky_of_seed(TEST_SEEDS[0])
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        scratch = Path(name)
        search = run_measured(
            [SKYSIEVE, "clusters", "find", "--maps", sky, "-o", scratch / "found", "--model", model]
        )
        simulation = run_measured(
            [SKYSIEVE, "simulate", "sky", "-o", scratch / "sky", "--seed", TEST_SEEDS[0], "--jobs", 2]
        )
        demo = run_measured([SKYSIEVE, "clusters", "demo", "-o", scratch / "demo", "--model", model])
    done = {
        "search of a sky, network and matched filter": search,
        "simulation of a sky": simulation,
        "demonstration": demo,
    }
    limits = (MAX_SEARCH, MAX_SIMULATION, MAX_DEMO)
    bars = [
        Bar(name, "<=", limit, one.seconds / 60, "min")
        for (name, one), limit in zip(done.items(), limits, strict=True)
    ]
    bars.insert(1, Bar("peak memory of the search", "<=", MAX_MB, search.peak_mb, "MB"))
    rows = [(name, one.seconds, one.processor_seconds, one.peak_mb) for name, one in done.items()]
    columns = (("", ""), ("seconds", ".0f"), ("processor seconds", ".0f"), ("peak of a process, MB", ".0f"))
    return Result(
        "Cost of finding clusters",
        "Six bands at nside 2048. The search runs in one process over the sky outside of 15 degrees about "
        "the Galactic plane, and writes all products. The simulation makes the whole sky, two maps at a "
        "time. The demonstration simulates and searches 450 square degrees and plots the candidates. Each "
        "command runs once, and is timed from its start to its end, including files.",
        bars=bars,
        tables=[Table("Each command", columns, rows)],
    )
