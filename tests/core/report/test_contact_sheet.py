"""Contact sheets: many frames in one picture, and one legend for all."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skysieve.core.errors import ConfigError
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.core.report.preview import PreviewPlane

RED, GREEN = 0, 1
PLANES = (
    PreviewPlane("CR", 1, "#ff3030", "cosmic rays"),
    PreviewPlane("SP", 1024, "#39ff14", "diffraction spikes"),
)


def frame(shape=(100, 120), *, seed=0, bits=True, caption="a frame"):
    pixels = np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)
    mask = np.zeros(shape, np.int16)
    mask[10:30, 10:30] = 1
    return SheetFrame(pixels, mask if bits else None, caption)


def coloured(picture, colour):
    """Return the number of pixels that are plainly of a colour."""
    rgb = np.asarray(picture).astype(int)
    return int((rgb[..., colour] - np.delete(rgb, colour, axis=2).max(axis=2) > 40).sum())


def test_each_frame_is_drawn_beside_its_mask():
    one, four = (render_contact_sheet([frame() for _ in range(n)], PLANES, title="t") for n in (1, 4))
    assert one.mode == "RGB"
    # 20 x 20 pixels, enlarged twice in both directions, and the swatch of the legend
    assert coloured(one, RED) == pytest.approx(1600, rel=0.25)
    assert coloured(four, RED) == pytest.approx(4 * 1600, rel=0.25)
    assert coloured(one, GREEN) == 0


def test_frames_fill_rows_of_about_the_width_asked_for():
    narrow, wide = (
        render_contact_sheet([frame()] * 6, PLANES, title="t", size=240, width=width)
        for width in (1100, 3400)
    )
    assert narrow.width < 1150
    assert wide.width > 3 * 480
    assert narrow.height > 2 * wide.height - 200


def test_frames_without_a_mask_stand_alone_and_have_no_legend():
    masked, bare = (
        render_contact_sheet([frame(bits=bits)] * 2, PLANES, title="t", size=240) for bits in (True, False)
    )
    assert bare.width < masked.width
    assert bare.height < masked.height
    assert coloured(bare, RED) == 0


def test_large_frames_are_reduced_so_that_no_masked_pixel_is_lost():
    large = frame((2000, 1500))
    assert large.bits is not None
    large.bits[:] = 0
    large.bits[777, 333] = 1024
    picture = render_contact_sheet([large], PLANES, title="t", size=200)
    assert picture.height < 500
    assert coloured(picture, GREEN) > 0


def test_frames_of_different_sizes_stand_side_by_side():
    frames = [frame((300, 100)), frame((80, 320)), frame((64, 64))]
    picture = render_contact_sheet(frames, PLANES, title="t", size=300)
    assert coloured(picture, RED) > 1000


def test_missing_pixels_and_captions_are_no_problem():
    odd = frame(caption="night/κ Cas\nsecond line\n" + 60 * "long ")
    odd.pixels[:50] = np.nan
    taller = render_contact_sheet([odd], PLANES, title="κ " + 200 * "t")
    shorter = render_contact_sheet([frame()], PLANES, title="t")
    assert taller.width == shorter.width
    assert taller.height > shorter.height


def test_frames_are_asked_for_one_by_one():
    alive = 0

    def stream():
        nonlocal alive
        for seed in range(3):
            alive += 1
            yield frame(seed=seed)

    picture = render_contact_sheet(stream(), PLANES, title="t")
    assert alive == 3
    assert isinstance(picture, Image.Image)


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ConfigError, match="one frame at least"):
        render_contact_sheet([], PLANES, title="t")
    with pytest.raises(ConfigError, match="at least 64"):
        render_contact_sheet([frame()], PLANES, title="t", size=10)
    wrong = SheetFrame(np.zeros((4, 4), np.float32), np.zeros((4, 5), np.int16), "")
    with pytest.raises(ValueError, match="no frame and mask of one shape"):
        render_contact_sheet([wrong], PLANES, title="t")
