"""Astropy's containers in, and out again with all that came with the frame."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D, InverseVariance, NDData, StdDevUncertainty
from astropy.utils.masked import Masked
from astropy.wcs import WCS
from tests.tiny_models import save_mean_model, save_pixel_model

import skysieve
from skysieve.core.errors import ConfigError, FrameError

SHAPE = (90, 120)
HIT = (40, 50)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_pixel_model(tmp_path_factory.mktemp("models") / "mask", {"CR": 20}))


@pytest.fixture
def mask(model):
    return lambda data, **options: skysieve.mask(data, model=model, **options)


@pytest.fixture
def pixels():
    sky = np.random.default_rng(0).normal(100, 2, SHAPE)
    sky[HIT] = 300
    return sky


@pytest.fixture
def wcs():
    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval = [150, 2]
    made.wcs.crpix = [60, 45]
    made.wcs.cdelt = [-1e-4, 1e-4]
    return made


@pytest.fixture
def ccd(pixels, wcs):
    return CCDData(
        pixels,
        unit="electron",
        wcs=wcs,
        meta={"EXPTIME": 30.0, "OBSERVER": "E. Hubble"},
        uncertainty=StdDevUncertainty(np.sqrt(pixels)),
        mask=pixels < 95,
    )


def same_sky(first, second):
    """Tell whether two systems of world coordinates give the same places."""
    corners = ([0, SHAPE[1], 17], [0, SHAPE[0], 3])
    return np.allclose(first.pixel_to_world_values(*corners), second.pixel_to_world_values(*corners))


class TestIn:
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda p: p[np.newaxis],
            lambda p: p[np.newaxis, np.newaxis],
            lambda p: np.ma.masked_array(p[np.newaxis], p[np.newaxis] > 1e6),
            lambda p: p * units.adu,
            lambda p: Masked(p, mask=p > 1e6),
            NDData,
            lambda p: NDData(p[np.newaxis], uncertainty=StdDevUncertainty(p[np.newaxis])),
            lambda p: CCDData(p, unit="adu"),
            lambda p: Cutout2D(p, position=(60, 45), size=SHAPE),
            lambda p: fits.PrimaryHDU(p[np.newaxis]),
            lambda p: p.tolist(),
        ],
        ids=str.split("1HW 11HW masked-1HW Quantity Masked NDData NDData-1HW CCDData Cutout2D HDU-1HW list"),
    )
    def test_every_kind_gives_the_same_bits(self, mask, pixels, wrap):
        result = mask(wrap(pixels))
        assert result.bits.shape == SHAPE
        assert np.argwhere(result.boolean("CR")).tolist() == [list(HIT)]
        assert result.to_ccddata().shape == SHAPE

    def test_kinds_go_into_tracking_too(self, pixels, tmp_path):
        tracker = str(save_mean_model(tmp_path / "track"))
        expected = skysieve.track(pixels, model=tracker).probability
        for data in (
            pixels[np.newaxis],
            Cutout2D(pixels, (60, 45), SHAPE),
            NDData(pixels),
            pixels * units.adu,
        ):
            assert skysieve.track(data, model=tracker).probability == expected

    @pytest.mark.parametrize("axes", [SHAPE, (1, *SHAPE)])
    def test_a_mask_has_the_shape_of_the_frame_with_or_without_the_axis_in_front(self, mask, pixels, axes):
        hole = np.zeros(axes, bool)
        hole[..., 3, 4] = True
        assert np.argwhere(mask(pixels[np.newaxis], mask=hole).nodata).tolist() == [[3, 4]]

    def test_several_planes_are_refused(self, mask, pixels):
        with pytest.raises(FrameError, match="a frame has 2 dimensions, not 3; choose a plane"):
            mask(np.stack([pixels, pixels]))

    def test_a_cutout_keeps_its_place_on_the_sky(self, mask, pixels, wcs):
        cutout = Cutout2D(pixels, position=(50, 40), size=(70, 80), wcs=wcs)
        result = mask(cutout)
        (row, column) = np.argwhere(result.boolean("CR"))[0]
        expected = wcs.pixel_to_world_values(HIT[1], HIT[0])
        assert np.allclose(result.to_ccddata().wcs.pixel_to_world_values(column, row), expected)
        assert np.allclose(WCS(result.to_hdu().header).pixel_to_world_values(column, row), expected)


class TestCCDData:
    def test_comes_back_with_all_that_was_given(self, mask, ccd, wcs):
        out = mask(ccd).to_ccddata()
        assert out.unit == units.electron
        assert same_sky(out.wcs, wcs)
        assert dict(out.meta) == dict(ccd.meta)
        assert isinstance(out.uncertainty, StdDevUncertainty)
        np.testing.assert_array_equal(out.uncertainty.array, ccd.uncertainty.array)
        np.testing.assert_array_equal(out.data, ccd.data)
        assert out.data.dtype == ccd.data.dtype
        np.testing.assert_array_equal(out.mask, (ccd.data > 250) | ccd.mask)
        assert out.flags[HIT] == 1

    def test_leaves_what_was_given_as_it_was(self, mask, ccd):
        mask_before, meta_before = ccd.mask.copy(), dict(ccd.meta)
        out = mask(ccd).to_ccddata()
        out.meta["EXPTIME"] = 1.0
        out.mask[...] = True
        np.testing.assert_array_equal(ccd.mask, mask_before)
        assert dict(ccd.meta) == meta_before
        assert ccd.uncertainty.parent_nddata is ccd

    def test_is_written_and_read_back(self, mask, ccd, tmp_path):
        out = mask(ccd).to_ccddata()
        out.write(tmp_path / "out.fits")
        back = CCDData.read(tmp_path / "out.fits")
        assert back.unit == units.electron
        assert same_sky(back.wcs, ccd.wcs)
        assert back.meta["EXPTIME"] == 30
        np.testing.assert_array_equal(back.data, ccd.data)
        np.testing.assert_array_equal(back.mask, out.mask)
        np.testing.assert_array_equal(back.uncertainty.array, ccd.uncertainty.array)

    @pytest.mark.parametrize("kind", ["file", "hdu"])
    def test_of_a_header_has_its_unit_and_world_coordinates(self, mask, pixels, wcs, tmp_path, kind):
        header = wcs.to_header()
        header.update({"BUNIT": "ELECTRONS/S", "OBJECT": "M 31", "EXTNAME": "SCI"})
        hdu = fits.ImageHDU(np.where(pixels < 95, np.nan, pixels).astype(np.float32), header)
        hdu.writeto(tmp_path / "a.fits")
        out = mask(hdu if kind == "hdu" else tmp_path / "a.fits").to_ccddata()
        assert out.unit == units.electron / units.s
        assert same_sky(out.wcs, wcs)
        assert out.meta["OBJECT"] == "M 31"
        assert np.isnan(out.data).sum() == (pixels < 95).sum()
        out.write(tmp_path / "out.fits")
        back = CCDData.read(tmp_path / "out.fits")
        assert back.unit == out.unit
        assert same_sky(back.wcs, wcs)

    def test_of_an_array_takes_a_unit_where_none_is_known(self, mask, pixels, tmp_path):
        result = mask(pixels)
        assert result.to_ccddata().unit == units.dimensionless_unscaled
        assert result.to_nddata().unit is None
        result.to_ccddata(unit="adu").write(tmp_path / "out.fits")
        assert CCDData.read(tmp_path / "out.fits").unit == units.adu
        assert mask(pixels * units.electron).to_ccddata(unit="adu").unit == units.electron

    def test_wants_pixels_that_were_kept(self, mask, ccd):
        result = mask(ccd, keep_pixels=False)
        assert result.origin.data is None
        assert result.origin.uncertainty is None
        assert WCS(result.to_hdu().header).wcs.crval.tolist() == [150, 2]
        for convert in (result.to_ccddata, result.to_nddata):
            with pytest.raises(ConfigError, match="keep_pixels=True"):
                convert()


def test_nddata_comes_back_with_all_that_was_given(mask, pixels, wcs):
    given = NDData(
        pixels, unit="adu", wcs=wcs, meta={"a": [1, 2]}, uncertainty=InverseVariance(np.ones(SHAPE))
    )
    out = mask(given).to_nddata()
    assert out.unit == units.adu
    assert same_sky(out.wcs, wcs)
    assert out.meta == {"a": [1, 2]}
    assert isinstance(out.uncertainty, InverseVariance)
    np.testing.assert_array_equal(np.argwhere(out.mask), [HIT])


def test_a_flag_image_is_one_integer_image_of_the_frames_sky(mask, ccd, tmp_path):
    mask(ccd).to_flag_image().writeto(tmp_path / "flags.fits")
    with fits.open(tmp_path / "flags.fits", disable_image_compression=True) as hdus:
        [flags] = hdus
        assert flags.data.dtype == np.dtype(">i2")
        assert flags.data[HIT] == 1
        assert same_sky(WCS(flags.header), ccd.wcs)
        assert flags.header["EXPTIME"] == 30
        assert (flags.header["MSKN0000"], flags.header["MP_CR"]) == ("CR", 0)


def test_metadata_that_no_header_can_hold_cost_a_mask_nothing(mask, pixels):
    meta = {
        "κ": 1,
        "A B": "x",
        "LIST": [1],
        "OBJECT": "M 31",
        "TEXT": "x" * 200,
        "BAD": "\n",
        "NOTHING": float("nan"),
    }
    assert mask(CCDData(pixels, unit="adu", meta=meta)).to_hdu().header["OBJECT"] == "M 31"
