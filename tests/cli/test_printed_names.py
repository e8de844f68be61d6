"""What is printed and listed of odd names and values: one printable line each."""

from __future__ import annotations

import logging
import os
import sys
import warnings

import pytest
from astropy.io import fits
from astropy.table import Table
from tests.cli.command import failure, installed, sky, write

from skysieve.cli.app import main
from skysieve.cli.running import Failures
from skysieve.core.errors import ModelError
from skysieve.core.execution.terminal_log import start_logging

ODD = ["a\x1b[31mb", "two\nlines", "r\xe9sum\xe9 \u5929", "back\u202espace"]
if sys.platform == "linux":
    ODD.append(os.fsdecode(b"not utf-8 \xff\xfe"))

needs_odd_names = pytest.mark.skipif(sys.platform != "linux", reason="the system has no such names")


def lines_of(*texts):
    return [line for text in texts for line in text.splitlines()]


@needs_odd_names
@pytest.mark.parametrize("stem", ODD)
def test_a_file_of_any_name_is_masked_and_listed(tmp_path, pixel_model, stem):
    """In a process of its own, whose standard output takes nothing but UTF-8."""
    write(tmp_path / f"{stem}.fits", sky())
    (tmp_path / f"{stem}2.fits").write_bytes(b"SIMPLE  = nothing of the kind")
    words = ("mask", ".", "-o", "out/", "--table", "t.ecsv", "--preview", "--model", pixel_model)
    result = installed(*words, cwd=tmp_path)
    assert result.code == 1
    assert all(line.isprintable() for line in lines_of(result.out, result.err)), result
    assert len(result.err.splitlines()) == 3, result.err  # the failure, and what failed once more
    assert (tmp_path / "out" / f"{stem}.mask.fits").exists()
    [row] = Table.read(tmp_path / "t.ecsv", format="ascii.ecsv")
    assert row["file"].isprintable()
    again = installed(*words, "--resume", cwd=tmp_path)
    assert again.out.startswith("1 of 2 files are done already")


@needs_odd_names
@pytest.mark.parametrize("stem", ODD)
def test_a_file_of_any_name_is_tracked_and_listed(run, tmp_path, mean_model, stem):
    write(tmp_path / f"{stem}.fits", sky())
    result = run("track", ".", "-o", "t.ecsv", "--blocks", "b.ecsv", "--model", mean_model)
    assert result.code == 0, result.err
    [line] = result.out.splitlines()
    assert line.isprintable()
    for name in ("t.ecsv", "b.ecsv"):
        assert Table.read(tmp_path / name, format="ascii.ecsv")["file"][0] == line.rpartition(" ")[0]


def test_a_value_of_thousands_of_characters_is_cut_short(run, tmp_path, pixel_model):
    header = fits.Header([("BSCALE", "9" * 3000)])
    write(tmp_path / "a.fits", fits.ImageHDU(sky(), header))
    line = failure(run("mask", "a" * 3000 + ".fits", "--model", pixel_model))
    assert len(line) < 2100
    line = failure(run("mask", "a.fits", "--classes", "CR," + "X" * 5000, "--model", pixel_model))
    assert len(line) < 1100


def test_an_error_of_an_engine_is_one_line(capsys):
    failures = Failures(debug=False)
    failures.add("a.fits", ModelError("graph.onnx: \n\n  Check failed\n\tat \x1b[1mline\x1b[0m 12\r\n" * 200))
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
    assert len(err) < 1100


def test_a_warning_is_one_line(capsys):
    start_logging()
    logging.getLogger("skysieve.test").warning("%s: \x1b[2Jodd", "a\nb")
    assert capsys.readouterr().err == "skysieve: WARNING: a b: \\x1b[2Jodd\n"


def test_warnings_of_libraries_stay_in_the_log(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        start_logging()
        warnings.warn("a column with an odd name", stacklevel=1)
    assert capsys.readouterr() == ("", "")


class Recorder:
    """A stream that notes what is written to it at once."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)

    def flush(self) -> None: ...


def test_errors_are_written_in_whole_lines(tmp_path, monkeypatch, pixel_model):
    """What other threads log meanwhile then cannot come into the middle of a line."""
    for name in ("a.fits", "b.fits"):
        (tmp_path / name).write_bytes(b"SIMPLE  = nothing of the kind")
    monkeypatch.chdir(tmp_path)
    words = ["skysieve", "mask", "a.fits", "b.fits", "--quiet", "--model", str(pixel_model)]
    monkeypatch.setattr(sys, "argv", words)
    recorder = Recorder()
    monkeypatch.setattr(sys, "stderr", recorder)
    with pytest.raises(SystemExit):
        main()
    assert len(recorder.pieces) == 5, "two errors, and a summary of three lines"
    assert all(piece.endswith("\n") and piece.strip() for piece in recorder.pieces), recorder.pieces
