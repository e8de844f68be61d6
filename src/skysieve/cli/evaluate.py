"""``skysieve evaluate``: evaluate models on data with known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.report_files import ReportFolder, check_output, write_report
from skysieve.core.models.engine_settings import EngineSettings
from skysieve.frames.evaluate.settings import ContaminantEvaluation, ModelsAndFrames
from skysieve.ghosts.evaluate.settings import GhostEvaluation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysieve.cli.running import Failures
    from skysieve.core.evaluation.comparison import EvaluatedSet

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Evaluate models on data with known truth.")
add_verb(
    app,
    "clusters",
    "skysieve.cli.evaluate_clusters:evaluate_clusters",
    "Evaluate completeness and purity of cluster catalogues, on skies with known clusters.",
)
add_verb(
    app,
    "scenes",
    "skysieve.cli.evaluate_frames:evaluate_scenes",
    "Measure how often each class occurs in frames, and how strong and large it is.",
)
add_verb(
    app,
    "probes",
    "skysieve.cli.evaluate_frames:evaluate_probes",
    "Test models on simple scenes of textbook shapes, each with one correct class.",
)


@app.command("contaminants")
@takes_settings
def evaluate_contaminants(
    folder: ReportFolder, settings: ContaminantEvaluation, engine: EngineSettings, write: Writing
) -> None:
    """Evaluate the detection of contaminants, per pixel and class.

    Examples
    --------
    `skysieve evaluate contaminants --model maximask --frames simulated/ -o report`

    `skysieve evaluate contaminants --model mine/ --recipe decam.yaml -n 20 -o report`
    """
    failures = _begin(folder.output, settings, write)
    from skysieve.cli.reporting import command_line, printer
    from skysieve.core.evaluation.confusion_tables import confusion_lines
    from skysieve.core.evaluation.report import make_report
    from skysieve.frames.evaluate.frame_sets import evaluate_sets, file_set, name_models, simulated_sets
    from skysieve.frames.evaluate.masks import COSMIC_RAYS_OUTSIDE_DEFECTS, MaskEvaluation, ModelDetector
    from skysieve.frames.mask.settings import MaskSettings
    from skysieve.frames.simulate.truth_frames import read_truth_frame

    sets = [file_set(path, read_truth_frame, failures.add) for path in settings.frames]
    sets += simulated_sets(settings)
    detectors = [ModelDetector(MaskSettings(model=name, **vars(engine))) for name in settings.model]
    name_models(detectors, settings.model)
    evaluated, interrupted = evaluate_sets(
        sets,
        lambda: MaskEvaluation(detectors),
        failures.add,
        report=printer(quiet=write.quiet),
        not_averaged=(COSMIC_RAYS_OUTSIDE_DEFECTS,),
    )
    if not write.quiet:
        print("\n".join([*confusion_lines(evaluated), ""]), flush=True)
    if evaluated:
        files = make_report(
            "Contaminants",
            evaluated,
            command=command_line(),
            facts={f"detector {one.name}": one.description for one in detectors},
            confusion_frames=settings.confusion_frames,
        )
        print(f"report: {write_report(folder.output, files)}")
    _finish(evaluated, failures, interrupted=interrupted)


@app.command("tracking")
@takes_settings
def evaluate_tracking(
    folder: ReportFolder, settings: ModelsAndFrames, engine: EngineSettings, write: Writing
) -> None:
    """Evaluate the detection of frames with tracking errors.

    Example: `skysieve evaluate tracking --model maxitrack --frames simulated/ -o report`
    """
    failures = _begin(folder.output, settings, write)
    from skysieve.cli.reporting import command_line, printer
    from skysieve.core.evaluation.report import make_report
    from skysieve.frames.evaluate.frame_sets import evaluate_sets, file_set, name_models
    from skysieve.frames.evaluate.tracking import (
        TRACKING_MEASURES,
        TrackDetector,
        TrackingEvaluation,
        read_labelled_frame,
    )
    from skysieve.frames.track.settings import TrackSettings

    sets = [file_set(path, read_labelled_frame, failures.add) for path in settings.frames]
    detectors = [TrackDetector(TrackSettings(model=name, **vars(engine))) for name in settings.model]
    name_models(detectors, settings.model)
    evaluated, interrupted = evaluate_sets(
        sets, lambda: TrackingEvaluation(detectors), failures.add, report=printer(quiet=write.quiet)
    )
    if evaluated:
        files = make_report(
            "Tracking",
            evaluated,
            command=command_line(),
            facts={f"detector {one.name}": one.description for one in detectors},
            measures=TRACKING_MEASURES,
            unit="frames",
        )
        print(f"report: {write_report(folder.output, files)}")
    _finish(evaluated, failures, interrupted=interrupted)


@app.command("ghosts")
@takes_settings
def evaluate_ghosts(
    folder: ReportFolder, settings: GhostEvaluation, engine: EngineSettings, write: Writing
) -> None:
    """Evaluate the detection of ghosts, and compare it with human annotators.

    Example: `skysieve evaluate ghosts --model mine/model --annotations a.json --annotations b.json
    --pictures pictures/ -o report`
    """
    from skysieve.cli.reporting import command_line, printer
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.ghosts.evaluate.comparison import compare_with_people

    start_logging()
    check_output(folder.output, overwrite=write.overwrite)
    files = compare_with_people(settings, engine, command=command_line(), report=printer(quiet=write.quiet))
    print(f"report: {write_report(folder.output, files)}")


def _begin(output: Path, settings: ModelsAndFrames, write: Writing) -> Failures:
    """Check that there are models and that the report can be written; return the list of failures."""
    from skysieve.cli.running import Failures
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()
    check_output(output, overwrite=write.overwrite)
    if not settings.model:
        raise ConfigError("nothing to evaluate; give at least one --model")
    return Failures(debug=write.debug)


def _finish(evaluated: Sequence[EvaluatedSet], failures: Failures, *, interrupted: bool) -> None:
    """Exit with code 130 after an interrupt, or with code 1 if there were failures."""
    if interrupted:
        raise typer.Exit(130)
    frames = [next(iter(one.detectors.values())).histograms.frames for one in evaluated]
    failures.finish(sum(map(len, frames)))
