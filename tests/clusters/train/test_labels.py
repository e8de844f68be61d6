from __future__ import annotations

import numpy as np
import pytest

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.train.labels import PUBLISHED_RADII, RadiusRule, SkyDiscs, draw_labels
from skysieve.core.errors import ConfigError

GRID = PatchGrid(side=32, resolution=1.5)
NONE = SkyDiscs(np.empty(0), np.empty(0), np.empty(0))


def disc_at(row: float, column: float, radius: float, centre: tuple[float, float, float]) -> SkyDiscs:
    """Return a disc about a place between the pixels of a patch; `radius` in pixels."""
    return SkyDiscs(*GRID.sky_of(row, column, *centre), radius * 1.5)


def middle_of(label: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(label.shape)
    return (label * rows).sum() / label.sum(), (label * columns).sum() / label.sum()


@pytest.mark.parametrize("centre", [(0.2, 0.0, 0.0), (210.0, 65.0, 33.0), (0.0, -90.0, 0.0)])
class TestDisc:
    @pytest.mark.parametrize(("row", "column"), [(10.0, 20.0), (10.37, 20.81), (4.5, 26.5)])
    @pytest.mark.parametrize("radius", [1.47, 4.0])
    def test_lies_where_it_is_between_pixels(self, centre, row, column, radius):
        label = draw_labels(GRID, *centre, disc_at(row, column, radius, centre))[0]
        assert middle_of(label) == pytest.approx((row, column), abs=0.03)
        assert label.sum() == pytest.approx(np.pi * radius**2, rel=0.06)
        assert label.max() == 1

    def test_covers_parts_of_pixels(self, centre):
        radius, (row, column) = 2.3, (12.3, 17.6)
        label = draw_labels(GRID, *centre, disc_at(row, column, radius, centre))[0]
        fine = (np.arange(32 * 20) + 0.5) / 20 - 0.5
        exact = (np.hypot(fine[:, None] - row, fine - column) <= radius).reshape(32, 20, 32, 20)
        assert label == pytest.approx(exact.mean((1, 3)), abs=0.1)

    def test_hard_has_the_pixels_whose_centres_it_covers(self, centre):
        radius, (row, column) = 2.3, (12.3, 17.6)
        label = draw_labels(GRID, *centre, disc_at(row, column, radius, centre), soft=False)[0]
        rows, columns = np.indices(label.shape)
        assert np.array_equal(label, np.hypot(rows - row, columns - column) <= radius)

    def test_hard_is_never_lost_between_pixels(self, centre):
        label = draw_labels(GRID, *centre, disc_at(12.5, 17.5, 0.1, centre), soft=False)[0]
        assert label[12:14, 17:19].any()
        assert label.sum() <= 4


CENTRE = (100.0, 40.0, 20.0)


class TestPatch:
    def test_a_neighbour_outside_reaches_in(self):
        label = draw_labels(GRID, *CENTRE, disc_at(-2, 16, 4, CENTRE))[0]
        whole = draw_labels(GRID, *CENTRE, disc_at(10, 16, 4, CENTRE))[0]
        assert label[:3] == pytest.approx(whole[12:15], abs=0.02)
        assert not label[3:].any()
        assert label.sum() > 5

    def test_of_all_in_it(self):
        places = [(4, 4), (4, 27), (20.5, 15.2), (31, 31)]
        discs = [disc_at(row, column, 2, CENTRE) for row, column in places]
        together = SkyDiscs(
            *(np.concatenate([getattr(d, k) for d in discs]) for k in ("lon", "lat", "radius"))
        )
        expected = np.max([draw_labels(GRID, *CENTRE, disc)[0] for disc in discs], axis=0)
        assert np.array_equal(draw_labels(GRID, *CENTRE, together)[0], expected)
        assert all(expected[round(row), round(column)] == 1 for row, column in places)

    def test_overlapping_discs_do_not_add_up(self):
        one = disc_at(10, 10, 3, CENTRE)
        two = SkyDiscs(np.repeat(one.lon, 2), np.repeat(one.lat, 2), [4.5, 3.0])
        assert np.array_equal(draw_labels(GRID, *CENTRE, two), draw_labels(GRID, *CENTRE, one))

    def test_channels_are_kinds_of_objects(self):
        clusters, others = disc_at(8, 8, 2, CENTRE), disc_at(24, 24, 2, CENTRE)
        labels = draw_labels(GRID, *CENTRE, clusters, others)
        assert labels.shape == (2, 32, 32)
        assert labels.dtype == np.float32
        assert labels[0, 8, 8] == labels[1, 24, 24] == 1
        assert not labels[0, 24, 24]
        assert not labels[1, 8, 8]
        assert not draw_labels(GRID, *CENTRE, NONE, NONE).any()

    def test_the_other_side_of_the_sky_is_not_in_it(self):
        assert not draw_labels(GRID, *CENTRE, SkyDiscs(280.0, -40.0, 15.0)).any()


class TestDiscs:
    def test_near_counts_each_radius(self):
        discs = SkyDiscs([10.0, 12.0, 12.0, 350.0], [0, 0, 0, 0], [5.0, 5.0, 61.0, 5.0])
        near = discs.near(10, 0, 1.0)
        assert np.array_equal(near.radius, [5.0, 61.0])

    @pytest.mark.parametrize("radius", [0.0, -1.0, np.nan])
    def test_without_extent(self, radius):
        with pytest.raises(ConfigError, match="radius"):
            SkyDiscs([1.0, 2.0], [1.0, 2.0], [2.5, radius])

    def test_of_differing_lengths(self):
        with pytest.raises(ConfigError, match="2, 2 and 1"):
            SkyDiscs([1.0, 2.0], [1.0, 2.0], 2.5)


class TestRadii:
    SIZES = (3.0, 8.0, np.nan, 0.0, 80.0)

    def test_fixed(self):
        assert np.array_equal(RadiusRule().radii(self.SIZES, np.random.default_rng(0)), [2.5] * 5)

    def test_own(self):
        rule = RadiusRule("t500", arcmin=4.0)
        assert np.array_equal(rule.radii(self.SIZES, np.random.default_rng(0)), [4, 8, 4, 4, 15])

    def test_published_is_one_for_a_patch_drawn_by_its_table(self):
        rng = np.random.default_rng(5)
        draws = np.array([RadiusRule("published").radii(self.SIZES, rng) for _ in range(4000)])
        assert (draws == draws[:, :1]).all()
        for radius, share in PUBLISHED_RADII:
            assert (draws[:, 0] == radius).mean() == pytest.approx(share, abs=0.025)

    @pytest.mark.parametrize(
        "settings",
        [{"kind": "square"}, {"arcmin": 0.0}, {"arcmin": 20.0}, {"max_arcmin": np.inf}, {"arcmin": np.nan}],
    )
    def test_that_make_no_sense(self, settings):
        with pytest.raises(ConfigError):
            RadiusRule(**settings)
