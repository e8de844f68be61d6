"""``skysieve evaluate ghosts``: models beside the people who outlined the pictures."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from astropy.table import Table
from PIL import Image
from tests.cli.command import failure, run_in
from tests.tiny_models import save_ghost_model

pytest.importorskip("matplotlib")

PLACES = {"a.png": (100, 200), "b.png": (240, 120), "clean.png": None}
SIDE = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_ghost_model(tmp_path_factory.mktemp("models") / "ghosts", side=400)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Folder of three pictures that three people outlined; one of them saw nothing in b.png."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "pictures").mkdir()
    for name, place in PLACES.items():
        picture = np.random.default_rng(0).normal(54, 13, (400, 400)).clip(0, 255).astype(np.uint8)
        if place:
            picture[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE] = 250
        Image.fromarray(picture).save(folder / "pictures" / name)
    for person, seen in (("ada", ("a.png", "b.png")), ("bo", ("a.png", "b.png")), ("cy", ("a.png",))):
        (folder / f"{person}.json").write_text(json.dumps(outlines(seen)))
    return folder


@pytest.fixture(scope="module")
def by_all(judged, model):
    """Folder of the report on what all people outlined."""
    result = run_in(judged, *words(model, "ada", "bo", "cy", output="all"))
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "report: all/report.md"
    return judged / "all"


@pytest.fixture(scope="module")
def by_one(judged, model):
    """Folder of the report on what one person outlined."""
    assert run_in(judged, *words(model, "cy", output="one")).code == 0
    return judged / "one"


@pytest.fixture
def evaluate(run, model, judged, tmp_path):
    """Run the command on a copy of these pictures and outlines."""
    shutil.copytree(judged, tmp_path, dirs_exist_ok=True)

    def evaluate(*options):
        return run(*words(model, "ada", "bo", "cy", output="out"), *options)

    return evaluate


def words(model, *people, output):
    files = [word for person in people for word in ("--annotations", f"{person}.json")]
    return ["evaluate", "ghosts", "--model", model, *files, "--pictures", "pictures", "-o", output]


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


def test_a_model_that_sees_what_most_people_saw_is_right(by_all):
    table = Table.read(by_all / "ccds.ecsv")
    bright = table[(table["group"] == "Bright") & (table["t"] == 0.05)]
    assert dict(zip(bright["detector"], bright["f1"], strict=True)) == pytest.approx(
        {"tiny-ghosts": 1.0, "ada": 2 / 3, "bo": 2 / 3, "cy": 2 / 3}, abs=0.2
    )  # of two others both must have seen a ghost
    instances = Table.read(by_all / "instances.ecsv")
    one = instances[(instances["detector"] == "tiny-ghosts") & (instances["iou"] == 0.5)]
    (row,) = one[one["group"] == "Bright"]
    assert row["pooled"] == pytest.approx(1)
    assert (row["published"], row["ceiling"]) == pytest.approx((2 / 3, 2 / 3))


def test_the_report_shows_models_beside_people(by_all):
    report = (by_all / "report.md").read_text()
    assert "|  | tiny-ghosts | people |" in report
    assert "| cy | " in report  # the model against each person
    (line,) = [line for line in report.splitlines() if line.startswith("| tiny-ghosts | ")]
    assert [cell.strip() for cell in line.split("|")[2:7]] == ["2", "0", "0", "1", "1.0000"]
    for name in ("f1.png", "precision-recall.png"):
        assert f"]({name})" in report
        with Image.open(by_all / name) as picture:
            assert picture.width > 500


def test_the_report_says_what_was_missed_and_why(by_one):
    table = Table.read(by_one / "misses.ecsv")
    assert len(table)
    assert set(table["kind"]) <= {"missed", "wrong"}
    report = (by_one / "report.md").read_text()
    assert "](misses-1.png)" in report
    reason = f"| {table['kind'][0]}: {table['why'][0].partition(',')[0]} | "
    assert reason in report
    with Image.open(by_one / "misses-1.png") as picture:
        assert picture.width > 800


def test_one_person_is_the_truth(by_one):
    report = (by_one / "report.md").read_text()
    assert "people |" not in report
    table = Table.read(by_one / "ccds.ecsv")
    (row,) = table[(table["group"] == "All") & (table["t"] == 0.0)]
    # what lies in gaps alone is not seen: a CCD less where the square ends there
    assert row["recall"] > 0.6
    assert row["precision"] == pytest.approx(0.5, abs=0.2)


def test_only_pictures_that_are_named_and_in_place_of_a_report_that_is_there(evaluate, tmp_path, by_all):
    shutil.copytree(by_all, tmp_path / "out")
    (tmp_path / "chosen.txt").write_text("b.png\nclean.png\n")
    result = evaluate("--names", "chosen.txt", "--overwrite")
    assert result.code == 0
    assert [line.split()[-1] for line in result.out.splitlines()[:-1]] == ["b.png", "clean.png"]
    assert "- pictures: 2\n" in (tmp_path / "out" / "report.md").read_text()


class TestBadInput:
    def test_a_picture_that_is_not_there(self, evaluate, tmp_path):
        (tmp_path / "pictures" / "b.png").unlink()
        assert failure(evaluate()) == "pictures: lacks 1 of 3 pictures, as b.png"
        assert not (tmp_path / "out").exists()

    def test_a_name_that_nobody_outlined(self, evaluate, tmp_path):
        (tmp_path / "chosen.txt").write_text("z.png\n")
        assert failure(evaluate("--names", "chosen.txt")) == "chosen.txt: z.png is in no file of annotations"

    def test_a_report_that_is_there(self, evaluate, tmp_path, by_all):
        shutil.copytree(by_all, tmp_path / "out")
        assert "report.md exists" in failure(evaluate())
