"""Scores of catalogues against true clusters, on small tables whose scores are known by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import healpy
import numpy as np
import pytest
from astropy.table import Table

from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
from skysieve.clusters.evaluate.evaluation import (
    BlockWeights,
    calibration,
    calibration_error,
    completeness_at_purity,
    completeness_in_bins,
    curve,
    position_errors,
    purity_in_bins,
    threshold_at_purity,
)
from skysieve.clusters.evaluate.settings import Rules
from skysieve.clusters.evaluate.sky import (
    BLOCKS,
    Area,
    EvaluationSky,
    TruthMatch,
    match_to_truth,
    noise_by_size,
)
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.pixel_scores import PixelCounts, count_pixels, true_discs
from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.binomial import wilson_interval

ARCMIN = 1 / 60
EVERYWHERE = Area("all")


def truth(lon, y500, lat=0.0, **columns):
    lon = np.asarray(lon, float)
    nothing = np.full(lon.size, np.nan)
    given = {name: np.asarray(columns.get(name, nothing), float) for name in ("redshift", "m500", "t500")}
    return KnownCatalogue(
        "truth",
        Path("clusters.fits"),
        np.array([str(row) for row in range(lon.size)]),
        lon,
        np.broadcast_to(np.asarray(lat, float), lon.shape),
        given["redshift"],
        given["m500"],
        np.asarray(y500, float),
        given["t500"],
    )


def matches(real, found, score=None, found_score=None, **columns):
    """Return matches of candidates with decreasing scores."""
    n, m = len(real), len(found)
    values = {
        "score": np.linspace(0.95, 0.05, n) if score is None else np.asarray(score, float),
        "real": np.array(real, bool),
        "separation": np.where(real, 1.0, np.nan),
        "block": np.arange(n),
        "found_score": np.where(found, 1.0, -np.inf)
        if found_score is None
        else np.asarray(found_score, float),
        "findable": np.ones(m, bool),
        "redshift": np.full(m, 0.2),
        "m500": np.full(m, 3.0),
        "y500": np.full(m, 1e-3),
        "true_block": np.arange(m),
    }
    return TruthMatch(**{**values, **columns})


class TestMatchToTruth:
    def test_real_false_found_and_missed(self):
        sky = EvaluationSky(truth([10, 20, 30, 40], [2e-3, 1e-3, 2e-4, 5e-5]), EVERYWHERE)
        # on the first; on the third, which is real and no findable one; on the fourth, too faint; on nothing
        lon = [10 + 2 * ARCMIN, 30, 40, 50]
        found = match_to_truth(sky, lon, np.zeros(4), [0.9, 0.8, 0.7, 0.6], Rules())
        assert found.real.tolist() == [True, True, False, False]
        assert found.found_score.tolist() == [0.9, -np.inf, 0.8]
        assert found.findable.tolist() == [True, True, False]
        np.testing.assert_allclose(found.separation, [2, 0, np.nan, np.nan], atol=1e-6)

    def test_the_brightest_is_what_was_found_and_a_second_candidate_is_none(self):
        sky = EvaluationSky(truth([10, 10 + 3 * ARCMIN], [2e-4, 2e-3]), EVERYWHERE)
        assert match_to_truth(sky, [10], [0], [0.9], Rules()).found_score.tolist() == [-np.inf, 0.9]
        sky = EvaluationSky(truth([10], [2e-3]), EVERYWHERE)
        found = match_to_truth(sky, [10 + 3 * ARCMIN, 10], [0, 0], [0.9, 0.5], Rules())
        assert found.real.tolist() == [True, False]
        assert found.found_score.tolist() == [0.9]

    def test_only_the_area_counts_but_pairs_reach_over_its_edge(self):
        split = SkySplit()
        lon, lat = healpy.pix2ang(2, 6, lonlat=True)
        west = float(lon)
        while split.tile_of(west, lat) == 7:
            west -= 0.25 * ARCMIN
        border = west + 0.125 * ARCMIN
        sky = EvaluationSky(truth([border - 2 * ARCMIN, lon], [2e-3, 2e-3], lat=lat), Area("test", split))
        found = match_to_truth(sky, [border + ARCMIN, border - 60 * ARCMIN], [lat, lat], [0.9, 0.8], Rules())
        # the candidate inside is the cluster outside; that cluster itself does not count
        assert found.real.tolist() == [True]
        assert found.found_score.tolist() == [-np.inf]

    def test_what_was_not_searched_does_not_count(self):
        area = Area("all", footprints=(lambda lon, _: lon < 15,))
        found = match_to_truth(
            EvaluationSky(truth([10, 20], [2e-3, 2e-3]), area), [10, 20], [0, 0], [0.9, 0.8], Rules()
        )
        assert (found.real.tolist(), found.found_score.tolist()) == ([True], [0.9])

    def test_an_expected_signal_to_noise_may_be_asked_for(self):
        known = truth([10, 20, 30], [2e-3, 2e-3, 2e-3], t500=[2, 8, np.nan])
        catalogue = Table({"size": [2, 8, 8, 8, np.nan], "y500_error": [1e-4, 3e-4, 4e-4, 9e-4, 1.0]})
        noise = noise_by_size(catalogue)
        assert noise is not None
        assert [part.tolist() for part in noise] == [[2, 8], [1e-4, 4e-4]]
        for least, findable in ((4, [True, True, False]), (6, [True, False, False])):
            sky = EvaluationSky(known, EVERYWHERE, noise)
            assert match_to_truth(sky, [], [], [], Rules(least_snr=least)).findable.tolist() == findable
        assert noise_by_size(Table({"size": [1.0]})) is None
        with pytest.raises(ConfigError, match="needs the noise of the matched filter"):
            match_to_truth(EvaluationSky(known, EVERYWHERE), [], [], [], Rules(least_snr=4))

    def test_rules_and_truth_that_make_no_sense(self):
        with pytest.raises(ConfigError, match=r"purity 1\.5"):
            Rules(purity=1.5)
        with pytest.raises(
            ConfigError, match=r"least Y500 of findable clusters 0\.0001, of real ones 0\.001"
        ):
            Rules(least_y500=1e-4, least_real=1e-3)
        with pytest.raises(ConfigError, match=r"clusters\.fits: no column of Y500"):
            match_to_truth(EvaluationSky(truth([1], [np.nan]), EVERYWHERE), [1], [0], [1], Rules())

    def test_skies_are_joined_with_blocks_of_their_own(self):
        sky = EvaluationSky(truth([10], [2e-3]), EVERYWHERE)
        one = match_to_truth(sky, [10], [0], [0.9], Rules())
        both = TruthMatch.join([one, one])
        assert both.block.tolist() == [one.block[0], one.block[0] + BLOCKS]
        assert both.true_block.tolist() == both.block.tolist()
        assert len(both.score) == len(both.y500) == 2


class TestCurve:
    def test_by_hand(self):
        # scores 0.9 0.8 0.8 0.5: real, real, false, real; of four findable ones three were found
        one = matches([1, 1, 0, 1], [1, 1, 1, 0], [0.9, 0.8, 0.8, 0.5], [0.9, 0.8, 0.5, -np.inf])
        found = curve(one)
        assert found.threshold.tolist() == [0.9, 0.8, 0.5]
        assert found.count.tolist() == [1, 3, 4]
        assert found.purity.tolist() == pytest.approx([1, 2 / 3, 3 / 4])
        assert found.completeness.tolist() == pytest.approx([1 / 4, 2 / 4, 3 / 4])
        # the lowest score above which it is so pure, not the first that falls below
        for purity, threshold, completeness in ((0.7, 0.5, 0.75), (0.9, 0.9, 0.25), (0.76, 0.9, 0.25)):
            assert threshold_at_purity(one, purity) == threshold
            assert completeness_at_purity(one, purity).value == completeness

    def test_nothing_pure_is_nothing_found_and_no_truth_is_no_number(self):
        one = matches([0, 1], [1], [0.9, 0.5], [0.5])
        assert threshold_at_purity(one, 0.9) == np.inf
        assert completeness_at_purity(one, 0.9).value == 0
        assert np.isnan(completeness_at_purity(matches([1], []), 0.9).value)
        empty = matches([], [0])
        assert curve(empty).threshold.size == 0
        assert completeness_at_purity(empty, 0.9).value == 0

    def test_order_of_rows_does_not_matter(self):
        rng = np.random.default_rng(0)
        one = matches(rng.random(200) < 0.6, rng.random(50) < 0.5, np.round(rng.random(200), 2))
        order = rng.permutation(200)
        names = ("score", "real", "separation", "block")
        other = replace(one, **{name: getattr(one, name)[order] for name in names})
        for mine, its in zip(vars(curve(one)).values(), vars(curve(other)).values(), strict=True):
            np.testing.assert_array_equal(mine, its)


class TestIntervals:
    def test_resamples_of_blocks_are_as_wide_as_counts_say(self):
        rng = np.random.default_rng(0)
        found = rng.random(400) < 0.7
        one = matches([1] * 10, found, true_block=np.arange(400))
        estimate = completeness_at_purity(one, 0.9, BlockWeights([one]))
        low, high = wilson_interval(found.sum(), 400)
        assert estimate.value == found.mean()
        np.testing.assert_allclose(estimate.interval, [float(low), float(high)], atol=0.01)

    def test_what_lies_in_one_block_is_one_draw(self):
        found = np.repeat([True, False] * 10, 20)
        blocks = np.repeat(np.arange(20), 20)
        one = matches([1] * 10, found, true_block=blocks)
        wide = completeness_at_purity(one, 0.9, BlockWeights([one])).interval
        alone = replace(one, true_block=np.arange(400))
        narrow = completeness_at_purity(alone, 0.9, BlockWeights([alone])).interval
        assert (wide[1] - wide[0]) > 3 * (narrow[1] - narrow[0])

    def test_each_resample_has_its_own_threshold(self):
        # half of the weight decides whether everything or the first alone is pure
        one = matches([1, 0, 1, 1, 1], [1, 1, 1], [0.9, 0.8, 0.7, 0.6, 0.5], [0.9, 0.6, 0.5])
        samples = completeness_at_purity(one, 0.8, BlockWeights([one])).samples
        assert np.std(samples) > 0.2
        assert samples.min() >= 0
        assert samples.max() <= 1 + 1e-12

    def test_detectors_are_compared_with_the_same_weights(self):
        one = matches([1, 1, 0, 1] * 20, [1, 0] * 40)
        weights = BlockWeights([one, one])
        first, second = (completeness_at_purity(one, 0.5, weights) for _ in range(2))
        np.testing.assert_array_equal(first.samples, second.samples)

    def test_who_has_no_candidates_finds_nothing_in_any_resample(self):
        one, other = matches([1, 1, 0, 1] * 20, [1, 0] * 40), matches([], [0] * 80)
        estimate = completeness_at_purity(other, 0.9, BlockWeights([one, other]))
        assert estimate.value == 0
        assert estimate.interval == (0, 0)

    def test_a_single_block_tells_nothing_of_others(self):
        one = matches([1, 1], [1, 1], block=np.zeros(2, int), true_block=np.zeros(2, int))
        estimate = completeness_at_purity(one, 0.9, BlockWeights([one]))
        assert estimate.value == 1
        assert np.isnan(estimate.interval).all()


class TestBins:
    def test_completeness_by_what_clusters_are(self):
        one = matches(
            [1],
            [1, 1, 0, 1, 0],
            found_score=[0.9, 0.3, -np.inf, 0.9, -np.inf],
            m500=np.array([1.0, 2, 2, 5, np.nan]),
            findable=np.array([True, True, True, True, True]),
        )
        counted = completeness_in_bins(one, "m500", [1, 2, 4, 8, 16])
        assert (counted.hits.tolist(), counted.trials.tolist()) == ([1, 1, 1, 0], [1, 2, 1, 0])
        np.testing.assert_allclose(counted.fraction, [1, 0.5, 1, np.nan])
        np.testing.assert_allclose(counted.mean, [1, 2, 5, np.nan])
        # one hit in two: (0.5 ± sqrt(1/8 + 1/16)) / 1.5 and so on, Wilson at 68.27 %
        np.testing.assert_allclose(
            [counted.low[1], counted.high[1]], [0.5 - np.sqrt(3) / 6, 0.5 + np.sqrt(3) / 6], atol=1e-3
        )
        assert np.isnan(counted.low[3])
        strict = completeness_in_bins(one, "m500", [1, 2, 4, 8], threshold=0.5)
        assert strict.hits.tolist() == [1, 0, 1]

    def test_only_findable_ones_count_unless_all_are_asked_for(self):
        one = matches([1], [1, 1], findable=np.array([True, False]))
        assert completeness_in_bins(one, "y500", [1e-4, 1e-2]).trials.tolist() == [1]
        assert completeness_in_bins(one, "y500", [1e-4, 1e-2], only_findable=False).trials.tolist() == [2]

    def test_calibration(self):
        # ten candidates at 0.85, of which eight are real; ten at 0.25, of which five are
        real = [1] * 8 + [0] * 2 + [1] * 5 + [0] * 5
        one = matches(real, [1], [0.85] * 10 + [0.25] * 10)
        counted = calibration(one)
        assert counted is not None
        assert counted.trials.tolist() == [0, 0, 10, 0, 0, 0, 0, 0, 10, 0]
        assert calibration_error(counted) == pytest.approx((0.05 + 0.25) / 2)
        assert calibration(matches([1, 1], [1], [1.0, 0.0])).trials.tolist() == [1, *[0] * 8, 1]  # type: ignore[union-attr]
        assert calibration(matches([1], [1], [7.5])) is None
        assert purity_in_bins(matches([1, 0], [1], [7.5, 4.5]), [4, 6, 8]).hits.tolist() == [0, 1]

    def test_positions(self):
        one = matches([1, 1, 1, 0], [1], separation=np.array([1.0, 3.0, 2.0, np.nan]))
        median, outer = position_errors(one, [0.5, 1.0])
        assert (median.value, outer.value) == (2, 3)
        assert position_errors(one, [0.5], threshold=0.9)[0].value == 1
        assert np.isnan(position_errors(matches([0], [1]), [0.5])[0].value)
        rng = np.random.default_rng(0)
        many = matches([1] * 1000, [1], separation=rng.rayleigh(1, 1000), block=np.arange(1000))
        estimate = position_errors(many, [0.5], weights=BlockWeights([many]))[0]
        low, high = estimate.interval
        # the density of Rayleigh's distribution at its median 1.177 is 0.589: error sqrt(1/4000) / 0.589
        assert (high - low) / 2 == pytest.approx(0.0268, rel=0.2)
        assert low < estimate.value < high


class TestPixels:
    def test_counts_and_scores(self):
        probability = np.array([0.9, 0.8, 0.1, 0.2, np.nan])
        counts = count_pixels(probability, np.array([True, False, True, False, True]), threshold=0.5)
        assert counts == PixelCounts(1, 1, 1)
        assert (counts.precision, counts.recall, counts.dice) == (0.5, 0.5, 0.5)
        both = counts + PixelCounts(3, 0, 1)
        assert (both.precision, both.recall, both.dice) == (0.8, 4 / 6, 8 / 11)
        assert np.isnan(PixelCounts(0, 0, 0).dice)

    def test_discs_have_their_area_and_every_place_a_pixel(self):
        nside = 512
        discs = true_discs([0, 120], [0, 80], [60, 60], nside=nside, nested=True)
        assert discs.sum() * healpy.nside2pixarea(nside, degrees=True) == pytest.approx(2 * np.pi, rel=0.02)
        ring = true_discs([0, 120], [0, 80], 60, nside=nside, nested=False)
        np.testing.assert_array_equal(healpy.reorder(discs.astype(float), n2r=True) > 0, ring)
        assert true_discs([10], [10], 0.01, nside=16, nested=False).sum() == 1
        assert true_discs([], [], 5, nside=16, nested=False).sum() == 0
