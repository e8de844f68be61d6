"""``skysieve annotations``: outlines of ghosts converted, checked, and compared between people."""

from __future__ import annotations

import json

import pytest
from astropy.table import Table
from tests.cli.command import failure, leftovers
from tests.ghosts.annotated import CIRCLE, RECT, all_shapes, coco, project, record, region, write
from tests.ghosts.real_data import published

CUBE = region({"name": "cube", "x": 1})
KNOWN = "the shapes are circle, ellipse, polygon, polyline, rect"


@pytest.fixture
def night(tmp_path):
    """A project of two images, with one point and one region of no class."""
    left_out = (region({"name": "point", "cx": 1, "cy": 1}), region(RECT, None))
    return write(tmp_path / "night.json", project(all_shapes("a.jpg"), record("b.jpg", *left_out)))


def shifted(by):
    return project(
        record("a.jpg", region(CIRCLE | {"cx": 100 + by}, "Rays")), record("b.jpg", region(RECT, "Bright"))
    )


class TestConvert:
    @pytest.mark.usefixtures("night")
    def test_makes_coco_of_a_project_and_a_project_of_coco(self, run, tmp_path):
        counted = "2 images, 5 regions"
        assert run("annotations", "convert", "night.json", "-o", "coco.json") == (
            0,
            f"coco.json: coco, {counted}, 2 left out (1 without a class, 1 single points)\n",
            "",
        )
        assert len(json.loads((tmp_path / "coco.json").read_text())["annotations"]) == 5
        assert run("annotations", "convert", "coco.json", "-o", "back.json") == (
            0,
            f"back.json: via, {counted}\n",
            "",
        )
        images = json.loads((tmp_path / "back.json").read_text())["_via_img_metadata"]
        assert [image["filename"] for image in images.values()] == ["a.jpg", "b.jpg"]
        assert not leftovers(tmp_path)

    @pytest.mark.parametrize("form", ["via", "via-list", "via-dict", "coco"])
    def test_makes_every_form(self, run, night, form):
        result = run("annotations", "convert", night, "-o", f"out/{form}.json", "--to", form)
        assert result.out.startswith(f"out/{form}.json: {form}, 2 images, 5 regions")
        assert run("annotations", "check", f"out/{form}.json").out.startswith(f"out/{form}.json: {form}, 2")

    def test_polygons_are_for_coco(self, run, tmp_path, night):
        assert run("annotations", "convert", night, "-o", "coco.json", "--polygons").code == 0
        written = json.loads((tmp_path / "coco.json").read_text())
        assert all(isinstance(one["segmentation"], list) for one in written["annotations"])
        refused = run("annotations", "convert", night, "-o", "x.json", "--to", "via", "--polygons")
        assert failure(refused) == "--polygons is for --to coco, not for via"

    def test_tells_what_has_no_pixel(self, run, tmp_path):
        write(tmp_path / "in.json", [record("a.jpg", region(CIRCLE | {"cx": -90}), region(CIRCLE))])
        assert run("annotations", "convert", "in.json", "-o", "coco.json").out == (
            "coco.json: coco, 1 images, 1 regions, 1 without a pixel of the picture left out\n"
        )

    def test_warns_of_unknown_shapes(self, run, tmp_path):
        write(tmp_path / "in.json", [record("a.jpg", region(CIRCLE), CUBE, CUBE)])
        result = run("annotations", "convert", "in.json", "-o", "coco.json")
        assert result.code == 0
        warning = f"in.json: 2 regions of unknown shape 'cube' left out; {KNOWN}"
        assert result.err == f"skysieve: WARNING: {warning}\n"
        assert "1 regions, 2 left out (2 of unknown shape 'cube')" in result.out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["night.json", "-o", "taken.json"], "taken.json exists; use --overwrite or another --output"),
            (["night.json", "-o", "night.json", "--overwrite"], "night.json is the file to convert; choose"),
            (["none.json", "-o", "x.json"], "none.json: cannot be read: No such file or directory"),
            (["taken.json", "-o", "x.json"], "taken.json: is no JSON: Expecting value"),
            (
                ["other.json", "-o", "x.json"],
                "other.json: is no annotation file: expected a project or export",
            ),
            (
                ["night.json", "-o", "x.json", "--shape", "0", "400"],
                "--shape 0 400: expected height and width",
            ),
            (["night.json", "-o", "x.json", "--shape", "400", "99999"], "--shape 400 99999: expected height"),
        ],
    )
    @pytest.mark.usefixtures("night")
    def test_what_cannot_be_is_one_line(self, run, tmp_path, arguments, message):
        (tmp_path / "taken.json").write_text("mine")
        write(tmp_path / "other.json", {"project": {"pid": 1}})
        assert failure(run("annotations", "convert", *arguments)).startswith(message)
        assert (tmp_path / "taken.json").read_text() == "mine"
        assert not (tmp_path / "x.json").exists()
        assert not leftovers(tmp_path)


