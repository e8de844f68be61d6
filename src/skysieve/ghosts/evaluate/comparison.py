"""Comparison of models with people, on pictures with outlined ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.annotations.picture_names import read_picture_names
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

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from skysieve.core.models.engine_settings import EngineSettings
    from skysieve.ghosts.evaluate.pictures import AnnotatedPicture
    from skysieve.ghosts.evaluate.settings import GhostEvaluation

__all__ = ["compare_with_people"]


def compare_with_people(
    settings: GhostEvaluation, engine: EngineSettings, *, command: str, report: Callable[[str], None]
) -> dict[str, bytes]:
    """Compare models with the people who outlined ghosts.

    Parameters
    ----------
    settings
        Models, pictures and annotations.
    engine
        Settings of what runs the networks.
    command
        Command that makes the report.
    report
        Gets a line about each finished picture.

    Returns
    -------
    dict
        Content of the files of the report, by name.

    Raises
    ------
    ConfigError
        If a name is in no file of annotations.
    SourceError
        If a picture or a file of annotations is missing or cannot be read.
    """
    files = [read_annotations(path) for path in settings.annotations]
    annotated = _select(annotated_pictures(files), settings.names)
    folder = settings.pictures
    missing = [one.name for one in annotated if not (folder / one.name).is_file()]
    if missing:
        raise SourceError(f"{folder}: lacks {len(missing)} of {len(annotated)} pictures, as {missing[0]}")
    finders = [GhostFinder(GhostSettings(model=name, **vars(engine))) for name in settings.model]
    names = [finder.model.card.name for finder in finders]
    # names shared by several models are replaced by those with which they were given
    labels = [
        text if names.count(name) > 1 else name for name, text in zip(names, settings.model, strict=True)
    ]
    people = [path.stem for path in settings.annotations] if len(files) > 1 else []
    detectors = [GhostScores(label) for label in labels]
    against = {person: [GhostScores(label) for label in labels] for person in people}
    panels: dict[str, list[MissPanel]] = {label: [] for label in labels}
    for number, one in enumerate(annotated, 1):
        picture = read_picture(folder / one.name)
        for index, finder in enumerate(finders):
            found, weak, probability = model_detections(finder, picture, label=one.name)
            detectors[index].add(one.truth, found, weak=weak, probability=probability)
            if misses := detectors[index].misses[-1]:
                seen = [(name, mask) for name, mask, _ in found]
                panels[labels[index]].append(MissPanel(one.name, picture, one.truth, seen, misses))
            for person, outlined in zip(people, one.people[: len(people)], strict=True):
                own = [(ghost.class_name, ghost.outline.mask(outlined.shape)) for ghost in outlined.ghosts]
                against[person][index].add(own, found, weak=weak, probability=probability)
        report(f"{number}/{len(annotated)}: {one.name}")
    facts = {"pictures": str(len(annotated)), "people": str(len(files))}
    facts |= {
        f"detector {label}": f"version {finder.model.card.version}, {finder.network.sha256[:12]}, "
        f"{finder.network.engine} {finder.network.precision}"
        for label, finder in zip(labels, finders, strict=True)
    }
    return make_ghost_report(
        detectors,
        person_scores(annotated, people) if people else [],
        against,
        command=command,
        facts=facts,
        panels=panels,
    )


def _select(annotated: list[AnnotatedPicture], names: Path | None) -> list[AnnotatedPicture]:
    """Return the pictures named in a file, or all if no file is given."""
    if names is None:
        return annotated
    known = {one.name: one for one in annotated}
    asked = read_picture_names(names)
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise ConfigError(f"{names}: {unknown[0]} is in no file of annotations")
    return [known[name] for name in asked]
