"""``skysieve evaluate ghosts``: models beside the people who outlined the pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.table import Table
from PIL import Image
from tests.cli.command import failure
from tests.tiny_models import save_ghost_model

pytest.importorskip("matplotlib")

PLACES = {"a.png": (100, 200), "b.png": (240, 120), "clean.png": None}
SIDE = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_ghost_model(tmp_path_factory.mktemp("models") / "ghosts", side=400)


@pytest.fixture
def evaluate(run, model, tmp_path):
    """Run the command on three pictures that three people outlined; one of them saw nothing in b.png."""
    (tmp_path / "pictures").mkdir()
    for name, place in PLACES.items():
        picture = np.full((400, 400), 54, np.uint8)
        if place:
            picture[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE] = 250
        Image.fromarray(picture).save(tmp_path / "pictures" / name)
    for person, seen in (("ada", ("a.png", "b.png")), ("bo", ("a.png", "b.png")), ("cy", ("a.png",))):
        (tmp_path / f"{person}.json").write_text(json.dumps(outlines(seen)))

    def evaluate(*options, people=("ada", "bo", "cy")):
        files = [word for person in people for word in ("--annotations", f"{person}.json")]
        return run(
            "evaluate", "ghosts", "--model", model, *files, "--pictures", "pictures", "-o", "out", *options
        )

    return evaluate


def outlines(seen):
    """Return a list of VIA with a Bright rectangle around each ghost that was seen."""
    records = []
    for name, place in PLACES.items():
        regions = []
        if name in seen and place:
            shape = {"name": "rect", "x": place[1], "y": place[0], "width": SIDE - 1, "height": SIDE - 1}
            regions.append({"shape_attributes": shape, "region_attributes": {"Type": "Bright"}})
        records.append({"filename": name, "size": 1, "regions": regions, "file_attributes": {}})
    return records


def test_a_model_that_sees_what_most_people_saw_is_right(evaluate, tmp_path):
    result = evaluate()
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "report: out/report.md"
    table = Table.read(tmp_path / "out" / "ccds.ecsv")
    bright = table[(table["group"] == "Bright") & (table["t"] == 0.05)]
    assert dict(zip(bright["contestant"], bright["f1"], strict=True)) == pytest.approx(
        {"tiny-ghosts": 1.0, "ada": 2 / 3, "bo": 2 / 3, "cy": 2 / 3}, abs=0.2
    )  # of two others both must have seen a ghost
    instances = Table.read(tmp_path / "out" / "instances.ecsv")
    one = instances[(instances["contestant"] == "tiny-ghosts") & (instances["iou"] == 0.5)]
    (row,) = one[one["group"] == "Bright"]
    assert row["pooled"] == pytest.approx(1)
    assert (row["published"], row["ceiling"]) == pytest.approx((2 / 3, 2 / 3))


def test_the_report_shows_models_beside_people(evaluate, tmp_path):
    assert evaluate().code == 0
    report = (tmp_path / "out" / "report.md").read_text()
    assert "|  | tiny-ghosts | people |" in report
    assert "| cy | " in report  # the model against each person
    (line,) = [line for line in report.splitlines() if line.startswith("| tiny-ghosts | ")]
    assert [cell.strip() for cell in line.split("|")[2:7]] == ["2", "0", "0", "1", "1.0000"]
    for name in ("f1.png", "precision-recall.png"):
        assert f"]({name})" in report
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.width > 500


def test_the_report_says_what_was_missed_and_why(evaluate, tmp_path):
    assert evaluate(people=("cy",)).code == 0
    table = Table.read(tmp_path / "out" / "misses.ecsv")
    assert len(table)
    assert set(table["kind"]) <= {"missed", "wrong"}
    report = (tmp_path / "out" / "report.md").read_text()
    assert "](misses-1.png)" in report
    reason = f"| {table['kind'][0]}: {table['why'][0].partition(',')[0]} | "
    assert reason in report
    with Image.open(tmp_path / "out" / "misses-1.png") as picture:
        assert picture.width > 800


def test_one_person_is_the_truth(evaluate, tmp_path):
    assert evaluate(people=("cy",)).code == 0
    report = (tmp_path / "out" / "report.md").read_text()
    assert "people |" not in report
    table = Table.read(tmp_path / "out" / "ccds.ecsv")
    (row,) = table[(table["group"] == "All") & (table["t"] == 0.0)]
    assert (row["recall"], row["precision"]) == pytest.approx((1, 0.5), abs=0.2)


def test_only_pictures_that_are_named(evaluate, tmp_path):
    (tmp_path / "chosen.txt").write_text("b.png\nclean.png\n")
    result = evaluate("--names", "chosen.txt")
    assert [line.split()[-1] for line in result.out.splitlines()[:-1]] == ["b.png", "clean.png"]


class TestBadInput:
    def test_a_picture_that_is_not_there(self, evaluate, tmp_path):
        (tmp_path / "pictures" / "b.png").unlink()
        assert failure(evaluate()) == "pictures: lacks 1 of 3 pictures, as b.png"
        assert not (tmp_path / "out").exists()

    def test_a_name_that_nobody_outlined(self, evaluate, tmp_path):
        (tmp_path / "chosen.txt").write_text("z.png\n")
        assert failure(evaluate("--names", "chosen.txt")) == "chosen.txt: z.png is in no file of annotations"

    def test_a_report_that_is_there(self, evaluate):
        assert evaluate().code == 0
        assert "report.md exists" in failure(evaluate())
        assert evaluate("--overwrite").code == 0