class TestCheck:
    @pytest.mark.usefixtures("night")
    def test_counts_and_names_problems(self, run):
        assert run("annotations", "check", "night.json") == (
            0,
            (
                "night.json: via, 2 images, 5 regions, 2 left out (1 without a class, 1 single points)\n"
                "  Rays 2, Bright 1, Faint 2\n"
                "  circle 1, ellipse 1, polygon 1, polyline 1, rect 1\n"
                "  1 images without regions: b.jpg\n"
            ),
            "",
        )

    def test_names_a_few_images_of_many(self, run, tmp_path):
        write(tmp_path / "in.json", [record(f"{place}.jpg") for place in range(9)])
        result = run("annotations", "check", "in.json")
        assert "  9 images without regions: 0.jpg, 1.jpg, 2.jpg and 6 more images\n" in result.out

    @pytest.mark.usefixtures("night")
    def test_a_bad_file_stops_no_other(self, run, tmp_path):
        (tmp_path / "bad.json").write_text("{")
        result = run("annotations", "check", "bad.json", "night.json")
        assert result.code == 1
        assert result.out.startswith("night.json: via, 2 images")
        first, *rest = result.err.splitlines()
        assert first.startswith("skysieve: error: bad.json: is no JSON: ")
        assert rest[0] == "skysieve: 1 failed, 1 done; failed:"

    def test_an_unknown_shape_is_an_error(self, run, tmp_path):
        write(tmp_path / "in.json", [record("a.jpg", region(CIRCLE), CUBE)])
        result = run("annotations", "check", "in.json")
        assert failure(result) == f"in.json: 1 region of unknown shape 'cube' left out; {KNOWN}"
        assert result.out.startswith("in.json: via-list, 1 images, 1 regions, 1 left out")

    def test_damage_is_one_line(self, run, tmp_path):
        write(tmp_path / "in.json", [record("a.jpg", region(CIRCLE | {"r": float("nan")}))])
        assert failure(run("annotations", "check", "in.json")) == (
            "in.json: image 'a.jpg': region 1: r of the circle is nan; "
            "expected a number of pixels on a picture"
        )
        write(tmp_path / "coco.json", coco({"segmentation": {"size": [6, 8], "counts": [5]}}))
        assert failure(run("annotations", "check", "coco.json")) == (
            "coco.json: annotation 1: run lengths of 5 pixels do not make 6 × 8"
        )


class TestAgree:
    @pytest.fixture
    def people(self, tmp_path):
        return [write(tmp_path / f"{by}.json", shifted(by)).name for by in (0, 5, 30)]

    def test_prints_votes_overlaps_kappa_and_the_published_figure(self, run, people):
        result = run("annotations", "agree", *people)
        assert (result.code, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0] == "3 annotators, 2 images that all of them looked at"
        votes = lines.index("class       1      2      3  pixels")
        assert [line.split()[0] for line in lines[votes + 1 : votes + 5]] == [
            "Rays",
            "Bright",
            "Faint",
            "any",
        ]
        assert lines[votes + 2].split() == ["Bright", "0.000", "0.000", "1.000", "360"]
        assert "class    mean  lowest  highest  kappa" in lines
        assert "Bright  1.000   1.000    1.000  1.000" in lines
        assert lines[-2].startswith("All 3 agree on ")
        assert lines[-1] == "Published, for eight people and 50 images: 44.2%"

    def test_writes_a_table(self, run, tmp_path, people):
        assert run("annotations", "agree", *people, "-o", "agreement.ecsv").code == 0
        table = Table.read(tmp_path / "agreement.ecsv")
        assert table.meta == {"annotators": people, "images": ["a.jpg", "b.jpg"]}
        [bright] = table[table["class"] == "Bright"]
        assert (bright["votes_3"], bright["iou_lowest"], bright["kappa"], bright["pixels"]) == (1, 1, 1, 360)
        again = run("annotations", "agree", *people, "-o", "agreement.ecsv")
        assert failure(again) == "agreement.ecsv exists; use --overwrite or another --output"

    @pytest.mark.usefixtures("night")
    def test_names_images_and_regions_that_do_not_count(self, run, tmp_path, people):
        write(tmp_path / "more.json", project(record("a.jpg", CUBE, region({})), record("c.jpg")))
        result = run("annotations", "agree", people[0], "night.json", "more.json")
        assert (
            "1 images that all of them looked at\nleft out, as not in every file: b.jpg, c.jpg\n"
            in result.out
        )
        assert "more.json, 2 left out (1 empty, 1 of unknown shape 'cube')\n" in result.out
        assert f"more.json: 1 region of unknown shape 'cube' left out; {KNOWN}" in result.err

    def test_a_bad_file_is_named_and_the_others_are_compared(self, run, tmp_path, people):
        (tmp_path / "bad.json").write_text("{")
        result = run("annotations", "agree", *people, "bad.json")
        assert result.code == 1
        assert result.out.startswith("3 annotators")
        assert result.err.startswith("skysieve: error: bad.json: is no JSON")

    def test_nothing_outlined_is_said(self, run, tmp_path):
        for name in ("one.json", "two.json"):
            write(tmp_path / name, [record("a.jpg")])
        result = run("annotations", "agree", "one.json", "two.json")
        assert result.code == 0
        assert result.out.endswith("\nNobody outlined anything on these images\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["0.json"], "expected 2 to 255 annotation files, one a person; got 1"),
            (["0.json", "0.json"], "0.json is given twice; give each person's file once"),
            (["0.json", "other.json"], "no image is in all of the 2 annotation files, matched by name"),
            (
                ["0.json", "small.json"],
                "image 'a.jpg' is 6 × 8 and 400 × 400 pixels; give all files one size",
            ),
        ],
    )
    @pytest.mark.usefixtures("people")
    def test_what_cannot_be_compared_is_one_line(self, run, tmp_path, arguments, message):
        write(tmp_path / "other.json", [record("z.jpg")])
        write(tmp_path / "small.json", coco())
        assert failure(run("annotations", "agree", *arguments)).endswith(message)

    def test_on_the_files_of_the_study(self, run):
        result = run("annotations", "agree", *sorted(published("annotators").glob("*.json")))
        assert result.out.startswith("8 annotators, 25 images that all of them looked at\n\nVotes")
        assert "All 8 agree on 31.6% of the pixels of any class; 95 % interval" in result.out
