"""Compare the network, the matched filter and both on skies not used for training or selection."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from process import SKYSIEVE, run_measured
from published_tools import CACHE
from results import Bar, Cell, Result, Table
from skies import SELECTION_SEED, TEST_SEEDS, TRAINING_SEEDS, sky_of_seed

from skysieve.clusters.search.model import CLUSTERS
from skysieve.core.evaluation.bootstrap import RESAMPLES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["measure"]

FINDERS = {"network": "network", "mmf": "matched filter", "both": "both together"}

THRESHOLD, SNR = 0.02, 3.8
"""Minimum probability and S/N; low enough that catalogues extend below the required purity."""

MAX_ARCMIN = 1.2

BINS = {
    "y500": "Y500, square arcminutes",
    "m500": "M500, 1e14 solar masses",
    "redshift": "redshift",
}
CURVES = {
    "purity-completeness.png": "Purity and completeness above every score",
    "completeness.png": "Completeness",
    "positions.png": "Position errors",
    "calibration.png": "Calibration of the scores",
}

FROM_TO = (
    f"From and to: 68 % intervals over {RESAMPLES} resamples of blocks of the sky (Bayesian bootstrap), the "
    "same for all, so that differences are paired."
)


def measure(*, model: str, output: Path) -> Result:
    """Search the skies with each finder, and evaluate all of the sky and the test tile."""
    skies = [sky_of_seed(seed) for seed in TEST_SEEDS]
    everywhere, tile = CACHE / "clusters" / "all", CACHE / "clusters" / "tile"
    words: list[object] = ["--model", model, "--threshold", THRESHOLD, "--snr", SNR, "--jobs", 2]
    finders = [word for name in FINDERS for word in ("--finder", name)]
    named = [word for sky in skies for word in ("--sky", sky)]
    evaluate: list[object] = [SKYSIEVE, "evaluate", "clusters", *named, "--overwrite", "--quiet"]
    run_measured([*evaluate, *finders, *words, "--tiles", "all", "-o", everywhere])
    found = [
        word
        for name in FINDERS
        for number in range(1, len(skies) + 1)
        for word in ("--catalogue", f"{name}={everywhere}/found/sky-{number}/{name}")
    ]
    run_measured([*evaluate, *found, "--tiles", "test", "-o", tile])
    curves = _keep_curves(everywhere, output / "clusters")
    apart = {(r["first"], r["second"]): r for r in _read(everywhere, "comparisons")}
    scores = {row["detector"]: row for row in _read(everywhere, "scores")}
    versus = {
        "network above the matched filter": apart["network", "mmf"],
        "both above the network": _reversed(apart["network", "both"]),
        "both above the matched filter": _reversed(apart["mmf", "both"]),
    }
    bars = [
        Bar(
            f"completeness at 90 % purity, {name}: lower end of the 68 % interval of the difference",
            ">=",
            0,
            row["low"],
            remark=f"{row['difference']:+.4f}, to {row['high']:+.4f}",
        )
        for name, row in versus.items()
    ]
    bars += [
        Bar(f"median error of places, {what}", "<=", MAX_ARCMIN, scores[name]["position_50"], "arcmin")
        for name, what in FINDERS.items()
    ]
    seeds = ", ".join(map(str, TEST_SEEDS))
    return Result(
        "Clusters of galaxies in microwave maps",
        f"Simulated skies (seeds {seeds}) in Planck's six high-frequency bands at nside 2048, outside of 15 "
        "degrees about the Galactic plane, each with clusters, background, dust, cores, galaxies and noise "
        f"of its own. The model `{CLUSTERS.load(model).card.name}` was trained on seeds "
        f"{', '.join(map(str, TRAINING_SEEDS))}. Its scores were calibrated on tiles of these skies that no "
        f"training patch covers, and settings were chosen on them and on seed {SELECTION_SEED}. A cluster "
        "counts as findable if its Y500 is 5e-4 square arcminutes or more; a candidate is real if a cluster "
        "of 1e-4 or more lies within 5 arcminutes. Both finders perform better here than on the real sky: "
        "the network was trained on the same simulations, and the matched filter assumes their beams, "
        "spectra and profiles.",
        bars=bars,
        tables=[
            _scores_table("All outside of the Galactic plane", scores.values()),
            _apart_table("Differences of completeness at 90 % purity", apart.values()),
            _scores_table("Tile 7 alone, which no training uses on any sky", _read(tile, "scores")),
            *(_bins_table(everywhere, name, title) for name, title in BINS.items()),
        ],
        remarks=curves,
    )


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table of a report."""
    from astropy.table import Table as AstropyTable

    table = AstropyTable.read(folder / f"{name}.ecsv")
    return [{key: _plain(row[key]) for key in table.colnames} for row in table]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _reversed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a difference with the opposite sign."""
    return {
        "first": row["second"],
        "second": row["first"],
        "difference": -row["difference"],
        "low": -row["high"],
        "high": -row["low"],
    }


def _keep_curves(report: Path, folder: Path) -> list[str]:
    """Copy the curves to the folder of the page; return the Markdown that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = []
    for name, title in CURVES.items():
        if (report / name).exists():
            shutil.copyfile(report / name, folder / name)
            shown.append(f"## {title}\n\n![{title}]({folder.name}/{name})")
    return shown


