"""The page of what a campaign found."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from tests.faults.tally import KINDS

if TYPE_CHECKING:
    from tests.faults.tally import Tally

__all__ = ["page"]

INTRODUCTION = """# Robustness

Printed by `{command}` on {date} ({system}, Python {python}, {minutes:.0f} minutes); no number here was
typed. Everything is drawn with the seed {seed}, from frames, exposures and maps that the project simulates
itself, and run with tiny models, since it is not about what networks find.

Each case must end with the right exit code, in lines that say what was wrong, with whole products or none,
and with nothing left behind: no process five seconds later, no temporary file after the next run.

- **unexpected**: errors that no code foresaw, which the command line calls so. **Tracebacks**, **hangs**
  (ended by the campaign) and **crashes** (ended by a signal that nobody sent) speak for themselves.
- **broken products**: not intact, missing without an error that names the file, or, after `--resume`, not
  those of a run that nobody interrupted.
- **stray lines**: lines of other libraries among ours, or not printable.
"""


def page(tallies: list[Tally], *, command: str, date: str, seconds: float, seed: int) -> str:
    """Return the page in Markdown."""
    system = f"{platform.system()} {platform.machine()}"
    lines = [
        INTRODUCTION.format(
            command=command,
            date=date,
            system=system,
            python=platform.python_version(),
            minutes=seconds / 60,
            seed=seed,
        )
    ]
    lines.append(f"| what was done | cases | of them | {' | '.join(KINDS)} |")
    lines.append("| --- | ---: | --- |" + " ---: |" * len(KINDS))
    for tally in tallies:
        facts = ", ".join(f"{number} {name}" for name, number in tally.facts.items() if number)
        numbers = " | ".join(str(tally.wrong[kind]) for kind in KINDS)
        lines.append(f"| {tally.name} | {tally.cases} | {facts} | {numbers} |")
    sums = " | ".join(f"**{sum(tally.wrong[kind] for tally in tallies)}**" for kind in KINDS)
    lines.append(f"| **all** | **{sum(tally.cases for tally in tallies)}** | | {sums} |")
    examples = [f"- {tally.name}: {' '.join(one.split())}" for tally in tallies for one in tally.examples]
    if examples:
        lines += ["", "## What went wrong", "", *examples]
    return "\n".join(lines) + "\n"
