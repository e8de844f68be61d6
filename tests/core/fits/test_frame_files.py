"""Frames in files: values as stored, strips, packed files, real frames."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.core.errors import FrameError, SkysieveError, SourceError
from skysieve.core.fits import fits_frames
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location, parse_location
from skysieve.core.fits.provenance import data_sum

INTEGERS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"]
FLOATS = ["f4", "f8"]
HDUS = (fits.ImageHDU, fits.CompImageHDU, fits.BinTableHDU)


def whole(frame):
    return frame.rows(0, frame.shape[0])


def open_text(text, **options):
    return FrameFile(parse_location(str(text)), **options)


def write(path, *images, **cards):
    """Write images, each an array or (name, array) or HDU, as extensions; a single array as primary."""
    if len(images) == 1 and isinstance(images[0], np.ndarray):
        fits.PrimaryHDU(images[0]).writeto(path, overwrite=True)
        return path
    hdus = [fits.PrimaryHDU()]
    for image in images:
        name, data = image if isinstance(image, tuple) else (None, image)
        hdus.append(data if isinstance(data, HDUS) else fits.ImageHDU(data, name=name))
    for index, hdu in enumerate(hdus[1:]):
        hdu.header.update({key: values[index] for key, values in cards.items()})
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


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


def written_well(dtypes):
    """Return the types that astropy can read back from its own compressed files; 7.0 fails for two."""
    well = []
    for dtype in dtypes:
        stream = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(ramp(dtype), compression_type="GZIP_2")]).writeto(
            stream
        )
        stream.seek(0)
        if np.array_equal(fits.getdata(stream, 1), ramp(dtype)):
            well.append(dtype)
    return well


def images(dtypes, least=1):
    shapes = st.tuples(st.integers(least, least + 6), st.integers(least, least + 6))
    return st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=images([*INTEGERS, *FLOATS]))
def test_files_of_every_type(tmp_path, values):
    with open_text(write(tmp_path / "a.fits", values), minimum_size=1) as file:
        assert_frame_is(file.planes[0], values)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=images(written_well(["u1", "i1", "u2", "i2", "i4", "u4"]), least=4),
    compression=st.sampled_from(["RICE_1", "GZIP_1", "GZIP_2"]),
)
def test_compressed_files_of_integers(tmp_path, values, compression):
    path = write(tmp_path / "a.fits.fz", fits.CompImageHDU(values, compression_type=compression))
    with open_text(path, minimum_size=1) as file:
        assert_frame_is(file.planes[0], values)


def test_compressed_files_of_wide_integers_and_floats(tmp_path):
    values = ramp("f8")
    values[3, :5] = np.nan
    wide = [ramp(dtype) for dtype in written_well(["i8", "u8"])]
    for data in (*wide, values, values.astype("f4")):
        hdu = fits.CompImageHDU(data, compression_type="GZIP_2", quantize_level=0)
        with open_text(write(tmp_path / "a.fits.fz", hdu)) as file:
            assert_frame_is(file.planes[0], data)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # astropy's writer
@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_2", "HCOMPRESS_1"])
def test_quantised_floats_keep_their_missing_pixels(tmp_path, compression):
    values = np.random.default_rng(1).normal(1000, 10, (40, 50)).astype("f4")
    values[3, :] = values[5, 7] = np.nan
    hdu = fits.CompImageHDU(values, compression_type=compression, quantize_level=16)
    with open_text(write(tmp_path / "a.fits.fz", hdu)) as file:
        pixels, nodata = whole(file.planes[0])
    np.testing.assert_array_equal(nodata, np.isnan(values))
    np.testing.assert_allclose(pixels[~nodata], values[~nodata], atol=5)


def test_small_counts_survive_the_convention_for_unsigned_integers(tmp_path):
    for dtype in ("u4", "u8"):
        with open_text(write(tmp_path / "a.fits", ramp(dtype))) as file:
            assert whole(file.planes[0])[0].max() == 99


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4"])
def test_blank_pixels_are_missing(tmp_path, dtype, compressed):
    if compressed and not written_well([dtype]):
        pytest.skip(f"this astropy writes wrong compressed images of {dtype}")
    values = ramp(dtype)
    hdu = fits.CompImageHDU(values) if compressed else fits.ImageHDU(values)
    hdu.header["BLANK"] = 7 - stored_zero(dtype)
    with open_text(write(tmp_path / "a.fits", hdu)) as file:
        assert_frame_is(file.planes[0], values, values == 7)


def test_zblank_of_a_compressed_file_is_blank(tmp_path):
    hdu = fits.CompImageHDU(ramp("i2"))
    hdu.header["BLANK"] = 7
    path = write(tmp_path / "a.fits", hdu)
    content = path.read_bytes()
    assert content.count(b"BLANK   =                    7") == 1
    path.write_bytes(content.replace(b"BLANK   =                    7", b"ZBLANK  =                    7"))
    try:
        fits.getdata(path, 1)
    except ValueError:
        pytest.skip("this astropy cannot read integers with ZBLANK (astropy/astropy#16550)")
    with open_text(path) as file:
        assert_frame_is(file.planes[0], ramp("i2"), ramp() == 7)


def scaled(path, dtype="i2", **cards):
    """Write stored values with cards that scale them."""
    hdu = fits.PrimaryHDU(ramp(dtype))
    hdu.writeto(path, overwrite=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's, about cards that are wrong on purpose
        with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
            hdus[0].header.update(cards)
    return path


def test_values_are_scaled_and_blank_is_a_stored_value(tmp_path):
    path = scaled(tmp_path / "a.fits", BSCALE=0.5, BZERO=100.0, BLANK=7)
    with open_text(path) as file:
        assert_frame_is(file.planes[0], 100 + 0.5 * ramp("f8"), ramp() == 7)
        assert file.frames[0].header["BSCALE"] == 0.5, "what is stored stays described"


def test_scaling_in_the_tens_of_millions_keeps_small_steps(tmp_path):
    path = scaled(tmp_path / "a.fits", "i4", BSCALE=1.0, BZERO=-2.0e9, BLANK=-1)
    with open_text(path) as file:
        assert whole(file.planes[0])[0][0, 0] == np.float32(-2e9)


@pytest.mark.parametrize("cards", [{"BLANK": "no"}, {"BLANK": 1e9}, {"BLANK": 7.5}, {"BLANK": float(10**6)}])
def test_blank_values_that_no_pixel_can_have_mean_nothing(tmp_path, cards):
    with open_text(scaled(tmp_path / "a.fits", **cards)) as file:
        assert_frame_is(file.planes[0], ramp())


@pytest.mark.parametrize(
    ("cards", "message"), [({"BSCALE": 0.0}, "BSCALE is 0"), ({"BZERO": "high"}, "BZERO is not a number")]
)
def test_scaling_that_makes_no_sense_is_refused(tmp_path, cards, message):
    with pytest.raises(SkysieveError, match=rf"a\.fits.*{message}"):
        open_text(scaled(tmp_path / "a.fits", **cards))


def test_blank_means_nothing_for_floats(tmp_path):
    with open_text(scaled(tmp_path / "a.fits", "f4", BLANK=7)) as file:
        assert_frame_is(file.planes[0], ramp())


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_large_frames_are_read_in_strips(tmp_path, monkeypatch, dtype, compressed):
    values = ramp(dtype, (3, 40, 50)) + np.arange(3, dtype=dtype)[:, None, None]
    hdu = fits.CompImageHDU(values, quantize_level=0, compression_type="GZIP_2") if compressed else values
    mask = (values % 7 == 0).astype("u1")
    path = write(tmp_path / "a.fits", ("SCI", hdu), ("DQ", mask))
    with open_text(f"{path}[1]", mask_hdu=2) as kept:
        monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 100)
        with open_text(f"{path}[1]", mask_hdu=2) as striped:
            for one, other, data, bad in zip(kept.planes, striped.planes, values, mask, strict=True):
                monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 2**25)
                assert_frame_is(one, data, bad != 0)
                monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 100)
                strips = [other.rows(start, min(start + 7, 40)) for start in range(0, 40, 7)]
                for index in (0, 1):
                    joined = np.concatenate([strip[index] for strip in strips])
                    np.testing.assert_array_equal(joined, whole(one)[index])
                assert other.rows(5, 5)[0].shape == (0, 50)


def test_small_frames_are_read_once_while_in_use(tmp_path, monkeypatch):
    reads = []
    read = fits_frames.FitsFrame.read

    def count(frame, start, stop):
        reads.append((frame.label, start, stop))
        return read(frame, start, stop)

    monkeypatch.setattr(fits_frames.FitsFrame, "read", count)
    path = write(tmp_path / "a.fits", ramp(shape=(2, 40, 50)))
    with open_text(path) as file:
        for frame in file.planes:
            for start in range(0, 40, 10):
                frame.rows(start, start + 10)
    assert [(label[-7:], *rows) for label, *rows in reads] == [("plane 1", 0, 40), ("plane 2", 0, 40)]


def test_frames_may_be_read_from_many_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 2000)  # the compressed one goes by strips
    values = ramp("u2", (60, 50))
    path = write(tmp_path / "a.fits", ramp("u2"), fits.CompImageHDU(values))
    with open_text(path) as file, ThreadPoolExecutor(4) as pool:
        strips = [(frame, row) for row in range(40) for frame in file.planes]
        rows = pool.map(lambda strip: strip[0].rows(strip[1], strip[1] + 1)[0], strips)
        for (frame, row), got in zip(strips, rows, strict=True):
            wanted = values if frame.shape == (60, 50) else ramp("u2")
            np.testing.assert_array_equal(got[0], wanted[row].astype(np.float32))


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("FITS", gzip.compress)]
)
def test_packed_files_are_read_whatever_their_name(tmp_path, ending, pack):
    plain = write(
        tmp_path / "a.fits", ("SCI", ramp("u2")), ("ERR", ramp()), ("SCI", ramp("i4")), EXTVER=[1, 1, 2]
    )
    packed = tmp_path / f"b.{ending}"
    packed.write_bytes(pack(plain.read_bytes()))
    with open_text(packed) as file:
        assert [frame.label for frame in file.planes] == [f"{packed}[SCI,1]", f"{packed}[SCI,2]"]
        for frame in file.planes:
            assert_frame_is(frame, ramp())


def test_a_closed_file_says_so(tmp_path):
    with open_text(write(tmp_path / "a.fits", ramp())) as file:
        whole(file.planes[0])
    with pytest.raises(ValueError, match="its file was closed"):
        whole(file.planes[0])


def test_special_records_and_missing_padding_at_the_end_do_no_harm(tmp_path):
    path = write(tmp_path / "a.fits", ramp(shape=(40, 51)))
    content = path.read_bytes()
    for changed in (content + b"junk " * 100, content + bytes(2880), content[: 2880 + 40 * 51 * 4]):
        path.write_bytes(changed)
        with open_text(path) as file:
            assert_frame_is(file.planes[0], ramp(shape=(40, 51)))


def test_odd_headers_warn_in_the_log_only(tmp_path, caplog):
    path = write(tmp_path / "a.fits", ramp())
    content = path.read_bytes()
    odd = b"GAIN    =1.4".ljust(80) + b"lower   = 1e5".ljust(80) + b"NOVALUE =".ljust(80) + b"END".ljust(80)
    path.write_bytes(content.replace(b"END".ljust(80) + b" " * 240, odd, 1))
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_text(path) as file:
            assert_frame_is(file.planes[0], ramp())


def test_every_real_frame_opens_and_has_the_pixels_that_astropy_reads():
    folder = os.environ.get("SKYSIEVE_TEST_FRAMES")
    if not folder:
        pytest.skip("SKYSIEVE_TEST_FRAMES is not set: no real frames")
    paths = sorted(path for path in Path(folder).iterdir() if path.is_file())
    products = [path for path in paths if path.name.startswith("maximask_") or "_ood_" in path.name]
    assert set(paths) > set(products)
    for path in products:
        with pytest.raises(FrameError, match=r"product of MaxiMask|mask by its pixels"):
            FrameFile(Location(path))
    for path in sorted(set(paths) - set(products)):
        with FrameFile(Location(path)) as file, fits.open(path) as hdus:
            assert file.planes
            for hdu in file.frames:
                data = hdus[hdu.index].section[(*[0] * (len(hdu.shape) - 2), ...)]
                assert_frame_is(hdu.planes[0], data)


@pytest.mark.parametrize("kind", ["plain", "compressed", "packed"])
def test_a_file_that_is_cut_while_it_is_read_is_an_error(tmp_path, monkeypatch, kind):
    """A mapped file that becomes shorter ends the process; one that is read does not."""
    monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 0)
    pixels = np.random.default_rng(1).normal(0, 1000, (400, 300)).astype(np.int16)
    path = tmp_path / "frame.fits"
    hdu = (
        fits.CompImageHDU(pixels, compression_type="RICE_1")
        if kind == "compressed"
        else fits.ImageHDU(pixels)
    )
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    if kind == "packed":
        path.write_bytes(gzip.compress(path.read_bytes()))
    with FrameFile(Location(path)) as file:
        [frame] = file.planes
        frame.rows(0, 100)
        os.truncate(path, 4000)
        if kind == "packed":  # what is read is the unpacked copy
            frame.rows(300, 400)
            return
        with pytest.raises(SourceError, match="rows 300 to 400 cannot be read"):
            frame.rows(300, 400)
        with pytest.raises(SourceError):
            data_sum(file.hdus[1])
