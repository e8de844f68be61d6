"""``skysieve evaluate scenes``: a table for the terminal, and one as ECSV."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from tests.cli.command import SHAPE, failure, sky


@pytest.fixture
def frames(tmp_path):
    """Two frames, one of them with a hot column."""
    folder = tmp_path / "night"
    folder.mkdir()
    for seed in range(2):
        bits = np.zeros(SHAPE, np.int16)
        bits[:, 30] = 2 * seed
        header = fits.Header({"SIMCLASS": "HCL,BBG"})
        hdus = [fits.PrimaryHDU(sky(seed), header), fits.ImageHDU(bits, name="TRUTH")]
        fits.HDUList(hdus).writeto(folder / f"{seed}.fits")
    return folder


def test_frames_in_files_are_measured(run, frames, tmp_path):
    result = run(
        "evaluate", "scenes", "--frames", "night", "--tile", 40, "--least", 40, "-o", "scenes.ecsv", "-q"
    )
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "night: 2 frames, 12 tiles of 40 × 40 px"
    [row] = [line.split() for line in lines if line.startswith("HCL")]
    assert row[1:6] == ["100.0", "50.0", "50.0", "0.0", "16.7"]
    table = Table.read(tmp_path / "scenes.ecsv")
    [hot] = table[table["class"] == "HCL"]
    assert (hot["frames"], hot["any"], hot["pixels"], hot["length_p50"], hot["width_p50"]) == (
        2,
        0.5,
        90,
        90,
        1,
    )
    assert table["length_p50"].unit == "pix"


def test_a_recipe_is_simulated_in_any_number_of_processes_alike(run):
    args = ("evaluate", "scenes", "--recipe", "default", "-n", 2, "--size", 64, "--tile", 64, "-q")
    alone = run(*args)
    assert alone.code == 0
    assert alone.out.startswith("default: 2 frames, 2 tiles of 64 × 64 px\n")
    assert run(*args, "-j", 2) == alone


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no frames to measure; give --recipe or --frames"),
        (["--recipe", "nonesuch"], "nonesuch: no such recipe; give a YAML file or one of "),
        (["--frames", "day"], "day: no such file or directory; check the name"),
        (["--recipe", "default", "--tile", "900"], "tiles of 900 px do not fit into frames of 768 px"),
        (["--recipe", "default", "-o", "there.ecsv"], "there.ecsv exists; use --overwrite"),
    ],
)
def test_what_cannot_be_measured_is_one_line(run, tmp_path, args, message):
    (tmp_path / "there.ecsv").touch()
    assert message in failure(run("evaluate", "scenes", *args))


def test_a_frame_without_truth_is_named_and_the_others_are_measured(run, frames):
    fits.PrimaryHDU(sky()).writeto(frames / "plain.fits")
    result = run("evaluate", "scenes", "--frames", "night", "--tile", 40, "-q")
    assert result.code == 1
    assert "plain.fits: has no HDU TRUTH" in result.err
    assert result.out.startswith("night: 2 frames")
