"""Annotation files as people's tools write them."""

from __future__ import annotations

import json

CIRCLE = {"name": "circle", "cx": 100, "cy": 60, "r": 20.5}
ELLIPSE = {"name": "ellipse", "cx": 200, "cy": 150, "rx": 40, "ry": 15.5, "theta": 0.7}
POLYGON = {"name": "polygon", "all_points_x": [10, 60, 40], "all_points_y": [300, 310, 350]}
POLYLINE = {"name": "polyline", "all_points_x": [300, 350, 340, 310], "all_points_y": [20, 25, 90, 80]}
RECT = {"name": "rect", "x": 250, "y": 260, "width": 30, "height": 12}
SHAPES = (CIRCLE, ELLIPSE, POLYGON, POLYLINE, RECT)
CLASSES = ("Bright", "Faint", "Rays", "Rays", "Faint")


def region(shape, kind="Faint"):
    """Return a region as VIA writes it."""
    return {"shape_attributes": shape, "region_attributes": {} if kind is None else {"Type": kind}}


def record(name, *regions, size=1000):
    """Return an image as VIA writes it."""
    return {"filename": name, "size": size, "regions": list(regions), "file_attributes": {}}


def project(*records):
    """Return a project of VIA 2."""
    keyed = {f"{image['filename']}{image['size']}": image for image in records}
    return {
        "_via_settings": {},
        "_via_img_metadata": keyed,
        "_via_attributes": {},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(keyed),
    }


def all_shapes(name="a.jpg"):
    """Return an image with a region of every shape."""
    return record(name, *(region(shape, kind) for shape, kind in zip(SHAPES, CLASSES, strict=True)))


def coco(*annotations, shape=(6, 8), **image):
    """Return COCO instances on one picture."""
    kinds = [{"id": number, "name": name} for number, name in enumerate(("Rays", "Bright", "Faint"), 1)]
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "height": shape[0], "width": shape[1]} | image],
        "annotations": [
            {"id": place, "image_id": 7, "category_id": 3} | annotation
            for place, annotation in enumerate(annotations, 1)
        ],
        "categories": kinds,
    }


def write(path, document):
    """Write JSON, or text as it is."""
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path
