"""``skysieve maxitrack``: the options of the published command, and its lines in ``maxitrack.out``."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import executable, failure, sky, write
from tests.cli.published_frame import write_published_frame

from skysieve.core.models import packaged

SHAPE = (400, 400)


@pytest.fixture
def maxitrack(run, weights, tmp_path):
    """Run the command; return its result and the lines in its product."""

    def maxitrack(*arguments):
        result = run("maxitrack", *arguments)
        product = tmp_path / "maxitrack.out"
        return result, product.read_text().splitlines() if product.exists() else []

    return maxitrack


def test_lines_are_appended_name_and_probability(maxitrack, tmp_path):
    write(tmp_path / "n/a.fits", sky(shape=SHAPE))
    write(tmp_path / "n/b.fits", ("A", sky(shape=SHAPE)), ("B", sky(1, SHAPE)))
    (tmp_path / "maxitrack.out").write_text("before.fits 0.1234\n")
    (tmp_path / "x.list").write_text("n/a.fits\nn/b.fits[2]\n")
    result, lines = maxitrack("x.list")
    assert result == (0, "", "")
    result, lines = maxitrack("n", "-v")
    assert result.code == 0
    assert re.fullmatch(
        r"n/a.fits: \d\.\d{4} in \d+\.\d\d s\nn/b.fits: \d\.\d{4} in \d+\.\d\d s\n", result.out
    )
    names, values = zip(*(line.split(" ") for line in lines), strict=True)
    assert names == ("before.fits", "n/a.fits", "n/b.fits[2]", "n/a.fits", "n/b.fits")
    assert all(re.fullmatch(r"[01]\.\d{4}", value) for value in values)


def test_the_weights_are_the_published_ones_whatever_the_default_model_is(maxitrack, tmp_path, monkeypatch):
    write_published_frame(tmp_path / "a.fits")
    maxitrack("a.fits")
    monkeypatch.setattr(packaged, "FOLDER", tmp_path / "without models")
    result, (before, after) = maxitrack("a.fits")
    assert result == (0, "", "")
    assert after == before


def test_the_prior_and_the_batch_size_are_the_published_options(maxitrack, tmp_path):
    write_published_frame(tmp_path / "a.fits")
    maxitrack("a.fits")
    maxitrack("a.fits", "--prior", "0.5")
    _, lines = maxitrack("a.fits", "--prior", "0.001", "--batch_size", "1")
    usual, even, rare = (float(line.split()[1]) for line in lines)
    assert rare < usual < even
    odds = rare / (1 - rare)
    assert odds / (usual / (1 - usual)) == pytest.approx(0.001 / 0.999 / (0.05 / 0.95), rel=0.02)


def test_a_fraction_of_the_hdus_may_be_used(maxitrack, tmp_path):
    write_published_frame(tmp_path / "a.fits")
    write(tmp_path / "b.fits", fits.ImageHDU(fits.getdata("a.fits")), sky(shape=SHAPE))
    for path in ("b.fits[1]", "b.fits[2]", "b.fits"):
        maxitrack(path)
    _, lines = maxitrack("b.fits", "--frac", "0.5")
    first, second, both, one = (float(line.split()[1]) for line in lines)
    assert both == pytest.approx((first + second) / 2, abs=1e-4)
    assert one in (first, second)
    assert first != second


def test_weights_may_come_from_a_folder(maxitrack, tmp_path, weights):
    write(tmp_path / "a.fits", sky(shape=SHAPE))
    folder = weights / "data/tensorflow_models"
    assert maxitrack("a.fits", "--net_dir", folder / "maxitrack")[0].code == 0
    result, lines = maxitrack("a.fits", "--net_dir", folder / "maximask")
    assert "other networks than maxitrack" in failure(result)
    assert len(lines) == 1


def test_a_file_that_fails_gets_no_line_and_the_others_do(maxitrack, tmp_path):
    write(tmp_path / "a.fits", np.zeros(SHAPE, np.float32))
    write(tmp_path / "b.fits", sky(shape=SHAPE))
    result, lines = maxitrack(".")
    assert result.code == 1
    assert "1 failed, 1 done; failed:\n  a.fits[0]: " in result.err
    assert [line.split()[0] for line in lines] == ["b.fits"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prior", "1"], "prior 1.0 is not between 0 and 1"),
        (["--frac", "0"], "fraction 0.0 is not above 0 and at most 1"),
    ],
)
def test_wrong_options_are_one_line_and_write_none(maxitrack, tmp_path, options, message):
    write(tmp_path / "a.fits", sky(shape=SHAPE))
    result, lines = maxitrack("a.fits", *options)
    assert message in failure(result)
    assert not lines


def test_a_product_that_cannot_be_written_is_named(maxitrack, run, tmp_path):
    write(tmp_path / "a.fits", sky(shape=SHAPE))
    (tmp_path / "maxitrack.out").mkdir()
    assert failure(run("maxitrack", "a.fits")).startswith("cannot write maxitrack.out: ")


@pytest.mark.usefixtures("weights")
def test_has_an_executable_of_its_own(tmp_path, monkeypatch):
    write(tmp_path / "a.fits", sky(shape=SHAPE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/opt/bin/skysieve-maxitrack", "--prior", "0.02", "a.fits"])
    with pytest.raises(SystemExit) as end:
        executable("skysieve-maxitrack")()
    assert end.value.code in (0, None)
    assert re.fullmatch(r"a\.fits [01]\.\d{4}\n", (tmp_path / "maxitrack.out").read_text())
