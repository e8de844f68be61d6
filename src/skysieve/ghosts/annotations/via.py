"""Files of the VGG Image Annotator (VIA), version 2: projects, and lists and dicts of images.

References
----------
Dutta & Zisserman 2019, The VIA Annotation Software for Images, Audio and Video, ACM Multimedia.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotation_files import (
    MOST_CORNERS,
    AnnotatedImage,
    Annotations,
    OutlinedGhost,
    Skipped,
)
from skysieve.ghosts.annotations.outlines import FARTHEST, Circle, Ellipse, Outline, Polygon, Rectangle
from skysieve.ghosts.classes import CLASS_NAMES, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["KNOWN_SHAPES", "is_via", "parse_via", "to_via"]

IMAGES = "_via_img_metadata"
"""Key of a project's images."""

CLASS_ATTRIBUTE = "Type"
"""Attribute of a region that names its class."""

POINT = "point"

SHAPES: dict[str, type[Circle | Ellipse | Rectangle]] = {
    shape.shape_name: shape for shape in (Circle, Ellipse, Rectangle)
}
POLYGONS = ("polygon", "polyline")
KNOWN_SHAPES = tuple(sorted((*SHAPES, *POLYGONS)))
"""Names of the shapes that are read."""

LONGEST = 40
"""So many characters of a damaged value are shown."""

_USER_INTERFACE = {
    "annotation_editor_height": 25,
    "annotation_editor_fontsize": 0.8,
    "leftsidebar_width": 18,
    "image_grid": {
        "img_height": 80,
        "rshape_fill": "none",
        "rshape_fill_opacity": 0.3,
        "rshape_stroke": "yellow",
        "rshape_stroke_width": 2,
        "show_region_shape": True,
        "show_image_policy": "all",
    },
    "image": {
        "region_label": CLASS_ATTRIBUTE,
        "region_color": CLASS_ATTRIBUTE,
        "region_label_font": "10px Sans",
        "on_image_annotation_editor_placement": "NEAR_REGION",
    },
}
"""What VIA 2.0.10 expects of a project: its defaults, but labels and colours by class."""


def is_via(document: object) -> bool:
    """Tell whether a JSON document looks like a file of VIA 2."""
    if isinstance(document, dict) and IMAGES in document:
        return isinstance(document[IMAGES], dict)
    return any(isinstance(record, dict) and "regions" in record for record in _records(document))


def parse_via(document: object, source: str, shape: Shape) -> Annotations:
    """Return what a file of VIA 2 holds.

    Parameters
    ----------
    document
        A project, or a list or dict of images, as :func:`json.loads` returns it.
    source
        The file, for messages.
    shape
        Height and width of the pictures, in pixels, which VIA does not note.

    Returns
    -------
    Annotations
        Images in the order of the file, known by the names of their files, folders left out.

    Raises
    ------
    SourceError
        If something is missing, or has a value that cannot be understood.
    """
    form = "via-list" if isinstance(document, list) else "via-dict"
    if isinstance(document, dict) and IMAGES in document:
        form = "via"
    images: list[AnnotatedImage] = []
    skipped = Skipped()
    for place, record in enumerate(_records(document), 1):
        if not isinstance(record, dict) or not isinstance(record.get("filename"), str):
            raise SourceError(f"{source}: image {place} has no filename")
        name = record["filename"].replace("\\", "/").rpartition("/")[2]
        regions = record.get("regions")
        if not isinstance(regions, list | dict):
            raise SourceError(f"{source}: image {name!r} has no list of regions")
        ghosts: list[OutlinedGhost] = []
        for number, region in enumerate(regions.values() if isinstance(regions, dict) else regions, 1):
            found = _region(region, f"{source}: image {name!r}: region {number}")
            if isinstance(found, Skipped):
                skipped += found
            else:
                ghosts.append(found)
        size = record.get("size")
        images.append(AnnotatedImage(name, shape, tuple(ghosts), size if isinstance(size, int) else -1))
    return Annotations(source, form, tuple(images), skipped)


