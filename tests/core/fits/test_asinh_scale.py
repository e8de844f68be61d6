"""Images of Pan-STARRS, which store not counts but something between counts and magnitudes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_origin import origin_in_file, origin_of
from skysieve.core.fits.frames import as_frame
from skysieve.core.fits.locations import Location

SOFTENING, OFFSET, STEP, BLANK = 40.0, 900.0, 3e-4, -32768
FLUXES = np.geomspace(1, 40000, 64 * 48).reshape(48, 64) + OFFSET - 100


def stored(fluxes=FLUXES):
    """Return an HDU as Pan-STARRS writes it: 16 bits, of which two pixels are BLANK."""
    magnitudes = 2.5 * np.log10(np.exp(1)) * np.arcsinh((fluxes - OFFSET) / (2 * SOFTENING))
    values = np.rint(magnitudes / STEP).astype(np.int16)
    values[3, 4:6] = BLANK
    header = fits.Header({"BSOFTEN": SOFTENING, "BOFFSET": OFFSET, "BUNIT": "DN", "BLANK": BLANK})
    hdu = fits.ImageHDU(values, header)
    hdu.header["BSCALE"] = STEP
    return hdu


@pytest.fixture
def path(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), stored()]).writeto(tmp_path / "ps1.fits")
    return tmp_path / "ps1.fits"


def check(pixels, nodata):
    assert nodata.sum() == 2
    assert nodata[3, 4:6].all()
    # A step is STEP of a magnitude for bright pixels, and of the softening for faint ones.
    assert np.allclose(pixels[~nodata], FLUXES[~nodata], rtol=STEP, atol=SOFTENING * STEP)


def test_of_a_file_is_made_linear_with_a_warning(path, caplog):
    with FrameFile(Location(path)) as file:
        check(*file.planes[0].rows(0, 48))
        assert file.frames[0].linearised == "900 + 2 * 40 * sinh(0.4 ln(10) x)"
    assert "ps1.fits[1]: is on an asinh scale (BSOFTEN); made linear: 900 + 2 * 40" in caplog.text


@pytest.mark.parametrize("options", [{}, {"do_not_scale_image_data": True}])
def test_of_an_hdu_is_made_linear(path, options):
    with fits.open(path, **options) as hdus:
        check(*as_frame(hdus[1]).rows(0, 48))


def test_is_no_longer_stated_by_the_header_of_linear_pixels(path):
    with fits.open(path, do_not_scale_image_data=True) as hdus:
        for origin in (origin_of(hdus[1]), origin_in_file(hdus[1].header, hdus)):
            assert origin.header is not None
            assert "BSOFTEN" not in origin.header
            assert "BOFFSET" not in origin.header
            assert "asinh scale made linear: 900 + 2 * 40" in str(origin.header["HISTORY"])
        assert "BSOFTEN" in hdus[1].header


def test_in_the_metadata_of_an_object_is_warned_of(caplog):
    ccd = CCDData(FLUXES, unit="adu", meta={"BSOFTEN": SOFTENING})
    pixels, _ = as_frame(ccd).rows(0, 48)
    assert np.allclose(pixels, FLUXES)
    assert "CCDData: its metadata state an asinh scale (BSOFTEN)" in caplog.text


@pytest.mark.parametrize(
    ("softening", "message"), [(0, "BSOFTEN is 0"), (-3, "BSOFTEN is -3"), ("x", "BSOFTEN")]
)
def test_that_cannot_be_is_refused(tmp_path, softening, message):
    hdu = stored()
    hdu.header["BSOFTEN"] = softening
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "bad.fits")
    with pytest.raises(FrameError, match=message):
        FrameFile(Location(tmp_path / "bad.fits"))


def test_pixels_beyond_float32_have_no_data(tmp_path):
    values = np.zeros((40, 40), np.float32)
    values[5, 5] = 1e4
    hdu = fits.ImageHDU(values, fits.Header({"BSOFTEN": SOFTENING, "BOFFSET": OFFSET}))
    pixels, nodata = as_frame(hdu).rows(0, 40)
    assert nodata.sum() == 1
    assert nodata[5, 5]
    assert pixels[0, 0] == OFFSET
