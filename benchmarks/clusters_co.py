"""Clusters on skies with molecular clouds, with and without the test of the spectrum of candidates.

Skies and searches are kept in ``.cache``, so that an interrupted run is continued.  Remove
``.cache/clusters-co`` to search anew after a change of the finders.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table as AstropyTable
from process import SKYSIEVE, run_measured
from published_tools import CACHE
from results import Bar, Cell, Result, Table

from skysieve.clusters.search.combine import Scoring
from skysieve.clusters.search.flags import is_inconsistent
from skysieve.clusters.search.model import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.search.settings import Finder

__all__ = ["measure"]

SEEDS = (33,)
"""Seeds of the skies; nothing was trained, fitted or chosen on them."""
CAP = 12.0
"""Radius of the skies around the north Galactic pole, in degrees."""

RECIPES: Mapping[str, str] = {
    "planck": "no carbon monoxide",
    "planck-co": "molecular clouds with their dust",
    "clouds-without-dust": "molecular clouds of warm gas with little dust",
}
NAMES: Mapping[Finder, str] = {"network": "network", "mmf": "matched filter", "both": "both together"}
TESTED: Sequence[Finder] = ("mmf", "both")
UNTESTED = "-untested"

THRESHOLD, SNR = 0.02, 3.8
"""Minimum probability and S/N; low enough that catalogues extend below the required purity."""

LEAST_WITH_CO, MOST_LOST = 0.62, 0.005
"""Required completeness at 90 % purity with clouds, and allowed loss without."""


def measure(*, model: str, finders: Sequence[Finder]) -> Result:
    """Search the skies of each recipe, and evaluate each finder with and without the test."""
    scores = {recipe: _scores(recipe, model, finders) for recipe in RECIPES}
    rows: list[tuple[Cell, ...]] = []
    for recipe, title in RECIPES.items():
        for name, found in scores[recipe].items():
            finder = NAMES[name.removesuffix(UNTESTED)]  # type: ignore[index]
            tested = "no" if name.endswith(UNTESTED) or name == "network" else "yes"
            rows.append(
                (
                    title,
                    finder,
                    tested,
                    *(found[key] for key in ("candidates", "real", "rejected", "real_rejected")),
                    *(found[key] for key in ("findable", "completeness", "low", "high")),
                    found["calibration_error"],
                )
            )
    columns = (
        ("sky", ""),
        ("finder", ""),
        ("tested", ""),
        ("candidates", "d"),
        ("real", "d"),
        ("rejected", "d"),
        ("real but rejected", "d"),
        ("findable clusters", "d"),
        ("completeness at 90 % purity", ".3f"),
        ("from", ".3f"),
        ("to", ".3f"),
        ("calibration error of the score", ".3f"),
    )
    bars = []
    for name in [one for one in TESTED if one in finders]:
        clean = scores["planck"]
        lost = clean[name + UNTESTED]["completeness"] - clean[name]["completeness"]
        bars.append(Bar(f"completeness lost without clouds, {NAMES[name]}", "<=", MOST_LOST, lost))
        for recipe in list(RECIPES)[1:]:
            found = scores[recipe][name]["completeness"]
            what = f"completeness at 90 % purity, {RECIPES[recipe]}, {NAMES[name]}"
            bars.append(Bar(what, ">=", LEAST_WITH_CO, found))
    return Result(
        "Clusters and molecular clouds",
        f"Simulated skies (seeds {', '.join(map(str, SEEDS))}) at nside 2048, {CAP:g} degrees about the "
        "north Galactic pole, in Planck's six high-frequency bands: without clouds, and with clouds on 5 % "
        "of the area on average. Skies of one seed have the same clusters. The model "
        f"`{CLUSTERS.load(model).card.name}` was trained without carbon monoxide. Not tested: the same "
        "candidates with the score that they have if their amplitudes in the bands are ignored. A cluster "
        "is findable if its Y500 is 5e-4 square arcminutes or more; a candidate is real if a cluster of "
        "1e-4 or more lies within 5 arcminutes. These are simulations of our own, and their area is small.",
        bars=bars,
        tables=[
            Table(
                "Each finder on each sky",
                columns,
                rows,
                "From and to: 68 % intervals of a Bayesian bootstrap over blocks of the sky. Rejected: "
                "candidates without the spectrum of a cluster.",
            )
        ],
    )


def _scores(recipe: str, model: str, finders: Sequence[Finder]) -> dict[str, dict[str, Any]]:
    """Return the scores of each detector on the skies of a recipe."""
    skies = [_sky(recipe, seed) for seed in SEEDS]
    report = CACHE / "clusters-co" / "-".join([recipe, *finders])
    named = [word for sky in skies for word in ("--sky", sky)]
    evaluate: list[object] = [SKYSIEVE, "evaluate", "clusters", *named, "--tiles", "all", "--quiet"]
    jobs = min(2, len(os.sched_getaffinity(0)))
    words: list[object] = ["--model", model, "--threshold", THRESHOLD, "--snr", SNR, "--jobs", jobs]
    words += [word for name in finders for word in ("--finder", name)]
    run_measured([*evaluate, *words, "--resume", "-o", report / "searched"])
    catalogues: list[object] = []
    rejected: dict[str, tuple[int, int]] = {}
    for name in finders:
        paths = [report / "searched" / "found" / f"sky-{n}" / name for n in range(1, len(SEEDS) + 1)]
        catalogues += [word for path in paths for word in ("--catalogue", f"{name}={path}")]
        rejected[name] = _rejected(paths, skies)
        if name in TESTED:
            untested = [_untested(path, model, name) for path in paths]
            catalogues += [word for path in untested for word in ("--catalogue", f"{name}{UNTESTED}={path}")]
            rejected[name + UNTESTED] = (0, 0)
    run_measured([*evaluate, *catalogues, "--overwrite", "-o", report / "compared"])
    table = AstropyTable.read(report / "compared" / "scores.ecsv")
    found: dict[str, dict[str, Any]] = {}
    for row in table:
        detector = str(row["detector"])
        plain = ("candidates", "real", "findable", "completeness")
        found[detector] = {key: row[key].item() for key in plain} | {
            "low": float(row["completeness_low"]),
            "high": float(row["completeness_high"]),
            "calibration_error": float(row["calibration_error"]),
            "rejected": rejected[detector][0],
            "real_rejected": rejected[detector][1],
        }
    return found


def _sky(recipe: str, seed: int) -> Path:
    """Return the folder of a sky, which is simulated if it is not complete."""
    own = Path(__file__).parent / "recipes" / f"{recipe}.yaml"
    folder = CACHE / "skies" / f"{recipe}-{seed}"
    jobs = min(2, len(os.sched_getaffinity(0)))
    words: list[object] = ["-o", folder, "--seed", seed, "--cap", CAP, "-j", jobs, "--quiet"]
    run_measured([SKYSIEVE, "simulate", "sky", "--recipe", own if own.exists() else recipe, *words])
    return folder


def _rejected(found: Sequence[Path], skies: Sequence[Path]) -> tuple[int, int]:
    """Return the number of candidates that fail the test, and how many of them are near a true cluster."""
    from skysieve.clusters.catalogue.cross_match import match

    failed, real = 0, 0
    for path, sky in zip(found, skies, strict=True):
        table, truth = AstropyTable.read(path / "catalogue.fits"), AstropyTable.read(sky / "clusters.fits")
        table, truth = table[is_inconsistent(table)], truth[np.asarray(truth["Y500"]) >= 1e-4]
        failed += len(table)
        real += len(match(table["GLON"], table["GLAT"], truth["GLON"], truth["GLAT"], radius=5.0).first)
    return failed, real


def _untested(path: Path, model: str, name: Finder) -> Path:
    """Write the catalogue with scores that ignore the test; return its file."""
    table = AstropyTable.read(path / "catalogue.fits")
    table.remove_column("flags")
    card = {} if name == "mmf" else CLUSTERS.load(model).card.sky
    table["score"] = Scoring.from_card(card, name)(table)
    file = path.parent / f"{name}{UNTESTED}.fits"
    table.write(file, overwrite=True)
    return file
