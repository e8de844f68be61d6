"""Marks that grow by squares, class by class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation
from tests.tiny_models import save_pixel_model

import skysieve
from skysieve.core.errors import ConfigError
from skysieve.frames.mask.growth import Growth, grow_bits, read_growth

CR, HP, TRL, SAT, BBG, NODATA = 1, 8, 64, 512, 4096, 8192


@given(
    seed=st.integers(0, 99),
    pixels=st.integers(0, 12),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_is_the_dilation_by_a_square(seed, pixels, shape):
    rng = np.random.default_rng(seed)
    bits = np.where(rng.random(shape) < 0.1, rng.integers(0, 2**13, shape), 0).astype(np.int16)
    before = bits.copy()
    grown = grow_bits(bits, {CR: pixels, TRL: pixels, SAT: 1} if pixels else {SAT: 1})
    side = np.ones((2 * pixels + 1,) * 2, bool)
    for code, square in ((CR, side), (TRL, side), (SAT, np.ones((3, 3), bool)), (HP, np.ones((1, 1), bool))):
        np.testing.assert_array_equal((grown & code) != 0, binary_dilation((bits & code) != 0, square))
    np.testing.assert_array_equal(bits, before)


def test_pixels_without_data_stay_so_and_nothing_else():
    bits = np.zeros((5, 7), np.int16)
    bits[2, 2], bits[2, 3] = CR, NODATA
    grown = grow_bits(bits, {CR: 1})
    assert np.argwhere(grown == NODATA).tolist() == [[2, 3]]
    assert (grown[1:4, 1:3] == CR).all()
    larger = grow_bits(bits, {NODATA: 1})
    assert np.argwhere(larger).tolist() == [[r, c] for r in (1, 2, 3) for c in (2, 3, 4)]
    assert set(larger[larger != 0].tolist()) == {NODATA}


@pytest.mark.parametrize(
    ("text", "of_bad", "of_class"),
    [("", 0, {}), ("2", 2, {}), ("CR=1,TRL=5", 0, {"CR": 1, "TRL": 5}), (" 1 , stl = 0,nodata=3", 1, None)],
)
def test_is_read_from_numbers_and_names(text, of_bad, of_class):
    growth = read_growth(text)
    assert growth == Growth(of_bad, {"TRL": 0, "NODATA": 3} if of_class is None else of_class)
    assert read_growth(str(growth)) == growth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "'x' is not a whole number of pixels from 0 to 1000; write 2, or CR=1,TRL=5"),
        ("-1", "'-1' is not a whole number"),
        ("1.5", "'1.5' is not a whole number"),
        ("CR=", "'' is not a whole number"),
        ("1001", "'1001' is not a whole number"),
        ("1,2", "two numbers for all classes"),
        ("XX=1", "unknown class 'XX'"),
        ("BG=1", "BG cannot grow"),
    ],
)
def test_that_makes_no_sense_is_one_line(text, message):
    with pytest.raises(ConfigError, match=message):
        read_growth(text)


class TestResult:
    @pytest.fixture
    def result(self, tmp_path):
        model = save_pixel_model(tmp_path / "m", {"CR": 20, "SAT": 60, "BBG": 20, "NEB": 20, "BG": -1e4})
        pixels = np.random.default_rng(0).normal(100, 2, (64, 80))
        pixels[20, 30], pixels[50, 60] = 300, 150
        return skysieve.mask(pixels, model=str(model), priors=None)

    def count(self, result, name):
        return int(result.boolean(name).sum())

    def test_grows_in_bad_classes_but_not_in_the_light_of_sources(self, result):
        grown = result.grown(2)
        assert [self.count(grown, name) for name in ("CR", "SAT", "BBG", "NEB")] == [50, 25, 2, 2]
        assert grown.bad().sum() == 50
        assert [self.count(result, name) for name in ("CR", "SAT", "BBG", "NEB")] == [2, 1, 2, 2]

    def test_grows_by_class(self, result):
        grown = result.grown("SAT=1, BBG=3")
        assert [self.count(grown, name) for name in ("CR", "SAT", "BBG")] == [2, 9, 98]

    def test_not_at_all_is_the_same_result(self, result):
        assert result.grown(0) is result

    def test_of_a_class_that_was_not_asked_for_is_an_error(self, tmp_path):
        model = save_pixel_model(tmp_path / "m", {"CR": 20})
        few = skysieve.mask(
            np.random.default_rng(0).normal(0, 1, (64, 64)), model=str(model), classes=("CR",)
        )
        with pytest.raises(ConfigError, match="class TRL was not asked for"):
            few.grown("TRL=1")
        assert few.grown("NODATA=1").bits.shape == (64, 64)
