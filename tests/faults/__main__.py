"""Fault injection: ``python -m tests.faults``; see :mod:`tests.faults.page` for what it counts."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from tests.faults.campaigns import CAMPAIGNS, run_part, split
from tests.faults.models import save_models
from tests.faults.page import page
from tests.faults.tally import Tally

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "robustness.md"

SEED = 2026


def main() -> None:
    """Run the campaigns, write the page, and end with code 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description="Inject faults, and count what they do.")
    parser.add_argument("campaigns", nargs="*", help=f"some of {', '.join(CAMPAIGNS)}; by default all")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the cases that are run (1)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of all faults ({SEED})")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the page")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="campaigns side by side (processors)"
    )
    options = parser.parse_args()
    chosen = options.campaigns or list(CAMPAIGNS)
    if set(chosen) - set(CAMPAIGNS):
        parser.error(f"choose from {', '.join(CAMPAIGNS)}")
    began = time.monotonic()
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(prefix="skysieve-faults-") as name:
        folder = Path(name).resolve()
        models = save_models(folder / "models")
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
            parts = [
                pool.submit(run_part, one, folder, models, cases, options.seed)
                for one in chosen
                for cases in split(one, options.scale)
            ]
            for part in as_completed(parts):
                title, made = part.result()
                faults = sum(sum(tally.wrong.values()) for tally in made)
                print(f"{time.monotonic() - began:6.0f} s {title}: {faults} faults", flush=True)
                for tally in made:
                    for example in tally.examples:
                        print(f"         {tally.name}: {' '.join(example.split())}", flush=True)
        for part in parts:
            for tally in part.result()[1]:
                tallies.setdefault(tally.name, Tally(tally.name)).add(tally)
    words = [*options.campaigns, *([f"--scale {options.scale:g}"] if options.scale != 1 else [])]
    command = (
        "make test-faults"
        if not words and options.seed == 2026
        else " ".join(["python -m tests.faults", *words])
    )
    text = page(
        list(tallies.values()),
        command=command,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        seconds=time.monotonic() - began,
        seed=options.seed,
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(any(sum(tally.wrong.values()) for tally in tallies.values()))


if __name__ == "__main__":
    main()
