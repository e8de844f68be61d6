"""Which values of a mask mean that there is no data."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location

SHAPE = (40, 50)
VALUES = (0, 1, 2, 3, 4, 5, 8, 9, 16, 32, 33, 64, 128, 256, 2**22, 2**30 + 1)
"""Each in a row of its own."""


def sky():
    return np.random.default_rng(1).normal(500, 5, SHAPE).astype("f4")


def mask_image(values=VALUES, kind="i4"):
    rows = np.zeros(SHAPE[0], "i8")
    rows[: len(values)] = values
    return np.repeat(rows[:, None], SHAPE[1], axis=1).astype(kind)


def write(path, *, name="DQ", kind="i4", primary=None, cards=None, values=VALUES):
    mask = fits.ImageHDU(mask_image(values, kind), name=name)
    mask.header.update(cards or {})
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky(), name="SCI"), mask])
    hdus[0].header.update(primary or {})
    hdus.writeto(path, overwrite=True)
    return path


def marked(path, bits=None, mask_hdu="DQ", values=VALUES):
    """Return the values of the mask that count as no data."""
    with FrameFile(parse_location(str(path)), mask_hdu=mask_hdu, mask_bits=bits) as file:
        _, nodata = file.planes[0].rows(0, SHAPE[0])
    rows = np.atleast_1d(nodata.any(axis=1))
    assert (nodata.all(axis=1) == rows).all()
    return [value for value, row in zip(values, rows, strict=False) if row]


RUBIN = {"MP_BAD": 0, "MP_SAT": 1, "MP_INTRP": 2, "MP_CR": 3, "MP_EDGE": 4, "HIERARCH MP_DETECTED": 5}
RUBIN |= {"HIERARCH MP_NO_DATA": 8}


class TestPlanesOfTheHeader:
    def test_that_mean_no_data_count_by_default(self, tmp_path):
        path = write(tmp_path / "a.fits", cards=RUBIN)
        assert marked(path) == [1, 3, 5, 9, 33, 256, 2**30 + 1], "bit 0 BAD and bit 8 NO_DATA"

    def test_may_be_numbered(self, tmp_path):
        cards = {"MSKN0000": "DETECTED", "MSKM0000": 1, "MSKN0001": "NO_DATA", "MSKM0001": 2}
        path = write(tmp_path / "a.fits", cards=cards)
        assert marked(path) == [2, 3]
        assert marked(path, "detected") == [1, 3, 5, 9, 33, 2**30 + 1]

    def test_of_pan_starrs_may_share_a_value(self, tmp_path):
        names = ("DETECTOR", "SAT", "CONV.BAD", "SUSPECT", "BURNTOOL")
        values = (1, 2, 4, 32, 32)
        cards: dict[str, str | int] = {f"MSKNAM{number:02d}": name for number, name in enumerate(names)}
        cards |= {f"MSKVAL{number:02d}": value for number, value in enumerate(values)}
        path = write(tmp_path / "a.fits", cards=cards)
        assert marked(path) == [1, 3, 5, 9, 33, 2**30 + 1], "DETECTOR alone is without data"
        assert marked(path, "conv.bad") == [4, 5]
        assert marked(path, "SUSPECT") == marked(path, "BURNTOOL") == [32, 33]
        with pytest.raises(FrameError, match=r"has no plane GHOST; by its header it has DETECTOR, SAT"):
            marked(path, "GHOST")

    def test_are_chosen_by_name_or_value(self, tmp_path):
        path = write(tmp_path / "a.fits", cards=RUBIN)
        assert marked(path, "DETECTED") == [32, 33]
        assert marked(path, "sat, NO_DATA") == [2, 3, 256]
        assert marked(path, ["SAT", 256]) == marked(path, "SAT,0x100") == marked(path, (2, 256))
        assert marked(path, "any") == list(VALUES[1:])

    def test_that_do_not_exist_are_an_error_which_names_those_that_do(self, tmp_path):
        path = write(tmp_path / "a.fits", cards=RUBIN)
        with pytest.raises(FrameError, match="has no plane XX; by its header it has BAD, SAT, INTRP"):
            marked(path, "BAD,XX")
        path = write(tmp_path / "a.fits", cards={"MP_CR": 3})
        with pytest.raises(FrameError, match=r"none of the planes of the mask \(CR\) means no data; choose"):
            marked(path)


class TestKnownSchemes:
    @pytest.mark.parametrize(
        ("primary", "name", "expected", "saturated"),
        [
            ({"TELESCOP": "JWST"}, "DQ", [1, 3, 5, 9, 33, 2**30 + 1], [2, 3]),
            ({"TELESCOP": "HST", "INSTRUME": "WFC3"}, "DQ", [1, 2, 3, 4, 5, 8, 9, 33, 2**30 + 1], [256]),
            ({"PROCTYPE": "InstCal", "PLVER": "V4.8.2a"}, "DQ", [1, 2], [3]),
            ({"PROCTYPE": "InstCal", "PLVER": "V3.3"}, "DQ", [1, 3, 5, 9, 33, 2**30 + 1], [2, 3]),
            ({"DES_EXT": "MASK"}, "MSK", [1, 3, 5, 8, 9, 33, 2**30 + 1], None),
            ({"TELESCOP": "Euclid", "INSTRUME": "VIS"}, "FLG", [2, 3, 4, 5, 128, 2**22], None),
            ({"ORIGIN": "LCOGT"}, "BPM", [1, 3, 5, 9, 33, 2**30 + 1], [2, 3]),
            ({"TELESCOP": "Gemini-North"}, "DQ", [1, 3, 5, 9, 16, 33, 64, 2**30 + 1], [4, 5]),
        ],
        ids=["jwst", "hst", "noirlab", "noirlab-old", "des", "euclid", "lco", "gemini"],
    )
    def test_have_their_own_default_and_names(self, tmp_path, primary, name, expected, saturated):
        path = write(tmp_path / "a.fits", name=name, **{"cards" if name == "MSK" else "primary": primary})
        assert marked(path, mask_hdu=name) == expected
        if saturated is not None:
            assert marked(path, "SATURATED", mask_hdu=name) == saturated

    def test_may_use_the_highest_of_32_bits(self, tmp_path):
        values = (0, 2**31, 2**31 + 1, 2**24 + 1)
        path = write(tmp_path / "a.fits", primary={"TELESCOP": "JWST"}, kind="u4", values=values)
        assert marked(path, values=values) == [2**31 + 1, 2**24 + 1]
        assert marked(path, "REFERENCE_PIXEL", values=values) == [2**31, 2**31 + 1]


class TestOtherMasks:
    def test_count_wherever_they_are_not_zero(self, tmp_path):
        assert marked(write(tmp_path / "a.fits")) == list(VALUES[1:])

    def test_have_bits_by_value_but_no_names(self, tmp_path):
        path = write(tmp_path / "a.fits")
        assert marked(path, "2,16") == [2, 3, 16]
        with pytest.raises(FrameError, match="does not say what its values mean, so that SAT"):
            marked(path, "SAT")

    def test_of_floats_have_bits_too(self, tmp_path):
        path = write(tmp_path / "a.fits", kind="f4")
        assert marked(path, 2) == [2, 3]

    @pytest.mark.parametrize(
        ("bits", "message"),
        [("0", "0 is no value"), (-4, "-4 is no value"), (" , ", "no mask bits"), ("any,1", "name it alone")],
    )
    def test_bits_that_make_no_sense_are_refused(self, tmp_path, bits, message):
        with pytest.raises(ConfigError, match=message):
            marked(write(tmp_path / "a.fits"), bits)

    def test_bits_need_a_mask(self, tmp_path):
        with pytest.raises(ConfigError, match="name it too"):
            marked(write(tmp_path / "a.fits"), "BAD", mask_hdu=None)

    def test_are_told_of_with_what_counts(self, tmp_path, caplog):
        path = write(tmp_path / "a.fits", cards=RUBIN)
        with (
            caplog.at_level(logging.INFO),
            FrameFile(parse_location(str(path)), mask_hdu="DQ", mask_bits="SAT,64") as file,
        ):
            assert file.notes == ("no data: [2] DQ: bits SAT, 64 of its header",)
        assert "no data: [2] DQ: bits SAT, 64 of its header" in caplog.text


class TestMaskOfCCDData:
    @pytest.fixture
    def path(self, tmp_path):
        ccd = CCDData(sky(), unit=units.adu, mask=np.arange(50) < np.full(SHAPE, 7))
        ccd.uncertainty = StdDevUncertainty(np.full(SHAPE, 5.0))
        ccd.write(tmp_path / "a.fits")
        return tmp_path / "a.fits"

    def nodata(self, path, **options):
        with FrameFile(parse_location(str(path)), **options) as file:
            assert [hdu.index for hdu in file.frames] == [0]
            return file.planes[0].rows(0, 40)[1].mean(), file.notes

    def test_is_used_and_told_of(self, path):
        for text in (path, f"{path}[0]"):
            part, notes = self.nodata(text)
            assert part == 7 / 50
            assert any("no data: [1] MASK: every value but 0, of a CCDData" in note for note in notes)

    def test_may_be_ignored(self, path):
        part, notes = self.nodata(path, mask_hdu="none")
        assert part == 0
        assert notes == ("left out: [1] MASK (mask by its name), [2] UNCERT (errors by its name)",)

    def test_is_bytes_of_0_and_1(self, path):
        with fits.open(path) as hdus:
            hdus["MASK"].data[5, 5] = 4
            hdus.writeto(path.with_name("b.fits"))
        assert self.nodata(path.with_name("b.fits"))[0] == 0
