"""How the tests of a step ended, and which of them it may skip: those that its list in skips.toml names."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

__all__ = ["Counts", "StepError", "check_results"]

ALLOWED = Path(__file__).with_name("skips.toml")


@dataclass
class Counts:
    """How many tests of a step ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class StepError(Exception):
    """A step that did not pass."""

    def __init__(self, problem: str, counts: Counts | None = None) -> None:
        super().__init__(problem)
        self.counts = counts or Counts(failed=1)


def check_results(report: Path, step: str, *, real_data: bool = False) -> Counts:
    """Count the results of a run of the tests, and refuse failures and skips that are not on the step's list.

    Parameters
    ----------
    report
        JUnit file that pytest wrote.
    step
        Name of the step, which is a table in ``skips.toml``.
    real_data
        Whether the run had real frames. Without them, the list ``without-real-data`` counts too.

    Raises
    ------
    StepError
        If a test failed, there are other skips, or no test ran.
    """
    if not report.exists():
        raise StepError("the tests ended before their results were written")
    with ALLOWED.open("rb") as file:
        lists = tomllib.load(file)
    allowed = [*lists[step]["reasons"], *([] if real_data else lists["without-real-data"]["reasons"])]
    counts = Counts()
    refused = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest wrote it, just now)
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counts.failed += 1
        elif skip is None:
            counts.passed += 1
        elif skip.get("type") != "pytest.xfail":
            counts.skipped += 1
            reason = f"{skip.get('message', '')} {skip.text or ''}"
            if not any(re.search(pattern, reason) for pattern in allowed):
                refused.append(
                    f"{case.get('classname', '')}::{case.get('name', '')}: {' '.join(reason.split())}"
                )
    print(f"{step}: {counts}", flush=True)
    if counts.failed:
        raise StepError("tests failed", counts)
    if refused or not counts.passed:
        counts.failed += 1
        problem = "\n  ".join(["skips that are not on the list of .ci/skips.toml:", *refused])
        raise StepError(problem if refused else "no test passed", counts)
    return counts
