"""Files that hold no frame: skipped in folders and globs, failures where they are named."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import SHAPE, failure, sky, write


@pytest.fixture
def mask(run, pixel_model):
    def mask(*arguments):
        return run("mask", *arguments, "--model", pixel_model, "--priors", "none")

    return mask


@pytest.fixture
def track(run, mean_model):
    return lambda *arguments: run("track", *arguments, "--model", mean_model)


@pytest.fixture
def night(tmp_path):
    """An exposure as NOIRLab delivers it: picture, codes and weights, each in a file of its own."""
    codes = np.zeros(SHAPE, np.int32)
    codes[40:44, 50:60] = 5
    codes[:, 7] = 1
    weights = np.random.default_rng(2).normal(1, 0.01, SHAPE).astype("f4") / 25
    weights[codes > 0] = 0
    folder = tmp_path / "night"
    write(folder / "c4d_170316_061830_ooi_z_v1.fits", ("N2", sky()))
    write(folder / "c4d_170316_061830_ood_z_v1.fits", ("N2", codes))
    write(folder / "c4d_170316_061830_oow_z_v1.fits", ("N2", weights))
    write(folder / "catalogue.fits", fits.BinTableHDU(np.zeros(3, [("x", "f4")])))
    return folder


class TestFolders:
    @pytest.mark.parametrize("path", ["night", "night/", "night/*.fits", "n*/*_z_*.fits", "@night.list"])
    def test_skip_them_with_a_count(self, mask, night, tmp_path, path):
        (tmp_path / "night.list").write_text("night\n")
        result = mask(path)
        assert result.code == 0
        assert result.err == ""
        count = 2 if "_z_" in path else 3
        assert f"skipped {count} files that hold no frame" in result.out
        assert [path.name for path in night.glob("*.mask*")] == ["c4d_170316_061830_ooi_z_v1.mask.fits"]

    @pytest.mark.usefixtures("night")
    def test_skip_them_in_several_processes_and_for_tracking(self, mask, track):
        assert mask("night", "-j", "2").code == 0
        result = track("night")
        assert result.code == 0
        assert result.out.startswith("night/c4d_170316_061830_ooi_z_v1.fits ")
        assert result.out.endswith("skipped 3 files that hold no frame\n")

    def test_still_report_damage(self, mask, night):
        content = (night / "c4d_170316_061830_oow_z_v1.fits").read_bytes()
        (night / "d.fits").write_bytes(content[:9000])
        result = mask("night")
        assert result.code == 1
        assert "d.fits: is truncated" in result.err

    def test_of_nothing_else_are_a_failure(self, mask, night):
        (night / "c4d_170316_061830_ooi_z_v1.fits").unlink()
        assert "none of the 3 files holds a frame" in failure(mask(night))

    @pytest.mark.usefixtures("night")
    def test_of_nothing_else_to_do_are_none(self, mask):
        mask("night")
        result = mask("night", "--resume")
        assert result.code == 0
        assert "1 of 4 files are done already" in result.out


class TestNamedFiles:
    def test_fail(self, mask, night):
        line = failure(mask(night / "c4d_170316_061830_ood_z_v1.fits"))
        assert "has no frame: 0 PRIMARY (no data), 1 N2,1 (mask by its pixels" in line
        result = mask("night", night / "c4d_170316_061830_oow_z_v1.fits")
        assert result.code == 1
        assert "1 failed, 1 done" in result.err

    def test_are_masked_where_their_hdu_is_named(self, mask, night):
        assert mask(f"{night}/c4d_170316_061830_oow_z_v1.fits[N2]").code == 0


class TestOwnProducts:
    FORMS = (
        ("--bits", "des"),
        ("--bits", "noirlab"),
        ("--format", "cube"),
        ("--format", "single"),
        ("--format", "probabilities"),
        ("--compression", "none"),
    )

    @pytest.mark.parametrize("options", FORMS, ids=" ".join)
    def test_never_make_a_second_run_fail_whatever_they_are(self, mask, tmp_path, options):
        write(tmp_path / "n/a.fits", sky())
        write(tmp_path / "n/b.fits", ("N1", sky()), ("N2", sky(1)))
        for again in ((), ("--overwrite",), ("--resume",)):
            result = mask("n", "-o", "{dir}/{stem}_m.fits", *options, *again)
            assert result.code == 0, result
            assert sorted(path.name for path in (tmp_path / "n").iterdir()) == [
                "a.fits",
                "a_m.fits",
                "b.fits",
                "b_m.fits",
            ]

    def test_may_be_packed(self, mask, tmp_path):
        write(tmp_path / "n/a.fits", sky())
        for again in ((), ("--overwrite",)):
            assert mask("n", "-o", "{dir}/{stem}-m.fits.gz", *again).code == 0
        packed = tmp_path / "n/a-m.fits.gz"
        assert gzip.decompress(packed.read_bytes())[:6] == b"SIMPLE"
        assert len(list((tmp_path / "n").iterdir())) == 2

    @pytest.mark.parametrize("again", ["--overwrite", "--resume"])
    def test_that_a_shell_names_are_skipped(self, mask, tmp_path, again):
        for seed, name in enumerate("ab"):
            write(tmp_path / f"{name}.fits", sky(seed))
        mask("a.fits", "b.fits", "--bits", "des")
        mask("a.fits", "-o", "extra.fits")
        named = sorted(path.name for path in tmp_path.glob("*.fits"))
        assert len(named) == 5
        result = mask(*named, again, "--bits", "des")
        assert result.code == 0, result
        assert sorted(path.name for path in tmp_path.glob("*.fits")) == named

    def test_alone_are_a_failure(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        mask("a.fits", "-o", "m.fits", "--bits", "des")
        assert "product of Skysieve" in failure(mask("m.fits"))
        assert mask("m.fits[1]").code == 1, "that HDU has no noise, but it was tried"


def test_a_night_of_real_files_is_masked(mask, tmp_path):
    root = os.environ.get("SKYSIEVE_TEST_DATA")
    if not root or not Path(root, "frames/decam_cp_170316_ood_z_N2.fits").exists():
        pytest.skip("SKYSIEVE_TEST_DATA names no folder with frames/decam_cp_170316_*: no real frames")
    for kind in ("ooi", "ood"):
        name = f"decam_cp_170316_{kind}_z_N2.fits"
        (tmp_path / name).write_bytes(Path(root, "frames", name).read_bytes())
    result = mask(".")
    assert result.code == 0
    assert "skipped 1 file that holds no frame" in result.out