def _scores_table(title: str, rows: Any) -> Table:
    cells: list[tuple[Cell, ...]] = [
        (
            FINDERS[row["detector"]],
            row["candidates"],
            row["real"],
            row["candidates_above"],
            row["findable"],
            row["completeness"],
            row["completeness_low"],
            row["completeness_high"],
            row["position_50"],
            row["position_95"],
            row["calibration_error"],
        )
        for row in rows
    ]
    columns = (
        ("finder", ""),
        ("candidates", "d"),
        ("real", "d"),
        ("90 % pure", "d"),
        ("findable clusters", "d"),
        ("completeness at 90 % purity", ".3f"),
        ("from", ".3f"),
        ("to", ".3f"),
        ("median position error, arcmin", ".2f"),
        ("95 % of position errors below, arcmin", ".2f"),
        ("calibration error of the score", ".3f"),
    )
    return Table(title, columns, cells, FROM_TO)


def _apart_table(title: str, rows: Any) -> Table:
    cells: list[tuple[Cell, ...]] = [
        (
            f"{FINDERS[row['first']]} less {FINDERS[row['second']]}",
            row["difference"],
            row["low"],
            row["high"],
        )
        for row in rows
    ]
    columns = (("", ""), ("difference", "+.4f"), ("from", "+.4f"), ("to", "+.4f"))
    return Table(title, columns, cells)


def _bins_table(report: Path, by: str, title: str) -> Table:
    """Return completeness in bins at 90 % purity."""
    rows = [row for row in _read(report, "completeness") if row["by"] == by]
    bins: dict[tuple[float, float], dict[str, dict[str, Any]]] = {}
    for row in rows:
        bins.setdefault((row["from"], row["to"]), {})[row["detector"]] = row
    cells: list[tuple[Cell, ...]] = []
    for (low, high), there in bins.items():
        first = next(iter(there.values()))
        line: list[Cell] = [f"{low:.3g} to {high:.3g}", first["trials"]]
        for name in FINDERS:
            line += [there[name]["part"], there[name]["low"], there[name]["high"]]
        if first["trials"]:
            cells.append(tuple(line))
    columns = [(title, ""), ("clusters", "d")]
    for name in FINDERS.values():
        columns += [(name, ".2f"), ("from", ".2f"), ("to", ".2f")]
    text = "Of the findable ones, by Y500 of all, at 90 % purity; from and to: 68 % Wilson intervals."
    return Table(f"Completeness by {title.split(',', maxsplit=1)[0]}", tuple(columns), cells, text)
