"""``skysieve evaluate``: evaluate models on frames with known truth, in one report."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import (
    Debug,
    Device,
    EngineOption,
    Overwrite,
    PrecisionOption,
    Quiet,
    Threads,
)
from skysieve.core.errors import ConfigError, FrameError, OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skysieve.cli.running import Failures
    from skysieve.core.evaluation.comparison import EvaluatedSet, ScoredDetector
    from skysieve.core.evaluation.scores import Measure
    from skysieve.core.models.network import Engine, Precision

__all__ = ["app", "check_output", "write_files"]

app = typer.Typer(no_args_is_help=True, help="Evaluate models on data with known truth.")
add_verb(
    app,
    "ghosts",
    "skysieve.cli.evaluate_ghosts:evaluate_ghosts",
    "Evaluate the detection of ghosts, and compare it with human annotators.",
)
add_verb(
    app,
    "clusters",
    "skysieve.cli.evaluate_clusters:evaluate_clusters",
    "Evaluate completeness and purity of cluster catalogues, on skies with known clusters.",
)
add_verb(
    app,
    "scenes",
    "skysieve.cli.evaluate_scenes:evaluate_scenes",
    "Measure how often each class occurs in frames, and how strong and large it is.",
)
add_verb(
    app,
    "probes",
    "skysieve.cli.evaluate_probes:evaluate_probes",
    "Test models on simple scenes of textbook shapes, each with one correct class.",
)

REPORT = "report.md"

Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Output folder of the report.")]
Models = Annotated[
    list[str],
    typer.Option(
        "--model",
        help="Model to evaluate: a name, or a folder with a card; may be repeated.",
        show_default=False,
    ),
]
Frames = Annotated[
    list[str],
    typer.Option(
        "--frames",
        metavar="PATH",
        help="Frames of `skysieve simulate`: a folder, glob or list; each gives a separate test set.",
        show_default=False,
    ),
]
Recipes = Annotated[
    list[str],
    typer.Option(
        "--recipe",
        help="Recipe from which frames are simulated: a file or name; each gives a separate test set.",
        show_default=False,
    ),
]
Count = Annotated[
    int, typer.Option("-n", "--number", min=1, help="Number of frames to simulate for each recipe.")
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, help="Seed of the simulated frames; each further recipe uses the next seed."
    ),
]
Size = Annotated[int, typer.Option("--size", min=64, help="Side of the simulated frames, in pixels.")]


@app.callback()
def evaluate() -> None:
    """Evaluate models on data with known truth."""


@app.command("contaminants")
def evaluate_contaminants(
    output: Output,
    *,
    model: Models = [],  # noqa: B006 - typer copies it
    frames: Frames = [],  # noqa: B006
    recipe: Recipes = [],  # noqa: B006
    number: Count = 40,
    seed: Seed = 0,
    size: Size = 1024,
    confusion_frames: Annotated[
        bool,
        typer.Option("--confusion-frames", help="Also write the confusion table of each frame, as ECSV."),
    ] = False,
    overwrite: Overwrite = False,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate the detection of contaminants, per pixel and class.

    Examples
    --------
    `skysieve evaluate contaminants --model maximask --frames simulated/ -o report`

    `skysieve evaluate contaminants --model mine/ --recipe decam.yaml -n 20 -o report`
    """
    from skysieve.cli.running import Failures, start_logging
    from skysieve.frames.evaluate.masks import (
        COSMIC_RAYS_OUTSIDE_DEFECTS,
        MaskEvaluation,
        ModelDetector,
    )
    from skysieve.frames.mask.settings import MaskSettings
    from skysieve.frames.simulate.truth_frames import read_truth_frame, simulated_frames

    start_logging()
    check_output(output, overwrite=overwrite)
    _check_detectors(model)
    failures = Failures(debug=debug)
    sets = [_file_set(path, read_truth_frame, failures) for path in frames]
    sets += [
        _FrameSet(
            Path(name).stem,
            f"{number} frames of {size} × {size} px simulated now by the recipe {name}, seed {own}.",
            number,
            simulated_frames(name, number, seed=own, side=size),
        )
        # each recipe has its own seed, so that their frames do not share random draws
        for own, name in enumerate(recipe, seed)
    ]
    options = _engine_options(engine, precision, device, threads)
    detectors = [ModelDetector(MaskSettings(model=name, **options)) for name in model]
    _make_names_unique(detectors, model)
    evaluated, interrupted = _evaluate_sets(
        _check_sets(sets),
        lambda: MaskEvaluation(detectors),
        failures,
        quiet=quiet,
        not_averaged=(COSMIC_RAYS_OUTSIDE_DEFECTS,),
    )
    facts = {f"detector {one.name}": one.description for one in detectors}
    if not quiet:
        _print_confusion(evaluated)
    _write_report(output, "Contaminants", evaluated, facts, confusion_frames=confusion_frames)
    _finish(evaluated, failures, interrupted=interrupted)


