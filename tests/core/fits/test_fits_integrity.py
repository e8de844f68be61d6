"""Files that are not FITS, not whole, or not what their sums say."""

from __future__ import annotations

import bz2
import gzip
import os
import resource
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.core.fits.odd_files import damaged_image, lzw, of_extension, unpadded

from skysieve.core.errors import SkysieveError, SourceError
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location
from skysieve.core.fits.provenance import data_sum

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


def refused(path, message, error=SourceError):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message) as caught:
            open_text(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello world\n" * 300, "is not a FITS file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4000), "is not a FITS file"),
        (b"SIMPLE  =                    T" + b" " * 50, "the header of HDU 0 is truncated or damaged"),
        (b"SIMPLE and good" * 1000, "the header of HDU 0 is truncated or damaged"),
        (b"\x1f\x8b\x08" + b"nonsense" * 10, "is damaged, and cannot be unpacked"),
        (b"BZh9" + b"nonsense" * 10, "is damaged, and cannot be unpacked"),
        (gzip.compress(b"text", mtime=0), "is not a FITS file"),
    ],
)
def test_files_that_are_not_fits_are_refused(tmp_path, content, message):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    refused(path, message)


def test_paths_that_are_no_files_are_refused(tmp_path):
    refused(tmp_path / "gone.fits", "no such file; check the name")
    refused(tmp_path, "is a directory; name a file in it")
    refused(Path(os.devnull), "is no regular file")
    (tmp_path / "loop.fits").symlink_to("loop.fits")
    refused(tmp_path / "loop.fits", "cannot be opened")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_file_without_permission_is_refused(tmp_path):
    path = write(tmp_path / "a.fits", ramp())
    path.chmod(0o000)
    refused(path, r"cannot be opened \(Permission denied\); check the permissions")


def test_a_file_that_the_system_refuses_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.fits", ramp())
    monkeypatch.setattr(Path, "open", refuse)
    refused(path, r"cannot be opened \(Permission denied\); check the permissions")


def test_truncated_files_are_refused_wherever_the_end_is(tmp_path):
    path = write(tmp_path / "a.fits", ("SCI", ramp()), fits.CompImageHDU(ramp("u2")), ("X", ramp("i2")))
    content = path.read_bytes()
    with fits.open(path, disable_image_compression=True) as hdus:
        places = [hdu.fileinfo() | {"size": hdu.size} for hdu in hdus]
    for place in places:
        start, data = place["hdrLoc"], place["datLoc"]
        # Between HDUs, or in the zeros after one, nothing tells that there were more.
        for size in {max(start, 100) + 3, data - 2800, data, data + 1, data + place["size"] - 1}:
            if start < size < data + place["size"]:
                path.write_bytes(content[:size])
                refused(
                    path, r"is truncated, \d+ bytes of HDU \d are missing|the header of HDU \d is truncated"
                )


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_damaged_packed_files_are_refused(tmp_path, pack):
    content = bytearray(pack(write(tmp_path / "a.fits", ramp()).read_bytes()))
    path = tmp_path / "b.fits.packed"
    path.write_bytes(content[:-20])
    refused(path, "is damaged, and cannot be unpacked")
    content[-6] ^= 1  # in the check sum of gzip, and in that of bzip2
    path.write_bytes(content)
    refused(path, "is damaged, and cannot be unpacked")


def test_a_full_disk_is_not_taken_for_damage(tmp_path):
    """A limit on the size of files stands for the disk."""
    path = write(tmp_path / "a.fits.gz", ramp(shape=(400, 500)))
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        refused(path, "cannot be unpacked into .*set TMPDIR")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


class TestPackedFilesThatClaimTooMuch:
    """A few bytes can unpack to more than any disk holds."""

    def claim(self, path, side):
        header = fits.ImageHDU(ramp()).header
        header["NAXIS1"] = header["NAXIS2"] = side
        content = fits.PrimaryHDU().header.tostring() + header.tostring()
        path.write_bytes(gzip.compress(content.encode() + bytes(10**6)))
        return path

    def test_are_refused_by_their_size(self, tmp_path):
        refused(self.claim(tmp_path / "a.fits.gz", 10**5), "it would take 40 GB, and it has .* MB: more than")

    def test_are_refused_where_there_is_no_room(self, tmp_path, monkeypatch):
        room = shutil.disk_usage("/")._replace(free=10**6)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
        refused(self.claim(tmp_path / "a.fits.gz", 1000), "has room for 0.001 GB; set TMPDIR")

    def test_are_truncated_if_they_hold_less(self, tmp_path):
        refused(self.claim(tmp_path / "a.fits.gz", 1000), "is truncated, 3000000 bytes of HDU 1 are missing")

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzw])
    def test_are_unpacked_no_further_than_their_last_hdu(self, tmp_path, pack):
        content = write(tmp_path / "a.fits", ramp()).read_bytes()
        (tmp_path / "b.fits").write_bytes(pack(content + bytes(2**23)))
        with open_text(tmp_path / "b.fits") as file:
            assert file.hdus.fileinfo(0)["file"].size < 5 * 10**6
            assert np.array_equal(whole(file.planes[0])[0], ramp())


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        (b"BITPIX  =", "'16 "),
        (b"NAXIS   =", "'2 "),
        (b"NAXIS   =", "10000000000"),
        (b"NAXIS1  =", "50.0"),
        (b"NAXIS2  =", "1" + "0" * 40),
        (b"NAXIS2  =", "-40"),
        (b"PCOUNT  =", "T"),
        (b"GCOUNT  =", "-1"),
    ],
)
def test_a_card_of_the_size_that_cannot_be_is_one_clear_line(tmp_path, keyword, value, packed):
    content = write(tmp_path / "a.fits", ("A", ramp("i2"))).read_bytes()
    start = content.index(keyword, 2880)
    content = content[:start] + keyword + f" {value}".ljust(71).encode() + content[start + 80 :]
    (tmp_path / "a.fits").write_bytes(gzip.compress(content) if packed else content)
    refused(tmp_path / "a.fits", "HDU 1")


