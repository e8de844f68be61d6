"""Masks of CCDs: in the exposure, or in a file of their own."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from tests.ghosts.tiny_camera import (
    CCD_SHAPE,
    calibrated,
    ccd_header,
    sky,
    tiny_camera,
    write_calibrated,
    write_exposure,
)

from skysieve.core.errors import SkysieveError
from skysieve.core.fits.locations import Location
from skysieve.ghosts.focal_plane.exposures import Exposure


def read_all(path, **options):
    with Exposure(Location(path), tiny_camera(), **options) as exposure:
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


class TestMasks:
    def bad(self):
        mask = np.zeros(CCD_SHAPE, np.int16)
        mask[10, 20] = 4
        return mask

    def masked(self, image):
        return np.argwhere(np.isnan(image.pixels)).tolist()

    @pytest.mark.parametrize("name", ["B2_DQ", "b2_mask", "B2_BPM"])
    def test_in_the_exposure_are_known_by_their_names(self, tmp_path, ccds, name):
        hdus = [calibrated(4, ccds[4]), calibrated(3, ccds[3]), fits.ImageHDU(self.bad(), name=name)]
        images = read_all(write_exposure(tmp_path / "e.fits", hdus))
        assert self.masked(images[4]) == [[10, 20]]
        assert self.masked(images[3]) == []

    def test_in_the_exposure_may_go_by_version(self, tmp_path, ccds):
        hdus = []
        for version, number in enumerate((3, 4), 1):
            hdus += [calibrated(number, ccds[number]), fits.ImageHDU(self.bad() * (number == 4))]
            hdus[-2].header["EXTNAME"], hdus[-1].header["EXTNAME"] = "SCI", "DQ"
            hdus[-2].header["EXTVER"] = hdus[-1].header["EXTVER"] = version
        images = read_all(write_exposure(tmp_path / "e.fits", hdus))
        assert self.masked(images[4]) == [[10, 20]]
        assert self.masked(images[3]) == []

    @pytest.mark.parametrize("name", ["m.fits", "m.fits.fz"])
    def test_may_be_in_a_file_of_their_own_with_the_names_of_the_ccds(self, tmp_path, path, name):
        masks = write_exposure(tmp_path / name, [fits.ImageHDU(self.bad(), ccd_header(4))])
        assert self.masked(read_all(path, mask=masks)[4]) == [[10, 20]]

    def test_may_be_the_bit_planes_of_this_software(self, tmp_path, path):
        hdu = fits.ImageHDU(self.bad(), ccd_header(4))
        hdu.header["MSKN0000"] = "CR"
        masks = write_exposure(tmp_path / "e.masks.fits", [hdu])
        assert self.masked(read_all(path, mask=masks)[4]) == [[10, 20]]

    def test_count_by_the_planes_that_are_asked_for(self, tmp_path, path):
        hdu = fits.ImageHDU(self.bad(), ccd_header(4))
        hdu.data[30, 40] = 1
        hdu.header["MP_FAR"], hdu.header["MP_BAD"] = 0, 2
        masks = write_exposure(tmp_path / "m.fits", [hdu])
        assert self.masked(read_all(path, mask=masks)[4]) == [[10, 20], [30, 40]]
        for bits in ("BAD", "4", "any,"):
            expected = [[10, 20], [30, 40]] if bits == "any," else [[10, 20]]
            assert self.masked(read_all(path, mask=masks, mask_bits=bits)[4]) == expected
        assert "has no plane SAT" in refusal(path, mask=masks, mask_bits="SAT")

    def test_of_a_file_replace_those_of_the_exposure(self, tmp_path, ccds):
        path = write_exposure(
            tmp_path / "e.fits", [calibrated(4, ccds[4]), fits.ImageHDU(self.bad(), name="B2_DQ")]
        )
        masks = write_exposure(tmp_path / "m.fits", [fits.ImageHDU(self.bad() * 0, ccd_header(4))])
        assert self.masked(read_all(path, mask=masks)[4]) == []

    def test_of_another_shape_are_refused(self, tmp_path, path):
        masks = write_exposure(tmp_path / "m.fits", [fits.ImageHDU(self.bad()[:200], ccd_header(4))])
        assert refusal(path, mask=masks) == (
            f"{masks}[1]: the mask of CCD 4 has shape (200, 128), the CCD (256, 128); give its own mask"
        )

    def test_of_one_ccd_twice_are_refused(self, tmp_path, path):
        hdu = fits.ImageHDU(self.bad(), ccd_header(4))
        masks = write_exposure(tmp_path / "m.fits", [hdu, hdu.copy()])
        assert "HDUs 1 and 2 both mask CCD 4" in refusal(path, mask=masks)

    def test_of_no_ccd_are_refused(self, tmp_path, path):
        masks = write_exposure(tmp_path / "m.fits", [fits.ImageHDU(self.bad(), name="X", ver=7)])
        assert "no HDU is a mask of a CCD of the exposure" in refusal(path, mask=masks)

    def test_that_are_missing_are_named(self, tmp_path, path):
        assert "nowhere.fits: no such file" in refusal(path, mask=tmp_path / "nowhere.fits")