@app.command("tracking")
def evaluate_tracking(
    output: Output,
    *,
    model: Models = [],  # noqa: B006
    frames: Frames = [],  # noqa: B006
    overwrite: Overwrite = False,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate the detection of frames with tracking errors.

    Example: `skysieve evaluate tracking --model maxitrack --frames simulated/ -o report`
    """
    from skysieve.cli.running import Failures, start_logging
    from skysieve.frames.evaluate.tracking import (
        TRACKING_MEASURES,
        TrackDetector,
        TrackingEvaluation,
        read_labelled_frame,
    )
    from skysieve.frames.track.settings import TrackSettings

    start_logging()
    check_output(output, overwrite=overwrite)
    _check_detectors(model)
    failures = Failures(debug=debug)
    sets = [_file_set(path, read_labelled_frame, failures) for path in frames]
    options = _engine_options(engine, precision, device, threads)
    detectors = [TrackDetector(TrackSettings(model=name, **options)) for name in model]
    _make_names_unique(detectors, model)
    evaluated, interrupted = _evaluate_sets(
        _check_sets(sets), lambda: TrackingEvaluation(detectors), failures, quiet=quiet
    )
    facts = {f"detector {one.name}": one.description for one in detectors}
    _write_report(output, "Tracking", evaluated, facts, measures=TRACKING_MEASURES, unit="frames")
    _finish(evaluated, failures, interrupted=interrupted)


class _Evaluation(Protocol):
    """Evaluation of detectors on frames, for either job."""

    def update(self, frame: Any, /) -> None: ...

    def results(self) -> dict[str, ScoredDetector]: ...


class _Named(Protocol):
    name: str


@dataclass
class _FrameSet:
    """A set of test frames, which are read or simulated one at a time."""

    name: str
    description: str
    count: int
    frames: Iterable[Any]


def _file_set(path: str, read: Callable[[Path], Any], failures: Failures) -> _FrameSet:
    """Return the frames at a path; those that cannot be read are added to the failures."""
    from skysieve.core.fits.locations import find_locations

    found = [location.path for location in find_locations(path)]

    def frames() -> Iterator[Any]:
        for file in found:
            try:
                frame = read(file)
            except (FrameError, SourceError) as error:
                failures.add(file, error)
                continue
            yield frame

    return _FrameSet(Path(path).resolve().stem, f"{len(found)} files of {path}.", len(found), frames())


def _engine_options(engine: Engine, precision: Precision, device: str, threads: int | None) -> dict[str, Any]:
    return {"engine": engine, "precision": precision, "device": device, "threads": threads}


def check_output(output: Path, *, overwrite: bool) -> None:
    """Check, before an evaluation of hours, that the report can be drawn and written.

    Parameters
    ----------
    output
        Folder of the report.
    overwrite
        Whether an existing report may be replaced.

    Raises
    ------
    OutputError
        If the folder is a file, or holds a report that may not be replaced.
    ConfigError
        If Matplotlib is not installed.
    """
    from skysieve.core.atomic import check_target
    from skysieve.core.evaluation.curves import check_matplotlib

    if output.exists() and not output.is_dir():
        raise OutputError(f"cannot write {output}: it is a file; name a folder")
    check_target(output / REPORT, overwrite=overwrite)
    check_matplotlib()


def _check_detectors(names: Sequence[str]) -> None:
    if not names:
        raise ConfigError("nothing to evaluate; give at least one --model")


def _make_names_unique(detectors: Sequence[_Named], given: Sequence[str]) -> None:
    """Replace names shared by several models by those given on the command line."""
    names = [detector.name for detector in detectors]
    for detector, text in zip(detectors, given, strict=True):
        if names.count(detector.name) > 1:
            detector.name = text


def _check_sets(sets: Sequence[_FrameSet]) -> list[_FrameSet]:
    """Check that there are test sets, and number those that share a name."""
    if not sets:
        raise ConfigError("no frames to evaluate on; give --frames or --recipe")
    names = [one.name for one in sets]
    for index, one in enumerate(sets):
        if names.count(names[index]) > 1:
            one.name = f"{names[index]}-{names[: index + 1].count(names[index])}"
    return list(sets)


def _evaluate_sets(
    sets: Sequence[_FrameSet],
    make_evaluation: Callable[[], _Evaluation],
    failures: Failures,
    *,
    quiet: bool,
    not_averaged: tuple[str, ...] = (),
) -> tuple[list[EvaluatedSet], bool]:
    """Evaluate each set; return the evaluated sets, and whether an interrupt stopped the evaluation."""
    from skysieve.core.evaluation.comparison import EvaluatedSet

    evaluations = [make_evaluation() for _ in sets]
    evaluated = []
    for one, evaluation in zip(sets, evaluations, strict=True):
        count, interrupted = 0, False
        try:
            for frame in one.frames:
                try:
                    evaluation.update(frame)
                except FrameError as error:
                    failures.add(frame.name, error)
                    continue
                count += 1
                if not quiet:
                    print(f"{one.name} {count}/{one.count}: {frame.name}", flush=True)
        except KeyboardInterrupt:
            interrupted = True
        if count:
            note = f" Interrupted after {count} frames." if interrupted else ""
            evaluated.append(
                EvaluatedSet(one.name, one.description + note, evaluation.results(), not_averaged)
            )
        if interrupted:
            return evaluated, True
    return evaluated, False


def _print_confusion(evaluated: Sequence[EvaluatedSet]) -> None:
    """Print the classes that missed pixels are assigned to, for each set and detector."""
    from skysieve.core.evaluation.confusion_tables import missed_table, summarise_confusions
    from skysieve.core.evaluation.tables import to_text

    for one in evaluated:
        for detector, scored in one.detectors.items():
            if scored.confusion is None:
                continue
            print(f"\n{one.name}, {detector}: where the pixels of each true class go, in % of them")
            print(to_text(*missed_table(scored.confusion)), end="")
            for line in summarise_confusions(scored.confusion):
                print(line)
    print(flush=True)


def _write_report(
    output: Path,
    title: str,
    evaluated: Sequence[EvaluatedSet],
    facts: Mapping[str, str],
    *,
    measures: Sequence[Measure] | None = None,
    unit: str = "pixels",
    confusion_frames: bool = False,
) -> None:
    """Make the report and write its files."""
    from skysieve.core.evaluation.report import make_report
    from skysieve.core.evaluation.scores import MEASURES

    if evaluated:
        files = make_report(
            title,
            evaluated,
            command=shlex.join(["skysieve", *sys.argv[1:]]),
            facts=facts,
            measures=measures or MEASURES,
            unit=unit,
            confusion_frames=confusion_frames,
        )
        write_files(output, files)


def write_files(output: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a report; the page that shows the others is written last.

    Parameters
    ----------
    output
        Folder of the report.
    files
        Content of each file, by name.
    """
    from skysieve.core.atomic import atomic_write

    for name in sorted(files, key=lambda name: name == REPORT):
        with atomic_write(output / name, overwrite=True) as temporary:
            temporary.write_bytes(files[name])
    print(f"report: {output / REPORT}")


def _finish(evaluated: Sequence[EvaluatedSet], failures: Failures, *, interrupted: bool) -> None:
    """Exit with code 130 after an interrupt, or with code 1 if there were failures."""
    if interrupted:
        raise typer.Exit(130)
    frames = [next(iter(one.detectors.values())).histograms.frames for one in evaluated]
    failures.finish(sum(map(len, frames)))
