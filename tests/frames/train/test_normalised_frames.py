"""Training frames of contaminants that are kept: made once, and the same when read."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import OutputError
from skysieve.frames.train.normalised_frames import NormalisedFrames, first_frames

SIDE = 96


class Source:
    """Frames of noise with a star; frame 1 has no noise."""

    def frame(self, number):
        pixels = np.random.default_rng(number).normal(500, 5, (SIDE, SIDE)).astype(np.float32)
        pixels[20:24, 30:34] = 50_000
        bits = np.zeros((SIDE, SIDE), np.int16)
        bits[20:24, 30:34] = 512
        return (np.full_like(pixels, 7) if number == 1 else pixels), bits


def third(folder=None):
    frame = NormalisedFrames(Source(), folder).frame(3)
    assert frame is not None
    return frame


@pytest.fixture
def made(tmp_path):
    return third(tmp_path)


def test_are_made_once_and_the_same_again(made, tmp_path, monkeypatch):
    monkeypatch.setattr(Source, "frame", None)
    again = third(tmp_path)
    np.testing.assert_array_equal(again.pixels, made.pixels)
    np.testing.assert_array_equal(again.bits, made.bits)
    assert (again.pixels.dtype, again.bits.dtype) == (np.float32, np.int16)


def test_are_those_of_a_training_that_keeps_none(made):
    exact = third()
    np.testing.assert_allclose(made.pixels, exact.pixels, rtol=0.01, atol=0.01)
    np.testing.assert_array_equal(made.bits, exact.bits)


def test_are_not_those_of_another_description(made, tmp_path, monkeypatch):
    monkeypatch.setattr(Source, "frame", None)
    with pytest.raises(TypeError):  # it is asked for
        NormalisedFrames(Source(), tmp_path, description="other").frame(3)


def test_without_noise_are_left_out(tmp_path):
    frames = NormalisedFrames(Source(), tmp_path)
    assert frames.frame(1) is None
    corners = [frame.pixels[0, 0] for frame in first_frames(frames, 3)]
    assert corners[2] == third(tmp_path).pixels[0, 0]
    assert len(set(corners)) == 3


def test_say_where_they_cannot_be_kept(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}/file/.*: a part of its path is a file"):
        NormalisedFrames(Source(), tmp_path / "file").frame(0)
