"""The report: its files, and who stands above whom."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.table import Table
from PIL import Image

from skysieve.core.evaluation.comparison import MACRO, EvaluatedSet, ScoredDetector, compare, score_set
from skysieve.core.evaluation.histograms import ScoreHistograms, count_pixels
from skysieve.core.evaluation.report import make_report
from skysieve.core.evaluation.scores import MEASURES

PRIORS = {"CR": 0.1, "TRL": 0.1, "FR": 0.1}


def scored(skill, classes=("CR", "TRL", "FR"), *, frames=12, priors=PRIORS, seed=0):
    """Return a detector on frames of which none has fringes."""
    rng, truths = np.random.default_rng(seed), np.random.default_rng(42)
    histograms = ScoreHistograms(classes)
    for number in range(frames):
        truth = {name: (truths.random(3000) < 0.05) & (name != "FR") for name in PRIORS}
        counts = {}
        for name in classes:
            scores = rng.normal(np.where(truth[name], skill, -skill), 1).astype(np.float32)
            counts[name] = count_pixels(scores, truth[name], decided=scores > 0)
        histograms.add(f"frame {number}", counts)
    return ScoredDetector(histograms, priors)


@pytest.fixture(scope="module")
def evaluated():
    detectors = {
        "ours": scored(2.0, seed=1),
        "published": scored(1.0, seed=2),
        "peer": scored(1.5, ("CR",), priors=None, seed=3),
    }
    return EvaluatedSet("held out", "12 frames.", detectors)


@pytest.fixture(scope="module")
def scores(evaluated):
    return score_set(evaluated)


@pytest.fixture(scope="module")
def comparisons(scores):
    return compare(scores, MEASURES)


@pytest.fixture(scope="module")
def files(evaluated):
    pytest.importorskip("matplotlib")
    return make_report("Test", [evaluated], command="skysieve evaluate", facts={"model": "ours"})


class TestComparisons:
    def test_name_the_better_one(self, comparisons):
        found = {(c.first, c.second, c.name, c.measure.name): c for c in comparisons}
        assert found["ours", "published", MACRO, "ap"].better == "ours"
        assert found["ours", "published", MACRO, "ap"].disjoint
        assert found["published", "peer", "CR", "ap"].better == "peer"

    def test_hold_what_both_score_and_nothing_unknown(self, comparisons):
        found = {(c.first, c.second, c.name) for c in comparisons}
        assert {name for first, second, name in found if "peer" in (first, second)} == {"CR"}
        assert "FR" not in {name for _, _, name in found}

    def test_take_a_smaller_calibration_error_for_the_better_one(self):
        from skysieve.core.evaluation.comparison import ECE

        # the same pixels and scores; one says of itself what is right of the training set, one does not
        sides = {"right": scored(1.0, ("CR",)), "wrong": scored(3.0, ("CR",))}
        both = score_set(EvaluatedSet("a", "", sides))
        [found] = compare(both, [ECE])
        values = {name: float(s["CR"]["ece"].value) for name, s in both.items()}
        assert found.better == min(values, key=values.__getitem__)

    def test_need_the_same_frames(self):
        sides = {"a": scored(1.0, frames=3), "b": scored(1.0, frames=4)}
        with pytest.raises(ValueError, match="different frames"):
            score_set(EvaluatedSet("a", "", sides))

    def test_macro_leaves_out_what_stands_beside(self, evaluated):
        one = {"ours": evaluated.detectors["ours"]}
        ours = score_set(EvaluatedSet("a", "", one, not_averaged=("TRL",)))["ours"]
        assert ours[MACRO]["ap"].value == ours["CR"]["ap"].value

    def test_macro_is_the_mean_of_the_classes_that_are_there(self, scores):
        ours = scores["ours"]
        assert ours[MACRO]["ap"].value == pytest.approx(
            (ours["CR"]["ap"].value + ours["TRL"]["ap"].value) / 2
        )


class TestReports:
    def test_have_tables_and_curves(self, files):
        assert sorted(files) == [
            "comparisons.ecsv",
            "held-out-precision-recall.png",
            "held-out-reliability.png",
            "held-out-roc.png",
            "report.md",
            "scores.ecsv",
        ]
        for name in files:
            if name.endswith(".png"):
                assert min(Image.open(io.BytesIO(files[name])).size) > 200

    def test_say_how_they_were_made(self, files):
        text = files["report.md"].decode()
        assert text.startswith("# Test\n\n```console\n$ skysieve evaluate\n```\n\n- model: ours\n- machine: ")
        for title in ("average precision", "expected calibration error", "Who stands above whom", "Truth"):
            assert f"### {title}\n" in text
        for name in files:
            if name.endswith(".png"):
                assert f"]({name})" in text
        assert "nan" not in text

    def test_keep_every_number_in_a_table_that_programs_read(self, files, scores):
        table = Table.read(files["scores.ecsv"].decode(), format="ascii.ecsv")
        assert table.meta["command"] == "skysieve evaluate"
        [row] = table[(table["detector"] == "ours") & (table["class"] == "CR")]
        found = scores["ours"]["CR"]["tpr_1e-3"]
        assert row["tpr_1e-3"] == pytest.approx(found.value)
        assert (row["tpr_1e-3_low"], row["tpr_1e-3_high"]) == pytest.approx(found.interval)
        assert table["positives"].unit == "pix"
        [peer] = table[table["detector"] == "peer"]
        assert np.isnan(peer["ece"])