def test_a_last_block_that_is_short_is_no_damage(tmp_path):
    path = unpadded(write(tmp_path / "a.fits", ("A", ramp()), ("B", ramp("i2"))))
    with open_text(path) as file:
        assert np.array_equal(whole(file.planes[1])[0], ramp())
        assert data_sum(file.hdus[2]) == str(fits.ImageHDU(ramp("i2")).add_datasum())


def test_a_header_without_end_is_refused(tmp_path):
    content = write(tmp_path / "a.fits", ramp()).read_bytes()[:2880].replace(b"END", b"   ")
    (tmp_path / "a.fits").write_bytes(content + b" " * 2**24)
    refused(tmp_path / "a.fits", "the header of HDU 0 has no END card in its first")


def test_more_hdus_than_any_file_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("skysieve.core.fits.fits_integrity.MAX_HDUS", 3)
    monkeypatch.setattr("skysieve.core.fits.unpacking.MAX_HDUS", 3)
    path = write(tmp_path / "a.fits", *[(f"N{number}", ramp()) for number in range(3)])
    refused(path, "has more than 3 HDUs")
    path.write_bytes(gzip.compress(path.read_bytes()))
    refused(path, "has more than 3 HDUs")


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        (b"ZNAXIS1 =", "'abc'"),
        (b"ZNAXIS2 =", "T"),
        (b"ZNAXIS2 =", "1.5"),
        (b"ZNAXIS2 =", "-40"),
        (b"ZNAXIS2 =", "1" + "0" * 30),
        (b"ZNAXIS2 =", "4000000"),
        (b"ZNAXIS  =", "'two'"),
        (b"ZNAXIS  =", "999"),
        (b"ZTILE1  =", "'abc'"),
        (b"ZTILE1  =", "0"),
        (b"ZTILE2  =", "-1"),
        (b"ZTILE2  =", "1E300"),
        (b"ZBITPIX =", "17"),
        (b"ZBITPIX =", "'abc'"),
        (b"ZCMPTYPE=", "'NONE'"),
        (b"ZCMPTYPE=", "3"),
        (b"TFORM1  =", "'1QB(1e9)'"),
        (b"TTYPE1  =", "'DATA'"),
    ],
)
def test_a_compressed_image_with_an_impossible_card_is_one_clear_line(tmp_path, keyword, value):
    path = tmp_path / "a.fits"
    primary = fits.PrimaryHDU().header.tostring().encode()
    path.write_bytes(primary + damaged_image(keyword, value))
    with pytest.raises(SkysieveError) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def read_all(path):
    with open_text(path) as file:
        return [whole(frame) for frame in file.planes]


@pytest.mark.parametrize("value", ["'abc'", "T", "1.5", "1" + "0" * 30, "4000000"])
def test_a_good_image_beside_one_with_impossible_axes_is_read(tmp_path, caplog, value):
    path = write(tmp_path / "a.fits", ("A", ramp()))
    path.write_bytes(path.read_bytes() + damaged_image(value=value))
    [(pixels, _)] = read_all(path)
    assert np.array_equal(pixels, ramp())
    assert "a.fits: HDU 2 is left out, as it is damaged: its " in caplog.text


def test_an_image_of_one_tile_that_is_far_too_large_for_its_bytes_is_refused(tmp_path):
    """All claims agree with one another; only a gigabyte of pixels cannot be in some hundred bytes."""
    hdu = fits.CompImageHDU(np.zeros((64, 64), np.int16), tile_shape=(64, 64))
    content = of_extension(hdu)
    for keyword in (b"ZNAXIS1 =", b"ZNAXIS2 =", b"ZTILE1  =", b"ZTILE2  ="):
        start = content.index(keyword)
        content = content[:start] + (b"%s %20d" % (keyword, 2**20)).ljust(80) + content[start + 80 :]
    (tmp_path / "a.fits").write_bytes(fits.PrimaryHDU().header.tostring().encode() + content)
    refused(tmp_path / "a.fits", "its 1048576 x 1048576 pixels cannot be in", error=SkysieveError)


