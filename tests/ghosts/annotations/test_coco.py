"""COCO instances: pixels that others read as we mean them, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.ghosts.annotated import all_shapes, coco, record, region, write

from skysieve.core.errors import SourceError
from skysieve.ghosts.annotations.annotated_images import Skipped
from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations
from skysieve.ghosts.annotations.outlines import Polygon

SQUARE = [2, 1, 5, 1, 5, 3, 2, 3]
"""Columns 2 to 4 and rows 1 and 2: its first pixel spans 0 to 1."""


def pixels(rows=slice(1, 3), columns=slice(2, 5), shape=(6, 8)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


@pytest.fixture
def read(tmp_path):
    """Write a document and read it as annotations."""
    return lambda document: read_annotations(write(tmp_path / "in.json", document))


@pytest.fixture
def convert(tmp_path, read):
    """Return a document as it is written in COCO, and what it reads as again."""

    def convert(document, **options):
        before = read(document)
        write_annotations(before, tmp_path / "coco.json", "coco", **options)
        written = json.loads((tmp_path / "coco.json").read_text())
        return before, written, read_annotations(tmp_path / "coco.json")

    return convert


def ghosts(annotations):
    return [ghost for image in annotations.images for ghost in image.ghosts]


class TestRead:
    @pytest.mark.parametrize(
        "segmentation",
        [
            [SQUARE],
            {"size": [6, 8], "counts": [13, 2, 4, 2, 4, 2, 21]},
            {"size": [6, 8], "counts": "=24000a0"},  # of pycocotools
        ],
        ids=["polygon", "lengths", "text"],
    )
    def test_pixels_are_those_meant(self, read, segmentation):
        annotations = read(coco({"segmentation": segmentation}))
        assert (annotations.form, annotations.images[0].name) == ("coco", "a.jpg")
        assert (annotations.images[0].mask("Faint") == pixels()).all()
        assert not annotations.images[0].mask("Rays").any()

    def test_several_polygons_are_one_ghost(self, read):
        far = [6, 4, 8, 4, 8, 6, 6, 6]
        [ghost] = ghosts(read(coco({"segmentation": [SQUARE, far]})))
        both = pixels() | pixels(slice(4, 6), slice(6, 8))
        assert (ghost.outline.mask((6, 8)) == both).all()

    def test_one_polygon_stays_as_it_was_drawn(self, read):
        [ghost] = ghosts(read(coco({"segmentation": [[1.5, 1.5, 7.5, 2.5, 4.5, 5.5]]})))
        assert ghost.outline == Polygon((1.0, 7.0, 4.0), (1.0, 2.0, 5.0))

    def test_scores_and_crowds_are_kept(self, read):
        one, other = ghosts(
            read(coco({"segmentation": [SQUARE], "score": 0.25}, {"segmentation": [SQUARE], "iscrowd": 1}))
        )
        assert (one.score, one.is_crowd) == (0.25, False)
        assert (other.score, other.is_crowd) == (None, True)

    def test_numbers_of_classes_and_images_are_those_of_the_file(self, read):
        document = coco({"segmentation": [SQUARE], "category_id": 40, "image_id": "x"}, id="x")
        document["categories"].append({"id": 40, "name": "bright"})
        assert ghosts(read(document))[0].class_name == "Bright"

    def test_images_without_annotations_are_kept(self, read):
        [image] = read(coco()).images
        assert (image.name, image.shape, image.ghosts) == ("a.jpg", (6, 8), ())

    def test_segmentations_that_enclose_nothing_are_counted(self, read):
        empty = [[], [[]], [[1, 1, 4, 4]], {"size": [6, 8], "counts": [48]}]
        annotations = read(coco(*({"segmentation": segmentation} for segmentation in empty)))
        assert ghosts(annotations) == []
        assert annotations.skipped == Skipped(empty=4)

    def test_folders_are_left_out_of_names(self, read):
        assert read(coco(file_name="night/a.jpg")).images[0].name == "a.jpg"


class TestRefused:
    @pytest.mark.parametrize(
        ("annotation", "message"),
        [
            ({}, "has no segmentation: expected polygons or run lengths"),
            ({"segmentation": "x"}, "has no segmentation"),
            ({"segmentation": [5]}, "a polygon is no list of x and y in turn"),
            ({"segmentation": [[1, 2, 3]]}, "a polygon is no list of x and y in turn"),
            ({"segmentation": [[1, 2, 3, math.nan, 5, 6]]}, "a polygon is no list of x and y in turn"),
            ({"segmentation": [[1, 2, 3, 10**400, 5, 6]]}, "a polygon is no list of x and y in turn"),
            ({"segmentation": {}}, r"run lengths are of size None, the image is \[6, 8\]"),
            (
                {"segmentation": {"size": [8, 6], "counts": [48]}},
                r"run lengths are of size \[8, 6\], the image is \[6, 8\]",
            ),
            (
                {"segmentation": {"size": [6, 8], "counts": [47]}},
                "run lengths of 47 pixels do not make 6 × 8",
            ),
            ({"segmentation": {"size": [6, 8], "counts": [-1, 49]}}, "run lengths of 48 pixels do not"),
            ({"segmentation": {"size": [6, 8], "counts": ["48"]}}, "run lengths have no counts"),
            ({"segmentation": {"size": [6, 8]}}, "run lengths have no counts"),
            ({"segmentation": {"size": [6, 8], "counts": "~"}}, "'~' is in no compressed run lengths"),
            ({"segmentation": [SQUARE], "image_id": 8}, "there is no image 8"),
            ({"segmentation": [SQUARE], "image_id": None}, "has no image_id"),
            ({"segmentation": [SQUARE], "category_id": 9}, "there is no category 9"),
            ({"segmentation": [SQUARE], "score": "high"}, "score is 'high'; expected a number"),
            ({"segmentation": [SQUARE], "score": math.nan}, "score is nan; expected a number"),
        ],
    )
    def test_a_damaged_annotation_is_named(self, read, annotation, message):
        with pytest.raises(SourceError, match=f"in.json: annotation 2:? {message}"):
            read(coco({"segmentation": [SQUARE]}, annotation))

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            ({"height": None}, "image 7 has no height and width in pixels"),
            ({"height": "6"}, "image 7 has no height and width in pixels"),
            ({"height": 0}, "image 7 is 0 × 8 pixels; expected a height and width from 1 to 10000"),
            ({"width": 10**12}, "image 7 is 6 × 1000000000000 pixels; expected"),
            ({"file_name": None}, "image 7 has no file_name"),
            ({"id": None}, "image in place 1 has no id"),
            ({"id": [7]}, "image in place 1 has no id"),
        ],
    )
    def test_a_damaged_image_is_named(self, read, image, message):
        with pytest.raises(SourceError, match=f"in.json: {message}"):
            read(coco(**image))

    def test_a_class_of_other_things_is_named(self, read):
        document = coco({"segmentation": [SQUARE]})
        document["categories"][2]["name"] = "person"
        with pytest.raises(SourceError, match="annotation 1: unknown class 'person'; the classes are Rays"):
            read(document)

    @pytest.mark.parametrize("section", ["images", "categories"])
    def test_a_number_given_twice_is_named(self, read, section):
        document = coco()
        document[section] *= 2
        with pytest.raises(SourceError, match=r"(image 7|category 1) is in it twice; leave one"):
            read(document)

    @pytest.mark.parametrize("wrong", [None, 5, [5]])
    def test_sections_are_lists_of_records(self, read, wrong):
        with pytest.raises(SourceError, match=r"in\.json: has no list of categories"):
            read(coco() | {"categories": wrong})


class TestWritten:
    DOCUMENT = (
        all_shapes("a.jpg"),
        record("b.jpg"),
        record("c.jpg", region({"name": "circle"} | dict.fromkeys(("cx", "cy", "r"), 9), "Rays")),
    )

    @pytest.mark.parametrize("polygons", [False, True], ids=["lengths", "polygons"])
    def test_every_ghost_keeps_its_pixels(self, convert, polygons):
        before, _, after = convert(list(self.DOCUMENT), polygons=polygons)
        assert [image.name for image in after.images] == ["a.jpg", "b.jpg", "c.jpg"]
        for one, other in zip(ghosts(before), ghosts(after), strict=True):
            assert one.class_name == other.class_name
            assert (one.outline.mask((400, 400)) == other.outline.mask((400, 400))).all()

    def test_says_where_each_is(self, convert):
        square = region({"name": "rect", "x": 2, "y": 1, "width": 3, "height": 2}, "Bright")
        _, written, _ = convert([record("b.jpg"), record("a.jpg", square)])
        assert written["images"][1] == {"id": 2, "file_name": "a.jpg", "width": 400, "height": 400}
        [annotation] = written["annotations"]
        assert annotation["image_id"] == 2
        assert annotation["bbox"] == [2, 1, 3, 2]
        assert annotation["area"] == 6
        assert annotation["iscrowd"] == 0
        assert "score" not in annotation
        assert {"id": annotation["category_id"], "name": "Bright", "supercategory": "ghost"} in written[
            "categories"
        ]

    def test_polygons_run_along_the_pixels(self, convert):
        square = region({"name": "rect", "x": 2, "y": 1, "width": 3, "height": 2}, "Bright")
        _, written, _ = convert([record("a.jpg", square)], polygons=True)
        assert written["annotations"][0]["segmentation"] == [SQUARE]

    def test_ghosts_without_a_pixel_are_left_out(self, tmp_path, read):
        beyond = region({"name": "circle", "cx": -50, "cy": 9, "r": 5})
        before = read([record("a.jpg", beyond, region({"name": "circle", "cx": 50, "cy": 9, "r": 5}))])
        assert write_annotations(before, tmp_path / "coco.json", "coco") == 1
        [ghost] = ghosts(read_annotations(tmp_path / "coco.json"))
        assert ghost.outline.bounds[0] > 40

    def test_scores_and_crowds_come_back(self, convert):
        annotations = ({"segmentation": [SQUARE], "score": 0.25}, {"segmentation": [SQUARE], "iscrowd": 1})
        _, _, after = convert(coco(*annotations))
        assert [(ghost.score, ghost.is_crowd) for ghost in ghosts(after)] == [(0.25, False), (None, True)]


class TestOfStrangers:
    """Lines of JSON may stand for pixels and corners without end."""

    @pytest.fixture
    def refuse(self, read):
        def refuse(document, message):
            with pytest.raises(SourceError, match=message) as caught:
                read(document)
            assert "in.json: annotation 1" in str(caught.value)

        return refuse

    def test_that_are_more_border_than_ghost_are_refused(self, refuse):
        """A chequerboard of a picture of 1000 x 1000 pixels takes 2 million sides to outline."""
        document = coco({"segmentation": {"size": [1000, 1000], "counts": [1] * 10**6}})
        document["images"][0] |= {"height": 1000, "width": 1000}
        stripes = {"size": [1000, 1000], "counts": [2, 1] * 333_333 + [1]}
        document["annotations"][0]["segmentation"] = stripes
        refuse(document, "its outline is 1[0-9]+ pixels long, more than 1000000")

    @pytest.mark.parametrize("parts", [1, 2])
    def test_with_more_corners_than_any_outline_are_refused(self, refuse, parts):
        corners = [2, 1, 5, 1, 5, 3] * 40_000
        refuse(coco({"segmentation": [corners] * parts}), "a polygon has 120000 corners, more than 100000")

    def test_whose_masks_take_too_long_are_refused(self, refuse, monkeypatch):
        monkeypatch.setattr("skysieve.ghosts.annotations.coco._MAX_PIXELS", 40)
        refuse(coco({"segmentation": [SQUARE]}), "masks up to here have 48 pixels; split the file")

    def test_of_many_parts_are_the_same_pixels(self, read):
        parts = [[x, y, x + 1, y, x + 1, y + 1, x, y + 1] for y in (1, 2) for x in (2, 3, 4)]
        annotations = read(coco({"segmentation": parts}))
        assert np.array_equal(ghosts(annotations)[0].outline.mask((6, 8)), pixels())
