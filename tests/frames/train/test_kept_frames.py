"""Simulated frames that are kept: made once, the same when read, made anew where the file is damaged."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.core.training.tiny import SIMULATION

from skysieve.core.errors import OutputError
from skysieve.core.simulate.recipe_files import build
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.train.kept_frames import KeptFrames
from skysieve.frames.train.tracking_learning import LabelledFrames

OTHER = {**SIMULATION, "stars": {"density": [1e4, 2e4]}}


def frames(folder, seed=1, simulation=SIMULATION):
    return KeptFrames(LabelledFrames(build(Recipe, simulation, origin="small"), 96, seed, 16), folder)


def test_are_simulated_once_and_the_same_again(tmp_path, monkeypatch):
    made = frames(tmp_path).frame(3)
    monkeypatch.setattr(LabelledFrames, "frame", None)
    again = frames(tmp_path).frame(3)
    assert made is not None
    assert again is not None
    np.testing.assert_array_equal(again.pixels, made.pixels)
    np.testing.assert_array_equal(again.elongation, made.elongation)
    assert again.pixels.dtype == np.float32
    assert again.tracking_error == made.tracking_error


def test_are_not_those_of_another_seed_or_recipe(tmp_path):
    one, other, third = (
        source.frame(3) for source in (frames(tmp_path), frames(tmp_path, 2), frames(tmp_path, 1, OTHER))
    )
    assert one is not None
    assert all(found is not None and (found.pixels != one.pixels).any() for found in (other, third))


def test_are_made_anew_where_a_file_is_damaged(tmp_path):
    made = frames(tmp_path).frame(3)
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    again = frames(tmp_path).frame(3)
    assert made is not None
    assert again is not None
    np.testing.assert_array_equal(again.pixels, made.pixels)


def test_say_where_they_cannot_be_kept(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}/file/.*: a part of its path is a file"):
        frames(tmp_path / "file").frame(3)