def summed(path, kind=fits.ImageHDU):
    fits.HDUList([fits.PrimaryHDU(), kind(ramp("i2"))]).writeto(path, checksum=True, overwrite=True)
    with fits.open(path, disable_image_compression=True) as hdus:
        place = hdus[1].fileinfo()
    return bytearray(path.read_bytes()), place["hdrLoc"], place["datLoc"]


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_sums_that_hold_are_accepted_and_changed_data_refused(tmp_path, kind):
    path = tmp_path / "a.fits"
    content, _, data = summed(path, kind)
    with open_text(path) as file:
        np.testing.assert_array_equal(whole(file.planes[0])[0], ramp())
    content[data + 100] ^= 1
    path.write_bytes(content)
    refused(path, "HDU 1 fails its DATASUM: the file is corrupt; fetch the file again")
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(content))
    refused(packed, "HDU 1 fails its DATASUM")


def test_a_header_edited_after_its_checksum_is_no_damage(tmp_path):
    path = tmp_path / "a.fits"
    content, header, _ = summed(path)
    at = content.index(b"END".ljust(80), header)
    content[at : at + 160] = b"OBJECT  = 'M 31'".ljust(80) + b"END".ljust(80)
    path.write_bytes(content)
    with open_text(path) as file:
        np.testing.assert_array_equal(whole(file.planes[0])[0], ramp())


def test_sums_older_than_header_and_data_are_ignored_with_a_warning_in_the_log(tmp_path, caplog):
    path = tmp_path / "a.fits"
    content, header, data = summed(path)
    at = content.index(b"END".ljust(80), header)
    content[at : at + 160] = b"OBJECT  = 'M 31'".ljust(80) + b"END".ljust(80)
    content[data + 1] = 50
    path.write_bytes(content)
    with open_text(path) as file:
        assert whole(file.planes[0])[0][0, 0] == 50
    assert "HDU 1: header and data are newer than CHECKSUM and DATASUM" in caplog.text


@pytest.mark.parametrize(
    ("card", "message"), [(b"CHECKSUM=", "fails its DATASUM"), (b"DATASUM =", "fails its CHECKSUM")]
)
def test_one_sum_alone_is_believed(tmp_path, card, message):
    path = tmp_path / "a.fits"
    content, header, data = summed(path)
    at = content.index(card, header)
    content[at : at + 80] = b" " * 80
    content[data + 1] ^= 1
    path.write_bytes(content)
    refused(path, message)


def test_a_damaged_compressed_tile_is_an_error_when_read(tmp_path):
    path = write(tmp_path / "a.fits.fz", fits.CompImageHDU(ramp("u2"), compression_type="GZIP_1"))
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
    content = bytearray(path.read_bytes())
    content[start : start + 400] = b"\xff" * 400
    path.write_bytes(content)
    with open_text(path) as file, pytest.raises(SourceError, match=r"\[1\]: rows 0 to 40 cannot be read"):
        whole(file.planes[0])


def test_no_file_stays_open_after_an_error(tmp_path):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files cannot be counted here")
    good = write(tmp_path / "a.fits", ramp())
    (tmp_path / "b.fits").write_bytes(good.read_bytes()[:5000])
    (tmp_path / "c.fits.gz").write_bytes(gzip.compress(good.read_bytes())[:-9])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for text in (f"{good}[5]", tmp_path / "b.fits", tmp_path / "c.fits.gz"):
        with pytest.raises(SourceError):
            open_text(text)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_real_compressed_frame_with_good_sums_that_astropy_doubts_opens(tmp_path):
    folder = os.environ.get("SKYSIEVE_TEST_FRAMES")
    if not folder:
        pytest.skip("SKYSIEVE_TEST_FRAMES is not set: no real frames")
    path = tmp_path / "frame.fits.fz"
    shutil.copyfile(Path(folder) / "panoptes_rggb_solved.fits.fz", path)
    with open_text(path) as file:
        assert file.planes[0].shape == (700, 700)
    content = bytearray(path.read_bytes())
    content[-5000] ^= 1
    path.write_bytes(content)
    refused(path, "HDU 1 fails its DATASUM")


def test_a_file_is_intact_or_not_without_an_error(tmp_path):
    path = write(tmp_path / "a.fits", ramp())
    assert is_intact(path)
    path.write_bytes(path.read_bytes()[:4000])
    assert not is_intact(path)
    assert not is_intact(tmp_path / "missing.fits")
