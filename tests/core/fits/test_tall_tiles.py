"""Compressed images whose tiles are taller than strips: unpacked once, and the same pixels."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import SourceError
from skysieve.core.fits import fits_frames
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location
from skysieve.core.fits.provenance import data_sum

SHAPE = (300, 47)


@pytest.fixture(autouse=True)
def strips(monkeypatch):
    """Have frames of any size read in strips."""
    monkeypatch.setattr(fits_frames, "RESIDENT_PIXELS", 0)


def pixels(shape=SHAPE, dtype=np.int16):
    return np.random.default_rng(3).integers(0, 200, shape).astype(dtype)


def write(path, data, tile_shape, compression="GZIP_2"):
    hdu = fits.CompImageHDU(data, compression_type=compression, tile_shape=tile_shape, quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("tile_shape", [SHAPE, (100, 47), (130, 20), (1, 47), (70, 9)])
def test_strips_are_those_of_the_image_and_so_is_the_sum(tmp_path, tile_shape, dtype):
    data = pixels(dtype=dtype)
    with FrameFile(Location(write(tmp_path / "a.fits", data, tile_shape))) as file:
        [frame] = file.planes
        for start, stop in ((0, 64), (60, 130), (299, 300), (5, 5), (0, 300)):
            strip, nodata = frame.rows(start, stop)
            assert np.array_equal(strip, data[start:stop])
            assert not nodata.any()
        plain = fits.PrimaryHDU(data)
        plain.writeto(tmp_path / "plain.fits", checksum=True)
        assert data_sum(file.hdus[1]) == fits.getheader(tmp_path / "plain.fits")["DATASUM"]


@pytest.mark.parametrize("tile_shape", [(3, 40, 50), (2, 40, 50), (2, 15, 50), (1, 40, 50)])
def test_planes_of_a_cube_are_those_of_the_cube(tmp_path, tile_shape):
    data = pixels((3, 40, 50))
    with FrameFile(Location(write(tmp_path / "a.fits", data, tile_shape))) as file:
        for plane, frame in zip(data, file.planes, strict=True):
            assert np.array_equal(frame.rows(10, 30)[0], plane[10:30])


@pytest.mark.parametrize("cube", [False, True])
def test_a_tile_of_all_is_unpacked_once(tmp_path, cube):
    """What was unpacked for the first strip is there for the others, whatever becomes of the file."""
    data = pixels((2, *SHAPE) if cube else SHAPE)
    path = write(tmp_path / "a.fits", data, data.shape)
    with FrameFile(Location(path)) as file:
        planes = data if cube else [data]
        assert np.array_equal(file.planes[0].rows(0, 30)[0], planes[0][:30])
        os.truncate(path, 2880)
        for plane, frame in zip(planes, file.planes, strict=True):
            assert np.array_equal(frame.rows(200, 260)[0], plane[200:260])


def test_no_room_to_unpack_is_one_clear_line(tmp_path, monkeypatch):
    path = write(tmp_path / "a.fits", pixels(), SHAPE)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with FrameFile(Location(path)) as file:
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        with pytest.raises(
            SourceError, match=r"a.fits\[1\]: cannot be unpacked into .*No space left.* set TMPDIR"
        ):
            file.planes[0].rows(0, 30)
