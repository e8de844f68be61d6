"""Tables of a confusion, for people and for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skysieve.core.evaluation.confusion import BACKGROUND, NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysieve.core.evaluation.confusion import Confusion

__all__ = ["HARMFUL_CONFUSIONS", "confusion_rows", "false_table", "missed_table", "summarise_confusions"]

HARMFUL_CONFUSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("TRL", ("CR", "P", "SP")),
    ("SP", ("TRL", "CR")),
)
"""Confusions that harm most: a true class, and the classes that its pixels must not be given to."""

MIN_PERCENT = 0.05
"""Shares below this, in per cent, are not shown."""

Table = tuple[list[str], list[list[str]]]
"""Header and rows."""


def missed_table(confusion: Confusion) -> Table:
    """Return where the pixels of each true class go, in per cent of them.

    Columns: the class; its pixels; those found; those missed that no class has; then for each class the
    pixels that are missed and given to it without belonging to it.  A pixel may be given to several.
    """
    marks = confusion.marks
    rows = []
    for true in confusion.classes:
        total = confusion.true_pixels(true)
        if not total:
            continue
        cells = [true, str(total)]
        cells.append(_share(confusion.found_pixels(true), total, shown=True) if true in marks else "–")
        cells.append(_share(confusion.unclassified_pixels(true), total, shown=True))
        cells += [
            "" if mark == true else _share(confusion.confused_pixels(true, [mark], missed=True), total)
            for mark in marks
        ]
        rows.append(cells)
    return ["true", "px", "found %", "no class %", *marks], rows


def false_table(confusion: Confusion) -> Table:
    """Return what the pixels that are given to each class are, in per cent of them.

    Columns: the class; the pixels given to it; those that are right; those of no class; then for each class
    the pixels that truly belong to it and not to the class they are given to.
    """
    rows = []
    for mark in confusion.marks:
        total = confusion.marked_pixels(mark)
        if not total:
            continue
        cells = [mark, str(total), _share(confusion.found_pixels(mark), total, shown=True)]
        cells.append(_share(confusion.confused_pixels(BACKGROUND, [mark]), total, shown=True))
        cells += [
            "" if mark == true else _share(confusion.confused_pixels(true, [mark]), total)
            for true in confusion.classes
        ]
        rows.append(cells)
    return ["marked", "px", "right %", f"{BACKGROUND} %", *confusion.classes], rows


def summarise_confusions(confusion: Confusion) -> list[str]:
    """Return a line for each of :data:`HARMFUL_CONFUSIONS` that the frames and the detector have classes for."""
    lines = []
    for true, others in HARMFUL_CONFUSIONS:
        known = [name for name in others if name in confusion.marks]
        if true not in confusion.marks or not known or not confusion.true_pixels(true):
            continue
        share = confusion.confused_fraction(true, known)
        low, high = share.interval
        names = " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
        spread = "" if math.isnan(low) else f" ({100 * low:.2f}–{100 * high:.2f})"
        lines.append(f"{true} pixels called {names}: {100 * share.value:.2f} %{spread}")
    return lines


def confusion_rows(confusion: Confusion) -> Iterator[dict[str, object]]:
    """Yield the rows of a table for programs, one a pair of a true and a marked class.

    Columns: ``true`` and ``marked``; ``pixels`` that belong to the first and are given to the second, without
    belonging to it if it is another; ``missed``, those of them that are not given to the first;
    ``true_pixels`` and ``marked_pixels`` in all.  Rows of :data:`HARMFUL_CONFUSIONS` count pixels given to any of
    several classes.
    """
    given = {mark: confusion.marked_pixels(mark) for mark in confusion.marks}
    for true in (*confusion.classes, BACKGROUND):
        total = confusion.true_pixels(true)
        if not total:
            continue
        pairs: list[tuple[str, Sequence[str]]] = [(mark, [mark]) for mark in confusion.marks if mark != true]
        for others in (others for name, others in HARMFUL_CONFUSIONS if name == true):
            known = [name for name in others if name in given]
            pairs += [("|".join(known), known)] if len(known) > 1 else []
        unmarked = confusion.unclassified_pixels(true)
        counts = [(NOTHING, unmarked, unmarked)]
        counts += [(true, confusion.found_pixels(true), 0)] if true in given else []
        for label, marks in pairs:
            counts.append(
                (
                    label,
                    confusion.confused_pixels(true, marks),
                    confusion.confused_pixels(true, marks, missed=True),
                )
            )
        for label, pixels, missed in counts:
            yield {
                "true": true,
                "marked": label,
                "pixels": pixels,
                "missed": missed,
                "true_pixels": total,
                "marked_pixels": given.get(label, 0),
            }


def _share(pixels: int, total: int, *, shown: bool = False) -> str:
    """Return a share in per cent; nothing if it is small, unless it is to be shown whatever it is."""
    share = 100 * pixels / total
    return f"{share:.1f}" if shown or share >= MIN_PERCENT else ""
