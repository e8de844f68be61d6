"""World coordinates with look-up tables, as of HST: masks keep the tables, or lose what refers to them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from tests.tiny_models import save_pixel_model

import skysieve
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.job import MaskJob
from skysieve.frames.mask.settings import MaskSettings

SHAPE = (64, 80)
SHIFTS = {("WCSDVARR", 1): 0.3, ("WCSDVARR", 2): -0.2, ("D2IMARR", 1): 0.5, ("D2IMARR", 2): 0.1}
"""What each table adds, in pixels."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_pixel_model(tmp_path_factory.mktemp("models") / "mask", {"CR": 20}))


def table(name, version):
    header = fits.Header({"CRPIX1": 0.0, "CRPIX2": 0.0, "CRVAL1": 0.0, "CRVAL2": 0.0})
    header.update({"CDELT1": 16.0, "CDELT2": 16.0})
    ramp = np.linspace(1, 1.5, 36, dtype=np.float32).reshape(6, 6)
    return fits.ImageHDU(SHIFTS[name, version] * ramp, header, name=name, ver=version)


def science(name="SCI", seed=0):
    header = fits.Header()
    for axis, (kind, value) in enumerate([("RA---TAN", 150.0), ("DEC--TAN", 2.0)], start=1):
        header[f"CTYPE{axis}"] = kind
        header[f"CRVAL{axis}"] = value
        header[f"CRPIX{axis}"] = 40.0
        header[f"CD{axis}_{axis}"] = 1e-5
        for dis, records in (("CPDIS", "DP"), ("D2IMDIS", "D2IM")):
            header[f"{dis}{axis}"] = "LOOKUP"
            header[f"{records}{axis}.EXTVER"] = float(axis)
            header[f"{records}{axis}.NAXES"] = 2.0
            header[f"{records}{axis}.AXIS.1"] = 1.0
            header[f"{records}{axis}.AXIS.2"] = 2.0
    pixels = np.random.default_rng(seed).normal(100, 2, SHAPE).astype(np.float32)
    return fits.ImageHDU(pixels, header, name=name)


@pytest.fixture
def frame(tmp_path):
    """A file as of HST: picture, errors, tables of distortion."""
    hdus = [fits.PrimaryHDU(), science(), fits.ImageHDU(np.ones(SHAPE, np.float32), name="ERR")]
    hdus += [table(name, version) for name, version in SHIFTS]
    fits.HDUList(hdus).writeto(tmp_path / "flt.fits")
    return tmp_path / "flt.fits"


def places(header, hdus=None):
    """Return right ascension and declination of some pixels."""
    x, y = np.meshgrid([3.0, 40.0, 70.0], [5.0, 30.0, 60.0])
    return np.array(WCS(header, hdus, naxis=2).all_pix2world(x, y, 0))


def places_in(path, number):
    with fits.open(path) as hdus:
        return places(hdus[number].header, hdus)


@pytest.mark.parametrize(
    ("hdu", "options", "number"),
    [
        (None, {}, 1),
        (None, {"compression": "none"}, 1),
        (None, {"form": "single"}, 1),
        (None, {"bits": "des"}, 1),
        (1, {}, 1),
        (1, {"compression": "none"}, 0),
        ("SCI", {"form": "single"}, 0),
    ],
)
def test_masks_keep_the_tables(frame, model, hdu, options, number):
    product = MaskJob(MaskSettings(model=model), **options).run(Location(frame, hdu)).product
    np.testing.assert_array_equal(places_in(product, number), places_in(frame, 1))
    with fits.open(product, checksum=True) as hdus:
        assert [(h.name, h.ver) for h in hdus if h.name in ("WCSDVARR", "D2IMARR")] == list(SHIFTS)


def test_the_tables_matter(frame):
    with fits.open(frame) as hdus:
        header = hdus[1].header.copy()
        with_tables = places(header.copy(), hdus)
        for card in list(header):
            if card.startswith(("CPDIS", "D2IM", "DP")):
                del header[card]
        assert np.abs(with_tables - places(header)).max() > 1e-6


@pytest.mark.parametrize("form", ["cube", "probabilities"])
def test_of_more_than_two_axes_masks_refer_to_no_table(frame, model, form):
    """Astropy reads no tables with them, and fails on cards that refer to any."""
    product = MaskJob(MaskSettings(model=model), form=form).run(Location(frame, None)).product
    with fits.open(product) as hdus:
        assert np.isfinite(places(hdus["SCI"].header)).all()


def test_a_header_whose_table_is_missing_keeps_the_rest(tmp_path, model):
    hdus = [fits.PrimaryHDU(), science(), table("WCSDVARR", 1), table("D2IMARR", 1), table("D2IMARR", 2)]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    product = MaskJob(MaskSettings(model=model)).run(Location(tmp_path / "a.fits")).product
    header = fits.getheader(product, "SCI")
    assert WCS(header).wcs.crval.tolist() == [150, 2]
    assert not [card for card in header if card.startswith(("CPDIS", "D2IM", "DP"))]


def test_results_in_python_know_the_tables(frame, model):
    result = skysieve.mask(f"{frame}[1]", model=model)
    x, y = np.meshgrid([3.0, 40.0, 70.0], [5.0, 30.0, 60.0])
    np.testing.assert_array_equal(result.to_ccddata().wcs.all_pix2world(x, y, 0), places_in(frame, 1))
    # an HDU that stands alone has no tables with it
    assert np.isfinite(places(result.to_hdu().header)).all()
    assert np.isfinite(places(result.to_flag_image().header)).all()


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
def test_a_real_frame_of_hst_keeps_its_coordinates(real_frames, tmp_path, model):
    path = real_frames / "hst_wfc3uvis_ibo822tbq_flt.fits"
    job = MaskJob(MaskSettings(model=model), output=f"{tmp_path}/")
    product = job.run(Location(path, None)).product
    np.testing.assert_array_equal(places_in(product, 1), places_in(path, 1))