def to_via(annotations: Annotations, form: str, *, project: str) -> object:
    """Return annotations as JSON of VIA 2.

    Parameters
    ----------
    annotations
        What to write.
    form
        ``via``, ``via-list`` or ``via-dict``.
    project
        Name of the project.
    """
    records = [_record(image) for image in annotations.images]
    if form == "via-list":
        return records
    keyed = {f"{record['filename']}{record['size']}": record for record in records}
    if form == "via-dict":
        return keyed
    kinds = {
        "type": "dropdown",
        "description": "",
        "options": dict.fromkeys(CLASS_NAMES, ""),
        "default_options": {},
    }
    return {
        "_via_settings": {
            "ui": _USER_INTERFACE,
            "core": {"buffer_size": 18, "filepath": {}, "default_filepath": ""},
            "project": {"name": project},
        },
        IMAGES: keyed,
        "_via_attributes": {"region": {CLASS_ATTRIBUTE: kinds}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(keyed),
    }


def _records(document: object) -> list[Any]:
    """Return the records of images, whichever the form; none if it is of no form."""
    if isinstance(document, dict):
        images = document.get(IMAGES, document)
        return list(images.values()) if isinstance(images, dict) else []
    return document if isinstance(document, list) else []


def _region(region: Any, where: str) -> OutlinedGhost | Skipped:
    """Return the ghost of a region, or why it is skipped."""
    drawn, attributes = (_mapping(region, key, where) for key in ("shape_attributes", "region_attributes"))
    shape_name = drawn.get("name")
    if not shape_name:
        return Skipped(empty=1)
    if shape_name == POINT:
        return Skipped(points=1)
    if shape_name not in KNOWN_SHAPES:
        return Skipped(unknown=(str(shape_name)[:LONGEST],))
    outline = _outline(shape_name, drawn, where)
    class_name = attributes.get(CLASS_ATTRIBUTE)
    # a new region of which nobody has said anything is "undefined" to VIA
    if class_name in (None, "", "undefined"):
        return Skipped(untyped=1)
    if not outline.encloses:
        return Skipped(empty=1)
    try:
        return OutlinedGhost(find_class(str(class_name)[:LONGEST]).name, outline)
    except ConfigError as error:
        raise SourceError(f"{where}: {error}") from error


def _mapping(region: Any, key: str, where: str) -> dict[str, Any]:
    found = region.get(key) if isinstance(region, dict) else None
    if not isinstance(found, dict):
        raise SourceError(f"{where} has no {key}")
    return found


def _outline(shape_name: str, drawn: Mapping[str, Any], where: str) -> Outline:
    if shape_name in POLYGONS:
        xs, ys = (_numbers(drawn, key, f"{where}: {shape_name}") for key in ("all_points_x", "all_points_y"))
        if len(xs) > MOST_CORNERS:
            raise SourceError(f"{where}: {shape_name} has {len(xs)} corners, more than {MOST_CORNERS}")
        if len(xs) != len(ys):
            raise SourceError(f"{where}: {shape_name} has {len(xs)} x but {len(ys)} y")
        return Polygon(xs, ys, is_polyline=shape_name == "polyline")
    shape = SHAPES[shape_name]
    # the fields of the shapes bear VIA's own names
    names = [field.name for field in fields(shape)]
    optional = {"theta": 0.0} if shape is Ellipse else {}
    drawn = {**optional, **drawn}
    return shape(*(_number(drawn.get(name), f"{where}: {name} of the {shape_name}") for name in names))


def _numbers(drawn: Mapping[str, Any], key: str, where: str) -> tuple[float, ...]:
    values = drawn.get(key)
    if not isinstance(values, list):
        raise SourceError(f"{where} has no list {key}")
    return tuple(_number(value, f"{where}: {key}") for value in values)


def _number(value: object, what: str) -> float:
    if value is None:
        raise SourceError(f"{what} is missing")
    # neither NaN nor an integer too large for a float is within
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= FARTHEST:
        raise SourceError(f"{what} is {repr(value)[:LONGEST]}; expected a number of pixels on a picture")
    return value


def _record(image: AnnotatedImage) -> dict[str, Any]:
    regions = [
        {
            "shape_attributes": _drawn(ghost.outline),
            "region_attributes": {CLASS_ATTRIBUTE: ghost.class_name},
        }
        for ghost in image.ghosts
    ]
    return {"filename": image.name, "size": image.file_size, "regions": regions, "file_attributes": {}}


def _drawn(outline: Outline) -> dict[str, Any]:
    drawn: dict[str, Any] = {"name": outline.shape_name}
    if isinstance(outline, Polygon):
        return drawn | {"all_points_x": list(outline.xs), "all_points_y": list(outline.ys)}
    return drawn | {field.name: getattr(outline, field.name) for field in fields(outline)}
