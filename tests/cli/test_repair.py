"""``skysieve repair``: a copy with filled pixels, and what it prints."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import LEVEL, NOISE, SHAPE, failure, leftovers, sky, write


@pytest.fixture
def masked(run, pixel_model, tmp_path):
    """Write a frame with one bad pixel, and its mask."""
    write(tmp_path / "a.fits", sky())
    assert run("mask", "a.fits", "--model", pixel_model, "--priors", "none").code == 0


@pytest.mark.usefixtures("masked")
def test_the_copy_has_filled_pixels_and_the_frame_is_unchanged(run, tmp_path):
    result = run("repair", "a.fits", "a.mask.fits", "-o", "out/clean.fits")
    assert result.code == 0, result
    assert result.out.splitlines() == [
        "a.fits -> out/clean.fits",
        "  [0] filled 1 of 10800 pixels (0.00926%)",
    ]
    clean, header = fits.getdata("out/clean.fits"), fits.getheader("out/clean.fits")
    changed = clean != sky()
    assert np.argwhere(changed).tolist() == [[10, 20]]
    assert clean[10, 20] == pytest.approx(LEVEL, abs=3 * NOISE)
    assert header["REPAIRPX"] == 1
    np.testing.assert_array_equal(fits.getdata("a.fits"), sky())
    assert not leftovers(tmp_path / "out")


@pytest.mark.usefixtures("masked")
def test_a_copy_is_a_frame_again(run, pixel_model):
    assert run("repair", "a.fits", "a.mask.fits", "-o", "clean.fits", "--noise", "--seed", "7").code == 0
    result = run("mask", "clean.fits", "--model", pixel_model, "--priors", "none")
    assert result.out.endswith("[0] 120 x 90: nothing found\n")


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("-o", "a.fits"), "a.fits: the copy would replace a.fits"),
        (("-o", "a.fits", "--overwrite"), "a.fits: the copy would replace a.fits"),
        (("-o", "b.fits", "--bad", "XX"), "a.mask.fits: has no plane 'XX'; it has CR, HCL"),
    ],
)
def test_bad_options_are_one_line(run, options, line):
    before = fits.getdata("a.fits")
    assert failure(run("repair", "a.fits", "a.mask.fits", *options)).startswith(line)
    np.testing.assert_array_equal(fits.getdata("a.fits"), before)
    assert before.shape == SHAPE


@pytest.mark.usefixtures("masked")
def test_an_existing_copy_is_kept(run, tmp_path):
    (tmp_path / "b.fits").write_text("mine")
    assert failure(run("repair", "a.fits", "a.mask.fits", "-o", "b.fits")).startswith("b.fits exists")
    assert (tmp_path / "b.fits").read_text() == "mine"
    assert run("repair", "a.fits", "a.mask.fits", "-o", "b.fits", "--overwrite").code == 0
