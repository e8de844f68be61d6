from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.report.preview import PreviewPlane, render_preview

if TYPE_CHECKING:
    from numpy.typing import NDArray

CR = PreviewPlane("CR", 1, "#ff3030", "cosmic rays")
TRAIL = PreviewPlane("TRL", 64, "#00e5ff", "trails")
PLANES = (CR, TRAIL)


def frame(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int16]]:
    pixels = np.random.default_rng(5).normal(100, 3, (height, width)).astype(np.float32)
    return pixels, np.zeros((height, width), bool), np.zeros((height, width), np.int16)


def reddish(picture: Image.Image) -> np.ndarray:
    """Return where the picture has the colour of cosmic rays, the legend's swatch left out."""
    rgb = np.asarray(picture).astype(int)
    red = (rgb[..., 0] > 200) & (rgb[..., 1] < 90)
    red[:, :45] = False
    return red


@pytest.mark.parametrize(
    ("height", "width", "words"),
    [(16, 16, "enlarged"), (128, 128, "enlarged"), (600, 500, "one to one"), (3000, 1500, "reduced")],
)
def test_a_frame_of_any_size_makes_a_picture_of_good_size(height, width, words):
    picture = render_preview(*frame(height, width), PLANES, title="frame.fits[0]")
    assert picture.mode == "RGB"
    assert 700 <= max(picture.size) <= 1600
    assert min(picture.size) >= 500


@pytest.mark.parametrize(("height", "width"), [(300, 300), (2500, 900), (900, 2500), (40, 3000)])
@pytest.mark.parametrize("max_size", [700, 1000, 2000])
def test_the_picture_is_no_larger_than_asked(height, width, max_size):
    picture = render_preview(*frame(height, width), PLANES, title="frame.fits", max_size=max_size)
    assert max(picture.size) <= max_size


@pytest.mark.parametrize("shape", [(100, 100), (1500, 1400), (500, 2000)])
def test_a_single_masked_pixel_is_seen_in_the_second_panel_alone(shape):
    pixels, nodata, bits = frame(*shape)
    bits[shape[0] // 2, shape[1] // 2] = 1
    red = reddish(render_preview(pixels, nodata, bits, PLANES, title="frame"))
    rows, columns = np.nonzero(red)
    assert rows.size
    if shape[1] > 1.6 * shape[0]:
        assert rows.min() > red.shape[0] * 0.4, "one above the other"
    else:
        assert columns.min() > red.shape[1] / 2, "side by side"


def test_the_first_pixel_of_the_frame_is_at_the_lower_left():
    pixels, nodata, bits = frame(100, 100)
    bits[0, 0] = 1
    lower_left = reddish(render_preview(pixels, nodata, bits, PLANES, title="frame"))
    bits[0, 0], bits[99, 99] = 0, 1
    upper_right = reddish(render_preview(pixels, nodata, bits, PLANES, title="frame"))
    (row, column), (other_row, other_column) = (
        np.argwhere(red).mean(axis=0) for red in (lower_left, upper_right)
    )
    assert row > other_row
    assert column < other_column


def test_planes_that_the_mask_has_not_take_no_line_of_their_own():
    pixels, nodata, bits = frame(600, 600)
    planes = [PreviewPlane(f"P{n}", 1 << n, "#ffffff", "a long description " * 4) for n in range(12)]
    empty = render_preview(pixels, nodata, bits, planes, title="frame")
    bits[:12, 0] = 1 << np.arange(12)
    full = render_preview(pixels, nodata, bits, planes, title="frame")
    assert full.height > empty.height + 100


def test_a_mask_of_bytes_may_lack_the_higher_planes():
    pixels, nodata, bits = frame(200, 200)
    planes = (*PLANES, PreviewPlane("NODATA", 8192, "#ffffff", "no data"))
    bits[100, 100] = 1
    assert reddish(render_preview(pixels, nodata, bits.astype(np.uint8), planes, title="frame")).any()


def test_a_frame_without_data_or_planes_is_shown_all_the_same():
    pixels, nodata, bits = frame(200, 200)
    nodata[:] = True
    assert render_preview(pixels, nodata, bits, (), title="").size[0] > 700


def test_the_picture_is_written_as_png(tmp_path):
    path = tmp_path / "preview.png"
    picture = render_preview(*frame(64, 64), PLANES, path, title="κ Cas [0]")
    with Image.open(path) as written:
        assert written.format == "PNG"
        assert np.array_equal(np.asarray(written), np.asarray(picture))


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "missing" / "preview.png"
    with pytest.raises(OutputError, match=r"cannot write .*preview\.png: No such file"):
        render_preview(*frame(64, 64), PLANES, path, title="frame")


def test_a_wrong_colour_is_refused():
    with pytest.raises(ConfigError, match="'CR': 'rouge' is no colour"):
        PreviewPlane("CR", 1, "rouge", "cosmic rays")


def test_too_small_a_picture_is_refused():
    with pytest.raises(ConfigError, match="300 pixels is too small"):
        render_preview(*frame(64, 64), PLANES, title="frame", max_size=300)


def test_arrays_of_different_shapes_are_a_defect_of_the_program():
    pixels, nodata, bits = frame(64, 64)
    with pytest.raises(ValueError, match="no three images of one shape"):
        render_preview(pixels, nodata, bits[:, 1:], PLANES, title="frame")
