"""Skysieve from Python."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from tests.tiny_models import save_mean_model, save_pixel_model

import skysieve
from skysieve.core.errors import ConfigError, FrameError, SkysieveError


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(save_pixel_model(folder / "mask", {"CR": 20})), str(save_mean_model(folder / "track"))


@pytest.fixture
def model(folders):
    return folders[0]


@pytest.fixture
def pixels():
    sky = np.random.default_rng(0).normal(100, 2, (90, 120)).astype(np.float32)
    sky[40, 50] = 300
    return sky


@pytest.fixture
def file(pixels, tmp_path):
    path = tmp_path / "two.fits"
    header = fits.Header({"EXTNAME": "A", "OBJECT": "M 31"})
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels, header), fits.ImageHDU(pixels[::-1])]
    fits.HDUList(hdus).writeto(path)
    return path


class TestMask:
    def test_takes_arrays_ccddata_and_hdus_alike(self, pixels, model):
        kinds = (
            pixels,
            pixels.astype(">f8"),
            np.ma.masked_array(pixels),
            CCDData(pixels, unit="adu"),
            fits.ImageHDU(pixels),
        )
        for data in kinds:
            result = skysieve.mask(data, model=model)
            assert np.argwhere(result.boolean("CR")).tolist() == [[40, 50]]

    def test_takes_planes_of_a_mask_in_the_file(self, pixels, model, tmp_path):
        planes = fits.ImageHDU(np.where(pixels > 250, 4, 0) + (np.arange(120) < 12), name="DQ")
        planes.header.update({"MP_BAD": 0, "MP_CR": 2})
        path = tmp_path / "planes.fits"
        fits.HDUList([fits.PrimaryHDU(pixels), planes]).writeto(path)

        def found(**options):
            result = skysieve.mask(path, model=model, **options)
            (same,) = skysieve.mask_file(path, model=model, **options)
            assert np.array_equal(result.bits, same.bits)
            return int(result.boolean("CR").sum()), result.fractions["NODATA"]

        assert found() == (1, 0)
        assert found(mask_hdu="DQ") == (1, 0.1)
        assert found(mask_hdu=1, mask_bits="CR")[0] == 0
        assert found(mask_hdu=1, mask_bits=["BAD", 4])[0] == 0
        with pytest.raises(ConfigError, match="go with a path"):
            skysieve.mask(pixels, mask_hdu="DQ", model=model)

    def test_takes_a_mask(self, pixels, model):
        result = skysieve.mask(pixels, mask=pixels > 250, model=model)
        assert result.fractions["CR"] == 0
        assert np.argwhere(result.nodata).tolist() == [[40, 50]]

    def test_takes_a_path_and_keeps_the_header(self, file, model):
        result = skysieve.mask(f"{file}[A]", model=model)
        assert result.boolean("CR")[40, 50]
        assert result.to_hdu().header["OBJECT"] == "M 31"
        assert result.to_ccddata().flags[40, 50] == 1

    def test_of_a_file_with_several_frames_wants_one_named(self, file, model):
        with pytest.raises(FrameError, match=r"holds 2 frames; name one, as '.*two\.fits\[1\]'"):
            skysieve.mask(file, model=model)
        assert [r.boolean("CR").sum() for r in skysieve.mask_file(file, model=model)] == [1, 1]

    def test_keeps_probabilities_unless_told_not_to(self, pixels, model):
        assert skysieve.mask(pixels, model=model).probabilities.shape == (14, 90, 120)
        lean = skysieve.mask(pixels, model=model, keep_probabilities=False, keep_pixels=False)
        assert lean.posteriors is None
        assert lean.pixels is None

    def test_names_unknown_settings(self, pixels):
        with pytest.raises(ConfigError, match=r"unknown setting 'treshold'; the settings are .*model"):
            skysieve.mask(pixels, treshold=1)

    def test_refuses_a_mask_with_a_path(self, file, pixels):
        with pytest.raises(ConfigError, match="goes with an array"):
            skysieve.mask(f"{file}[1]", mask=pixels > 0)


class TestTrack:
    def test_gives_a_probability_with_its_blocks(self, pixels, folders):
        result = skysieve.track(pixels, model=folders[1])
        assert 0 <= result.probability <= 1
        assert result.blocks.shape == (1, 1)

    def test_examines_files(self, file, folders):
        assert len(skysieve.track_file(file, model=folders[1])) == 2


def test_every_error_on_purpose_has_one_base():
    assert issubclass(ConfigError, SkysieveError)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, skysieve; print(sorted({'numpy', 'astropy', 'openvino', 'torch'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'masks'"):
        _ = skysieve.masks
