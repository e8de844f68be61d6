"""Measure Skysieve against the published tools, and write what was found to ``docs/results``.

usage: python benchmarks/run.py [PART ...] [--runs N] [--data FOLDER] [--output FOLDER] [--large SIDE]

Parts: reference, normalisation, agreement, engines, speed, memory; all of them if none is named.  The
environment of the published tools and the frames are made on the first run, in benchmarks/.cache.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from results import Context, value_text, write_overview, write_result

from skysieve.errors import SkysieveError

if TYPE_CHECKING:
    from results import Result

__all__: list[str] = []

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("reference", "normalisation", "agreement", "engines", "speed", "memory")
WITH_PEER = ("normalisation", "agreement", "speed")

BUSY = 0.7
"""A load of the last minute above this disturbs what is timed."""


def main() -> int:
    """Run the parts that are asked for; one that fails is named and the others still run."""
    options = _options()
    if options.data is not None:
        os.environ["SKYSIEVE_TEST_DATA"] = str(options.data.resolve())
    machine.pin()
    logging.getLogger("skysieve").setLevel(logging.ERROR)  # what real frames have wrong with them is known
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
            command=" ".join(["python benchmarks/run.py", part, *_own(options)]),
            date=f"{date:%Y-%m-%d %H:%M} UTC",
            seconds=time.perf_counter() - start,
            machine=described,
            versions=machine.versions(),
            peer_versions=_peer_versions(part),
        )
        _report(result, write_result(result, context, options.output))
    print(write_overview(options.output, list(PARTS)))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _measure(part: str, options: argparse.Namespace) -> Result:
    """Run one part; its imports stand here so that each runs with no more than it needs."""
    if part == "reference":
        from reference import measure as reference

        return reference()
    if part == "normalisation":
        from normalisation import measure as normalisation

        return normalisation(options.runs)
    if part == "agreement":
        from agreement import measure as agreement

        return agreement()
    if part == "engines":
        from engines import measure as engines

        return engines(options.runs)
    if part == "speed":
        from speed import measure as speed

        return speed(options.runs)
    from memory import measure as memory

    return memory(options.large)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Skysieve against the published tools.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=3, help="runs of each timed command (3)")
    parser.add_argument("--large", type=int, default=10000, help="side of the large frame in pixels (10000)")
    parser.add_argument(
        "--data", type=Path, help="folder of real frames and references ($SKYSIEVE_TEST_DATA)"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs" / "results", help="folder of the results"
    )
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"no part {part!r}: choose from {', '.join(PARTS)}")
    return options


def _own(options: argparse.Namespace) -> list[str]:
    """Return the options that are not at their defaults and change what is measured."""
    changed = (("--runs", options.runs, 3), ("--large", options.large, 10000))
    return [f"{name} {value}" for name, value, default in changed if value != default]


def _peer_versions(part: str) -> dict[str, str]:
    if part not in WITH_PEER:
        return {}
    from peer import make_peer

    return make_peer().versions()


def _report(result: Result, files: list[Path]) -> None:
    """Print the bars, and where the pages lie."""
    for bar in result.bars:
        mark = {True: "met", False: "MISSED", None: "not measured"}[bar.met]
        print(f"  {bar.figure}: {value_text(bar.value, bar.unit)} ({bar.sense} {bar.limit:g}) {mark}")
    print("  " + ", ".join(map(str, files)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
