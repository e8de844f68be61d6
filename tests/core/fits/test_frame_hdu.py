"""Frames into FITS: as few bits as hold them, and only cards that are true."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.fits.frame_hdu import frame_hdu


def stored(pixels):
    """Return bits a pixel, BZERO, and the values that readers get."""
    stream = io.BytesIO()
    frame_hdu(pixels, cards=()).writeto(stream)
    stream.seek(0)
    header = fits.getheader(stream)
    stream.seek(0)
    return header["BITPIX"], header.get("BZERO"), fits.getdata(stream)


@pytest.mark.parametrize(
    ("low", "high", "bitpix", "bzero"),
    [
        (0, 32767, 16, None),
        (-500, 100, 16, None),
        (0, 65535, 16, 32768),
        (0, 65536, -32, None),
        (0, 0.5, -32, None),
    ],
)
def test_whole_numbers_are_stored_in_16_bits_where_these_hold_them(low, high, bitpix, bzero):
    pixels = np.array([[low, high], [low, high]], np.float32)
    bits, zero, values = stored(pixels)
    assert (bits, zero) == (bitpix, bzero)
    np.testing.assert_array_equal(values, pixels)


def test_pixels_without_data_stay_so():
    pixels = np.array([[1, np.nan]], np.float32)
    bits, _, values = stored(pixels)
    assert bits == -32
    np.testing.assert_array_equal(values, pixels)


def test_coordinates_are_taken_over_and_names_of_extensions_are_not():
    header = fits.Header(
        {"CRVAL1": 3.5, "CTYPE1": "RA---TAN", "EXTNAME": "im4", "INHERIT": True, "BSCALE": 2.0}
    )
    hdu = frame_hdu(np.ones((2, 2), np.float32), cards=[("GAIN", 1.5, "[e-/adu]")], header=header)
    assert hdu.header["CRVAL1"] == 3.5
    assert hdu.header["GAIN"] == 1.5
    assert hdu.header.comments["GAIN"] == "[e-/adu]"
    assert not {"EXTNAME", "INHERIT", "BSCALE"} & set(hdu.header)
