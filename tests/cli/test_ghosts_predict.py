"""``skysieve ghosts predict``: from a catalogue of stars to the CCDs that reflections touch."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable, Table
from PIL import Image
from tests.cli.command import failure, leftovers

CATALOGUE = """name,ra,dec,Vmag
Aldebaran,68.98016,16.50930,0.86
faint,69.3,16.4,9.5
far,80.0,16.5,-1.0
"""
PLACE = ("--ra", "69.5", "--dec", "16.6")


@pytest.fixture
def predict(run, tmp_path):
    (tmp_path / "stars.csv").write_text(CATALOGUE)

    def predict(*arguments, stars="stars.csv", place=PLACE):
        return run("ghosts", "predict", *place, "--stars", stars, *arguments)

    return predict


def test_tells_of_each_ghost_what_it_is_and_where(predict):
    result = predict()
    assert result.code == 0, result.err
    first = result.out.splitlines()[0]
    assert first.startswith("1 Bright ")
    assert "star Aldebaran (0.9 mag, 0.51 deg off): CCDs 33 (" in first
    assert "faint" not in result.out
    assert "far" not in result.out


def test_writes_tables_of_the_ghosts_and_of_the_ccds(predict, tmp_path):
    assert predict("--table", "g.ecsv", "--ccds", "c.ecsv", "-q").out == ""
    ghosts, ccds = QTable.read(tmp_path / "g.ecsv"), QTable.read(tmp_path / "c.ecsv")
    assert list(ghosts["ghost"]) == list(range(1, len(ghosts) + 1))
    assert (ghosts["angle"].unit, ghosts["magnitude"].unit) == (units.deg, units.mag)
    touched = {int(pair.split(":")[0]) for text in ghosts["ccds"] for pair in text.split()}
    assert set(ccds["ccd"]) == touched
    row = ccds[ccds["ccd"] == 33][0]
    assert row["name"] == "N2"
    assert row["level"] == max(ghosts["level"])
    assert "1" in row["ghosts"].split()


def test_draws_the_focal_plane(predict, tmp_path):
    assert predict("--preview", "p.png").code == 0
    with Image.open(tmp_path / "p.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (pixels == (255, 90, 54)).all(axis=1).any()  # Bright


def test_tables_without_a_row_can_be_read(predict, tmp_path):
    result = predict("--faintest", "0.9", "--table", "g.ecsv", "--ccds", "c.ecsv", "--preview", "p.png")
    assert result.out == "no ghosts\n"
    assert (len(QTable.read(tmp_path / "g.ecsv")), len(QTable.read(tmp_path / "c.ecsv"))) == (0, 0)


@pytest.mark.parametrize("form", ["ecsv", "fits", "votable"])
def test_reads_what_catalogue_servers_send(predict, tmp_path, form):
    table = Table(
        {"RAJ2000": [68.98016] * units.deg, "DEJ2000": [16.5093] * units.deg, "phot_g_mean_mag": [0.86]}
    )
    name = {"ecsv": "s.ecsv", "fits": "s.fits", "votable": "s.vot"}[form]
    table.write(tmp_path / name, format={"ecsv": "ascii.ecsv"}.get(form, form))
    assert "star 1 (0.9 mag, 0.51 deg off)" in predict(stars=name).out


def test_places_may_be_sexagesimal(predict, tmp_path):
    (tmp_path / "s.csv").write_text("name,ra,dec,mag\nA,04:35:55.24,+16:30:33.5,0.86\n")
    plain = predict("--quiet", "--table", "a.ecsv")
    other = predict("-q", "--table", "b.ecsv", stars="s.csv", place=("--ra", "04:38:00", "--dec", "16:36:00"))
    assert (plain.code, other.code) == (0, 0)
    one, two = (QTable.read(tmp_path / name) for name in ("a.ecsv", "b.ecsv"))
    assert list(one["path"]) == list(two["path"])
    assert one["x"].value == pytest.approx(two["x"].value, abs=0.02)


def test_the_band_may_be_chosen(predict, tmp_path):
    (tmp_path / "s.csv").write_text("name,ra,dec,mag,K\nA,68.98,16.51,9.0,0.9\n")
    assert predict(stars="s.csv").out == "no ghosts\n"
    assert "star A (0.9 mag" in predict("--magnitude", "K", stars="s.csv").out


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (None, (), "stars.csv: no such file"),
        ("ra,dec\n1,2\n", (), "no column of magnitude among ra, dec; name it with --magnitude"),
        ("x,dec,mag\n1,2,3\n", (), "no column of ra among x, dec, mag; call it ra"),
        ("ra,dec,mag\n1,95,3\n", (), "row 1: 1, 95 is no place on the sky in degrees"),
        ("ra,dec,mag\nhere,2,3\n", (), "column ra: expected degrees, or 05:34:31.9"),
        ("ra,dec,mag\n1,2,bright\n", (), "column mag: expected numbers"),
        ("ra,dec,mag\n1,2,3\n", ("--magnitude", "g"), "no column 'g'; it has ra, dec, mag"),
        ("ra,dec,mag\n1,2,3\n", ("--faintest", "0"), "faintest 0: expected a part"),
    ],
    ids=[
        "missing",
        "no magnitude",
        "no place",
        "beyond the pole",
        "words",
        "no number",
        "column",
        "faintest",
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_is_written(predict, tmp_path, content, arguments, said):
    if content is None:
        (tmp_path / "stars.csv").unlink()
    else:
        (tmp_path / "stars.csv").write_text(content)
    result = predict("--table", "g.ecsv", *arguments)
    assert said in failure(result)
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "g.ecsv").exists()


def test_a_field_centre_that_is_none_is_refused(predict):
    assert "--ra noon: expected degrees, or 05:34:31.9 and the like" in failure(
        predict(place=("--ra", "noon", "--dec", "1"))
    )


def test_a_table_that_is_there_is_kept_unless_told(predict, tmp_path):
    (tmp_path / "g.ecsv").write_text("mine")
    assert "g.ecsv" in failure(predict("--table", "g.ecsv"))
    assert (tmp_path / "g.ecsv").read_text() == "mine"
    assert predict("--table", "g.ecsv", "--overwrite").code == 0


def test_a_file_that_is_called_as_the_verb_is_meant_by_its_path(run, tmp_path):
    (tmp_path / "predict").write_text("no picture")
    assert failure(run("ghosts", "./predict", "--model", "none")).startswith("no model 'none' for ghosts")
