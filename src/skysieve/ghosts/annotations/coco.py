"""Ghosts as COCO instances, the exchange format of object detection.

The centre of the first pixel is at 0.5 in COCO coordinates, and at 0 in the coordinates of Skysieve.

References
----------
Lin et al. 2014, Microsoft COCO: Common Objects in Context, ECCV; cocodataset.org, "Data format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, TypeGuard

import numpy as np

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotated_images import (
    MAX_CORNERS,
    AnnotatedImage,
    Annotations,
    OutlinedGhost,
    Skipped,
)
from skysieve.ghosts.annotations.outlines import MAX_COORDINATE, Outline, Polygon
from skysieve.ghosts.annotations.run_lengths import (
    compress_counts,
    decode_run_lengths,
    encode_run_lengths,
    expand_counts,
)
from skysieve.ghosts.annotations.settings import MAX_SIDE
from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import CLASSES, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["is_coco", "parse_coco", "to_coco"]

COCO_OFFSET = 0.5
"""COCO coordinate minus Skysieve coordinate, in pixels."""

_MAX_OUTLINE_PIXELS = 10**6
_MAX_PIXELS = 10**11
"""Maximum pixels of all masks of a file together: 600 000 masks of the published size."""

SECTIONS = ("images", "annotations", "categories")


def is_coco(document: object) -> bool:
    """Tell whether a JSON document looks like COCO instances.

    Parameters
    ----------
    document
        The parsed JSON document.

    Returns
    -------
    bool
        True if it has lists of images and annotations.
    """
    return isinstance(document, dict) and all(
        isinstance(document.get(section), list) for section in ("images", "annotations")
    )


def parse_coco(document: object, source: str) -> Annotations:
    """Convert COCO instances to annotations.

    Parameters
    ----------
    document
        The parsed JSON document.
    source
        File name, for messages.

    Returns
    -------
    Annotations
        Images in the order of the file, named without folders.  A segmentation of one polygon is kept; any
        other becomes one polygon along the edges of its pixels.

    Raises
    ------
    SourceError
        If a value is missing or invalid.
    """
    images, annotations, categories = (_records(document, section, source) for section in SECTIONS)
    classes = {
        number: _value(category, "name", f"{source}: category {number!r}")
        for number, category in _numbered(categories, "category", source).items()
    }
    known_images = _numbered(images, "image", source)
    shapes = {number: _shape(image, source) for number, image in known_images.items()}
    ghosts: dict[int | str, list[OutlinedGhost]] = {number: [] for number in shapes}
    empty = pixels = 0
    for position, annotation in enumerate(annotations, 1):
        where = f"{source}: annotation {annotation.get('id', position)!r:.40}"
        image, category = (_value(annotation, key, where) for key in ("image_id", "category_id"))
        for number, known, kind in ((image, shapes, "image"), (category, classes, "category")):
            if number not in known:
                raise SourceError(f"{where}: there is no {kind} {number!r}")
        pixels += shapes[image][0] * shapes[image][1]
        if pixels > _MAX_PIXELS:
            raise SourceError(f"{where}: masks up to here have {pixels:.3g} pixels; split the file")
        outline = _outline(annotation.get("segmentation"), shapes[image], where)
        if outline is None:
            empty += 1
            continue
        stated, score = annotation.get("score"), None
        if _is_number(stated):
            score = stated
        elif stated is not None:
            raise SourceError(f"{where}: score is {stated!r:.40}; expected a number")
        is_crowd = bool(annotation.get("iscrowd", 0))
        try:
            class_name = find_class(str(classes[category])[:40]).name
        except ConfigError as error:
            raise SourceError(f"{where}: {error}") from error
        ghosts[image].append(OutlinedGhost(class_name, outline, score, is_crowd))
    found = tuple(
        AnnotatedImage(_file_name(image, source), shapes[number], tuple(ghosts[number]))
        for number, image in known_images.items()
    )
    return Annotations(source, "coco", found, Skipped(empty=empty))


class CocoDocument(TypedDict):
    """COCO instances."""

    images: list[dict[str, int | str]]
    annotations: list[dict[str, object]]
    categories: list[dict[str, int | str]]


def to_coco(annotations: Annotations, *, polygons: bool = False) -> CocoDocument:
    """Convert annotations to COCO instances.

    The pixels of each ghost are exact.  Ghosts without a pixel on their image are left out, because the usual
    tools cannot read them.

    Parameters
    ----------
    annotations
        The annotations.
    polygons
        Write polygons along the edges of the pixels instead of compressed run lengths.

    Returns
    -------
    CocoDocument
        JSON document with ``images``, ``annotations`` and ``categories``.
    """
    images: list[dict[str, int | str]] = []
    found: list[dict[str, object]] = []
    numbers = {c.name: c.category for c in CLASSES}
    for image_id, image in enumerate(annotations.images, 1):
        height, width = image.shape
        images.append({"id": image_id, "file_name": image.name, "width": width, "height": height})
        for ghost in image.ghosts:
            mask = ghost.outline.mask(image.shape)
            if not mask.any():
                continue
            record: dict[str, object] = {
                "id": len(found) + 1,
                "image_id": image_id,
                "category_id": numbers[ghost.class_name],
                "segmentation": _polygon(mask)
                if polygons
                else {"size": list(mask.shape), "counts": compress_counts(encode_run_lengths(mask))},
                "bbox": _box(mask),
                "area": int(mask.sum()),
                "iscrowd": int(ghost.is_crowd),
            }
            found.append(record if ghost.score is None else record | {"score": ghost.score})
    categories: list[dict[str, int | str]] = [
        {"id": c.category, "name": c.name, "supercategory": "ghost"} for c in CLASSES
    ]
    return {"images": images, "annotations": found, "categories": categories}


def _polygon(mask: NDArray[np.bool_]) -> list[list[float]]:
    outline = trace(mask)
    corners = np.column_stack([outline.xs, outline.ys]) + COCO_OFFSET
    return [corners.ravel().tolist()]


def _box(mask: NDArray[np.bool_]) -> list[int]:
    """Return left, top, width and height of a mask in pixels."""
    columns, rows = (np.flatnonzero(mask.any(axis)) for axis in (0, 1))
    left, right, top, bottom = (int(end) for ends in (columns, rows) for end in (ends[0], ends[-1]))
    return [left, top, right - left + 1, bottom - top + 1]


def _records(document: object, section: str, source: str) -> list[Mapping[str, object]]:
    records = document.get(section) if isinstance(document, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SourceError(f"{source}: has no list of {section}")
    return records


def _numbered(
    records: Sequence[Mapping[str, object]], kind: str, source: str
) -> dict[int | str, Mapping[str, object]]:
    """Return records by their id."""
    found = {}
    for position, record in enumerate(records, 1):
        number = _value(record, "id", f"{source}: {kind} in place {position}")
        if number in found:
            raise SourceError(f"{source}: {kind} {number!r} is in it twice; leave one")
        found[number] = record
    return found


def _value(record: Mapping[str, object], key: str, where: str) -> int | str:
    value = record.get(key)
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise SourceError(f"{where} has no {key}")
    return value


def _file_name(image: Mapping[str, object], source: str) -> str:
    name = str(_value(image, "file_name", f"{source}: image {image['id']!r}"))
    return name.replace("\\", "/").rpartition("/")[2]


def _shape(image: Mapping[str, object], source: str) -> Shape:
    height, width = (image.get(key) for key in ("height", "width"))
    if not isinstance(height, int) or not isinstance(width, int):
        raise SourceError(f"{source}: image {image['id']!r} has no height and width in pixels")
    if not 1 <= min(height, width) <= max(height, width) <= MAX_SIDE:
        raise SourceError(
            f"{source}: image {image['id']!r} is {height!s:.40} × {width!s:.40} pixels; "
            f"expected a height and width from 1 to {MAX_SIDE}"
        )
    return height, width


def _outline(segmentation: object, shape: Shape, where: str) -> Outline | None:
    """Return the outline of a segmentation in Skysieve coordinates; None if it has no area."""
    if isinstance(segmentation, dict):
        outline = _trace_checked(_decode_mask(segmentation, shape, where), where)
    elif isinstance(segmentation, list):
        parts = [_parse_polygon(part, where) for part in segmentation]
        parts = [part for part in parts if part.encloses]
        if not parts:
            return None
        outline = parts[0] if len(parts) == 1 else _trace_checked(_union(parts, shape), where)
    else:
        raise SourceError(f"{where} has no segmentation: expected polygons or run lengths")
    return outline if outline.encloses else None


def _union(parts: Sequence[Polygon], shape: Shape) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` inside at least one polygon."""
    mask = np.zeros(shape, bool)
    for part in parts:
        mask |= part.mask(shape)
    return mask


