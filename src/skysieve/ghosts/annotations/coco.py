"""COCO instances: ghosts as the tools of object detection exchange them.

Coordinates of COCO are those of a picture whose first pixel spans 0 to 1, so that its centre is at 0.5;
ours has it at 0.

References
----------
Lin et al. 2014, Microsoft COCO: Common Objects in Context, ECCV; cocodataset.org, "Data format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotation_files import (
    LARGEST_SIDE,
    MOST_CORNERS,
    AnnotatedImage,
    Annotations,
    OutlinedGhost,
    Skipped,
)
from skysieve.ghosts.annotations.outlines import FARTHEST, Outline, Polygon
from skysieve.ghosts.annotations.run_lengths import (
    compress_counts,
    decode_run_lengths,
    encode_run_lengths,
    expand_counts,
)
from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import CLASSES, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["is_coco", "parse_coco", "to_coco"]

HALF = 0.5
"""From our coordinates to those of COCO."""

_MOST_BORDERS = 10**6
_MOST_PIXELS = 10**11
"""All masks of a file together may have so many pixels: 600 000 of the published size."""

SECTIONS = ("images", "annotations", "categories")


def is_coco(document: object) -> bool:
    """Tell whether a JSON document looks like COCO instances."""
    return isinstance(document, dict) and all(
        isinstance(document.get(section), list) for section in ("images", "annotations")
    )


def parse_coco(document: object, source: str) -> Annotations:
    """Return what a file of COCO instances holds.

    Parameters
    ----------
    document
        As :func:`json.loads` returns it.
    source
        The file, for messages.

    Returns
    -------
    Annotations
        Images in the order of the file, known by the names of their files, folders left out.  A
        segmentation of one polygon stays a polygon; others become one that runs along their pixels.

    Raises
    ------
    SourceError
        If something is missing, or has a value that cannot be understood.
    """
    images, annotations, categories = (_records(document, section, source) for section in SECTIONS)
    classes = {
        number: _value(category, "name", f"{source}: category {number!r}")
        for number, category in _numbered(categories, "category", source).items()
    }
    shapes = {number: _shape(image, source) for number, image in _numbered(images, "image", source).items()}
    ghosts: dict[Any, list[OutlinedGhost]] = {number: [] for number in shapes}
    empty = pixels = 0
    for place, annotation in enumerate(annotations, 1):
        where = f"{source}: annotation {annotation.get('id', place)!r:.40}"
        image, category = (_value(annotation, key, where) for key in ("image_id", "category_id"))
        for number, known, kind in ((image, shapes, "image"), (category, classes, "category")):
            if number not in known:
                raise SourceError(f"{where}: there is no {kind} {number!r}")
        pixels += shapes[image][0] * shapes[image][1]
        if pixels > _MOST_PIXELS:
            raise SourceError(f"{where}: masks up to here have {pixels:.3g} pixels; split the file")
        outline = _outline(annotation.get("segmentation"), shapes[image], where)
        if outline is None:
            empty += 1
            continue
        score = annotation.get("score")
        if score is not None and not _is_number(score):
            raise SourceError(f"{where}: score is {score!r:.40}; expected a number")
        is_crowd = bool(annotation.get("iscrowd", 0))
        try:
            class_name = find_class(str(classes[category])[:40]).name
        except ConfigError as error:
            raise SourceError(f"{where}: {error}") from error
        ghosts[image].append(OutlinedGhost(class_name, outline, score, is_crowd))
    found = tuple(
        AnnotatedImage(_file_name(image, source), shapes[image["id"]], tuple(ghosts[image["id"]]))
        for image in images
    )
    return Annotations(source, "coco", found, Skipped(empty=empty))


def to_coco(annotations: Annotations, *, polygons: bool = False) -> dict[str, Any]:
    """Return annotations as JSON of COCO instances, with the pixels of each ghost exactly.

    Ghosts without a pixel on their picture are left out: the usual tools cannot read them.

    Parameters
    ----------
    annotations
        What to write.
    polygons
        Whether to write polygons along the pixels, not compressed run lengths.
    """
    images: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    numbers = {c.name: c.category for c in CLASSES}
    for image_id, image in enumerate(annotations.images, 1):
        height, width = image.shape
        images.append({"id": image_id, "file_name": image.name, "width": width, "height": height})
        for ghost in image.ghosts:
            mask = ghost.outline.mask(image.shape)
            if not mask.any():
                continue
            record = {
                "id": len(found) + 1,
                "image_id": image_id,
                "category_id": numbers[ghost.class_name],
                "segmentation": _polygon(mask) if polygons else _run_lengths(mask),
                "bbox": _box(mask),
                "area": int(mask.sum()),
                "iscrowd": int(ghost.is_crowd),
            }
            found.append(record if ghost.score is None else record | {"score": ghost.score})
    categories = [{"id": c.category, "name": c.name, "supercategory": "ghost"} for c in CLASSES]
    return {"images": images, "annotations": found, "categories": categories}


def _run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    return {"size": list(mask.shape), "counts": compress_counts(encode_run_lengths(mask))}


def _polygon(mask: NDArray[np.bool_]) -> list[list[float]]:
    outline = trace(mask)
    corners = np.column_stack([outline.xs, outline.ys]) + HALF
    return [corners.ravel().tolist()]


def _box(mask: NDArray[np.bool_]) -> list[int]:
    """Return left, top, width and height, in pixels."""
    columns, rows = (np.flatnonzero(mask.any(axis)) for axis in (0, 1))
    left, right, top, bottom = (int(end) for ends in (columns, rows) for end in (ends[0], ends[-1]))
    return [left, top, right - left + 1, bottom - top + 1]


def _records(document: Any, section: str, source: str) -> list[dict[str, Any]]:
    records = document.get(section)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SourceError(f"{source}: has no list of {section}")
    return records


def _numbered(records: list[dict[str, Any]], kind: str, source: str) -> dict[Any, dict[str, Any]]:
    """Return records by their number."""
    found = {}
    for place, record in enumerate(records, 1):
        number = _value(record, "id", f"{source}: {kind} in place {place}")
        if number in found:
            raise SourceError(f"{source}: {kind} {number!r} is in it twice; leave one")
        found[number] = record
    return found


def _value(record: Mapping[str, Any], key: str, where: str) -> int | str:
    value = record.get(key)
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise SourceError(f"{where} has no {key}")
    return value


def _file_name(image: Mapping[str, Any], source: str) -> str:
    name = str(_value(image, "file_name", f"{source}: image {image['id']!r}"))
    return name.replace("\\", "/").rpartition("/")[2]


def _shape(image: Mapping[str, Any], source: str) -> Shape:
    height, width = (image.get(key) for key in ("height", "width"))
    if not isinstance(height, int) or not isinstance(width, int):
        raise SourceError(f"{source}: image {image['id']!r} has no height and width in pixels")
    if not 1 <= min(height, width) <= max(height, width) <= LARGEST_SIDE:
        raise SourceError(
            f"{source}: image {image['id']!r} is {height!s:.40} × {width!s:.40} pixels; "
            f"expected a height and width from 1 to {LARGEST_SIDE}"
        )
    return height, width


def _outline(segmentation: Any, shape: Shape, where: str) -> Outline | None:
    """Return the shape of a segmentation, in our coordinates; None if it encloses nothing."""
    if isinstance(segmentation, dict):
        outline = _traced(_decoded(segmentation, shape, where), where)
    elif isinstance(segmentation, list):
        parts = [_part(part, where) for part in segmentation]
        parts = [part for part in parts if part.encloses]
        if not parts:
            return None
        outline = parts[0] if len(parts) == 1 else _traced(_together(parts, shape), where)
    else:
        raise SourceError(f"{where} has no segmentation: expected polygons or run lengths")
    return outline if outline.encloses else None


def _together(parts: Sequence[Polygon], shape: Shape) -> NDArray[np.bool_]:
    """Return the pixels that are in any of several polygons, ``(H, W)``."""
    mask = np.zeros(shape, bool)
    for part in parts:
        mask |= part.mask(shape)
    return mask


def _traced(mask: NDArray[np.bool_], where: str) -> Polygon:
    """Return the outline of a mask; one that is more border than ghost would take all memory."""
    borders = sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))
    if borders > _MOST_BORDERS:
        raise SourceError(
            f"{where}: its outline is {borders} pixels long, more than {_MOST_BORDERS}; it is damaged"
        )
    return trace(mask)


def _part(corners: Any, where: str) -> Polygon:
    if not isinstance(corners, list) or len(corners) % 2 or not all(map(_is_number, corners)):
        raise SourceError(f"{where}: a polygon is no list of x and y in turn, in pixels")
    if len(corners) > 2 * MOST_CORNERS:
        raise SourceError(f"{where}: a polygon has {len(corners) // 2} corners, more than {MOST_CORNERS}")
    return Polygon(tuple(x - HALF for x in corners[::2]), tuple(y - HALF for y in corners[1::2]))


def _is_number(value: object) -> bool:
    # neither NaN nor an integer too large for a float is within
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


def _decoded(segmentation: Mapping[str, Any], shape: Shape, where: str) -> NDArray[np.bool_]:
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
