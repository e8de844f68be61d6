"""What frames hold of each class: how often, how strong, how large."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.frames.evaluate.scene_content import SceneJob, measure_content, summarise
from skysieve.frames.mask.classes import NODATA, find_class
from skysieve.frames.simulate.truth_frames import TruthFrame

SIDE, NOISE, SKY = 128, 5.0, 300.0


def a_frame(*, seed=0, strength=10.0, rows=slice(40, 43), columns=slice(0, 100), drawn=("TRL",)):
    """Return a frame with one trail along a row, so many sigma above the sky."""
    pixels = np.random.default_rng(seed).normal(SKY, NOISE, (SIDE, SIDE)).astype(np.float32)
    bits = np.zeros(pixels.shape, np.int16)
    pixels[rows, columns] += strength * NOISE
    bits[rows, columns] = find_class("TRL").code
    return TruthFrame(f"{seed}", pixels, bits, drawn=frozenset(drawn))


def summary_of(frames, name="TRL", **options):
    summaries = summarise([measure_content(frame, tile=64) for frame in frames], **options)
    return next(one for one in summaries if one.name == name)


def test_contrast_and_size_are_those_of_what_was_put_in():
    trail = summary_of([a_frame(strength=12.0)])
    assert trail.pixels == 300
    assert trail.contrast[1] == pytest.approx(12, rel=0.1)
    assert trail.length[1] == pytest.approx(100, abs=2)
    assert trail.width[1] == pytest.approx(3, abs=0.1)


def test_frames_and_tiles_count_from_the_least_number_of_pixels_on():
    frames = [a_frame(), a_frame(columns=slice(0, 10)), a_frame(columns=slice(0, 0))]
    trail = summary_of(frames, min_pixels=100)
    assert trail.frames_any == pytest.approx(2 / 3)
    assert trail.frames_min == pytest.approx(1 / 3)
    assert trail.frames_ten_min == 0
    # 64 columns of three rows in the first tile, 36 in the second, of 3 x 4 tiles
    assert trail.tiles_min == pytest.approx(2 / 12)
    assert trail.share == pytest.approx(330 / (3 * SIDE**2))


def test_a_class_that_was_put_in_and_left_no_pixel_is_known_to_be_in_the_frame():
    trail = summary_of([a_frame(columns=slice(0, 0)), a_frame(drawn=())])
    assert (trail.drawn, trail.frames_any) == (0.5, 0.5)
    assert math.isnan(summary_of([TruthFrame("file", a_frame().pixels, a_frame().bits)]).drawn)


def test_pieces_count_by_their_length_and_not_by_their_pixels():
    thin, wide = a_frame(strength=50.0), a_frame(strength=5.0, rows=slice(20, 60), columns=slice(0, 50))
    assert summary_of([thin, wide]).contrast[1] == pytest.approx(50, rel=0.1)


def test_pixels_without_data_or_without_truth_do_not_count():
    frame = a_frame()
    frame.bits[:, :50] |= NODATA.code
    assert summary_of([frame]).pixels == 150
    ignored = np.zeros_like(frame.bits)
    ignored[:, 90:] = find_class("TRL").code
    assert summary_of([TruthFrame("x", frame.pixels, frame.bits, ignored)]).pixels == 120


def test_a_simulated_frame_depends_on_its_number_alone():
    job = SceneJob("default", side=96, tile=48, seed=3)
    first, again, other = job.run(4), job.run(4), job.run(5)
    assert first.name == "default 5"
    assert first.tiles == 4
    assert first.classes.keys() == again.classes.keys() != other.classes.keys()
    assert first.drawn == again.drawn


@pytest.mark.parametrize(
    ("side", "tile", "message"),
    [(32, 16, "frames of 32 px are too small"), (96, 128, "tiles of 128 px do not fit into frames of 96 px")],
)
def test_sizes_that_cannot_be_are_refused(side, tile, message):
    with pytest.raises(ConfigError, match=message):
        SceneJob("default", side=side, tile=tile, seed=0).check()
