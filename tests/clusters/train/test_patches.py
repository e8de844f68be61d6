"""Patches that clusters are learnt from: what they show, what is labelled, and where they are cut."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("healpy")

import healpy
from tests.clusters.train.planted_skies import planted_sky

from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.clusters.maps.sky_directions import separation, unit_vectors
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.train import patches as cluster_patches
from skysieve.clusters.train import stream as cluster_stream
from skysieve.clusters.train.patches import ClusterPatches, LabelledPatch, PatchPosition
from skysieve.clusters.train.skies import LabelledSky, SkyObjects
from skysieve.clusters.train.stream import PatchStream
from skysieve.core.errors import ConfigError
from skysieve.core.training.feed import stream_batches
from skysieve.core.training.patch_settings import LabelSettings, PatchSettings

GRID = PatchGrid(32, 12.0)
PATCHES = PatchSettings(side=32, resolution=12.0, edge=3.0, empty=0.0, sources=0.0)
LABELS = LabelSettings(arcmin=36.0)


@pytest.fixture(scope="module")
def sky():
    return planted_sky(ignored=150)


def source(sky, *, role="train", seed=3, labels=LABELS, **settings):
    return ClusterPatches(
        (sky,),
        GRID,
        SkySplit(),
        role,
        Preprocessing((1.0, 1.0), stretch=False),
        replace(PATCHES, **settings),
        labels,
        seed,
    )


def cut_places(patches, count):
    """Return the places of the first patches."""
    found = []

    class Noting(ClusterPatches):
        def cut(self, place, rng):
            shown = super().cut(place, rng)
            if shown is not None:
                found.append(place)
            return shown

    noting = Noting(**{name: getattr(patches, name) for name in patches.__dataclass_fields__})
    for number in range(count):
        noting.patch(number)
    return found


def discs(labels):
    """Return the number of separate discs in a plane of labels."""
    from scipy.ndimage import label

    return label(labels > 0.5)[1]


def test_every_cluster_in_a_patch_is_labelled_where_it_is_seen(sky):
    """Dark in the first band, bright in the second: the labels are where both are."""
    patches = source(sky)
    inside = []
    for number in range(40):
        shown = patches.patch(number)
        assert shown.pixels.shape == (2, 32, 32)
        assert shown.targets.shape == (1, 32, 32)
        assert shown.valid.shape == (1, 32, 32)
        contrast = shown.pixels[1] - shown.pixels[0]
        inside.append(contrast[shown.targets[0] > 0.9].mean() - np.median(contrast))
    assert np.mean(inside) > 5
    assert min(inside) > 1


def test_neighbours_are_labelled_too(sky):
    patches = source(sky)
    for place in cut_places(patches, 25):
        shown = patches.cut(place, np.random.default_rng(1))
        row, column = GRID.pixels_of(sky.clusters.lon, sky.clusters.lat, place.lon, place.lat, place.rotation)
        seen = (row > 0) & (row < 31) & (column > 0) & (column < 31)
        assert seen.any()
        for r, c in zip(row[seen], column[seen], strict=True):
            assert shown.targets[0, round(r), round(c)] == 1


def test_no_patch_reaches_another_role_or_its_buffer(sky):
    """Whatever the share of its kinds: each pixel lies in tiles for training, away from all others."""
    split = SkySplit()
    places = cut_places(source(sky, empty=0.3, sources=0.3), 90)
    assert len({round(place.lon, 6) for place in places}) > 60
    for place in places:
        vectors = GRID.vectors(place.lon, place.lat, place.rotation).reshape(-1, 3)
        tiles = healpy.vec2pix(2, *vectors.T) + 1
        assert not set(tiles.tolist()) & {7, 10, 26, 39, 42}
    centres = np.array([(place.lon, place.lat) for place in places]).T
    held = unit_vectors(*centres)
    for tile in (*split.test, *split.validation):
        border = healpy.boundaries(2, tile - 1, step=64).T
        away = separation(held[:, None], border[None]).min(axis=1)
        assert away.min() > GRID.width  # so that patches of another role, which keep as far, share no pixel


def test_patches_for_validation_lie_in_its_tiles_and_cover_them_once(sky):
    patches = source(sky, role="validation")
    places = patches.covering_positions()
    assert set(SkySplit().tile_of([p.lon for p in places], [p.lat for p in places])) == {10, 26, 39, 42}
    vectors = unit_vectors([p.lon for p in places], [p.lat for p in places])
    apart = separation(vectors[:, None], vectors[None]) + 999 * np.eye(len(places))
    assert 0.8 * GRID.width < apart.min()


def test_clusters_lie_anywhere_in_patches_and_patches_are_turned(sky):
    one = replace_clusters(sky, sky.clusters[source(sky)._clusters.objects.lon[:1] == sky.clusters.lon])
    places = cut_places(source(one, loops=0), 60)
    where = np.array(
        [GRID.pixels_of(one.clusters.lon[0], one.clusters.lat[0], p.lon, p.lat, p.rotation) for p in places]
    )
    assert where.min() >= 15.5 - 13
    assert where.max() <= 15.5 + 13
    assert (where.std(axis=0) > 5).all()
    assert np.ptp([place.rotation for place in places]) > 270


def replace_clusters(sky, clusters, **others):
    return LabelledSky(sky.name, sky.stack, sky.bands, clusters, **others)


@pytest.mark.parametrize("lat", [0.0, 88.0])
def test_shifts_are_as_wide_at_every_latitude(sky, lat, monkeypatch):
    """Without the cosine of the latitude, patches near the pole would hardly be shifted."""
    monkeypatch.setattr(cluster_patches.ClusterPatches, "_allowed", lambda *_, **__: np.array([True]))
    one = replace_clusters(sky, SkyObjects(np.array([40.0]), np.array([lat]), np.array([40.0])))
    places = cut_places(source(one, loops=0), 120)
    away = separation(unit_vectors([p.lon for p in places], [p.lat for p in places]), unit_vectors(40.0, lat))
    assert np.mean(away) == pytest.approx(0.77 * 13 * 0.2, rel=0.12)  # in a square cut to what shows it


def test_each_cluster_comes_once_a_turn_and_the_same_patches_after_so_many(sky):
    patches = source(replace_clusters(sky, sky.clusters[:50]), loops=2)
    count = len(patches._clusters.sky)
    assert count > 10
    assert sorted(patches._cluster_order(0)) == list(range(count))
    places = cut_places(patches, 3 * count)
    first, again = set(places[:count]), set(places[2 * count :])
    assert first != set(places[count : 2 * count])
    assert len(first & again) > 0.8 * count  # but for clusters too near a border, whose place is another's


def test_fainter_clusters_do_not_count(sky):
    patches = source(sky)
    open_pixels = 0
    for number in range(20):
        shown = patches.patch(number)
        open_pixels += int((shown.valid == 0).sum())
        assert (shown.valid[shown.targets > 0] == 1).all()
    assert open_pixels > 30
    without = source(replace_clusters(sky, sky.clusters))
    assert (without.patch(0).valid == 1).all()


def test_empty_patches_show_no_labelled_cluster(sky):
    patches = source(sky, empty=1.0)
    shown = [patches.patch(number) for number in range(30)]
    assert max(discs(patch.targets[0][4:-4, 4:-4]) for patch in shown) == 0
    assert np.mean([patch.targets.sum() for patch in shown]) < 5  # of neighbours that reach in


def test_sources_are_centres_and_if_asked_for_labels(sky):
    both = source(sky, sources=1.0, labels=replace(LABELS, sources=True))
    shown = [both.patch(number) for number in range(30)]
    assert all(patch.targets.shape[0] == 2 for patch in shown)
    assert all(patch.targets[1].max() == 1 for patch in shown)
    # bright in both bands
    level = [patch.pixels.sum(axis=0)[patch.targets[1] > 0.9].mean() for patch in shown]
    assert np.mean(level) > 5


def test_what_maps_do_not_cover_does_not_count(sky):
    holes = [replace(one, values=one.values.copy()) for one in sky.stack.maps]
    _, lat = healpy.pix2ang(64, np.arange(12 * 64**2), lonlat=True)
    holes[1].values[lat < 0] = np.nan
    patches = source(LabelledSky("half", MapStack(holes), sky.bands, sky.clusters), empty=0.3)
    shown = [patches.patch(number) for number in range(40)]
    assert all(np.isfinite(patch.pixels).all() for patch in shown)
    covered = np.array([patch.valid.mean() for patch in shown])
    assert covered.min() >= 0.5
    assert (covered < 0.95).any()
    assert all(lat > -4 for _, _, lat, _ in cut_places(patches, 20))


def test_patches_keep_away_from_the_plane_of_the_galaxy_if_asked_to(sky):
    places = cut_places(source(sky, latitude=20.0, empty=0.3), 30)
    assert min(abs(place.lat) for place in places) >= 20
    assert min(abs(place.lat) for place in cut_places(source(sky, empty=0.3), 30)) < 20


def test_a_seed_makes_the_same_patches_and_another_makes_others(sky):
    first, again, other = (source(sky, seed=seed, empty=0.3, sources=0.2) for seed in (3, 3, 4))
    for number in range(6):
        one, same = first.patch(number), again.patch(number)
        assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
        assert not np.array_equal(one.pixels, other.patch(number).pixels)


def test_maps_without_a_place_for_patches_are_refused(sky):
    nothing = [replace(one, values=np.full_like(one.values, np.nan)) for one in sky.stack.maps]
    blind = LabelledSky("blind", MapStack(nothing), sky.bands, sky.clusters)
    with pytest.raises(ConfigError, match=r"no patch of 6\.4 degrees fits into the tiles for train"):
        source(blind, empty=1.0).patch(0)


class TestStream:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch):
        monkeypatch.setattr(cluster_stream, "BUFFER", 8)

    def take(self, sky, count, **options):
        stream = PatchStream(source(sky, empty=0.3), **{"reuse": 2, "seed": 5, **options})
        return list(islice(iter(stream), count))

    def test_is_the_same_again(self, sky):
        one, same = self.take(sky, 12), self.take(sky, 12)
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, same, strict=True))
        other = self.take(sky, 12, first=100)
        assert not any(np.array_equal(a.pixels, b.pixels) for a in one for b in other)

    def test_shows_each_patch_as_often_as_asked_mirrored_with_its_labels(self, sky):
        shown = self.take(sky, 60, reuse=3)
        keys = [float(patch.pixels.astype(np.float64).sum().round(3)) for patch in shown]
        _, counts = np.unique(keys, return_counts=True)
        assert counts.max() == 3
        once: dict[float, LabelledPatch] = {}
        mirrored = 0
        for key, patch in zip(keys, shown, strict=True):
            first = once.setdefault(key, patch)
            if not np.array_equal(first.pixels, patch.pixels):
                mirrored += 1
                flips = [
                    axes
                    for axes in ((1,), (2,), (1, 2))
                    if np.array_equal(np.flip(first.pixels, axes), patch.pixels)
                ]
                assert any(np.array_equal(np.flip(first.targets, axes), patch.targets) for axes in flips)
        assert mirrored > 10

    # where there is a single processor
    @pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")
    def test_workers_share_the_maps_and_yield_different_patches(self, sky):
        stream = PatchStream(source(sky), reuse=1, seed=5)
        batches = list(islice(iter(stream_batches(stream, batch=4, workers=2)), 4))
        assert batches[0].pixels.shape == (4, 2, 32, 32)
        sums = {round(float(pixels.double().sum()), 3) for batch in batches for pixels in batch.pixels}
        assert len(sums) == 16

    def test_trainers_get_different_patches(self, sky):
        first, second = (self.take(sky, 8, rank=rank, ranks=2, reuse=1) for rank in (0, 1))
        assert not any(np.array_equal(a.pixels, b.pixels) for a in first for b in second)


def test_a_place_is_shown_as_the_sky_is(sky):
    """Rows grow with latitude, columns with longitude."""
    lon, lat = sky.clusters.lon[0], sky.clusters.lat[0]
    shown = source(sky).cut(
        PatchPosition(0, lon - 1.0 / np.cos(np.radians(lat)), lat, 0.0), np.random.default_rng(1)
    )
    assert shown.targets[0, 15, 15 + 5] > 0.5
