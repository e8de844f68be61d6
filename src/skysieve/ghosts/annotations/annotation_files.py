"""Annotation files: what they hold, whoever wrote them, and in which form."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.atomic import atomic_write
from skysieve.core.documents import parse_json, read_text
from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.outlines import Outline, Shape

__all__ = [
    "FORMS",
    "LARGEST_FILE",
    "LARGEST_SIDE",
    "MOST_CORNERS",
    "PUBLISHED_SHAPE",
    "AnnotatedImage",
    "Annotations",
    "OutlinedGhost",
    "Skipped",
    "find_problems",
    "read_annotations",
    "write_annotations",
]

FORMS = ("via", "via-list", "via-dict", "coco")
"""Projects of the VGG Image Annotator, lists and dicts of its images, and COCO instances."""

PUBLISHED_SHAPE = (400, 400)
"""Height and width of the published focal planes, which the annotator's files do not note.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing (arXiv 2109.08246).
"""

LARGEST_SIDE = 10_000
"""Pictures with more pixels a side are taken for damage: ghosts are outlined on reduced pictures."""


LARGEST_FILE = 2**28
"""Bytes of the largest annotation file: a hundred thousand outlines have a tenth."""

MOST_CORNERS = 100_000
"""Outlines with more corners are taken for damage."""


@dataclass(frozen=True)
class OutlinedGhost:
    """One ghost as somebody, or something, outlined it.

    Attributes
    ----------
    class_name
        Name of a class of the registry.
    outline
        Its shape.
    score
        How sure a model is of it, 0 to 1; None if a person drew it.
    is_crowd
        COCO's mark of many objects in one outline.
    """

    class_name: str
    outline: Outline
    score: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """The ghosts that were outlined on one picture.

    Attributes
    ----------
    name
        Name of its file, without folders: what identifies it.
    shape
        Its height and width, in pixels.
    ghosts
        In the order in which they were drawn.
    file_size
        In bytes, as annotation files note it; -1 if unknown.
    """

    name: str
    shape: Shape
    ghosts: tuple[OutlinedGhost, ...]
    file_size: int = -1

    def mask(self, class_name: str | None = None) -> NDArray[np.bool_]:
        """Return the pixels of all its ghosts of a class, or of any class, ``(H, W)``."""
        mask = np.zeros(self.shape, bool)
        for ghost in self.ghosts:
            if class_name in (None, ghost.class_name):
                mask |= ghost.outline.mask(self.shape)
        return mask


@dataclass(frozen=True)
class Skipped:
    """How many regions of a file were left out, and why.

    Attributes
    ----------
    empty
        Without a shape, or with one that encloses nothing.
    untyped
        Without a class.
    points
        Single points.
    unknown
        Of a shape that is not known: the name of it, once for each region.
    """

    empty: int = 0
    untyped: int = 0
    points: int = 0
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Skipped) -> Skipped:
        return Skipped(
            self.empty + other.empty,
            self.untyped + other.untyped,
            self.points + other.points,
            self.unknown + other.unknown,
        )

    @property
    def total(self) -> int:
        """All of them."""
        return self.empty + self.untyped + self.points + len(self.unknown)

    def __str__(self) -> str:
        reasons = [(self.empty, "empty"), (self.untyped, "without a class"), (self.points, "single points")]
        names = ", ".join(repr(name) for name in dict.fromkeys(self.unknown))
        reasons.append((len(self.unknown), f"of unknown shape {names}"))
        return ", ".join(f"{times} {reason}" for times, reason in reasons if times)


@dataclass(frozen=True)
class Annotations:
    """What one annotation file holds.

    Attributes
    ----------
    source
        The file, as it was named.
    form
        How it is written: via, via-list, via-dict or coco.
    images
        In the order of the file; no two have one name.
    skipped
        What was left out.

    Raises
    ------
    SourceError
        If two images have one name.
    """

    source: str
    form: str
    images: tuple[AnnotatedImage, ...]
    skipped: Skipped = Skipped()

    def __post_init__(self) -> None:
        twice = [name for name, times in Counter(image.name for image in self.images).items() if times > 1]
        if twice:
            raise SourceError(f"{self.source}: image {twice[0]!r} is in it twice; leave one")


def read_annotations(path: Path, *, shape: Shape = PUBLISHED_SHAPE) -> Annotations:
    """Read an annotation file of any form, known by its content.

    Parameters
    ----------
    path
        JSON: a project, a list or a dict of images of the VGG Image Annotator 2, or COCO instances.
    shape
        Height and width of the pictures, in pixels, where the file does not say.

    Returns
    -------
    Annotations
        Regions that are empty, points, or of no class or an unknown shape are left out, and counted.

    Raises
    ------
    ConfigError
        If `shape` is none of a picture.
    SourceError
        If it cannot be read, is of another form, or says what cannot be understood.
    """
    # these two build on the classes above
    from skysieve.ghosts.annotations.coco import is_coco, parse_coco
    from skysieve.ghosts.annotations.via import is_via, parse_via

    if not 1 <= min(shape) <= max(shape) <= LARGEST_SIDE:
        raise ConfigError(
            f"pictures of {shape[0]} × {shape[1]} pixels: expected height and width from 1 to {LARGEST_SIDE}"
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
        What to write.
    path
        The file.
    form
        How to write it.
    polygons
        In COCO files, whether to write polygons, not run lengths.
    overwrite
        Whether a file that is there may be replaced.

    Returns
    -------
    int
        How many regions were written. COCO files hold pixels: what has none on its picture is left out.

    Raises
    ------
    ConfigError
        If there is no such form.
    OutputError
        If the file is there and may not be replaced, or cannot be written.
    """
    from skysieve.ghosts.annotations.coco import to_coco
    from skysieve.ghosts.annotations.via import to_via

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
    """Return what looks wrong but can be read: each kind of problem, and the images in which it comes.

    An image is named once for each region that has the problem.
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
            # the first pixel begins half a pixel before its centre
            elif min(left, top) < -0.5 or right > width - 0.5 or bottom > height - 0.5:
                problems.setdefault("regions cut off at the edge of the picture", []).append(image.name)
    return problems


def _load(path: Path) -> object:
    try:
        text = read_text(path, error=SourceError, limit=LARGEST_FILE)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(f"{path}: is no JSON: {' '.join(str(error).split())[:200]}") from error
    document: object = parse_json(text, origin=str(path), error=SourceError, finite=False)
    return document
