"""Which frames of a report are named, and their order."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS

from skysieve.frames.report.entries import FrameEntry
from skysieve.frames.report.ranking import rank_frames
from skysieve.frames.report.sky import NODES, sky_grid


def entry(number, **values):
    known = {
        "key": f"{number}",
        "file": f"{number}.fits",
        "hdu": 0,
        "name": "",
        "plane": 0,
        "mask": f"{number}.mask.fits",
        "shape": (10, 10),
        "fractions": {"CR": 0.001 + 0.0001 * (number % 3)},
        "bad": 0.001,
    }
    return FrameEntry(**{**known, **values})


def test_a_frame_far_from_the_median_of_its_night_is_named():
    frames = [entry(number, mjd=60000 + number / 100) for number in range(9)]
    frames.append(entry(9, mjd=60000.2, fractions={"CR": 0.05}))
    ranks = rank_frames(frames)
    assert [rank.attention > 1 for rank in ranks] == [False] * 9 + [True]
    assert ranks[9].reasons == ("CR 5%, median 0.11%",)


def test_nights_are_compared_with_themselves():
    """Twice the cosmic rays in a night of longer exposures is nothing to look at."""
    first = [entry(number, mjd=60000 + number / 100) for number in range(9)]
    second = [entry(number, mjd=60001 + number / 100, fractions={"CR": 0.05}) for number in range(9)]
    ranks = rank_frames([*first, *second])
    assert not any(rank.reasons for rank in ranks)
    assert [rank.night for rank in ranks] == [0] * 9 + [1] * 9


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"unlike": 2.5, "unlike_by": "much noise"}, "unlike training frames (2.5): much noise"),
        ({"tracking": 0.9}, "tracking error, probability 0.9"),
        ({"note": "a.fits was not found"}, "a.fits was not found"),
    ],
)
def test_other_reasons(values, line):
    [rank] = rank_frames([entry(0, **values)])
    assert rank.reasons == (line,)


def test_few_frames_have_no_median():
    frames = [entry(0), entry(1, fractions={"CR": 0.5})]
    assert not any(rank.reasons for rank in rank_frames(frames))


def test_a_report_without_frames_has_no_ranks():
    assert rank_frames([]) == []


class TestSky:
    def test_nodes_are_at_the_edges_of_the_frame(self):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [10, -30], [50.5, 20.5]
        wcs.wcs.cdelt = [-1e-3, 1e-3]
        grid = sky_grid(wcs, (40, 100))
        assert grid is not None
        assert grid.centre == pytest.approx((10, -30))
        assert grid.east[0, 0] == pytest.approx(np.radians(0.05))
        assert grid.north[-1, 0] == pytest.approx(np.radians(0.02))
        assert grid.east.shape == (NODES, NODES)

    def test_a_header_that_lost_its_scale_has_none(self):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [10, -30]
        wcs.wcs.cd = [[1e-14, 0], [0, 1e-14]]
        assert sky_grid(wcs, (40, 100)) is None

    @pytest.mark.parametrize("wcs", [None, WCS(naxis=2)])
    def test_frames_without_sky_coordinates_have_none(self, wcs):
        assert sky_grid(wcs, (40, 100)) is None
