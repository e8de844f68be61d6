"""``skysieve evaluate probes``: a table a model, and exit code 0 however many probes pass."""

from __future__ import annotations

import pytest
from astropy.table import Table
from PIL import Image
from tests.cli.command import failure

ONLY = ("--only", "dead pixels", "--only", "trail, [24] px wide, 80 sigma")


def test_probes_are_listed_with_what_the_model_made_of_them(run, tmp_path, pixel_model):
    result = run("evaluate", "probes", "--model", pixel_model, *ONLY, "-o", "probes.ecsv")
    assert (result.code, result.err) == (0, "")
    heading, _, columns, *rows = result.out.splitlines()
    assert heading.startswith(f"{pixel_model}: version 1, ")
    assert columns.split() == ["probe", "class", "right", "false", "taken", "for", "elsewhere"]
    assert rows[-2] == "0 of 3 probes pass"
    table = Table.read(tmp_path / "probes.ecsv")
    [trail] = table[table["probe"] == "trail, 4 px wide, 80 sigma"]
    # the model takes whatever is bright for a cosmic ray
    assert (trail["class"], trail["right"], trail["taken_for"], bool(trail["pass"])) == (
        "TRL",
        0,
        "CR",
        False,
    )
    assert trail["false"] > 0.5


def test_quiet_prints_one_line_a_model_and_the_preview_is_a_picture(run, tmp_path, pixel_model):
    args = (
        "--model",
        pixel_model,
        "--model",
        pixel_model,
        "--only",
        "dead pixels",
        "--preview",
        "p.png",
        "-q",
    )
    result = run("evaluate", "probes", *args)
    assert result.code == 0
    assert len(result.out.splitlines()) == 3
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size[0] > 500


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--only", "nothing like it"], "--only 'nothing like it': matches no probe"),
        (["--model", "nowhere"], "no model 'nowhere' for contaminants"),
        (["-o", "there.ecsv"], "there.ecsv exists; use --overwrite"),
    ],
)
def test_what_cannot_be_is_one_line(run, tmp_path, args, message):
    (tmp_path / "there.ecsv").touch()
    assert message in failure(run("evaluate", "probes", *args))
