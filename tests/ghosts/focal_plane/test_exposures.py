"""Exposures in every form, CCD by CCD; and what is no exposure of the camera."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.ghosts.tiny_camera import (
    CCD_SHAPE,
    calibrated,
    ccd_header,
    raw,
    sky,
    tiny_camera,
    write_calibrated,
    write_exposure,
)

from skysieve.core.errors import FrameError, SkysieveError, SourceError
from skysieve.core.fits.locations import Location, parse_location
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.exposures import Exposure


def opened(path, **options):
    return Exposure(parse_location(str(path)), tiny_camera(), **options)


def read_all(path, **options):
    with opened(path, **options) as exposure:
        return {image.number: image for image in exposure}


def refusal(path, **options):
    """Return the one line that refuses a file."""
    with pytest.raises(SkysieveError) as error:
        read_all(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def ccds():
    return sky()


@pytest.fixture
def path(tmp_path, ccds):
    return write_calibrated(tmp_path / "e.fits", ccds)


class TestCalibratedCcds:
    def test_are_read_as_they_are(self, path, ccds):
        images = read_all(path)
        assert list(images) == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal(images[4].pixels, ccds[4])
        assert images[4].pixels.dtype == np.float32
        assert images[4].parts == ((slice(0, 256), slice(0, 128)),)

    def test_have_no_data_where_they_are_dead(self, path, ccds):
        pixels = read_all(path)[5].pixels
        assert np.isnan(pixels[:, 64:]).all()
        np.testing.assert_array_equal(pixels[:, :64], ccds[5][:, :64])

    @pytest.mark.parametrize("value", [0.0, 65535.0])
    def test_have_no_data_in_large_areas_of_one_value(self, tmp_path, ccds, value):
        constant = ccds[4].copy()
        constant[:100] = value
        pixels = read_all(write_calibrated(tmp_path / "e.fits", {**ccds, 4: constant}))[4].pixels
        assert np.isnan(pixels[:100]).all()
        np.testing.assert_array_equal(pixels[100:], ccds[4][100:])

    def test_may_be_missing_and_in_any_order(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits", {4: ccds[4], 2: ccds[2]})
        with opened(path) as exposure:
            assert exposure.numbers == (2, 4)

    def test_may_be_compressed_by_tiles(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits.fz", ccds)
        np.testing.assert_allclose(read_all(path)[4].pixels, ccds[4], atol=0.5)

    def test_may_be_in_gzip(self, tmp_path, path, ccds):
        packed = tmp_path / "e.fits.gz"
        packed.write_bytes(gzip.compress(path.read_bytes(), 1))
        np.testing.assert_array_equal(read_all(packed)[4].pixels, ccds[4])

    def test_may_be_asked_for_alone(self, path):
        with opened(f"{path}[B2]") as exposure:
            assert exposure.numbers == (4,)

    def test_lack_nan_and_blank_pixels_only(self, tmp_path, ccds):
        pixels = ccds[4].copy()
        pixels[3, 7] = np.nan
        image = read_all(write_calibrated(tmp_path / "e.fits", {4: pixels}))[4].pixels
        assert np.argwhere(np.isnan(image)).tolist() == [[3, 7]]

    def test_without_a_border_lie_where_detsec_says(self, tmp_path, ccds):
        hdu = calibrated(4, ccds[4][6:250, 2:120])
        hdu.header["DETSEC"] = "[131:248,263:506]"
        image = read_all(write_exposure(tmp_path / "e.fits", [hdu]))[4]
        np.testing.assert_array_equal(image.pixels[6:250, 2:120], ccds[4][6:250, 2:120])
        assert np.isnan(image.pixels[:, :2]).all()
        assert np.count_nonzero(np.isfinite(image.pixels)) == 244 * 118

    def test_without_a_border_lie_in_the_middle_if_detsec_does_not_fit(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", [calibrated(4, ccds[4][1:-1, 1:-1])])
        image = read_all(path)[4].pixels
        np.testing.assert_array_equal(image[1:-1, 1:-1], ccds[4][1:-1, 1:-1])

    def test_stand_beside_weights_and_guide_ccds_that_are_left_alone(self, tmp_path, ccds):
        guide, weight = calibrated(4, np.ones(CCD_SHAPE, "f4")), calibrated(4, np.ones(CCD_SHAPE, "f4"))
        guide.header["CCDNUM"], guide.header["DETPOS"], guide.header["EXTNAME"] = 63, "FS1", "FS1"
        weight.header["EXTNAME"] = "B2_WGT"
        path = write_exposure(tmp_path / "e.fits", [calibrated(4, ccds[4]), guide, weight])
        np.testing.assert_array_equal(read_all(path)[4].pixels, ccds[4])


class TestRawCcds:
    def test_lose_overscan_and_bias_and_get_their_gain(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", {n: raw(n, pixels) for n, pixels in ccds.items()})
        image = read_all(path)[4]
        # of the right amplifier a count is two electrons
        np.testing.assert_allclose(image.pixels[:, :64], ccds[4][:, :64], atol=0.51)
        np.testing.assert_allclose(image.pixels[:, 64:], ccds[4][:, 64:], atol=1.01)

    def test_have_a_part_for_each_amplifier(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", {4: raw(4, ccds[4])})
        every = slice(0, 256)
        assert read_all(path)[4].parts == ((every, slice(0, 64)), (every, slice(64, 128)))

    def test_may_be_compressed_by_tiles(self, tmp_path, ccds):
        plain, packed = (
            write_exposure(tmp_path / name, {4: raw(4, ccds[4])}) for name in ("e.fits", "e.fits.fz")
        )
        np.testing.assert_array_equal(read_all(packed)[4].pixels, read_all(plain)[4].pixels)

    def test_keep_their_data_if_the_overscan_is_masked(self, tmp_path, ccds):
        mask = np.zeros((266, 152), np.uint8)
        mask[:, :12] = 1
        hdu = raw(4, ccds[4])
        masks = write_exposure(tmp_path / "m.fits", [fits.ImageHDU(mask, ccd_header(4))])
        image = read_all(write_exposure(tmp_path / "e.fits", [hdu]), mask=masks)[4].pixels
        # nothing is subtracted then
        np.testing.assert_allclose(image[:, :64], ccds[4][:, :64] + 200, atol=0.51)

    def test_without_sections_are_refused(self, tmp_path, ccds):
        hdu = raw(4, ccds[4])
        for key in ("DATASECA", "DATASECB"):
            del hdu.header[key]
        assert "is 152 x 266 pixels, a CCD of TinyCam has 128 x 256; larger frames need DATASEC" in refusal(
            write_exposure(tmp_path / "e.fits", [hdu])
        )


class TestNoExposure:
    def test_of_another_camera_is_refused(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits", ccds, INSTRUME="HSC")
        assert refusal(path) == (
            f"{path}: is from HSC by its INSTRUME, not from TinyCam; give another camera"
        )

    def test_without_ccds_is_refused(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", [fits.ImageHDU(ccds[4], name="SCI")])
        assert "no HDU is a CCD of TinyCam by its CCDNUM, DETPOS, EXTNAME or DETSEC" in refusal(path)

    def test_with_swapped_axes_is_refused(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits", {4: ccds[4].T})
        assert refusal(path) == (
            f"{path}[B2,1]: is 256 x 128 pixels, a CCD of TinyCam has 128 x 256: "
            "axes are swapped; transpose it"
        )

    def test_raw_with_swapped_axes_is_refused(self, tmp_path, ccds):
        hdu = raw(4, ccds[4])
        hdu.data = hdu.data.T[: 128 + 10]
        assert "axes are swapped" in refusal(write_exposure(tmp_path / "e.fits", [hdu]))

    @pytest.mark.parametrize("part", [np.s_[:200], np.s_[:, :100], np.s_[::2, ::2]])
    def test_of_cut_or_binned_ccds_is_refused(self, tmp_path, ccds, part):
        path = write_calibrated(tmp_path / "e.fits", {4: ccds[4][part]})
        assert "give whole CCDs, not cut or binned" in refusal(path)

    def test_of_a_cube_is_refused(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits", {4: np.stack([ccds[4], ccds[4]])})
        assert "CCD 4 is a cube of 3 axes; give one exposure" in refusal(path)

    def test_with_a_ccd_twice_is_refused(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", [calibrated(4, ccds[4]), calibrated(4, ccds[4])])
        assert "HDUs 1 and 2 are both CCD 4; give one exposure a file" in refusal(path)

    @pytest.mark.parametrize("name", ["e.fits", "e.fits.fz"])
    @pytest.mark.parametrize("share", [0.3, 0.95])
    def test_that_is_truncated_is_refused(self, tmp_path, ccds, name, share):
        whole = write_calibrated(tmp_path / name, ccds).read_bytes()
        path = tmp_path / f"cut_{name}"
        path.write_bytes(whole[: int(share * len(whole))])
        assert refusal(path).startswith(f"{path}: ")
        assert "truncated" in refusal(path)

    def test_that_is_no_fits_file_is_refused(self, tmp_path):
        path = tmp_path / "e.fits"
        path.write_text("<html>404</html>")
        assert "is not a FITS file" in refusal(path)

    def test_with_damaged_tiles_names_the_ccd(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits.fz", {4: ccds[4]})
        with fits.open(path, disable_image_compression=True) as hdus:
            info = hdus[1].fileinfo()
            heap = info["datLoc"] + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
        data = bytearray(path.read_bytes())
        data[heap : heap + 4000] = b"\xff" * 4000
        path.write_bytes(data)
        with pytest.raises(SourceError, match="B2"), opened(path) as exposure:
            exposure.read(4)

    def test_that_is_a_real_cut_out_is_refused(self, real_frames):
        path = real_frames / "decam_cp_170316_ooi_z_N2.fits"
        with pytest.raises(FrameError, match="is 245 x 251 pixels, a CCD of DECam has 2048 x 4096"):
            Exposure(Location(Path(path)), decam())

    def test_leaves_no_file_open(self, tmp_path, ccds):
        path = write_calibrated(tmp_path / "e.fits", {4: ccds[4].T})
        refusal(path)  # an open file would give a ResourceWarning, which is an error here
        path.unlink()


class TestMasksAsStored:
    def test_of_calibrated_ccds_are_as_they_are(self, path):
        mask = np.zeros(CCD_SHAPE, bool)
        mask[10, 20] = True
        with opened(path) as exposure:
            assert np.argwhere(exposure.as_stored(4, mask)).tolist() == [[10, 20]]

    def test_of_raw_ccds_leave_the_overscan_out(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", {4: raw(4, ccds[4])})
        with opened(path) as exposure:
            stored = exposure.as_stored(4, np.ones(CCD_SHAPE, bool))
        assert stored.shape == (266, 152)
        assert np.count_nonzero(stored) == 256 * 128
        assert stored[10:, 12:140].all()


class TestTheSky:
    def test_is_where_the_headers_say(self, path):
        with opened(path) as exposure:
            assert exposure.sky_map().sky(27.0, 13.0) == pytest.approx((30.0, -20.0))

    def test_is_the_same_for_raw_ccds_with_their_overscan(self, tmp_path, ccds):
        path = write_exposure(tmp_path / "e.fits", {n: raw(n, pixels) for n, pixels in ccds.items()})
        with opened(path) as exposure:
            assert exposure.sky_map().sky(27.0, 13.0) == pytest.approx((30.0, -20.0))

    def test_is_the_same_for_ccds_without_a_border(self, tmp_path, ccds):
        hdu = calibrated(4, ccds[4][6:250, 2:120])
        hdu.header["DETSEC"] = "[131:248,263:506]"
        hdu.header["CRPIX1"] -= 2
        hdu.header["CRPIX2"] -= 6
        with opened(write_exposure(tmp_path / "e.fits", [hdu])) as exposure:
            assert exposure.sky_map().sky(27.0, 13.0) == pytest.approx((30.0, -20.0))
