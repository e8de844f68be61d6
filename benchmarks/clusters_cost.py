"""What finding clusters costs: a search of the whole sky, its simulation, and the demonstration."""

from __future__ import annotations

import tempfile
from pathlib import Path

from peer import CACHE
from process import SKYSIEVE, run_measured
from results import Bar, Result, Table
from skies import JUDGED, sky_of_seed

__all__ = ["measure"]

MOST_SEARCH, MOST_SIMULATION, MOST_DEMO = 20.0, 15.0, 2.0
"""Minutes."""

MOST_MB = 4000.0


def measure(*, model: str) -> Result:
    """Time each command once, in a process of its own."""
    sky = sky_of_seed(JUDGED[0])
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        scratch = Path(name)
        search = run_measured(
            [SKYSIEVE, "clusters", "find", "--maps", sky, "-o", scratch / "found", "--model", model]
        )
        simulation = run_measured(
            [SKYSIEVE, "simulate", "sky", "-o", scratch / "sky", "--seed", JUDGED[0], "--jobs", 2]
        )
        demo = run_measured([SKYSIEVE, "clusters", "demo", "-o", scratch / "demo", "--model", model])
    done = {
        "search of a sky, network and matched filter": search,
        "simulation of a sky": simulation,
        "demonstration": demo,
    }
    limits = (MOST_SEARCH, MOST_SIMULATION, MOST_DEMO)
    bars = [
        Bar(name, "<=", limit, one.seconds / 60, "min")
        for (name, one), limit in zip(done.items(), limits, strict=True)
    ]
    bars.insert(1, Bar("peak memory of the search", "<=", MOST_MB, search.peak_mb, "MB"))
    rows = [(name, one.seconds, one.processor_seconds, one.peak_mb) for name, one in done.items()]
    columns = (("", ""), ("seconds", ".0f"), ("processor seconds", ".0f"), ("peak of a process, MB", ".0f"))
    return Result(
        "What finding clusters costs",
        "Six bands at nside 2048. The search, in one process, goes over all of the sky outside of 15 degrees "
        "about the Galactic plane, and writes all products; the simulation is of the whole sky, two maps at "
        "a time; the demonstration simulates and searches 450 square degrees and draws what it finds. Each "
        "once, from the start of the command to its end, files included.",
        bars=bars,
        tables=[Table("Each command", columns, rows)],
    )
