"""Sections of headers: which pixels of a frame saw light."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame, as_frame
from skysieve.core.fits.locations import Location
from skysieve.core.fits.sections import read_sections

SHAPE = (100, 200)


def lit(**cards):
    """Return where a frame saw light, as rows and columns of the box around it; None if it is not known."""
    found = read_sections(fits.Header(cards), SHAPE)
    if found is None:
        return None
    rows, columns = (np.flatnonzero((~found.inactive(0, SHAPE[0])).any(axis=axis)) for axis in (1, 0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


class TestLight:
    def test_is_in_datasec(self):
        assert lit(DATASEC="[11:180,1:100]") == (0, 100, 10, 180)

    def test_is_in_trimsec_where_that_is_all(self):
        assert lit(TRIMSEC="[ 11 : 180, 3 : 100]") == (2, 100, 10, 180)

    def test_is_in_both_where_both_are_given(self):
        assert lit(DATASEC="[11:180,1:100]", TRIMSEC="[1:170,5:100]") == (4, 100, 10, 170)

    def test_may_be_given_backwards(self):
        assert lit(DATASEC="[180:11,100:1]") == (0, 100, 10, 180)

    def test_is_in_the_sections_of_all_amplifiers(self):
        assert lit(DATASECA="[11:90,1:100]", DATASECB="[111:190,1:100]") == (0, 100, 10, 190)
        found = read_sections(
            fits.Header({"DATASECA": "[11:90,1:100]", "DATASECB": "[111:190,1:100]"}), SHAPE
        )
        assert found is not None
        assert found.inactive(0, 1)[0, 90:110].all()

    @pytest.mark.parametrize(
        "cards",
        [
            {},
            {"DATASEC": "[1:200,1:100]"},
            {"DATASEC": "UNKNOWN"},
            {"DATASEC": "[0:0,0:0]"},
            {"DATASEC": "[25:2072,1:4096]"},
            {"DATASEC": "[1:201,1:100]"},
            {"DATASEC": "[1:20,1:20]"},
            {"DATASECA": "[11:90,1:100]", "DATASECB": "[1025:2048,1:100]"},
        ],
        ids=["none", "whole", "text", "zeros", "uncut", "wider", "small", "one-amplifier-outside"],
    )
    def test_is_everywhere_where_the_header_does_not_fit_the_frame(self, cards):
        assert lit(**cards) is None


def test_overscan_is_in_biassec():
    found = read_sections(fits.Header({"DATASEC": "[1:180,1:100]", "BIASSEC": "[185:200,1:90]"}), SHAPE)
    assert found is not None
    biased = found.in_overscan(80, 100)
    assert biased[:10, 184:].all()
    assert biased.sum() == 160


class TestFramesKnowTheirSections:
    header = fits.Header({"DATASEC": "[1:180,1:100]"})

    def test_from_files(self, tmp_path):
        path = tmp_path / "raw.fits"
        fits.PrimaryHDU(np.zeros(SHAPE, np.int16), self.header).writeto(path)
        with FrameFile(Location(path)) as file:
            sections = file.planes[0].sections
            assert sections is not None
            assert sections.active == ((slice(0, 100), slice(0, 180)),)

    @pytest.mark.parametrize(
        "held",
        [
            lambda header: fits.ImageHDU(np.zeros(SHAPE, np.float32), header),
            lambda header: CCDData(np.zeros(SHAPE), unit="adu", header=header),
        ],
        ids=["HDU", "CCDData"],
    )
    def test_from_objects(self, held):
        frame = as_frame(held(self.header))
        assert isinstance(frame, ArrayFrame)
        assert frame.sections is not None
        assert frame.sections.active == ((slice(0, 100), slice(0, 180)),)

    def test_arrays_have_none(self):
        frame = as_frame(np.zeros(SHAPE))
        assert isinstance(frame, ArrayFrame)
        assert frame.sections is None
