"""Clean frames: found in a folder, measured, and their camera read from the header."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.frames.simulate.clean_frames import (
    BENCHMARK_FRAMES,
    BenchmarkFrame,
    clean_frame,
    find_clean_frames,
    without_benchmark_frames,
)
from skysieve.frames.simulate.recipe import shipped_recipes

SHAPE = (80, 100)


@pytest.fixture
def pixels():
    return np.random.default_rng(1).normal(700, 9, SHAPE).astype(np.float32)


def test_every_large_enough_image_and_plane_is_a_frame(tmp_path, pixels):
    cube = np.stack([pixels, pixels + 1])
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(pixels, name="A"),
        fits.ImageHDU(cube),
        fits.ImageHDU(pixels[:40]),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    sources = find_clean_frames(str(tmp_path), smallest=64)
    assert [source.label.removeprefix(f"{tmp_path}/") for source in sources] == [
        "a.fits[A,1]",
        "a.fits[2] plane 1",
        "a.fits[2] plane 2",
    ]
    np.testing.assert_array_equal(sources[2].read().pixels, pixels + 1)


def test_files_that_cannot_be_read_are_left_out_with_a_warning(tmp_path, pixels, caplog):
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_bytes(b"no FITS")
    with caplog.at_level(logging.WARNING):
        assert len(find_clean_frames(str(tmp_path), smallest=64)) == 1
    assert "b.fits" in caplog.text


def test_a_folder_without_frames_of_use_is_refused(tmp_path, pixels):
    with pytest.raises(SourceError, match="no such file or directory"):
        find_clean_frames(str(tmp_path / "nowhere"), smallest=64)
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    with pytest.raises(ConfigError, match="no clean frames of 400 × 400 px or more"):
        find_clean_frames(str(tmp_path), smallest=400)


def test_cards_of_the_primary_header_count_where_the_image_has_none(tmp_path, pixels):
    primary = fits.PrimaryHDU(header=fits.Header({"GAIN": 3.0, "RDNOISE": 4.0}))
    image = fits.ImageHDU(pixels, fits.Header({"GAIN": 2.0}))
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits")
    plane = find_clean_frames(str(tmp_path), smallest=64)[0].read()
    clean = clean_frame(plane.pixels, plane.nodata, plane.facts)
    assert (clean.gain, clean.read_noise, clean.saturation) == (2.0, 4.0, None)


def test_the_sky_is_measured_and_gaps_are_filled_with_it(pixels):
    nodata = np.zeros(SHAPE, np.bool_)
    nodata[:20] = True
    pixels[:20] = 1e6
    clean = clean_frame(pixels, nodata, {})
    assert np.median(clean.level) == pytest.approx(700, abs=2)
    assert np.median(clean.sigma) == pytest.approx(9, rel=0.1)
    assert clean.pixels.max() < 1000


@pytest.mark.parametrize("value", ["unknown", 0.0, -1.0, float("nan"), None])
def test_cards_that_hold_no_positive_number_do_not_count(pixels, value):
    header = {"GAIN": value, "EGAIN": 1.3, "RDNOISE": value, "SATURATE": value, "MAXLIN": 3e4}
    clean = clean_frame(pixels, np.zeros(SHAPE, np.bool_), header)
    assert (clean.gain, clean.read_noise, clean.saturation) == (1.3, 5.0, 3e4)


def test_a_frame_without_noise_is_refused():
    with pytest.raises(FrameError, match=r"a\.fits: has no noise"):
        clean_frame(np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.bool_), {}, label="a.fits")


@pytest.fixture
def training_folder(tmp_path, pixels):
    """A frame to train on, one that benchmarks measure on, and a copy of that under another name."""
    fits.PrimaryHDU(pixels).writeto(tmp_path / "mine.fits")
    fits.PrimaryHDU(pixels + 1).writeto(tmp_path / "theirs.fits")
    (tmp_path / "copy.fits").write_bytes((tmp_path / "theirs.fits").read_bytes())
    return tmp_path


def names_of(sources):
    return [source.location.path.name for source in sources]


def test_frames_that_benchmarks_measure_on_are_left_out_by_name_and_by_content(training_folder, caplog):
    content = hashlib.sha256((training_folder / "theirs.fits").read_bytes()).hexdigest()
    sources = find_clean_frames(str(training_folder), smallest=64)
    with caplog.at_level(logging.WARNING):
        kept = without_benchmark_frames(sources, [BenchmarkFrame("theirs.fits", content, "default")])
    assert names_of(kept) == ["mine.fits"]
    assert "copy.fits: benchmarks measure networks on this frame; left out" in caplog.text
    assert "theirs.fits: benchmarks measure networks on this frame; left out" in caplog.text


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_packed_frame_is_known_by_its_name(tmp_path, pixels, ending):
    for name in (BENCHMARK_FRAMES[0].name, "mine.fits"):
        fits.PrimaryHDU(pixels).writeto(tmp_path / f"{name}{ending}")
    sources = find_clean_frames(str(tmp_path), smallest=64)
    assert names_of(without_benchmark_frames(sources)) == [f"mine.fits{ending}"]


def test_a_folder_of_nothing_but_these_is_refused(tmp_path, pixels):
    fits.PrimaryHDU(pixels).writeto(tmp_path / BENCHMARK_FRAMES[1].name)
    with pytest.raises(ConfigError, match="no frames but those that benchmarks measure networks on"):
        without_benchmark_frames(find_clean_frames(str(tmp_path), smallest=64))


def test_five_frames_are_kept_for_benchmarks():
    assert len({one.name for one in BENCHMARK_FRAMES}) == len({one.sha256 for one in BENCHMARK_FRAMES}) == 5
    assert {one.recipe for one in BENCHMARK_FRAMES} <= set(shipped_recipes())


@pytest.mark.parametrize("one", BENCHMARK_FRAMES, ids=lambda one: one.name)
def test_the_real_files_have_the_content_that_is_left_out(one):
    folder = Path(os.environ.get("SKYSIEVE_TEST_DATA", ""), "frames")
    if not (folder / one.name).exists():
        pytest.skip("needs real frames in SKYSIEVE_TEST_DATA")
    assert hashlib.sha256((folder / one.name).read_bytes()).hexdigest() == one.sha256
