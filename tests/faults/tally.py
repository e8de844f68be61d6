"""What went wrong in a campaign of faults, kind by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["KINDS", "Ended", "Tally"]

KINDS = (
    "unexpected",
    "tracebacks",
    "hangs",
    "crashes",
    "orphans",
    "temporary files",
    "broken products",
    "wrong exit codes",
    "stray lines",
)
_MOST_EXAMPLES = 20


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, None if it had to be killed, and what it printed."""

    code: int | None
    out: str
    err: str


@dataclass
class Tally:
    """Counts of a campaign.

    Attributes
    ----------
    name
        What was done.
    cases
        How often.
    facts
        Other counts, as of files that were done all the same.
    wrong
        What went wrong, by kind.
    examples
        Some of it, in words.
    """

    name: str
    cases: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, example: str, number: int = 1) -> None:
        """Count something that went wrong."""
        if kind not in KINDS:
            raise ValueError(kind)
        self.wrong[kind] += number
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(f"{kind}: {example[:600]}")

    def add(self, other: Tally) -> None:
        """Add the counts of another part of the same campaign."""
        self.cases += other.cases
        self.facts += other.facts
        self.wrong += other.wrong
        self.examples = [*self.examples, *other.examples][:_MOST_EXAMPLES]

    def read(self, ended: Ended, codes: set[int], what: str) -> None:
        """Count what the end of a command says, which should have one of these codes."""
        if ended.code is None:
            self.note("hangs", what)
        elif ended.code < 0 and ended.code not in codes:
            self.note("crashes", f"{what}: signal {-ended.code}; {ended.err[-300:]}")
        elif ended.code not in codes:
            self.note("wrong exit codes", f"{what}: {ended.code}; {ended.err[-300:]}")
        for line in [*ended.out.splitlines(), *ended.err.splitlines()]:
            if not line.isprintable():
                self.note("stray lines", f"{what}: {line!r}")
        for line in ended.err.splitlines():
            if ": unexpected " in line and line.startswith("skysieve: error"):
                self.note("unexpected", f"{what}: {line}")
            elif line.startswith("Traceback"):
                self.note("tracebacks", f"{what}: {ended.err[-500:]}")
            elif not line.startswith(("skysieve: ", "  ")) and "Traceback" not in ended.err:
                self.note("stray lines", f"{what}: {line}")
