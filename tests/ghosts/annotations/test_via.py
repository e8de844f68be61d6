"""Files of the VGG Image Annotator 2: what is read of them, what is left out, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
from tests.ghosts.annotated import (
    CIRCLE,
    CLASSES,
    ELLIPSE,
    POLYGON,
    POLYLINE,
    RECT,
    SHAPES,
    all_shapes,
    project,
    record,
    region,
    write,
)

from skysieve.core.errors import SourceError
from skysieve.ghosts.annotations.annotated_images import Skipped
from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations
from skysieve.ghosts.annotations.outlines import Circle, Ellipse, Polygon, Rectangle

OUTLINES = (
    Circle(100, 60, 20.5),
    Ellipse(200, 150, 40, 15.5, 0.7),
    Polygon((10, 60, 40), (300, 310, 350)),
    Polygon((300, 350, 340, 310), (20, 25, 90, 80), is_polyline=True),
    Rectangle(250, 260, 30, 12),
)


@pytest.fixture
def read(tmp_path):
    """Write a document and read it as annotations."""
    return lambda document, **options: read_annotations(write(tmp_path / "in.json", document), **options)


def ghosts(annotations):
    return [(ghost.class_name, ghost.outline) for image in annotations.images for ghost in image.ghosts]


class TestForms:
    RECORDS = (all_shapes("a.jpg"), record("b.jpg"), record("c.jpg", region(CIRCLE), size=5))

    @pytest.mark.parametrize(
        ("form", "document"),
        [
            ("via", project(*RECORDS)),
            ("via-list", list(RECORDS)),
            ("via-dict", project(*RECORDS)["_via_img_metadata"]),
        ],
    )
    def test_each_is_read(self, read, form, document):
        annotations = read(document)
        assert annotations.form == form
        assert [image.name for image in annotations.images] == ["a.jpg", "b.jpg", "c.jpg"]
        assert [image.file_size for image in annotations.images] == [1000, 1000, 5]
        assert ghosts(annotations) == [*zip(CLASSES, OUTLINES, strict=True), ("Faint", OUTLINES[0])]
        assert annotations.skipped.total == 0

    def test_regions_may_be_a_dict(self, read):
        image = record("a.jpg") | {"regions": {"0": region(CIRCLE, "Rays"), "1": region(RECT)}}
        assert ghosts(read([image])) == [("Rays", OUTLINES[0]), ("Faint", OUTLINES[4])]

    def test_a_project_without_images_is_empty(self, read):
        assert read(project()).images == ()

    def test_images_are_known_by_the_names_of_their_files(self, read):
        names = [image.name for image in read([record("/data/a.jpg"), record("C:\\data\\b.jpg")]).images]
        assert names == ["a.jpg", "b.jpg"]

    def test_pictures_are_of_the_published_size_unless_told(self, read):
        assert read([record("a.jpg")]).images[0].shape == (400, 400)
        assert read([record("a.jpg")], shape=(90, 120)).images[0].mask().shape == (90, 120)

    def test_a_byte_order_mark_does_no_harm(self, tmp_path):
        (tmp_path / "in.json").write_text(json.dumps([all_shapes()]), encoding="utf-8-sig")
        assert len(ghosts(read_annotations(tmp_path / "in.json"))) == len(SHAPES)

    def test_an_ellipse_without_a_turn_is_upright(self, read):
        upright = {key: value for key, value in ELLIPSE.items() if key != "theta"}
        assert ghosts(read([record("a.jpg", region(upright))])) == [("Faint", Ellipse(200, 150, 40, 15.5))]

    def test_classes_are_understood_in_any_case(self, read):
        assert ghosts(read([record("a.jpg", region(CIRCLE, "rays"))])) == [("Rays", OUTLINES[0])]


class TestLeftOut:
    @pytest.mark.parametrize(
        ("left_out", "skipped", "told"),
        [
            (region({"name": "point", "cx": 4, "cy": 5}), Skipped(points=1), "1 single points"),
            (region({"name": "point", "cx": 4, "cy": 5}, None), Skipped(points=1), "1 single points"),
            (region(CIRCLE, None), Skipped(untyped=1), "1 without a class"),
            (region(CIRCLE, ""), Skipped(untyped=1), "1 without a class"),
            (region(CIRCLE, "undefined"), Skipped(untyped=1), "1 without a class"),
            (region({}), Skipped(empty=1), "1 empty"),
            (region(CIRCLE | {"r": 0}), Skipped(empty=1), "1 empty"),
            (region(POLYGON | {"all_points_x": [], "all_points_y": []}), Skipped(empty=1), "1 empty"),
            (
                region(POLYLINE | {"all_points_x": [1, 9], "all_points_y": [1, 9]}),
                Skipped(empty=1),
                "1 empty",
            ),
            (region({"name": "cube", "x": 1}), Skipped(unknown=("cube",)), "1 of unknown shape 'cube'"),
            (region({"name": ["circle"]}), Skipped(unknown=("['circle']",)), None),
        ],
    )
    def test_regions_of_no_use_are_counted(self, read, left_out, skipped, told):
        annotations = read([record("a.jpg", region(CIRCLE), left_out)])
        assert ghosts(annotations) == [("Faint", OUTLINES[0])]
        assert annotations.skipped == skipped
        assert told in (None, str(annotations.skipped))

    def test_all_reasons_are_told_and_shapes_named_once(self, read):
        cubes = [region({"name": "cube"}), region({"name": "cube"}), region({"name": "cone"})]
        annotations = read([record("a.jpg", *cubes), record("b.jpg", region({}), region(RECT, None))])
        assert annotations.skipped.total == 5
        assert str(annotations.skipped) == "1 empty, 1 without a class, 3 of unknown shape 'cube', 'cone'"
        assert [image.name for image in annotations.images] == ["a.jpg", "b.jpg"]


class TestRefused:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (region(CIRCLE, "Halo"), "unknown class 'Halo'; the classes are Rays, Bright, Faint"),
            (region(CIRCLE | {"cx": None}), "cx of the circle is missing"),
            (region({"name": "circle", "cx": 1, "cy": 2}), "r of the circle is missing"),
            (region(CIRCLE | {"cx": "12"}), "cx of the circle is '12'; expected a number of pixels"),
            (region(CIRCLE | {"cx": True}), "cx of the circle is True; expected a number of pixels"),
            (region(CIRCLE | {"cx": math.nan}), "cx of the circle is nan; expected a number of pixels"),
            (region(CIRCLE | {"r": math.inf}), "r of the circle is inf; expected a number of pixels"),
            (region(RECT | {"x": 1e300}), "x of the rect is 1e\\+300; expected a number of pixels"),
            (region(RECT | {"width": 10**400}), "width of the rect is 10{39}; expected a number of pixels"),
            (region(POLYGON | {"all_points_x": [1, 2]}), "polygon has 2 x but 3 y"),
            (region(POLYGON | {"all_points_y": 5}), "polygon has no list all_points_y"),
            (
                region(POLYLINE | {"all_points_y": [1, 2, math.nan, 4]}),
                "polyline: all_points_y is nan; expected a number",
            ),
            ({"shape_attributes": CIRCLE}, "has no region_attributes"),
            ({"region_attributes": {"Type": "Rays"}}, "has no shape_attributes"),
            ("circle", "has no shape_attributes"),
        ],
    )
    def test_a_damaged_region_is_named_with_its_image(self, read, wrong, message):
        with pytest.raises(SourceError, match=f"in.json: image 'b.jpg': region 2:? ?{message}"):
            read([record("a.jpg"), record("b.jpg", region(CIRCLE), wrong)])

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            ([record("a.jpg"), {"regions": []}], "image 2 has no filename"),
            ([record("a.jpg"), 5], "image 2 has no filename"),
            ([record("a.jpg") | {"filename": 5}], "image 1 has no filename"),
            ([record("a.jpg"), {"filename": "b.jpg"}], "image 'b.jpg' has no list of regions"),
            ([record("a.jpg") | {"regions": "none"}], "image 'a.jpg' has no list of regions"),
            ([record("a.jpg"), record("x/a.jpg")], "image 'a.jpg' is in it twice; leave one"),
        ],
    )
    def test_a_damaged_image_is_named(self, read, images, message):
        with pytest.raises(SourceError, match=f"in.json: {message}"):
            read(images)

    def test_coordinates_beyond_the_picture_are_none_of_it(self, read):
        negative = region({"name": "rect", "x": -20, "y": -10, "width": 25, "height": 30})
        [image] = read([record("a.jpg", negative)]).images
        assert image.mask().sum() == 5 * 20
        assert image.mask()[:20, :5].all()


class TestWritten:
    @pytest.mark.parametrize("form", ["via", "via-list", "via-dict"])
    def test_comes_back_as_it_was(self, read, tmp_path, form):
        before = read([all_shapes("a.jpg"), record("b.jpg"), record("c.jpg", region(RECT, "Rays"), size=-1)])
        assert write_annotations(before, tmp_path / "out.json", form) == 6
        after = read_annotations(tmp_path / "out.json")
        assert (after.form, after.images) == (form, before.images)

    def test_keeps_the_numbers_as_they_were_drawn(self, read, tmp_path):
        write_annotations(read([all_shapes()]), tmp_path / "out.json", "via-list")
        [image] = json.loads((tmp_path / "out.json").read_text())
        assert image == all_shapes()

    def test_is_a_project_that_the_annotator_opens(self, read, tmp_path):
        write_annotations(read([all_shapes(), record("b.jpg")]), tmp_path / "night.json", "via")
        written = json.loads((tmp_path / "night.json").read_text())
        assert set(written) == set(project())
        assert written["_via_settings"]["project"] == {"name": "night"}
        assert written["_via_image_id_list"] == ["a.jpg1000", "b.jpg1000"]
        assert list(written["_via_img_metadata"]) == written["_via_image_id_list"]
        kinds = written["_via_attributes"]["region"]["Type"]
        assert (kinds["type"], list(kinds["options"])) == ("dropdown", ["Rays", "Bright", "Faint"])
