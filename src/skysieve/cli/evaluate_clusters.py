"""``skysieve evaluate clusters``: compare cluster catalogues on skies with known clusters."""

from __future__ import annotations

import enum
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skysieve.cli.options import (
    Debug,
    Device,
    EngineOption,
    Jobs,
    Overwrite,
    PrecisionOption,
    Quiet,
    Threads,
)
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.clusters.evaluate.catalogues import Detector

__all__ = ["evaluate_clusters"]

TRUTH = "clusters.fits"
FOUND = "found"


class Finder(enum.StrEnum):
    """Cluster finders; an enumeration, as typer accepts no literals for options that may be repeated."""

    network = "network"
    mmf = "mmf"
    both = "both"


Tiles = Literal["test", "validation", "train", "all"]
"""Part of the sky that is evaluated."""


def evaluate_clusters(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Output folder of the report.")
    ],
    *,
    sky: Annotated[
        list[Path],
        typer.Option(
            "--sky",
            metavar="DIR",
            help="Folder of `skysieve simulate sky`, or a table of true clusters; may be repeated.",
            show_default=False,
        ),
    ],
    catalogue: Annotated[
        list[str] | None,
        typer.Option(
            "--catalogue",
            metavar="NAME=PATH",
            help="Catalogue to evaluate: a table, or a folder of `skysieve clusters find`; once for each "
            "sky, in the same order.",
            show_default=False,
        ),
    ] = None,
    finder: Annotated[
        list[Finder] | None,
        typer.Option(
            "--finder", help="Finder to run on the skies and evaluate; may be repeated.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Network of the finders: a name, or a folder.", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="As in `skysieve clusters find`.", show_default=False),
    ] = None,
    snr: Annotated[
        float,
        typer.Option(
            "--snr",
            help="As in `skysieve clusters find`; use a low value to include all candidates of interest.",
        ),
    ] = 4.0,
    galactic_cut: Annotated[
        float, typer.Option("--galactic-cut", metavar="DEGREES", help="As in `skysieve clusters find`.")
    ] = 15.0,
    views: Annotated[
        int | None,
        typer.Option(
            "--views", metavar="1|2|4|8", help="As in `skysieve clusters find`.", show_default=False
        ),
    ] = None,
    tiles: Annotated[
        Tiles, typer.Option("--tiles", help="Part of the skies to evaluate, by the split of the training.")
    ] = "test",
    radius: Annotated[
        float,
        typer.Option("--radius", metavar="ARCMIN", help="Matching radius between candidates and clusters."),
    ] = 5.0,
    least_y500: Annotated[
        float,
        typer.Option(
            "--least-y500", metavar="ARCMIN2", help="Minimum Y500 of clusters that count for completeness."
        ),
    ] = 5e-4,
    least_real: Annotated[
        float,
        typer.Option(
            "--least-real", metavar="ARCMIN2", help="Minimum Y500 of clusters that make a candidate real."
        ),
    ] = 1e-4,
    least_snr: Annotated[
        float | None,
        typer.Option(
            "--least-snr",
            help="Also require this minimum S/N in the matched filter for clusters that count for "
            "completeness.",
            show_default=False,
        ),
    ] = None,
    purity: Annotated[
        float, typer.Option("--purity", help="Purity at which completeness is compared.")
    ] = 0.9,
    disc: Annotated[
        float, typer.Option("--disc", metavar="ARCMIN", help="Radius of true clusters for the pixel scores.")
    ] = 2.5,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Reuse the searches of an earlier run, and resume an interrupted one."),
    ] = False,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate completeness and purity of cluster catalogues, on skies with known clusters.

    Examples
    --------
    `skysieve evaluate clusters --sky sky7/ --finder network --finder mmf --finder both -o report`

    `skysieve evaluate clusters --sky sky7/ --catalogue mine=found/ --catalogue psz=psz.fits -o report`
    """
    from skysieve.cli.evaluate import check_output, write_files
    from skysieve.cli.running import start_logging
    from skysieve.cli.searching import SkySearches
    from skysieve.clusters.evaluate.report import DetectorResult, make_evaluation_report
    from skysieve.clusters.evaluate.sky import Rules

    require("measuring catalogues of clusters", "clusters")
    start_logging()
    check_output(output, overwrite=overwrite or resume)
    rules = Rules(radius, least_y500, least_real, least_snr, purity)
    _check_disc(disc)
    truths = [_truth_of(path) for path in sky]
    given = _read_catalogues(catalogue or [], len(sky))
    finders = list(dict.fromkeys(one.value for one in finder or []))
    _check_names(given, finders)
    settings: dict[str, Any] = {"engine": engine, "precision": precision, "device": device}
    settings |= {"threads": threads, "threshold": threshold, "snr": snr}
    settings |= {name: value for name, value in (("model", model), ("views", views)) if value is not None}
    search = SkySearches(
        output / FOUND,
        finders,
        settings,
        galactic_cut=galactic_cut,
        role=tiles,
        resume=resume,
        overwrite=overwrite,
        jobs=jobs,
        quiet=quiet,
        debug=debug,
    )
    search.check(sky)
    searches = []
    for number, folder in enumerate(sky):
        paths = {name: found[number] for name, found in given.items()} | search.run(folder, number)
        searches.append((truths[number], paths))
    results, facts = _evaluate_detectors(searches, rules, tiles, disc)
    facts |= {"skies": ", ".join(map(str, sky)), "tiles": tiles}
    report = make_evaluation_report(
        [DetectorResult(*one) for one in results],
        rules,
        command=shlex.join(["skysieve", *sys.argv[1:]]),
        facts=facts,
    )
    write_files(output, report)


def _evaluate_detectors(
    searches: list[tuple[Path, dict[str, Path]]], rules: Any, role: Tiles, disc: float
) -> tuple[list[tuple[str, Any, Any]], dict[str, str]]:
    """Return name, matched candidates and pixel counts of each detector, and facts about them."""
    from skysieve.clusters.evaluate.catalogues import (
        area_in_square_degrees,
        count_sky_pixels,
        evaluation_sky,
        match_sky,
        read_detector,
    )
    from skysieve.clusters.evaluate.sky import TruthMatch

    matches: dict[str, list[TruthMatch]] = {}
    pixels: dict[str, Any] = {}
    skies = []
    facts: dict[str, str] = {}
    for truth, paths in searches:
        detectors: dict[str, Detector] = {name: read_detector(path) for name, path in paths.items()}
        skies.append(evaluation_sky(truth, detectors, role))
        for name, one in detectors.items():
            matches.setdefault(name, []).append(match_sky(skies[-1], one, rules))
            counts = count_sky_pixels(skies[-1], one, rules, disc=disc)
            if counts is not None:
                pixels[name] = pixels[name] + counts if name in pixels else counts
            facts.setdefault(f"detector {name}", one.described)
    area = area_in_square_degrees(skies)
    if not area:
        raise SourceError(
            f"no part of the skies is in the tiles for {role}, and was searched; try --tiles all"
        )
    facts["area"] = f"{area:.0f} square degrees"
    results = [(name, TruthMatch.join(parts), pixels.get(name)) for name, parts in matches.items()]
    return results, facts


def _truth_of(path: Path) -> Path:
    """Return the table of true clusters of a sky."""
    truth = path / TRUTH if path.is_dir() else path
    if not truth.is_file():
        raise SourceError(f"{truth}: no such file; give a folder of `skysieve simulate sky`, or a table")
    return truth


def _read_catalogues(texts: list[str], skies: int) -> dict[str, list[Path]]:
    """Return the catalogues of each detector, one per sky."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, _, path = text.partition("=")
        if not name.strip() or not path.strip():
            raise ConfigError(f"--catalogue {text!r}: expected NAME=PATH, as mine=found/")
        if not Path(path.strip()).exists():
            raise SourceError(f"{path.strip()}: no such file or folder")
        found.setdefault(name.strip(), []).append(Path(path.strip()))
    for name, paths in found.items():
        if len(paths) != skies:
            raise ConfigError(
                f"--catalogue {name} is given {len(paths)} times for {skies} skies; give one for each, in "
                "their order"
            )
    return found


def _check_names(given: dict[str, list[Path]], finders: Sequence[str]) -> None:
    if not given and not finders:
        raise ConfigError("nothing to evaluate; give at least one --catalogue or --finder")
    both = [name for name in finders if name in given]
    if both:
        raise ConfigError(f"--catalogue {both[0]} has the name of a --finder; choose another")


def _check_disc(disc: float) -> None:
    from skysieve.clusters.catalogue.cross_match import check_radius

    check_radius(disc)
