"""Compare Skysieve with the published tools, and write the results to ``docs/results``.

usage: python benchmarks/run.py [PART ...] [--model NAME] [--runs N] [--data FOLDER] [--output FOLDER] ...

Parts that compare with the published tools: reference, normalisation, agreement, engines, speed, memory.
Parts that measure a model of our own: contaminants, injected, cosmic-rays, trails, priors, domain,
real-truth, real-stars, tracking, throughput, survey-masks, defects, sheets, training, ghosts, clusters,
clusters-co, clusters-cost, clusters-training.
Further parts: ghost-geometry compares simulated ghosts with real ones, ghost-networks compares trained
networks, and cluster-networks trains networks and compares them.
Without a part, all of them run.  The first run installs the published tools and simulates the frames, in
benchmarks/.cache.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from options import PARTS, RESULTS, changed_options, parse_options
from results import Context, value_text, write_log, write_overview, write_result

from skysieve.core.errors import SkysieveError

if TYPE_CHECKING:
    import argparse

    from results import Result

__all__: list[str] = []

WITH_PUBLISHED_TOOLS = ("normalisation", "agreement", "speed", "throughput")

BUSY = 0.7
"""Load average of the last minute above which timings are unreliable."""


def _log_path(output: Path) -> Path:
    """Return the path of the list of limits: in this folder, or in that of results written elsewhere."""
    return (Path(__file__).parent if output == RESULTS else output) / "acceptance.md"


def main() -> int:
    """Run the chosen parts; if one fails, report it and run the others."""
    options = parse_options()
    if options.data is not None:
        os.environ["SKYSIEVE_TEST_DATA"] = str(options.data.resolve())
    machine.pin()
    logging.getLogger("skysieve").setLevel(logging.ERROR)  # the defects of the real frames are known
    if machine.load() > BUSY:
        print(f"the machine is busy (load {machine.load():.1f}): what is timed will seem slower than it is")
    described = machine.describe()
    failed = []
    for part in options.parts or PARTS:
        print(f"{part} ...", flush=True)
        date, start = datetime.now(UTC), time.perf_counter()
        try:
            result = _measure(part, options)
        except (SystemExit, RuntimeError, OSError, SkysieveError, subprocess.SubprocessError) as error:
            print(f"{part}: {error}", file=sys.stderr)
            failed.append(part)
            continue
        context = Context(
            part=part,
            command=" ".join(["python benchmarks/run.py", part, *changed_options(part, options)]),
            date=f"{date:%Y-%m-%d %H:%M} UTC",
            seconds=time.perf_counter() - start,
            machine=described,
            versions=machine.versions(),
            peer_versions=_published_versions(part),
        )
        _report(result, write_result(result, context, options.output))
    print(write_overview(options.output, list(PARTS)))
    print(write_log(options.output, list(PARTS), _log_path(options.output)))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _measure(part: str, options: argparse.Namespace) -> Result:
    """Run one part; its module is imported only here, so that each part imports only what it needs."""
    measure = importlib.import_module(part.replace("-", "_")).measure
    result: Result = measure(**{name: getattr(options, name) for name in PARTS[part]})
    return result


def _published_versions(part: str) -> dict[str, str]:
    if part not in WITH_PUBLISHED_TOOLS:
        return {}
    from published_tools import install_published_tools

    return install_published_tools().versions()


def _report(result: Result, files: list[Path]) -> None:
    """Print the bars and the paths of the pages."""
    for bar in result.bars:
        mark = {True: "met", False: "MISSED", None: "not measured"}[bar.met]
        print(f"  {bar.figure}: {value_text(bar.value, bar.unit)} ({bar.sense} {bar.limit:g}) {mark}")
    print("  " + ", ".join(map(str, files)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
