"""Annotation files of any form: known by their content, refused in one line, whole or not there at all."""

from __future__ import annotations

import json
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from tests.ghosts.annotated import CIRCLE, RECT, all_shapes, project, record, region, write
from tests.ghosts.real_data import published

from skysieve.core.errors import ConfigError, OutputError, SourceError
from skysieve.ghosts.annotations.annotated_images import Skipped
from skysieve.ghosts.annotations.annotation_files import find_problems, read_annotations, write_annotations


def count(annotations):
    ghosts = [ghost for image in annotations.images for ghost in image.ghosts]
    kinds = Counter(ghost.class_name for ghost in ghosts)
    shapes = Counter(ghost.outline.shape_name for ghost in ghosts)
    empty = sum(not image.ghosts for image in annotations.images)
    return len(annotations.images), len(ghosts), kinds, shapes, empty


class TestOtherFiles:
    @pytest.mark.parametrize(
        "document",
        [
            {},
            [],
            [5],
            5,
            None,
            '"text"',
            {"a": {"b": 1}},
            {"_via_img_metadata": []},
            {"project": {"pid": "1"}, "metadata": {}, "view": {}},  # VIA 3
            [{"image_id": 1, "category_id": 1, "segmentation": []}],  # COCO's results
            {"images": {}, "annotations": []},
        ],
        ids=str,
    )
    def test_of_another_schema_are_refused_in_one_line(self, tmp_path, document):
        path = write(tmp_path / "other.json", json.dumps(document))
        with pytest.raises(SourceError) as caught:
            read_annotations(path)
        assert str(caught.value) == (
            f"{path}: is no annotation file: expected a project or export of the VGG Image Annotator 2, "
            "or COCO instances"
        )

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is no JSON: Expecting value"),
            (b'{"_via_img_metadata": {', "is no JSON: Expecting"),
            (b"SIMPLE  =                    T", "is no JSON"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is no JSON: 'utf-8' codec"),
            (b"[" * 200_000, "is no JSON"),
            (b"[" + b"9" * 5000 + b"]", "is no JSON"),
        ],
        ids=["empty", "cut off", "FITS", "JPEG", "deep", "long number"],
    )
    def test_that_are_no_json_are_refused_in_one_line(self, tmp_path, content, message):
        (tmp_path / "other.json").write_bytes(content)
        with pytest.raises(SourceError, match=f"other.json: {message}") as caught:
            read_annotations(tmp_path / "other.json")
        assert "\n" not in str(caught.value)

    def test_that_are_not_there_or_folders_are_refused(self, tmp_path):
        with pytest.raises(SourceError, match=r"none\.json: cannot be read: No such file"):
            read_annotations(tmp_path / "none.json")
        with pytest.raises(SourceError, match="is a folder, not a regular file"):
            read_annotations(tmp_path)

    @pytest.mark.parametrize("shape", [(0, 400), (400, -1), (10**6, 400)])
    def test_pictures_of_no_size_are_refused(self, tmp_path, shape):
        with pytest.raises(ConfigError, match="expected height and width from 1 to 10000"):
            read_annotations(write(tmp_path / "in.json", [all_shapes()]), shape=shape)


class TestMasks:
    def test_of_an_image_are_all_its_ghosts_of_a_class(self, tmp_path):
        overlapping = CIRCLE | {"cx": 110}
        image = record("a.jpg", region(CIRCLE, "Rays"), region(overlapping, "Rays"), region(RECT, "Faint"))
        [read] = read_annotations(write(tmp_path / "in.json", [image])).images
        one, other, rectangle = (ghost.outline.mask(read.shape) for ghost in read.ghosts)
        assert (read.mask("Rays") == one | other).all()
        assert (read.mask("Faint") == rectangle).all()
        assert (read.mask() == one | other | rectangle).all()
        assert not read.mask("Bright").any()


class TestWriting:
    @pytest.fixture
    def annotations(self, tmp_path):
        return read_annotations(write(tmp_path / "in.json", project(all_shapes())))

    def test_leaves_what_is_there_unless_told(self, tmp_path, annotations):
        (tmp_path / "out.json").write_text("mine")
        with pytest.raises(OutputError, match=r"out\.json exists; use --overwrite"):
            write_annotations(annotations, tmp_path / "out.json", "coco")
        assert (tmp_path / "out.json").read_text() == "mine"
        write_annotations(annotations, tmp_path / "out.json", "coco", overwrite=True)
        assert read_annotations(tmp_path / "out.json").form == "coco"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json", "out.json"]

    def test_an_unknown_form_is_named(self, tmp_path, annotations):
        with pytest.raises(
            ConfigError, match="unknown form 'csv' of annotations; the forms are via, via-list"
        ):
            write_annotations(annotations, tmp_path / "out.json", "csv")
        assert not (tmp_path / "out.json").exists()


