"""``skysieve evaluate ghosts``: compare models with people, on pictures with outlined ghosts."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import (
    Debug,
    Device,
    EngineOption,
    Names,
    Overwrite,
    PrecisionOption,
    Quiet,
    Threads,
    read_names,
)
from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.ghosts.evaluate.pictures import AnnotatedPicture

__all__ = ["evaluate_ghosts"]


def evaluate_ghosts(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Output folder of the report.")
    ],
    *,
    annotations: Annotated[
        list[Path],
        typer.Option(
            "--annotations",
            metavar="FILE",
            help="Annotations of one person, VIA or COCO; repeat it to use the majority of several people.",
            show_default=False,
        ),
    ],
    pictures: Annotated[
        Path, typer.Option("--pictures", metavar="DIR", help="Folder with the annotated images.")
    ],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            help="Model to evaluate: a name, or a folder with a card; may be repeated.",
            show_default=False,
        ),
    ],
    names: Names = None,
    overwrite: Overwrite = False,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Evaluate the detection of ghosts, and compare it with human annotators.

    Example: `skysieve evaluate ghosts --model mine/model --annotations a.json --annotations b.json
    --pictures pictures/ -o report`
    """
    from skysieve.cli.evaluate import check_output, write_files
    from skysieve.cli.running import start_logging
    from skysieve.ghosts.annotations.annotation_files import read_annotations
    from skysieve.ghosts.evaluate.miss_sheet import MissPanel
    from skysieve.ghosts.evaluate.pictures import (
        GhostScores,
        annotated_pictures,
        model_detections,
        person_scores,
    )
    from skysieve.ghosts.evaluate.report import make_ghost_report
    from skysieve.ghosts.focal_plane.pictures import read_picture
    from skysieve.ghosts.predict.finder import GhostFinder
    from skysieve.ghosts.predict.settings import GhostSettings

    start_logging()
    check_output(output, overwrite=overwrite)
    files = [read_annotations(path) for path in annotations]
    annotated = _select(annotated_pictures(files), names)
    missing = [one.name for one in annotated if not (pictures / one.name).is_file()]
    if missing:
        raise SourceError(f"{pictures}: lacks {len(missing)} of {len(annotated)} pictures, as {missing[0]}")
    finders = []
    for name in model:
        settings = GhostSettings(
            model=name, engine=engine, precision=precision, device=device, threads=threads
        )
        finders.append(GhostFinder(settings))
    labels = _unique_names([finder.model.card.name for finder in finders], model)
    people = [path.stem for path in annotations] if len(files) > 1 else []
    detectors = [GhostScores(label) for label in labels]
    against = {person: [GhostScores(label) for label in labels] for person in people}
    panels: dict[str, list[MissPanel]] = {label: [] for label in labels}
    for number, one in enumerate(annotated, 1):
        picture = read_picture(pictures / one.name)
        for index, finder in enumerate(finders):
            found, weak, probability = model_detections(finder, picture, label=one.name)
            detectors[index].add(one.truth, found, weak=weak, probability=probability)
            if misses := detectors[index].misses[-1]:
                seen = [(name, mask) for name, mask, _ in found]
                panels[labels[index]].append(MissPanel(one.name, picture, one.truth, seen, misses))
            for person, outlined in zip(people, one.people[: len(people)], strict=True):
                own = [(ghost.class_name, ghost.outline.mask(outlined.shape)) for ghost in outlined.ghosts]
                against[person][index].add(own, found, weak=weak, probability=probability)
        if not quiet:
            print(f"{number}/{len(annotated)}: {one.name}", flush=True)
    facts = {"pictures": str(len(annotated)), "people": str(len(files))}
    facts |= {
        f"detector {label}": f"version {finder.model.card.version}, {finder.network.sha256[:12]}, "
        f"{finder.network.engine} {finder.network.precision}"
        for label, finder in zip(labels, finders, strict=True)
    }
    report = make_ghost_report(
        detectors,
        person_scores(annotated, people) if people else [],
        against,
        command=shlex.join(["skysieve", *sys.argv[1:]]),
        facts=facts,
        panels=panels,
    )
    write_files(output, report)


def _select(annotated: list[AnnotatedPicture], names: Path | None) -> list[AnnotatedPicture]:
    """Return the pictures named in a file, or all if no file is given."""
    if names is None:
        return annotated
    known = {one.name: one for one in annotated}
    asked = read_names(names)
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise ConfigError(f"{names}: {unknown[0]} is in no file of annotations")
    return [known[name] for name in asked]


def _unique_names(names: list[str], given: Iterable[str]) -> list[str]:
    """Return the names of models; names shared by several are replaced by those given on the command line."""
    return [text if names.count(name) > 1 else name for name, text in zip(names, given, strict=True)]
