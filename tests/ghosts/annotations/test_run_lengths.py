"""Run lengths as the usual tools of COCO read and write them: the texts below are those of pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from skysieve.ghosts.annotations.outlines import Circle
from skysieve.ghosts.annotations.run_lengths import (
    compress_counts,
    decode_run_lengths,
    encode_run_lengths,
    expand_counts,
)


def mask(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def far_apart():
    pixels = np.zeros((1000, 1000), bool)
    pixels[5, 700] = True
    pixels[100:, 900:902] = True
    return pixels


@pytest.mark.parametrize(
    ("pixels", "counts", "text"),
    [
        (mask("...", "..."), [6], "6"),
        (mask("###", "###"), [0, 6], "06"),
        (mask("#..", "..."), [0, 1, 5], "015"),
        (mask(".##", ".#."), [2, 3, 1], "231"),
        (mask("#.#", ".#."), [0, 1, 2, 2, 1], "0121O"),
        (far_apart(), [700005, 1, 200094, 900, 100, 900, 98000], r"Uc[e01n\S6Sl0VflI0\co2"),
    ],
)
def test_run_down_the_columns_first_outside(pixels, counts, text):
    assert encode_run_lengths(pixels) == counts
    assert (decode_run_lengths(counts, pixels.shape) == pixels).all()
    assert compress_counts(counts) == text
    assert expand_counts(text) == counts


def test_a_disc_is_the_text_of_the_usual_tools():
    disc = Circle(30, 20, 15).mask((40, 60))
    text = "_d0;k04M2M4M2O0O2N2O0O2O00000000000000000001N101N2N101N3L3N3L[b0"
    assert compress_counts(encode_run_lengths(disc)) == text


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_any_mask_comes_back(pixels):
    counts = expand_counts(compress_counts(encode_run_lengths(pixels)))
    assert (decode_run_lengths(counts, pixels.shape) == pixels).all()


@given(st.lists(st.integers(0, 10**8), max_size=12))
def test_any_lengths_come_back(counts):
    assert expand_counts(compress_counts(counts)) == counts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01 2", "' ' is in no compressed run lengths"),
        ("01×", "'×' is in no compressed run lengths"),
        ("01o", "compressed run lengths are cut off"),
        ("o" * 10**6, "longer than any picture"),
    ],
)
def test_other_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        expand_counts(text)


@pytest.mark.parametrize("counts", [[5], [3, 4], [-1, 7], [3, -3, 6], []])
def test_lengths_that_do_not_fill_the_picture_are_refused(counts):
    with pytest.raises(ValueError, match="do not make 2 × 3"):
        decode_run_lengths(counts, (2, 3))
