"""From finished units to one list of candidates."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from tests.clusters.tiny_sky import save_sky_model

from skysieve.clusters.search.assemble import SkyMaps, choose_candidates
from skysieve.clusters.search.combine import INCONSISTENT_SCORE, Scoring
from skysieve.clusters.search.finder import CANDIDATE_COLUMNS, ClusterFinder
from skysieve.clusters.search.flags import CandidateFlag
from skysieve.clusters.search.settings import ClusterSettings

NSIDE = 512
PIXEL = float(healpy.nside2resol(NSIDE, arcmin=True))


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    model = save_sky_model(tmp_path_factory.mktemp("models") / "tiny-sky")
    return ClusterFinder(ClusterSettings(model=str(model), least_pixels=1))


def sky_of(*rows, probability=(), snr=(), **tested):
    """Return a sky with candidates of the filter (lon, lat, snr) and pixels of maps (lon, lat, value)."""
    npix = 12 * NSIDE**2
    footprint = np.ones(npix, bool)
    footprint[healpy.ang2pix(NSIDE, 90.0, 0.0, nest=True, lonlat=True)] = False
    maps = []
    for pixels in (probability, snr):
        values = np.full(npix, 0.001, np.float32)
        for lon, lat, value in pixels:
            values[healpy.ang2pix(NSIDE, lon, lat, nest=True, lonlat=True)] = value
        maps.append(values)
    columns = dict.fromkeys(CANDIDATE_COLUMNS, np.ones(len(rows)))
    columns |= dict(zip(("lon", "lat", "snr"), np.array(rows, float).reshape(-1, 3).T, strict=True))
    columns |= {name: np.array(values) for name, values in tested.items()}
    return SkyMaps(NSIDE, footprint, maps[0], maps[1], np.full(npix, 0.5, np.float32), columns)


def chosen(sky, finder):
    return choose_candidates(sky, finder, Scoring.default("both"))


def test_a_cluster_that_two_units_found_is_one(finder):
    # by the better of both, though the network's place is nearer to the other
    lon, lat = healpy.pix2ang(NSIDE, 1000, nest=True, lonlat=True)
    step = 1 / 60
    sky = sky_of((lon, lat - 4 * step, 6.0), (lon, lat - step, 5.0), probability=[(lon, lat, 0.9)])
    (row,) = chosen(sky, finder)
    assert (row["snr"], row["finder"]) == (6.0, "both")
    assert row["probability"] == pytest.approx(0.9)


def test_of_two_that_are_closer_than_clusters_are_one_stays(finder):
    lon, lat = healpy.pix2ang(NSIDE, 1000, nest=True, lonlat=True)
    beside = healpy.get_all_neighbours(NSIDE, 1000, nest=True)[2]
    other = healpy.pix2ang(
        NSIDE, int(healpy.get_all_neighbours(NSIDE, beside, nest=True)[2]), nest=True, lonlat=True
    )
    places = [(lon, lat, 0.9), (*other, 0.6)]
    separate = choose_candidates(sky_of(probability=places), finder, Scoring.default("both"))
    assert len(separate) == 2
    wide = ClusterFinder(ClusterSettings(model=finder.settings.model, least_pixels=1, same=4 * PIXEL))
    assert list(chosen(sky_of(probability=places), wide)["probability"]) == pytest.approx([0.9])


def test_what_one_finder_overlooked_is_looked_up(finder):
    lon, lat = healpy.pix2ang(NSIDE, [1000, 500_000], nest=True, lonlat=True)
    sky = sky_of(
        (lon[1], lat[1], 5.0),
        probability=[(lon[0], lat[0], 0.9), (lon[1], lat[1], 0.3)],
        snr=[(lon[0], lat[0], 3.5)],
    )
    by_finder = {row["finder"]: row for row in chosen(sky, finder)}
    assert by_finder["network"]["snr"] == pytest.approx(3.5)
    assert by_finder["network"]["source"] == pytest.approx(0.5)
    assert by_finder["mmf"]["probability"] == pytest.approx(0.3)
    # no pixel was above the network's threshold there
    assert by_finder["mmf"]["npix"] == 0


def test_candidates_beyond_the_footprint_are_none(finder):
    lon, lat = healpy.pix2ang(
        NSIDE, int(healpy.ang2pix(NSIDE, 90.0, 0.0, nest=True, lonlat=True)), nest=True, lonlat=True
    )
    assert len(chosen(sky_of((lon, lat, 9.0)), finder)) == 0
    assert len(chosen(sky_of((lon + 1, lat, 9.0)), finder)) == 1


def test_the_best_come_first(finder):
    table = chosen(sky_of((10, 10, 5.0), (50, 10, 7.0), (100, 10, 6.0)), finder)
    assert list(table["snr"]) == [7.0, 6.0, 5.0]
    assert (np.diff(table["score"]) < 0).all()
    assert str(table["y500"].unit) == "arcmin2"


def test_a_cluster_is_not_replaced_by_a_brighter_cloud_beside_it(finder):
    sky = sky_of(
        (10, 10, 7.0), (10, 10.04, 20.0), (50, 10, 20.0), consistent=[1.0, 0.0, 0.0], co=[0.0, 9.0, 9.0]
    )
    cluster, cloud = chosen(sky, finder)
    assert (cluster["snr"], cluster["flags"]) == (7.0, 0)
    assert cloud["flags"] == CandidateFlag.CO | CandidateFlag.SPECTRUM
    assert cloud["score"] == pytest.approx(INCONSISTENT_SCORE)
    assert "consistent" not in cloud.colnames
