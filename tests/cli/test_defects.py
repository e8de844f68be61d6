"""``skysieve defects``: what stays in place while the sky moves, and masks that know it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import failure, leftovers, write
from tests.tiny_models import save_pixel_model

SHAPE = (150, 170)
CODES = {"CR": 1, "HCL": 2, "DCL": 4, "HP": 8, "DP": 16}
LEVEL, NOISE = 2000.0, 20.0


def defect_pixels():
    """Return excess and response of a detector, and its defects by class."""
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(5, 145, 60), 10 + 3 * rng.integers(0, 20, 60)
    hot, dead = (np.zeros(SHAPE, np.bool_) for _ in range(2))
    hot[rows[:30], columns[:30]] = True
    dead[rows[30:], columns[30:]] = True
    dead &= ~hot
    hot_column, dead_column = (np.zeros(SHAPE, np.bool_) for _ in range(2))
    hot_column[40:, 100] = True
    dead_column[:, 130] = True
    excess = 8 * NOISE * hot + 4 * NOISE * hot_column
    response = np.where(dead | dead_column, 0.8, 1.0)
    return excess, response, {"HP": hot, "DP": dead, "HCL": hot_column, "DCL": dead_column}


def night(folder, frames=8, *, stars=25, cards=None, first=0):
    """Write frames of one detector with stars, cosmic rays of one pixel, and the same defects in each."""
    excess, response, truth = defect_pixels()
    y, x = np.indices(SHAPE, sparse=True)
    for number in range(first, first + frames):
        rng = np.random.default_rng(100 + number)
        light = np.full(SHAPE, LEVEL)
        for _ in range(stars):
            height, width = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
            light += rng.uniform(100, 5000) * np.exp(-((y - height) ** 2 + (x - width) ** 2) / 4.5)
        pixels = light * response + excess + rng.normal(0, NOISE, SHAPE)
        pixels[rng.integers(0, 150, 30), rng.integers(0, 170, 30)] += 60 * NOISE
        header = fits.Header({"INSTRUME": "CAM", "CCDNUM": 3, **(cards or {})})
        write(folder / f"f{number}.fits", fits.ImageHDU(pixels.astype(np.float32), header))
    return truth


def planes(path):
    values = fits.getdata(path, "DEFECTS")
    return {name: (values & code) != 0 for name, code in CODES.items()}


@pytest.fixture
def found(run, tmp_path):
    """Search the defects of a night; return what is known, and the path of the map."""
    truth = night(tmp_path / "night")
    result = run("defects", "night/", "-o", "defects")
    assert result.code == 0, result
    assert not leftovers(tmp_path / "defects")
    [path] = Path("defects").glob("*.defects.fits")
    assert f"-> {path} (8 frames" in result.out
    return truth, path


def test_pixels_and_columns_that_stay_in_place_are_found(found):
    truth, path = found
    marked = planes(path)
    for name, expected in truth.items():
        assert (marked[name] & expected).sum() >= 0.95 * expected.sum(), name
        assert (marked[name] & ~expected).sum() <= 0.05 * expected.sum(), name
    assert not marked["CR"].any()


def test_the_map_states_significance_and_excess(found):
    truth, path = found
    significance, excess = (fits.getdata(path, name) for name in ("SIGNIFICANCE", "EXCESS"))
    assert significance[truth["HP"]].min() > 6
    assert significance[truth["DP"]].max() < -6
    assert np.median(excess[truth["HP"]]) == pytest.approx(8, rel=0.15)
    assert np.median(excess[truth["DP"]]) == pytest.approx(-0.2 * LEVEL / NOISE, rel=0.15)
    header = fits.getheader(path, "DEFECTS")
    assert header["NFRAMES"] == 8
    assert header["DETNAME"] == "CAM 3 170x150"


def test_masks_get_the_defects_and_single_bright_pixels_become_cosmic_rays(found, run, tmp_path):
    truth, _ = found
    model = save_pixel_model(tmp_path / "model", {"HP": 40, "BG": -1e4})
    night(tmp_path / "more", 1, stars=0, first=20)
    frame = fits.getdata("more/f20.fits")
    common = ("--model", model, "--priors", "none", "--no-streaks", "--no-saturation", "-o", "masks/")
    assert run("mask", "more/f20.fits", *common).code == 0
    alone = fits.getdata("masks/f20.mask.fits")
    rays = (frame > LEVEL + 45 * NOISE) & ~np.any(list(truth.values()), axis=0)
    assert ((alone[rays] & CODES["HP"]) != 0).all()
    assert run("mask", "more/f20.fits", *common, "--defects", "defects", "--overwrite").code == 0
    values = fits.getdata("masks/f20.mask.fits")
    known = planes(next(Path("defects").glob("*.fits")))
    for name in truth:
        np.testing.assert_array_equal((values & CODES[name]) != 0, known[name])
    assert ((values[rays] & CODES["CR"]) != 0).all()


def test_a_detector_without_a_map_is_warned_of(found, run, tmp_path, pixel_model):
    night(tmp_path / "other", 1, cards={"CCDNUM": 4})
    result = run("mask", "other/f0.fits", "--model", pixel_model, "--priors", "none", "--defects", "defects")
    assert result.code == 0
    assert "defects has no map of its detector (CAM 4 170x150); masked without" in result.err


def test_detectors_are_told_apart_by_their_headers(run, tmp_path):
    night(tmp_path / "night", 5)
    night(tmp_path / "night", 5, cards={"CCDNUM": 4}, first=30)
    result = run("defects", "night/", "-o", "defects")
    assert result.code == 0, result
    names = {path.name for path in Path("defects").iterdir()}
    assert names == {f"CAM_{n}_170x150.defects.fits" for n in (3, 4)}


class TestBadInput:
    def test_too_few_frames_of_a_detector_are_one_line(self, run, tmp_path):
        night(tmp_path / "night", 2)
        line = failure(run("defects", "night/", "-o", "defects"))
        assert line.startswith("CAM 3 170x150: 2 frames of this detector; 5 are needed (--min-frames)")

    def test_an_existing_map_is_kept(self, found, run):
        _, path = found
        before = path.read_bytes()
        assert "exists" in failure(run("defects", "night/", "-o", "defects"))
        assert path.read_bytes() == before
        assert run("defects", "night/", "-o", "defects", "--overwrite").code == 0

    def test_a_folder_without_maps_is_one_line(self, run, tmp_path, pixel_model):
        night(tmp_path / "night", 1)
        Path("empty").mkdir()
        line = failure(run("mask", "night/", "--model", pixel_model, "--defects", "empty"))
        assert line == "--defects empty: holds no maps of defects (*.defects.fits)"

    def test_a_file_that_is_no_map_is_one_line(self, run, tmp_path, pixel_model):
        night(tmp_path / "night", 1)
        line = failure(run("mask", "night/", "--model", pixel_model, "--defects", "night/f0.fits"))
        assert line == "night/f0.fits: is no map of defects; make one with `skysieve defects`"

    def test_a_damaged_frame_is_named_and_the_others_are_used(self, run, tmp_path):
        night(tmp_path / "night", 6)
        (tmp_path / "night/f3.fits").write_bytes((tmp_path / "night/f3.fits").read_bytes()[:6000])
        result = run("defects", "night/", "-o", "defects")
        assert result.code == 1
        assert "night/f3.fits: is truncated" in result.err
        assert "(5 frames" in result.out
