from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from skysieve.core.report.legend import Entry, draw_legend, legend_height, percent
from skysieve.core.report.text import font, shorten, text_width

ENTRIES = [Entry(f"C{n}", "#ff3030", f"class number {n}", 0.01 * n) for n in range(6)]


@given(st.floats(0, 1))
def test_a_percentage_is_close_to_the_part(part):
    text = percent(part)
    if text == "<0.0001 %":
        assert 0 < part <= 1e-6
    else:
        assert float(text.removesuffix(" %")) == pytest.approx(100 * part, rel=0.06, abs=5e-5)
        assert len(text) <= len("0.0001 %")


@given(st.integers(200, 2000))
def test_the_legend_stays_within_its_place(width):
    height = legend_height(ENTRIES, width)
    picture = Image.new("RGB", (width + 40, height + 40), "#000000")
    draw_legend(ImageDraw.Draw(picture), ENTRIES, (20, 20), width)
    inked = np.asarray(picture).max(axis=2) > 0
    assert inked.any()
    inked[20 : 20 + height + 1, 20 : 20 + width + 1] = False
    assert not inked.any()


def test_a_narrow_legend_is_higher():
    assert legend_height(ENTRIES, 300) > legend_height(ENTRIES, 1500)


def test_a_legend_of_nothing_has_no_height():
    assert legend_height([], 500) == 0


@given(st.text(max_size=60), st.integers(30, 400))
def test_a_shortened_text_fits(text, room):
    assert text_width(shorten(text, font(15), room), font(15)) <= room


def test_a_shortened_text_keeps_both_ends():
    short = shorten("/data/" + "folder/" * 40 + "frame.fits[SCI,2]", font(15), 300)
    assert short.startswith("/data/")
    assert short.endswith("frame.fits[SCI,2]")