def _trace_checked(mask: NDArray[np.bool_], where: str) -> Polygon:
    """Trace a mask; refuse outlines that are too long for the memory."""
    borders = sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))
    if borders > _MAX_OUTLINE_PIXELS:
        raise SourceError(
            f"{where}: its outline is {borders} pixels long, more than {_MAX_OUTLINE_PIXELS}; it is damaged"
        )
    return trace(mask)


def _parse_polygon(corners: object, where: str) -> Polygon:
    if not isinstance(corners, list) or len(corners) % 2 or not all(map(_is_number, corners)):
        raise SourceError(f"{where}: a polygon is no list of x and y in turn, in pixels")
    if len(corners) > 2 * MAX_CORNERS:
        raise SourceError(f"{where}: a polygon has {len(corners) // 2} corners, more than {MAX_CORNERS}")
    return Polygon(
        tuple(x - COCO_OFFSET for x in corners[::2]), tuple(y - COCO_OFFSET for y in corners[1::2])
    )


def _is_number(value: object) -> TypeGuard[float]:
    # the comparison also rejects NaN and integers that are too large for a float
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_COORDINATE


def _decode_mask(segmentation: Mapping[str, object], shape: Shape, where: str) -> NDArray[np.bool_]:
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if size != list(shape):
        raise SourceError(f"{where}: run lengths are of size {size!r:.40}, the image is {list(shape)}")
    try:
        if isinstance(counts, str):
            counts = expand_counts(counts)
        if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
            raise SourceError(f"{where}: run lengths have no counts")
        return decode_run_lengths(counts, shape)
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error