class TestProblems:
    @pytest.fixture
    def problems(self, tmp_path):
        return lambda *images: find_problems(read_annotations(write(tmp_path / "in.json", list(images))))

    def test_there_are_none_in_good_files(self, problems):
        assert problems(all_shapes("a.jpg"), all_shapes("b.jpg")) == {}

    def test_each_names_its_images(self, problems):
        beyond = region(CIRCLE | {"cx": -100})
        cut = region(RECT | {"x": 390})
        twice = region(CIRCLE, "Rays")
        assert problems(
            record("none.jpg"), record("a.jpg", beyond, cut, cut | {}), record("b.jpg", twice, twice)
        ) == {
            "images without regions": ["none.jpg"],
            "regions without a pixel of the picture": ["a.jpg"],
            "regions drawn more than once": ["a.jpg", "b.jpg"],
            "regions cut off at the edge of the picture": ["a.jpg"],
        }

    @pytest.mark.parametrize(
        "rectangle", [(0, 0, 400, 400), (0, 0, 1, 1), (399, 399, 1, 1)], ids=["all", "first", "last"]
    )
    def test_up_to_the_edge_nothing_is_cut_off(self, problems, rectangle):
        shape = {"name": "rect"} | dict(zip(("x", "y", "width", "height"), rectangle, strict=True))
        assert problems(record("a.jpg", region(shape))) == {}


class TestPublishedFiles:
    """The study's files, without 25 of the 50 images that eight people outlined."""

    COUNTS: ClassVar = {
        "train": (
            1384,
            4676,
            {"Bright": 1528, "Faint": 2074, "Rays": 1074},
            {"circle": 1806, "ellipse": 949, "polygon": 207, "polyline": 1711, "rect": 3},
            4,
        ),
        "val": (
            296,
            988,
            {"Bright": 329, "Faint": 409, "Rays": 250},
            {"circle": 373, "ellipse": 205, "polygon": 64, "polyline": 345, "rect": 1},
            1,
        ),
        "test": (
            295,
            964,
            {"Bright": 301, "Faint": 438, "Rays": 225},
            {"circle": 355, "ellipse": 210, "polygon": 45, "polyline": 354},
            1,
        ),
        "full": (
            1975,
            6628,
            {"Bright": 2158, "Faint": 2921, "Rays": 1549},
            {"circle": 2534, "ellipse": 1364, "polygon": 316, "polyline": 2410, "rect": 4},
            6,
        ),
    }

    @pytest.mark.parametrize("name", COUNTS)
    def test_hold_what_the_study_counted(self, name):
        annotations = read_annotations(published(f"annotations_{name}.json"))
        assert annotations.form == ("via" if name == "full" else "via-list")
        assert annotations.skipped == Skipped()
        assert count(annotations) == self.COUNTS[name]

    def test_parts_and_whole_agree(self):
        whole = {i.name: i for i in read_annotations(published("annotations_full.json")).images}
        for name in ("train", "val", "test"):
            for image in read_annotations(published(f"annotations_{name}.json")).images:
                assert whole.pop(image.name).ghosts == image.ghosts
        assert not whole

    def test_images_that_all_eight_outlined_are_among_them(self):
        """Whoever trains on these files must leave out the ones that judge."""
        core = {i.name for i in read_annotations(published("annotators/common_core_diana.json")).images}
        rest = {i.name for i in read_annotations(published("annotations_full.json")).images}
        assert len(core) == 25
        assert core <= rest

    def test_keep_their_pixels_through_coco(self, tmp_path):
        before = read_annotations(published("annotators/common_core_AlexC.json"))
        assert write_annotations(before, tmp_path / "coco.json", "coco") == 76
        after = read_annotations(tmp_path / "coco.json")
        for one, other in zip(before.images, after.images, strict=True):
            assert one.name == other.name
            for kind in ("Rays", "Bright", "Faint"):
                assert (one.mask(kind) == other.mask(kind)).all()

    def test_areas_are_those_of_the_study(self):
        """Quartiles in the training part, in pixels, here of every fourth image."""
        areas: dict[str, list[int]] = {"Rays": [], "Bright": [], "Faint": []}
        for image in read_annotations(published("annotations_train.json")).images[::4]:
            for ghost in image.ghosts:
                areas[ghost.class_name].append(ghost.outline.mask(image.shape).sum())
        study = {"Rays": (800, 1524, 3082), "Bright": (651, 1005, 2320), "Faint": (1619, 4207, 22621)}
        for kind, expected in study.items():
            assert np.percentile(areas[kind], (25, 50, 75)) == pytest.approx(expected, rel=0.25)
