"""``skysieve evaluate``: one report of models on frames with truth."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from tests.cli.command import NOISE, SHAPE, failure, leftovers, sky

pytest.importorskip("matplotlib")


@pytest.fixture
def frames(tmp_path):
    """Three frames, each with its cosmic ray."""
    folder = tmp_path / "night"
    folder.mkdir()
    for seed in range(3):
        bits = np.zeros(SHAPE, np.int16)
        bits[10 + seed, 20] = 1
        hdus = [fits.PrimaryHDU(sky(seed)), fits.ImageHDU(bits, name="TRUTH")]
        fits.HDUList(hdus).writeto(folder / f"{seed}.fits")
    return folder


@pytest.fixture
def no_curves(monkeypatch):
    """Draw no curves: most of the time would go into them, and one report that has them is looked at."""
    for name in ("draw_roc", "draw_precision_recall", "draw_reliability"):
        monkeypatch.setattr(f"skysieve.core.evaluation.report.{name}", lambda *_: b"")


@pytest.fixture
def labelled(tmp_path):
    """Four frames, two with a tracking error."""
    folder = tmp_path / "tracking"
    folder.mkdir()
    for seed in range(4):
        pixels = sky(seed, (200, 200))
        if seed % 2:
            pixels[8:72, 8:72] += 2 * NOISE
        header = fits.Header([("SLIP", bool(seed % 2))])
        fits.PrimaryHDU(pixels, header).writeto(folder / f"{seed}.fits")
    return folder


def test_contaminants_are_scored_in_one_report(run, tmp_path, frames, pixel_model):
    result = run("evaluate", "contaminants", "--model", pixel_model, "--frames", "night", "-o", "out")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:3] == ["night 1/3: 0.fits", "night 2/3: 1.fits", "night 3/3: 2.fits"]
    assert lines[-1] == "report: out/report.md"
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        "confusion.ecsv",
        "night-precision-recall.png",
        "night-reliability.png",
        "night-roc.png",
        "report.md",
        "scores.ecsv",
    ]
    text = (tmp_path / "out" / "report.md").read_text()
    assert f"$ skysieve evaluate contaminants --model {pixel_model} --frames night -o out" in text
    assert "- detector tiny: version 1, " in text
    table = Table.read(tmp_path / "out" / "scores.ecsv")
    [row] = table[table["class"] == "CR"]
    assert (row["f1"], row["auc"], row["positives"], row["frames_with"]) == (1, 1, 3, 3)
    assert set(table["class"]) >= {"TRL", "BBG", "macro"}
    assert "BG" not in table["class"]
    assert not leftovers(tmp_path)


@pytest.mark.usefixtures("no_curves")
def test_models_that_share_a_name_are_told_apart_and_compared(run, tmp_path, frames, pixel_model):
    other = tmp_path / "other"
    other.symlink_to(pixel_model)
    args = ("--model", pixel_model, "--model", "other", "--frames", "night", "-o", "out", "--quiet")
    assert run("evaluate", "contaminants", *args) == (0, "report: out/report.md\n", "")
    table = Table.read(tmp_path / "out" / "comparisons.ecsv")
    assert set(table["second"]) == {"other"}
    assert set(table["better"]) == {"neither"}


@pytest.fixture
def trails(tmp_path):
    """Two frames with a trail that the model takes for a cosmic ray, in part and whole."""
    folder = tmp_path / "trails"
    folder.mkdir()
    for seed in range(2):
        pixels, bits = sky(seed), np.zeros(SHAPE, np.int16)
        bits[40, 10:30] = 64
        pixels[40, 10 : 20 + 10 * seed] += 40 * NOISE
        bits[10 + seed, 20] = 1
        hdus = [fits.PrimaryHDU(pixels), fits.ImageHDU(bits, name="TRUTH")]
        fits.HDUList(hdus).writeto(folder / f"{seed}.fits")
    return folder


@pytest.mark.usefixtures("no_curves", "trails")
def test_the_class_that_missed_pixels_go_to_is_printed_and_written(run, tmp_path, pixel_model):
    args = ("--model", pixel_model, "--frames", "trails", "-o", "out", "--confusion-frames")
    result = run("evaluate", "contaminants", *args)
    assert (result.code, result.err) == (0, "")
    [title] = [line for line in result.out.splitlines() if "where the pixels" in line]
    assert title.startswith("trails, tiny: ")
    [row] = [line.split() for line in result.out.splitlines() if line.startswith("TRL  ")]
    assert row[:5] == ["TRL", "40", "0.0", "25.0", "75.0"]
    assert "TRL pixels called CR, P or SP: 75.00 % (" in result.out
    report = (tmp_path / "out" / "report.md").read_text()
    assert "### Confusion" in report
    assert "| CR | 32 | 6.2 | 0.0 |" in report
    table = Table.read(tmp_path / "out" / "confusion.ecsv")
    [pair] = table[(table["true"] == "TRL") & (table["marked"] == "CR")]
    assert (pair["pixels"], pair["missed"], pair["true_pixels"], pair["marked_pixels"]) == (30, 30, 40, 32)
    frames = Table.read(tmp_path / "out" / "confusion-frames.ecsv")
    pairs = frames[(frames["true"] == "TRL") & (frames["marked"] == "CR")]
    assert list(zip(pairs["frame"], pairs["pixels"], strict=True)) == [("0.fits", 10), ("1.fits", 20)]


def test_tracking_is_scored_by_frames(run, tmp_path, labelled, mean_model):
    result = run("evaluate", "tracking", "--model", mean_model, "--frames", "tracking", "-o", "out", "-q")
    assert (result.code, result.err) == (0, "")
    [row] = Table.read(tmp_path / "out" / "scores.ecsv")
    assert (row["class"], row["auc"], row["frames"], row["frames_with"]) == ("tracking error", 1, 4, 2)


@pytest.mark.usefixtures("no_curves")
def test_a_frame_that_fails_is_named_and_the_rest_is_scored(run, tmp_path, frames, pixel_model):
    (frames / "1.fits").write_bytes(b"no FITS at all")
    result = run("evaluate", "contaminants", "--model", pixel_model, "--frames", "night", "-o", "out", "-q")
    assert result.code == 1
    assert "1.fits" in result.err.splitlines()[0]
    [row] = (t := Table.read(tmp_path / "out" / "scores.ecsv"))[t["class"] == "CR"]
    assert row["frames"] == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--frames", "night", "-o", "out"], "nothing to evaluate; give at least one --model"),
        (["--model", "MODEL", "-o", "out"], "no frames to evaluate on; give --frames or --recipe"),
        (
            ["--model", "MODEL", "--frames", "day", "-o", "out"],
            "day: no such file or directory; check the name",
        ),
        (
            ["--model", "MODEL", "--frames", "night", "-o", "taken"],
            "cannot write taken: it is a file; name a folder",
        ),
        (
            ["--model", "MODEL", "--frames", "night", "-o", "done"],
            "done/report.md exists; use --overwrite or another --output",
        ),
        (
            ["--model", "MODEL", "--model", "MODEL", "--frames", "night", "-o", "out"],
            "two detectors are called MODEL; name each once",
        ),
    ],
)
@pytest.mark.usefixtures("frames")
def test_what_cannot_be_is_one_line_before_any_work(run, tmp_path, pixel_model, args, message):
    (tmp_path / "taken").touch()
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "report.md").touch()
    result = run("evaluate", "contaminants", *(str(pixel_model) if a == "MODEL" else a for a in args))
    assert failure(result) == message.replace("MODEL", str(pixel_model))
    assert result.out == ""
    assert not (tmp_path / "out").exists()


def test_a_model_for_the_other_job_is_refused(run, frames, mean_model):
    args = ("--model", mean_model, "--frames", "night", "-o", "out")
    assert "a model for tracking, not for contaminants" in failure(run("evaluate", "contaminants", *args))
