"""Tables of the confusion of classes, for reading and for further processing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skysieve.core.evaluation.confusion import BACKGROUND, NOTHING
from skysieve.core.evaluation.tables import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysieve.core.evaluation.comparison import EvaluatedSet
    from skysieve.core.evaluation.confusion import Confusion

__all__ = [
    "HARMFUL_CONFUSIONS",
    "confusion_lines",
    "confusion_rows",
    "false_table",
    "missed_table",
    "summarise_confusions",
]

HARMFUL_CONFUSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("TRL", ("CR", "P", "SP")),
    ("SP", ("TRL", "CR")),
)
"""Most harmful confusions: a true class, and the classes that its pixels must not be marked as."""

MIN_PERCENT = 0.05
"""Smallest fraction that is shown, in per cent."""

Table = tuple[list[str], list[list[str]]]
"""Header and rows."""


def missed_table(confusion: Confusion) -> Table:
    """Return the table of what the pixels of each true class are marked as.

    The columns are the class, its number of pixels, the percentage that is found, the percentage marked as no
    class, and for each other class the percentage that is missed and marked as that class without belonging
    to it.  A pixel may be marked as several classes.

    Parameters
    ----------
    confusion
        Confusion of one detector.

    Returns
    -------
    header, rows
        Cells as text.
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
    """Return the table of what the pixels marked as each class truly are.

    The columns are the class, the number of pixels marked as it, the percentage that is right, the percentage
    that belongs to no class, and for each other class the percentage that belongs to it and not to the marked
    class.

    Parameters
    ----------
    confusion
        Confusion of one detector.

    Returns
    -------
    header, rows
        Cells as text.
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
    """Summarise the most harmful confusions.

    Parameters
    ----------
    confusion
        Confusion of one detector.

    Returns
    -------
    list
        One line for each of :data:`HARMFUL_CONFUSIONS` whose classes the frames and the detector have.
    """
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
    """Yield one row for each pair of a true and a marked class.

    The columns are ``true`` and ``marked``; ``pixels``, the number that belong to the first and are marked as
    the second, without belonging to the second if it is another class; ``missed``, the number of these that
    are not marked as the first; and the totals ``true_pixels`` and ``marked_pixels``.  Rows of
    :data:`HARMFUL_CONFUSIONS` count pixels marked as any of several classes.

    Parameters
    ----------
    confusion
        Confusion of one detector.

    Yields
    ------
    dict
        Values by column.
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
    """Return a fraction in per cent; an empty text if it is small and `shown` is False."""
    share = 100 * pixels / total
    return f"{share:.1f}" if shown or share >= MIN_PERCENT else ""


def confusion_lines(evaluated: Sequence[EvaluatedSet]) -> Iterator[str]:
    """Yield the classes that missed pixels are assigned to, for each set and detector.

    Parameters
    ----------
    evaluated
        The sets.

    Yields
    ------
    str
        A line.
    """
    for one in evaluated:
        for detector, scored in one.detectors.items():
            if scored.confusion is None:
                continue
            yield f"\n{one.name}, {detector}: where the pixels of each true class go, in % of them"
            yield to_text(*missed_table(scored.confusion)).removesuffix("\n")
            yield from summarise_confusions(scored.confusion)
