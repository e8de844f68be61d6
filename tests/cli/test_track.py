"""``skysieve track``: probabilities of frames, files and blocks."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from tests.cli.command import LEVEL, NOISE, failure, write

BLOCK = 64
PRIORS: tuple[list[str], ...] = ([], ["--prior", "0.5"])


@pytest.fixture
def track(run, mean_model):
    """Run ``skysieve track`` with the tiny model."""

    def track(*arguments):
        return run("track", *arguments, "--model", mean_model)

    return track


def sky(shape=(2 * BLOCK, 2 * BLOCK), *, tracking_error=()):
    """Return an empty sky, lifted by two sigma in blocks (row, column), which to the model are errors."""
    pixels = np.random.default_rng(1).normal(LEVEL, NOISE, shape).astype(np.float32)
    for row, column in tracking_error:
        pixels[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK] += 2 * NOISE
    return pixels


@pytest.fixture
def frames(tmp_path):
    """One frame with a block of four that has one, and a mosaic of two, of which one has it."""
    write(tmp_path / "a.fits", sky(tracking_error=[(0, 1)]))
    write(tmp_path / "b.fits", ("N1", sky()), ("N2", sky(tracking_error=[(0, 0)])))
    return tmp_path


def test_a_line_gives_the_probability_of_each_file_and_of_its_frames(track, frames):
    result = track("a.fits", "b.fits")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == ["a.fits 0.2500", "b.fits 0.1250", "  [1] 0.0000", "  [2] 0.2500"]


def test_one_hdu_may_be_asked_for(track, frames):
    assert track("b.fits[2]").out == "b.fits[2] 0.2500\n"


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_files_are_examined_and_failures_named(track, frames, jobs):
    write(frames / "blank.fits", np.full((BLOCK, BLOCK), np.nan))
    result = track(".", "-j", jobs)
    assert result.code == 1
    assert [line for line in result.out.splitlines() if line[0] != " "] == ["a.fits 0.2500", "b.fits 0.1250"]
    assert "skysieve: 1 failed, 2 done; failed:\n  blank.fits[0]: no valid pixels" in result.err


def test_tables_hold_frames_and_blocks(track, frames):
    result = track("a.fits", "b.fits", "-q", "-o", "t/frames.ecsv", "--blocks", "t/blocks.ecsv")
    assert result == (0, "", "")
    table = QTable.read("t/frames.ecsv")
    assert list(table["file"]) == ["a.fits", "b.fits", "b.fits"]
    assert list(table["name"]) == ["PRIMARY", "N1", "N2"]
    assert list(table["blocks"]) == [4, 4, 4]
    np.testing.assert_allclose(table["probability"].value, [0.25, 0, 0.25], atol=1e-3)
    np.testing.assert_allclose(table["file_probability"].value, [0.25, 0.125, 0.125], atol=1e-3)
    blocks = QTable.read("t/blocks.ecsv")
    tracking_error = blocks[blocks["probability"].value > 0.5]
    assert [tuple(row) for row in tracking_error["file", "hdu", "x", "y"].as_array().tolist()] == [
        ("a.fits", 0, BLOCK + 1, 1),
        ("b.fits", 2, 1, 1),
    ]


def test_tables_that_are_there_are_kept_before_any_work_is_done(track, frames):
    (frames / "t.ecsv").write_text("precious")
    result = track("a.fits", "--blocks", "t.ecsv")
    assert failure(result).startswith("t.ecsv exists; use --overwrite")
    assert result.out == ""
    assert (frames / "t.ecsv").read_text() == "precious"
    assert track("a.fits", "--blocks", "t.ecsv", "--overwrite").code == 0
    assert len(QTable.read("t.ecsv")) == 4


def test_a_fraction_of_the_frames_is_chosen_by_the_seed(track, tmp_path):
    write(tmp_path / "cube.fits", np.stack([sky() for _ in range(10)]))

    def planes(*options):
        assert track("cube.fits", "-q", "-o", "t.ecsv", "--overwrite", *options).code == 0
        return list(QTable.read("t.ecsv")["plane"])

    assert planes() == list(range(1, 11))
    first = planes("--frac", 0.35)
    assert len(first) == 3
    assert first == sorted(set(first))
    assert planes("--frac", 0.35) == first
    assert any(planes("--frac", 0.35, "--seed", seed) != first for seed in range(1, 4))
    assert len(planes("--frac", 0.001)) == 1


def test_a_mask_keeps_pixels_out(track, tmp_path):
    flags = np.zeros((2 * BLOCK, 2 * BLOCK), np.uint8)
    flags[:BLOCK, :BLOCK] = 1
    write(tmp_path / "a.fits", ("SCI", sky(tracking_error=[(0, 0)])), ("FLAG", flags))
    assert track("a.fits[SCI]").out == "a.fits[SCI] 0.2500\n"
    lines = track("a.fits", "--mask-hdu", "FLAG").out.splitlines()
    assert lines[0] == "a.fits 0.0000"
    assert lines[-1].startswith("  no data: [")
    assert track("a.fits", "--mask-hdu", "FLAG", "--mask-bits", "1024").out.splitlines()[0] != lines[0]


def test_a_frame_smaller_than_a_block_gets_a_warning(track, tmp_path):
    write(tmp_path / "a.fits", sky((40, 40)))
    result = track("a.fits")
    assert (result.code, result.out) == (0, "a.fits 0.0000\n")
    assert result.err.startswith(
        "skysieve: WARNING: a.fits[0]: smaller than the network's blocks of 64 x 64 px"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prior", "0"], "prior 0.0 is not between 0 and 1"),
        (["--prior", "1"], "prior 1.0 is not between 0 and 1"),
        (["--frac", "0"], "fraction 0.0 is not above 0"),
        (["--frac", "1.5"], "fraction 1.5 is not above 0"),
        (["-o", "."], "cannot write .: it is a folder"),
        (["--engine", "onnxruntime", "--precision", "bf16"], "f32 only"),
        (["--device", "abacus"], "unknown device 'abacus'"),
    ],
)
def test_wrong_options_are_one_line(track, tmp_path, options, message):
    write(tmp_path / "a.fits", sky())
    result = track("a.fits", *options)
    assert message in failure(result)
    assert result.out == ""


def test_a_model_for_another_job_is_refused(run, tmp_path, pixel_model):
    write(tmp_path / "a.fits", sky())
    line = failure(run("track", "a.fits", "--model", pixel_model))
    assert line == f"{pixel_model}: a model for contaminants, not for tracking"


def test_the_published_network_gives_what_it_gave_on_tensorflow(run, tmp_path, weights):
    from tests.cli.published_frame import published_tracking, write_published_frame

    write_published_frame(tmp_path / "a.fits")
    options = ("--model", "maxitrack", "--normalisation", "published", "--precision", "f32")
    usual, even = (float(run("track", "a.fits", *options, *prior).out.split()[1]) for prior in PRIORS)
    assert usual == pytest.approx(published_tracking(), abs=1e-4)
    assert usual / (1 - usual) == pytest.approx(0.05 / 0.95 * even / (1 - even), rel=1e-2), "the prior's odds"


def test_every_real_frame_is_examined(run, real_frames, weights):
    science = [path for path in sorted(real_frames.iterdir()) if "published_output" not in path.name]
    frames = [path for path in science if "ood" not in path.name]
    result = run("track", *frames, "--model", "maxitrack")
    assert result.code == 0
    tracking_error = {"ystar_saao_trail_long.fits", "hst_wfc3uvis_ibo822tbq_flt.fits"}
    for line in result.out.splitlines():
        name, _, value = line.rpartition(" ")
        if name.rpartition("/")[2] in tracking_error:
            assert float(value) > 0.9
    assert fits.getheader(science[0])["NAXIS"] == 2
