"""Frames in memory: pixels, missing data, masks, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.utils.masked import Masked
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame, Frame, as_frame
from skysieve.core.fits.locations import Location

INTEGERS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"]
FLOATS = ["f4", "f8"]
FLOAT32_MAX = float(np.finfo(np.float32).max)


def whole(frame):
    return frame.rows(0, frame.shape[0])


def ramp(dtype="f4", shape=(40, 50)):
    return (np.arange(np.prod(shape)) % 100).reshape(shape).astype(dtype)


def expected(values):
    """Return, in the slow and obvious way, the pixels and missing data of an array."""
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = values.astype(np.float32)
    nodata = ~np.isfinite(pixels)
    return np.where(nodata, np.float32(0), pixels), nodata


def assert_frame_is(frame, values, missing=None):
    pixels, nodata = expected(values)
    if missing is not None:
        nodata = nodata | missing
        pixels = np.where(nodata, np.float32(0), pixels)
    got_pixels, got_nodata = whole(frame)
    assert got_pixels.dtype == np.float32
    assert got_pixels.dtype.isnative
    assert got_nodata.dtype == np.bool_
    np.testing.assert_array_equal(got_pixels, pixels)
    np.testing.assert_array_equal(got_nodata, nodata)


def stored_zero(dtype):
    """Return BZERO of the types that FITS stores with an offset."""
    return {"i1": -128, "u2": 32768}.get(dtype, 0)


def images(dtypes, least=1):
    shapes = st.tuples(st.integers(least, least + 6), st.integers(least, least + 6))
    return st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@given(images([*INTEGERS, ">i2", ">u4", "?", "f2", *FLOATS, ">f4", ">f8", "g"]))
def test_arrays_of_every_real_type_become_float32(values):
    frame = ArrayFrame(values)
    assert isinstance(frame, Frame)
    assert (frame.shape, frame.label) == (values.shape, "array")
    assert_frame_is(frame, values)


@given(images(["f4", "i2"]), st.data())
def test_strips_are_the_rows_of_the_whole(values, data):
    frame = ArrayFrame(values)
    start = data.draw(st.integers(0, values.shape[0]))
    stop = data.draw(st.integers(start, values.shape[0]))
    for strip, all_rows in zip(frame.rows(start, stop), whole(frame), strict=True):
        np.testing.assert_array_equal(strip, all_rows[start:stop])
        assert strip.shape == (stop - start, values.shape[1])


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 41), (3, 2)])
def test_rows_outside_the_frame_are_an_error_of_the_program(tmp_path, start, stop):
    fits.PrimaryHDU(ramp()).writeto(tmp_path / "a.fits")
    with FrameFile(Location(tmp_path / "a.fits")) as file:
        for frame in (ArrayFrame(ramp()), file.planes[0]):
            with pytest.raises(ValueError, match=rf"rows {start}:{stop} are not within 0:40"):
                frame.rows(start, stop)


def test_values_beyond_float32_are_missing():
    values = np.array([[1e300, -1e39, FLOAT32_MAX, 1.0]])
    assert_frame_is(ArrayFrame(values), values, np.array([[True, True, False, False]]))


def test_lists_and_quantities_are_arrays():
    assert_frame_is(as_frame([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]))
    assert_frame_is(as_frame(ramp() * units.adu), ramp())


@pytest.mark.parametrize("dtype", ["?", "u1", ">i4", "f4"])
def test_nonzero_pixels_of_a_mask_are_missing(dtype):
    values = ramp()
    bad = values % 7 == 0
    mask = (bad * 4).astype(dtype)
    assert_frame_is(as_frame(values, mask=mask), values, bad)


def test_a_mask_adds_to_the_mask_that_an_object_brings():
    values = ramp()
    own, other = values % 7 == 0, values % 5 == 0
    for data in (
        np.ma.masked_array(values, own),
        Masked(values, own),
        CCDData(values, mask=own, unit="adu"),
        NDData(values, mask=own),
    ):
        assert_frame_is(as_frame(data), values, own)
        assert_frame_is(as_frame(data, mask=other), values, own | other)
    assert_frame_is(as_frame(np.ma.masked_array(values)), values)
    assert_frame_is(as_frame(NDData(values)), values)


def test_the_input_is_not_changed_and_the_output_is_the_callers(tmp_path):
    values = ramp()
    values[0, 0] = np.nan
    frame = as_frame(values, mask=values == 3)
    fits.PrimaryHDU(ramp()).writeto(tmp_path / "a.fits")
    with FrameFile(Location(tmp_path / "a.fits")) as file:
        for one in (frame, file.planes[0]):
            pixels, nodata = whole(one)
            pixels += 1
            nodata[...] = True
            assert whole(one)[0].max() == 99
            assert not whole(one)[1].all()
    assert np.isnan(values[0, 0])


def test_a_frame_stays_what_it_is():
    frame = ArrayFrame(ramp(), label="mine")
    assert as_frame(frame) is frame
    with pytest.raises(FrameError, match="mine: a mask cannot be added"):
        as_frame(frame, mask=ramp())


@pytest.mark.parametrize(
    ("data", "mask", "message"),
    [
        (np.zeros(5), None, "array: a frame has 2 dimensions, not 1"),
        (np.zeros((3, 4, 5)), None, "2 dimensions, not 3; choose a plane"),
        (np.zeros((0, 4)), None, r"empty, of shape \(0, 4\)"),
        (np.zeros((3, 4), complex), None, "complex numbers; take the real part"),
        (np.zeros((3, 4), object), None, "of type object, not real numbers"),
        (np.zeros((3, 4), "U1"), None, "not real numbers"),
        (np.zeros((3, 4)), np.zeros((4, 3)), r"the mask has shape \(4, 3\), the frame \(3, 4\)"),
        (np.zeros((3, 4)), np.zeros((3, 4), object), "array, mask: the pixels are of type object"),
        (NDData(np.zeros((3, 4)), mask=np.zeros((4, 4), bool)), None, "NDData: its mask and its data differ"),
        ("a.fits", None, "'a.fits' is a name, not an image; open it with FrameFile"),
        (Path("a.fits"), None, "is a name, not an image"),
        (fits.HDUList(), None, "give one HDU of it"),
        (fits.PrimaryHDU(), None, "HDU PRIMARY: the HDU has no data"),
        (fits.ImageHDU(np.zeros((3, 4, 5))), None, "2 dimensions, not 3"),
    ],
)
def test_what_is_no_frame_is_refused(data, mask, message):
    with pytest.raises(FrameError, match=message):
        as_frame(data, mask=mask)


@pytest.mark.parametrize("kind", [fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU])
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_hdus_in_memory(kind, dtype):
    assert_frame_is(as_frame(kind(ramp(dtype))), ramp(dtype))


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4"])
def test_hdus_of_open_files_scaled_by_astropy_or_not(tmp_path, raw, dtype):
    values = ramp(dtype)
    hdu = fits.PrimaryHDU(values)
    hdu.header["BLANK"] = 7 - stored_zero(dtype)
    hdu.writeto(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", do_not_scale_image_data=raw) as hdus:
        if dtype == "i1" and not raw:  # astropy wants to write NaN into int8
            with pytest.raises(
                FrameError, match=r"HDU PRIMARY: astropy cannot read its data .*with FrameFile"
            ):
                as_frame(hdus[0])
        else:
            assert_frame_is(as_frame(hdus[0]), values, values == 7)
