"""Candidates of two finders in one list, and their scores."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from skysieve.clusters.search.combine import FEATURES, INCONSISTENT_SCORE, Scoring, join_candidates
from skysieve.clusters.search.flags import CandidateFlag, candidate_flags
from skysieve.core.errors import ConfigError


def candidates(number, seed=0):
    rng = np.random.default_rng(seed)
    return Table(
        {
            "probability": rng.uniform(0, 1, number),
            "snr": rng.uniform(3, 8, number),
            "source": rng.uniform(-1, 4, number),
        }
    )


def network(*rows):
    lon, lat, peak = np.array(rows, float).reshape(-1, 3).T
    return Table(
        {"lon": lon, "lat": lat, "peak": peak, "size": np.full(lon.size, 3.0), "npix": np.full(lon.size, 5)}
    )


def filtered(*rows):
    lon, lat, snr = np.array(rows, float).reshape(-1, 3).T
    other = dict.fromkeys(("size", "y500", "y500_error", "source"), np.full(lon.size, 6.0))
    return Table({"lon": lon, "lat": lat, "snr": snr, **other})


def test_the_same_candidates_are_taken_together():
    table = join_candidates(
        network((10.0, 0.0, 0.9), (50.0, 20.0, 0.8)), filtered((10.05, 0.0, 6.0), (80.0, -20.0, 5.0)), 5.0
    )
    by_finder = {row["finder"]: row for row in table}
    assert sorted(by_finder) == ["both", "mmf", "network"]
    both = by_finder["both"]
    assert (both["snr"], both["probability"]) == (6.0, 0.9)
    assert (both["size"], both["npix"]) == (6.0, 5)
    alone = by_finder["network"]
    assert (alone["lon"], alone["lat"], alone["size"], alone["npix"]) == (50.0, 20.0, 3.0, 5)
    assert np.isnan(alone["snr"])
    assert np.isnan(by_finder["mmf"]["probability"])
    assert by_finder["mmf"]["npix"] == 0


def test_what_both_found_lies_in_the_middle_between_their_places():
    table = join_candidates(
        network((359.99, 60.0, 0.9), (50.0, 20.0, 0.8)), filtered((0.03, 60.02, 6.0), (80.0, -20.0, 5.0)), 5.0
    )
    both, mmf, alone = (table[table["finder"] == finder] for finder in ("both", "mmf", "network"))
    np.testing.assert_allclose([both["lon"][0], both["lat"][0]], [0.01, 60.01], atol=1e-5)
    np.testing.assert_allclose([mmf["lon"][0], mmf["lat"][0]], [80.0, -20.0], atol=1e-12)
    np.testing.assert_allclose([alone["lon"][0], alone["lat"][0]], [50.0, 20.0], atol=1e-12)


def test_a_candidate_has_one_partner():
    table = join_candidates(network((10.0, 0.0, 0.9)), filtered((10.03, 0.0, 6.0), (9.99, 0.0, 5.0)), 5.0)
    assert list(table["finder"]) == ["mmf", "both"]


@pytest.mark.parametrize(("first", "second"), [((), ()), ((), ((1, 2, 5),)), (((1, 2, 0.5),), ())])
def test_a_finder_may_have_found_nothing(first, second):
    table = join_candidates(network(*first), filtered(*second), 5.0)
    assert len(table) == len(first) + len(second)


@pytest.mark.parametrize("finder", FEATURES)
def test_scores_rise_with_probability_and_signal_to_noise(finder):
    scoring = Scoring.default(finder)
    table = candidates(100)
    scores = scoring(table)
    assert ((scores > 0) & (scores < 1)).all()
    table["probability"] = np.minimum(1, table["probability"] + 0.1)
    table["snr"] += 1
    assert (scoring(table) > scores).all()


def test_a_score_of_the_network_alone_is_its_probability():
    table = candidates(50)
    np.testing.assert_allclose(Scoring.default("network")(table), table["probability"], atol=1e-4)


def test_what_was_not_found_counts_as_nothing():
    table = candidates(2)
    table["probability"][0], table["snr"][1] = np.nan, np.nan
    assert np.isfinite(Scoring.default("both")(table)).all()
    assert Scoring.default("network")(table)[0] < 1e-3


def test_log_odds_may_count_otherwise_where_a_network_is_sure():
    table = candidates(4)
    table["probability"], table["snr"], table["source"] = [0.2, 0.5, 0.8, 0.9], 5.0, 0.0
    flat = Scoring("both", 0.0, (1.0, -1.0, 0.0, 0.0))(table)
    np.testing.assert_allclose(flat, [0.2, 0.5, 0.5, 0.5], atol=1e-6)


def test_a_fit_finds_the_weights_that_made_the_truth():
    table = candidates(60_000, seed=1)
    made = Scoring("both", -6.0, (0.9, -0.5, 1.2, -0.5))
    real = np.random.default_rng(2).uniform(size=len(table)) < made(table)
    found = Scoring.fit(table, real, "both")
    assert found.constant == pytest.approx(made.constant, abs=0.5)
    assert found.weights == pytest.approx(made.weights, rel=0.1)
    # and its scores are the part that is real
    scores = found(table)
    for low in (0.2, 0.5, 0.8):
        near = (scores > low) & (scores < low + 0.1)
        assert real[near].mean() == pytest.approx(scores[near].mean(), abs=0.04)


def test_a_fit_to_candidates_that_a_feature_divides_ends():
    table = candidates(200)
    found = Scoring.fit(table, table["snr"] > 5, "mmf")
    assert np.isfinite(found.weights).all()
    assert found.weights[0] > 1


@pytest.mark.parametrize("real", [np.zeros(20, bool), np.ones(20, bool)])
def test_a_fit_needs_both_kinds(real):
    with pytest.raises(ConfigError, match="some are real and some are not"):
        Scoring.fit(candidates(20), real, "mmf")


def test_scores_go_to_a_card_and_back():
    scoring = Scoring("both", -3.5, (0.5, -0.1, 1.5, -0.2))
    sky = {"scores": {"both": scoring.to_card()}}
    assert Scoring.from_card(sky, "both") == scoring
    assert Scoring.from_card(sky, "mmf") == Scoring.default("mmf")
    assert Scoring.from_card({}, "both") == Scoring.default("both")


@pytest.mark.parametrize("stated", [{"constant": 1.0}, {"constant": "x", "logit": 1.0}, 3, {"logit": 1.0}])
def test_a_card_with_other_scores_is_refused(stated):
    with pytest.raises(ConfigError, match="no valid scores"):
        Scoring.from_card({"scores": {"both": stated}}, "both")


@pytest.mark.parametrize(("finder", "weights"), [("all", (1.0,)), ("mmf", (1.0,)), ("network", (np.nan,))])
def test_weights_of_other_features_are_refused(finder, weights):
    with pytest.raises(ConfigError, match=r"choose from network|need a weight for each"):
        Scoring(finder, 0.0, weights)


@pytest.mark.parametrize("finder", FEATURES)
def test_what_has_not_the_spectrum_of_a_cluster_scores_low(finder):
    table = candidates(100)
    table["probability"], table["snr"] = 0.98, 20.0
    free = Scoring.default(finder)(table)
    table["flags"] = np.where(np.arange(100) % 2, int(CandidateFlag.SPECTRUM | CandidateFlag.CO), 0)
    limited = Scoring.default(finder)(table)
    np.testing.assert_array_equal(limited[::2], free[::2])
    assert (free > 0.5).all()
    assert (limited[1::2] == INCONSISTENT_SCORE).all()
    table["probability"], table["snr"] = 1e-3, 1.0
    assert (Scoring.default(finder)(table) < INCONSISTENT_SCORE).all()


def test_a_fit_leaves_out_what_has_not_the_spectrum_of_a_cluster():
    table = candidates(2000, seed=1)
    real = np.random.default_rng(2).uniform(size=len(table)) < Scoring.default("both")(table)
    clouds = candidates(500, seed=3)
    clouds["snr"] = 20.0
    both = Table({name: np.concatenate([table[name], clouds[name]]) for name in table.colnames})
    both["flags"] = np.repeat([0, int(CandidateFlag.SPECTRUM)], [2000, 500])
    found = Scoring.fit(both, np.concatenate([real, np.zeros(500, bool)]), "both")
    assert found == Scoring.fit(table, real, "both")


def test_flags_say_what_else_is_there():
    nan = np.nan
    table = Table(
        {
            "snr": [8.0, 8.0, 8.0, 8.0, 8.0, nan],
            "source": [1.0, 1.0, 1.0, 6.5, 4.5, 4.5],
            "dust": [0.0, 5.0, 1.0, -5.0, nan, nan],
            "co": [0.0, 1.0, 6.0, -6.0, nan, nan],
            "consistent": [1.0, 1.0, 0.0, 1.0, nan, nan],
        }
    )
    flags = candidate_flags(table)
    co, spectrum = CandidateFlag.CO, CandidateFlag.SPECTRUM
    assert list(flags) == [0, CandidateFlag.DUST, co | spectrum, CandidateFlag.SOURCE, 0, 0]
    table.remove_columns(["dust", "co", "consistent"])
    assert list(candidate_flags(table)) == [0, 0, 0, CandidateFlag.SOURCE, 0, 0]
