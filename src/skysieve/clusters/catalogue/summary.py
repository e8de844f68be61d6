"""Summary of a search, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from astropy.table import Table

    from skysieve.clusters.catalogue.matched_tables import MatchCount
    from skysieve.core.fits.cards import HeaderCard, HeaderValue

__all__ = ["Summary", "candidate_lines", "count_lines", "make_summary", "summary_text"]

MAX_LISTED = 10
"""Maximum number of candidates that are listed."""


class Summary(TypedDict):
    """Content of ``summary.json``."""

    candidates: int
    by_finder: dict[str, int]
    area_deg2: float | None
    matched: dict[str, dict[str, object]]
    in_no_catalogue: int | None
    provenance: dict[str, HeaderValue]
    history: list[HeaderValue]


def make_summary(
    catalogue: Table, counts: Sequence[MatchCount], *, area: float | None, cards: Iterable[HeaderCard]
) -> Summary:
    """Summarise a catalogue.

    Parameters
    ----------
    catalogue
        Catalogue of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`, with its matches in known
        catalogues.
    counts
        Counts of :func:`skysieve.clusters.catalogue.matched_tables.add_matches`.
    area
        Area of the footprint in square degrees; None if it is not known.
    cards
        Provenance.

    Returns
    -------
    Summary
        Content of ``summary.json``.
    """
    names = [count.name for count in counts]
    matched = np.zeros(len(catalogue), bool)
    for name in names:
        matched |= np.asarray(catalogue[name]) != ""
    finders, numbers = np.unique(np.asarray(catalogue["finder"]).astype(str), return_counts=True)
    return {
        "candidates": len(catalogue),
        "by_finder": {name: int(n) for name, n in zip(finders, numbers, strict=True) if name},
        "area_deg2": area,
        "matched": {count.name: asdict(count) for count in counts},
        "in_no_catalogue": int(np.count_nonzero(~matched)) if names else None,
        "provenance": {key: value for key, value, _ in cards if key not in ("HISTORY", "COMMENT")},
        "history": [value for key, value, _ in cards if key == "HISTORY"],
    }


def summary_text(summary: Summary, counts: Sequence[MatchCount]) -> str:
    """Format a summary as text.

    Parameters
    ----------
    summary
        Summary of :func:`make_summary`.
    counts
        Counts of the matches with each catalogue.

    Returns
    -------
    str
        Content of ``summary.txt``.
    """
    lines = [f"{summary['candidates']} candidate{'' if summary['candidates'] == 1 else 's'}"]
    if summary["area_deg2"] is not None:
        lines[0] += f" on {summary['area_deg2']:.1f} square degrees"
        if summary["area_deg2"] > 0:
            lines[0] += f", {summary['candidates'] / summary['area_deg2']:.3g} a square degree"
    if summary["by_finder"]:
        lines.append("found by: " + ", ".join(f"{k} {v}" for k, v in summary["by_finder"].items()))
    lines += count_lines(counts)
    if summary["in_no_catalogue"] is not None:
        lines.append(f"in none of these catalogues: {summary['in_no_catalogue']}")
    lines += [""] * bool(summary["provenance"])
    lines += [f"{key}: {value}" for key, value in summary["provenance"].items()]
    lines += map(str, summary["history"])
    return "\n".join(lines) + "\n"


def count_lines(counts: Sequence[MatchCount]) -> list[str]:
    """Format the matches with each catalogue, and the number expected by chance.

    Parameters
    ----------
    counts
        Counts of the matches with each catalogue.

    Returns
    -------
    list of str
        One line per catalogue.
    """
    return [
        f"{one.name}: {one.matched} of {one.known} matched within {one.radius:g}'; "
        f"{one.chance:.3g} expected by chance"
        for one in counts
    ]


def candidate_lines(catalogue: Table, counts: Sequence[MatchCount]) -> list[str]:
    """Format the number of candidates, the best of them, and the matches with each catalogue.

    Parameters
    ----------
    catalogue
        Catalogue of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`, best candidates first.
    counts
        Counts of :func:`skysieve.clusters.catalogue.matched_tables.add_matches`.

    Returns
    -------
    list of str
        The lines.
    """
    count = len(catalogue)
    best = ", the best of them:" if count > MAX_LISTED else ""
    lines = [f"{count} candidate{'' if count == 1 else 's'}{best}"]
    for row in catalogue[:MAX_LISTED]:
        snr = f"S/N {row['snr']:.1f} " if np.isfinite(row["snr"]) else ""
        place = f"l, b {row['GLON']:.3f}, {row['GLAT']:+.3f}"
        lines.append(f"  {row['name']} {place} score {row['score']:.3f} {snr}{row['finder']}")
    return lines + count_lines(counts)
