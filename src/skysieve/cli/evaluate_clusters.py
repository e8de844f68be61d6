"""``skysieve evaluate clusters``: compare cluster catalogues on skies with known clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.clusters.evaluate.settings import ClusterEvaluation, Rules, SearchSettings
from skysieve.core.evaluation.report_files import ReportFolder, check_output, write_report
from skysieve.core.extras import require

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.clusters.search.job import ClusterJob
    from skysieve.core.fits.locations import Location

__all__ = ["evaluate_clusters"]

FOUND = "found"


@takes_settings
def evaluate_clusters(
    folder: ReportFolder,
    settings: ClusterEvaluation,
    rules: Rules,
    search: SearchSettings,
    run: Run,
) -> None:
    """Evaluate completeness and purity of cluster catalogues, on skies with known clusters.

    Examples
    --------
    `skysieve evaluate clusters --sky sky7/ --finder network --finder mmf --finder both -o report`

    `skysieve evaluate clusters --sky sky7/ --catalogue mine=found/ --catalogue psz=psz.fits -o report`
    """
    from skysieve.cli.reporting import command_line
    from skysieve.clusters.catalogue.cross_match import check_radius
    from skysieve.clusters.evaluate.catalogues import evaluate_detectors
    from skysieve.clusters.evaluate.report import DetectorResult, make_evaluation_report
    from skysieve.clusters.evaluate.sky_searches import SkySearches
    from skysieve.core.execution.terminal_log import start_logging

    require("measuring catalogues of clusters", "clusters")
    start_logging()
    output = folder.output
    check_output(output, overwrite=run.overwrite or settings.resume)
    check_radius(settings.disc)
    truths = settings.truths()
    finders = list(dict.fromkeys(settings.finder))
    settings.check_catalogues()
    searches = SkySearches(
        output / FOUND,
        finders,
        search,
        settings.tiles,
        lambda sky, job, units: _search(sky, job, units, run),
        resume=settings.resume,
        overwrite=run.overwrite,
    )
    searches.check(settings.sky)
    catalogues = [
        {name: found[number] for name, found in settings.catalogue.items()} | searches.search(sky, number)
        for number, sky in enumerate(settings.sky)
    ]
    results, facts = evaluate_detectors(
        list(zip(truths, catalogues, strict=True)), rules, settings.tiles, settings.disc
    )
    facts |= {"skies": ", ".join(map(str, settings.sky)), "tiles": settings.tiles}
    report = make_evaluation_report(
        [DetectorResult(*one) for one in results], rules, command=command_line(), facts=facts
    )
    print(f"report: {write_report(output, report)}")


def _search(sky: Path, job: ClusterJob, units: list[Location], run: Run) -> None:
    """Search a sky, and report on each tile."""
    from skysieve.cli.running import Failures, run_and_report

    if run.jobs > 1 and len(units) > 1:
        job.release()
    failures = Failures(debug=run.debug)
    records = run_and_report(
        job,
        units,
        replace(run, dask=None),
        failures,
        what="tiles",
        describe=lambda _unit, record: f"{sky} tile {record.unit}: {record.seconds:.1f} s",
    )
    failures.finish(len(list(records)))
