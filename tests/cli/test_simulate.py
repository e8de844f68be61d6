"""``skysieve simulate frame``: a frame and its truth, ready to be masked."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import failure, leftovers

from skysieve.contaminants.classes import CLASSES
from skysieve.imaging.bitplanes import MaskSchema

SIZE = ("--width", 96, "--height", 64)


def test_the_frame_comes_with_its_truth(run, tmp_path):
    assert run("simulate", "frame", "-o", "n/a.fits", *SIZE, "--seed", 3) == (0, "frame: n/a.fits\n", "")
    with fits.open("n/a.fits", checksum=True) as hdus:
        frame, truth = hdus
        assert frame.data.shape == truth.data.shape == (64, 96)
        assert truth.name == "TRUTH"
        schema = MaskSchema.from_header(truth.header)
        assert {plane.name for plane in schema.planes} >= {c.name for c in CLASSES if c.code}
        assert (truth.data > 0).any()
    assert not leftovers(tmp_path)


def test_the_seed_makes_the_frame(run):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("simulate", "frame", "-o", f"{name}.fits", *SIZE, "--seed", seed).code == 0
    first, again, other = (fits.getdata(f"{name}.fits") for name in "abc")
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_truth_is_not_taken_for_a_frame(run, pixel_model):
    run("simulate", "frame", "-o", "a.fits", *SIZE)
    result = run("mask", "a.fits", "--model", pixel_model)
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()[1:]] == ["[0]"]


def test_an_earlier_frame_is_kept_unless_told_otherwise(run, tmp_path):
    (tmp_path / "a.fits").write_bytes(b"precious")
    line = failure(run("simulate", "frame", "-o", "a.fits", *SIZE))
    assert line == "a.fits exists; use --overwrite or another --output"
    assert (tmp_path / "a.fits").read_bytes() == b"precious"
    assert run("simulate", "frame", "-o", "a.fits", *SIZE, "--overwrite").code == 0
    assert fits.getdata("a.fits").shape == (64, 96)


@pytest.mark.parametrize("output", [".", "file/a.fits"])
def test_an_output_that_cannot_be_is_one_line(run, tmp_path, output):
    (tmp_path / "file").touch()
    assert failure(run("simulate", "frame", "-o", output, *SIZE)).startswith(f"cannot write {output}: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "a.fits", "--width", "63"], "Invalid value for '--width'"),
        (["-o", "a.fits", "--seed", "-1"], "Invalid value for '--seed'"),
        ([], "Missing option '-o' / '--output'"),
    ],
)
def test_wrong_options_are_one_clear_message(run, options, message):
    result = run("simulate", "frame", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
