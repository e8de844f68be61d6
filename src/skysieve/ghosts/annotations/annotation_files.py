"""Read, write and check annotation files of all supported formats."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, get_args

from skysieve.core.atomic import atomic_write
from skysieve.core.documents import parse_json, read_text
from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.coco import is_coco, parse_coco, to_coco
from skysieve.ghosts.annotations.settings import MAX_SIDE, PUBLISHED_SHAPE, Form
from skysieve.ghosts.annotations.via import is_via, parse_via, to_via

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.ghosts.annotations.annotated_images import Annotations
    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["FORMS", "MAX_FILE_BYTES", "find_problems", "read_annotations", "write_annotations"]

FORMS: tuple[str, ...] = get_args(Form)
"""File formats; see :data:`skysieve.ghosts.annotations.settings.Form`."""

MAX_FILE_BYTES = 2**28
"""Maximum size of an annotation file.  A file with a hundred thousand outlines is ten times smaller."""


def read_annotations(path: Path, *, shape: Shape = PUBLISHED_SHAPE) -> Annotations:
    """Read an annotation file.  Its content tells the format.

    Parameters
    ----------
    path
        JSON: a project, a list or a dict of images of the VGG Image Annotator 2, or COCO instances.
    shape
        Height and width of the images in pixels, for formats that do not store them.

    Returns
    -------
    Annotations
        The images.  Empty regions, points, and regions without class or of unknown shape are only counted.

    Raises
    ------
    ConfigError
        If a side of `shape` is not from 1 to :data:`MAX_SIDE`.
    SourceError
        If the file cannot be read, has another format, or holds an invalid value.
    """
    if not 1 <= min(shape) <= max(shape) <= MAX_SIDE:
        raise ConfigError(
            f"pictures of {shape[0]} × {shape[1]} pixels: expected height and width from 1 to {MAX_SIDE}"
        )
    document = _load(path)
    if is_coco(document):
        return parse_coco(document, str(path))
    if is_via(document):
        return parse_via(document, str(path), shape)
    raise SourceError(
        f"{path}: is no annotation file: expected a project or export of the VGG Image Annotator 2, "
        "or COCO instances"
    )


def write_annotations(
    annotations: Annotations, path: Path, form: str, *, polygons: bool = False, overwrite: bool = False
) -> int:
    """Write annotations in one of the :data:`FORMS`.

    Parameters
    ----------
    annotations
        The annotations.
    path
        The output file.
    form
        File format, one of :data:`FORMS`.
    polygons
        In COCO files, write polygons instead of run lengths.
    overwrite
        Whether to replace an existing file.

    Returns
    -------
    int
        Number of regions written.  COCO stores pixels: ghosts without a pixel on their image are left out.

    Raises
    ------
    ConfigError
        If the format is unknown.
    OutputError
        If the file exists and `overwrite` is False, or it cannot be written.
    """
    if form not in FORMS:
        raise ConfigError(f"unknown form {form!r} of annotations; the forms are {', '.join(FORMS)}")
    written = sum(len(image.ghosts) for image in annotations.images)
    if form == "coco":
        document: object = (instances := to_coco(annotations, polygons=polygons))
        written = len(instances["annotations"])
    else:
        document = to_via(annotations, form, project=path.stem)
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8")
    return written


def find_problems(annotations: Annotations) -> dict[str, list[str]]:
    """Find annotations that can be read but look wrong.

    Parameters
    ----------
    annotations
        The annotations.

    Returns
    -------
    dict of str to list of str
        Kind of problem, and the names of its images.  An image is listed once per region with the problem.
    """
    problems: dict[str, list[str]] = {}
    for image in annotations.images:
        height, width = image.shape
        if not image.ghosts:
            problems.setdefault("images without regions", []).append(image.name)
        for ghost, times in Counter(image.ghosts).items():
            if times > 1:
                problems.setdefault("regions drawn more than once", []).append(image.name)
            left, top, right, bottom = ghost.outline.bounds
            if not ghost.outline.mask(image.shape).any():
                problems.setdefault("regions without a pixel of the picture", []).append(image.name)
            # the first pixel spans -0.5 to 0.5
            elif min(left, top) < -0.5 or right > width - 0.5 or bottom > height - 0.5:
                problems.setdefault("regions cut off at the edge of the picture", []).append(image.name)
    return problems


def _load(path: Path) -> object:
    try:
        text = read_text(path, error=SourceError, limit=MAX_FILE_BYTES)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(f"{path}: is no JSON: {' '.join(str(error).split())[:200]}") from error
    document: object = parse_json(text, origin=str(path), error=SourceError, finite=False)
    return document
