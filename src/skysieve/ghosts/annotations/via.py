"""Files of the VGG Image Annotator (VIA) 2: projects, and lists and dicts of images.

References
----------
Dutta & Zisserman 2019, The VIA Annotation Software for Images, Audio and Video, ACM Multimedia.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotated_images import (
    MAX_CORNERS,
    AnnotatedImage,
    Annotations,
    OutlinedGhost,
    Skipped,
)
from skysieve.ghosts.annotations.outlines import MAX_COORDINATE, Circle, Ellipse, Outline, Polygon, Rectangle
from skysieve.ghosts.classes import CLASS_NAMES, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.ghosts.annotations.outlines import Shape

__all__ = ["KNOWN_SHAPES", "is_via", "parse_via", "to_via"]

IMAGES = "_via_img_metadata"
"""Key of the images in a project."""

CLASS_ATTRIBUTE = "Type"
"""Attribute of a region that holds its class."""

POINT = "point"

SHAPES: dict[str, type[Circle | Ellipse | Rectangle]] = {
    shape.shape_name: shape for shape in (Circle, Ellipse, Rectangle)
}
POLYGONS = ("polygon", "polyline")
KNOWN_SHAPES = tuple(sorted((*SHAPES, *POLYGONS)))
"""Names of the shapes that can be read."""

MAX_SHOWN = 40
"""Maximum characters of an invalid value in a message."""

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
"""Settings that VIA 2.0.10 requires in a project: its defaults, with labels and colours by class."""


def is_via(document: object) -> bool:
    """Tell whether a JSON document looks like a file of VIA 2.

    Parameters
    ----------
    document
        The parsed JSON document.

    Returns
    -------
    bool
        True if it is a project, or if one of its records has regions.
    """
    if isinstance(document, dict) and IMAGES in document:
        return isinstance(document[IMAGES], dict)
    return any(isinstance(record, dict) and "regions" in record for record in _records(document))


def parse_via(document: object, source: str, shape: Shape) -> Annotations:
    """Convert a file of VIA 2 to annotations.

    Parameters
    ----------
    document
        The parsed JSON document: a project, or a list or dict of images.
    source
        File name, for messages.
    shape
        Height and width of the images in pixels; VIA does not store them.

    Returns
    -------
    Annotations
        Images in the order of the file, named without folders.

    Raises
    ------
    SourceError
        If a value is missing or invalid.
    """
    form = "via-list" if isinstance(document, list) else "via-dict"
    if isinstance(document, dict) and IMAGES in document:
        form = "via"
    images: list[AnnotatedImage] = []
    skipped = Skipped()
    for position, record in enumerate(_records(document), 1):
        if not isinstance(record, dict) or not isinstance(record.get("filename"), str):
            raise SourceError(f"{source}: image {position} has no filename")
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
    """Convert annotations to a JSON document of VIA 2.

    Parameters
    ----------
    annotations
        The annotations.
    form
        File format: ``via``, ``via-list`` or ``via-dict``.
    project
        Name of the project.

    Returns
    -------
    dict or list
        The JSON document.
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


def _records(document: object) -> list[object]:
    """Return the records of the images in any VIA format; an empty list for other documents."""
    if isinstance(document, dict):
        images = document.get(IMAGES, document)
        return list(images.values()) if isinstance(images, dict) else []
    return document if isinstance(document, list) else []


def _region(region: object, where: str) -> OutlinedGhost | Skipped:
    """Return the ghost of a region, or the reason to skip it."""
    drawn, attributes = (_mapping(region, key, where) for key in ("shape_attributes", "region_attributes"))
    shape_name = drawn.get("name")
    if not shape_name:
        return Skipped(empty=1)
    if shape_name == POINT:
        return Skipped(points=1)
    if shape_name not in KNOWN_SHAPES:
        return Skipped(unknown=(str(shape_name)[:MAX_SHOWN],))
    outline = _outline(shape_name, drawn, where)
    class_name = attributes.get(CLASS_ATTRIBUTE)
    # VIA writes "undefined" for a new region without a class
    if class_name in (None, "", "undefined"):
        return Skipped(untyped=1)
    if not outline.encloses:
        return Skipped(empty=1)
    try:
        return OutlinedGhost(find_class(str(class_name)[:MAX_SHOWN]).name, outline)
    except ConfigError as error:
        raise SourceError(f"{where}: {error}") from error


def _mapping(region: object, key: str, where: str) -> dict[str, object]:
    found = region.get(key) if isinstance(region, dict) else None
    if not isinstance(found, dict):
        raise SourceError(f"{where} has no {key}")
    return found


def _outline(shape_name: str, drawn: Mapping[str, object], where: str) -> Outline:
    if shape_name in POLYGONS:
        xs, ys = (_numbers(drawn, key, f"{where}: {shape_name}") for key in ("all_points_x", "all_points_y"))
        if len(xs) > MAX_CORNERS:
            raise SourceError(f"{where}: {shape_name} has {len(xs)} corners, more than {MAX_CORNERS}")
        if len(xs) != len(ys):
            raise SourceError(f"{where}: {shape_name} has {len(xs)} x but {len(ys)} y")
        return Polygon(xs, ys, is_polyline=shape_name == "polyline")
    shape = SHAPES[shape_name]
    # the fields of the shape classes have the names of VIA
    names = [field.name for field in fields(shape)]
    optional = {"theta": 0.0} if shape is Ellipse else {}
    drawn = {**optional, **drawn}
    return shape(*(_number(drawn.get(name), f"{where}: {name} of the {shape_name}") for name in names))


def _numbers(drawn: Mapping[str, object], key: str, where: str) -> tuple[float, ...]:
    values = drawn.get(key)
    if not isinstance(values, list):
        raise SourceError(f"{where} has no list {key}")
    return tuple(_number(value, f"{where}: {key}") for value in values)


def _number(value: object, what: str) -> float:
    if value is None:
        raise SourceError(f"{what} is missing")
    # the comparison also rejects NaN and integers that are too large for a float
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_COORDINATE:
        raise SourceError(f"{what} is {repr(value)[:MAX_SHOWN]}; expected a number of pixels on a picture")
    return value


def _record(image: AnnotatedImage) -> dict[str, object]:
    regions = [
        {
            "shape_attributes": _shape_attributes(ghost.outline),
            "region_attributes": {CLASS_ATTRIBUTE: ghost.class_name},
        }
        for ghost in image.ghosts
    ]
    return {"filename": image.name, "size": image.file_size, "regions": regions, "file_attributes": {}}


def _shape_attributes(outline: Outline) -> dict[str, object]:
    drawn: dict[str, object] = {"name": outline.shape_name}
    if isinstance(outline, Polygon):
        return drawn | {"all_points_x": list(outline.xs), "all_points_y": list(outline.ys)}
    return drawn | {field.name: getattr(outline, field.name) for field in fields(outline)}
