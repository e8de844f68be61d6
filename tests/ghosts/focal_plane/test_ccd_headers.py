"""Headers of CCDs: which one it is, whose, and where its amplifiers are."""

from __future__ import annotations

import logging

import pytest
from astropy.io import fits
from tests.ghosts.tiny_camera import CCD_SHAPE, tiny_camera

from skysieve.core.errors import FrameError
from skysieve.core.fits.sections import section
from skysieve.ghosts.focal_plane.ccd_headers import check_camera, identify, read_amplifiers


def whoami(name="", **cards):
    return identify(tiny_camera(), fits.Header(cards), name, "frame")


class TestACcdIsKnown:
    def test_by_ccdnum(self):
        assert whoami(CCDNUM=4) == 4

    def test_by_detpos(self):
        assert whoami(DETPOS=" b2 ") == 4

    def test_by_its_name(self):
        assert whoami("B2") == 4

    def test_by_the_middle_of_detsec_which_may_lack_a_border(self):
        assert whoami(DETSEC="[133:252,261:508]") == 4

    def test_by_detsec_in_either_direction(self):
        assert whoami(DETSEC="[256:129,512:257]") == 4

    def test_by_ccdnum_before_detsec(self):
        assert whoami(CCDNUM=3, DETSEC="[129:256,257:512]") == 3

    @pytest.mark.parametrize(
        "cards",
        [
            {},
            {"CCDNUM": 63},
            {"CCDNUM": True},
            {"DETPOS": "FS1"},
            {"DETSEC": "[5000:5100,1:100]"},
            {"DETSEC": "all"},
        ],
    )
    def test_not_otherwise(self, cards):
        assert whoami("SCI", **cards) is None

    def test_not_if_number_and_name_disagree(self):
        with pytest.raises(FrameError, match="frame: CCDNUM says 4, but its name says 3"):
            whoami("B1", CCDNUM=4)

    def test_in_spite_of_a_card_that_cannot_be_read(self):
        broken = fits.Header.fromstring("CCDNUM  = 3O0 'x'".ljust(80) + "DETPOS  = 'B2      '".ljust(80))
        assert identify(tiny_camera(), broken, "", "frame") == 4


class TestAnotherCamera:
    def test_is_refused_by_its_name(self):
        headers = [fits.Header(), fits.Header({"INSTRUME": "HSC"})]
        with pytest.raises(FrameError, match="is from HSC by its INSTRUME, not from TinyCam"):
            check_camera(tiny_camera(), headers, "a.fits")

    @pytest.mark.parametrize("name", ["tinycam", "TINYCAM 2", "", None])
    def test_is_not_suspected_without_need(self, name):
        check_camera(tiny_camera(), [fits.Header({"INSTRUME": name})], "a.fits")


class TestSections:
    def test_count_from_one_and_hold_their_ends(self):
        assert section(fits.Header({"A": " [3:10, 2:4] "}), "A", None) == (slice(1, 4), slice(2, 10))

    def test_that_stick_out_are_none(self):
        assert section(fits.Header({"A": "[3:10,2:4]"}), "A", (4, 9)) is None
        assert section(fits.Header({"A": "[3:10,2:4]"}), "A", (4, 10)) is not None

    @pytest.mark.parametrize("text", ["[0:10,1:4]", "[1:10]", "", 5])
    def test_that_are_none_are_none(self, text):
        assert section(fits.Header({"A": text}), "A", None) is None


class TestAmplifiers:
    def test_of_one_have_the_whole_ccd(self):
        header = fits.Header({"DATASEC": "[11:138,1:256]", "BIASSEC": "[139:150,1:256]"})
        (patch,) = read_amplifiers(header, (256, 150), CCD_SHAPE, "frame")
        assert patch.stored == (slice(0, 256), slice(10, 138))
        assert patch.ccd == (slice(0, 256), slice(0, 128))
        assert patch.bias == (slice(0, 256), slice(138, 150))
        assert patch.gain == 1

    def test_of_two_have_places_and_gains_of_their_own(self):
        header = fits.Header(
            {
                "DATASECA": "[75:138,1:256]",
                "DATASECB": "[11:74,1:256]",
                "CCDSECA": "[65:128,1:256]",
                "CCDSECB": "[1:64,1:256]",
                "BIASSECA": "[139:150,1:256]",
                "GAINA": 4.2,
                "GAINB": -1.0,
            }
        )
        a, b = read_amplifiers(header, (256, 150), CCD_SHAPE, "frame")
        assert (a.ccd[1], b.ccd[1]) == (slice(64, 128), slice(0, 64))
        assert (a.gain, b.gain) == (4.2, 1)
        assert b.bias is None

    def test_without_ccdsec_lie_as_they_are_stored(self):
        header = fits.Header({"DATASECA": "[75:138,3:258]", "DATASECB": "[11:74,3:258]"})
        a, b = read_amplifiers(header, (260, 150), CCD_SHAPE, "frame")
        assert a.ccd == (slice(0, 256), slice(64, 128))
        assert b.ccd == (slice(0, 256), slice(0, 64))

    def test_are_none_without_sections(self):
        assert read_amplifiers(fits.Header(), (260, 150), CCD_SHAPE, "frame") == ()

    def test_of_another_size_than_their_place_are_refused(self):
        header = fits.Header({"DATASEC": "[11:138,1:256]", "CCDSEC": "[1:100,1:256]"})
        with pytest.raises(FrameError, match="DATASEC is 128 x 256 pixels, its place on the CCD 100 x 256"):
            read_amplifiers(header, (256, 150), CCD_SHAPE, "frame")

    def test_beside_the_ccd_are_refused(self):
        with pytest.raises(FrameError, match="150 x 256 of 128 x 256; mend DATASEC or CCDSEC"):
            read_amplifiers(fits.Header({"DATASEC": "[1:150,1:256]"}), (256, 150), CCD_SHAPE, "frame")

    def test_without_overscan_are_warned_of(self, caplog):
        with caplog.at_level(logging.WARNING):
            read_amplifiers(fits.Header({"DATASEC": "[11:138,1:256]"}), (256, 150), CCD_SHAPE, "frame")
        assert "frame: has no BIASSEC" in caplog.text
