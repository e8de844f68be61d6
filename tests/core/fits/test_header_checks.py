"""What headers claim of compressed images, against decompressors that would believe it."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location


@pytest.mark.parametrize(
    ("number", "value"), [(1, 0), (1, 65535), (2, 65535), (2, 3), (2, "text"), (2, True)]
)
def test_parameters_of_rice_that_the_standard_does_not_know_are_damage(tmp_path, number, value):
    path = tmp_path / "frame.fits"
    pixels = np.random.default_rng(0).normal(0, 100, (64, 64)).astype(np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels)]).writeto(path)
    with fits.open(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header[f"ZVAL{number}"] = value
    with pytest.raises(FrameError, match="of RICE_1 is"):
        FrameFile(Location(path))


def test_a_version_that_is_no_number_is_that_of_no_table(tmp_path):
    from skysieve.core.fits.distortion_tables import find_tables

    hdu = fits.ImageHDU(np.zeros((8, 8)))
    hdu.header["EXTVER"] = "DEC--TAN"
    assert find_tables(fits.HDUList([fits.PrimaryHDU(), hdu]), hdu.header) == frozenset()
