"""True against marked classes."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.evaluation.confusion import BACKGROUND, Confusion, count_joint
from skysieve.core.evaluation.confusion_tables import (
    confusion_rows,
    false_table,
    missed_table,
    summarise_confusions,
)

CODES = {"CR": 1, "TRL": 64, "SP": 1024}
EVERYWHERE = np.ones((1, 6), np.bool_)


def confusion(*frames, marks=("CR", "TRL", "SP")):
    """Return the confusion of frames, each a list of true and marked bits of its pixels."""
    found = Confusion(CODES, marks)
    for number, pixels in enumerate(frames):
        truth, marked = np.array(pixels, np.int16).T
        found.add(f"{number}", count_joint(truth[None], marked[None], np.ones((1, len(pixels)), np.bool_)))
    return found


def test_pixels_of_a_class_are_found_missed_or_given_to_another():
    found = confusion([(64, 64), (64, 1), (64, 65), (64, 0)])
    assert found.true_pixels("TRL") == 4
    assert found.found_pixels("TRL") == 2
    assert found.unclassified_pixels("TRL") == 1
    assert found.confused_pixels("TRL", ["CR"]) == 2
    assert found.confused_pixels("TRL", ["CR"], missed=True) == 1


def test_a_pixel_that_belongs_to_both_classes_is_no_confusion():
    assert confusion([(65, 1), (65, 65)]).confused_pixels("TRL", ["CR"]) == 0


def test_a_pixel_given_to_several_wrong_classes_counts_once():
    found = confusion([(64, 1025), (64, 64)])
    assert found.confused_pixels("TRL", ["CR", "SP"]) == 1
    assert found.confused_fraction("TRL", ["CR", "SP"]).value == 0.5


def test_false_pixels_are_of_another_class_or_of_none():
    found = confusion([(0, 1), (64, 1), (1, 1), (1, 1)])
    assert found.marked_pixels("CR") == 4
    assert found.confused_pixels(BACKGROUND, ["CR"]) == 1
    header, rows = false_table(found)
    assert dict(zip(header, rows[0], strict=True)) == {
        "marked": "CR", "px": "4", "right %": "50.0", "BG %": "25.0", "CR": "", "TRL": "25.0", "SP": ""
    }  # fmt: skip


def test_pixels_that_are_not_valid_do_not_count():
    valid = EVERYWHERE.copy()
    valid[0, :4] = False
    counts = count_joint(np.full((1, 6), 64, np.int16), np.zeros((1, 6), np.int16), valid)
    assert counts.pixels.tolist() == [2]


def test_frames_stay_apart():
    found = confusion([(64, 64)] * 3, [(64, 1)] * 5)
    assert found.frames == ("0", "1")
    assert [found.frame(k).confused_pixels("TRL", ["CR"]) for k in range(2)] == [0, 5]


def test_classes_that_a_detector_does_not_know_are_neither_found_nor_called():
    found = confusion([(64, 1), (1, 1)], marks=("CR",))
    header, rows = missed_table(found)
    assert header == ["true", "px", "found %", "no class %", "CR"]
    assert rows == [["CR", "1", "100.0", "0.0", ""], ["TRL", "1", "–", "0.0", "100.0"]]
    assert summarise_confusions(found) == []


def test_the_figures_name_the_share_and_its_spread_over_frames():
    [trails, spikes] = summarise_confusions(confusion([(64, 1), (64, 64), (1024, 1024)], [(64, 64)] * 2))
    assert trails.startswith("TRL pixels called CR or SP: 25.00 % (")
    assert spikes.startswith("SP pixels called TRL or CR: 0.00 %")


def test_rows_for_programs_hold_each_pair_and_the_figures():
    rows = {
        (row["true"], row["marked"]): row for row in confusion_rows(confusion([(64, 65), (64, 0), (0, 1)]))
    }
    assert rows["TRL", "CR"] == {
        "true": "TRL", "marked": "CR", "pixels": 1, "missed": 0, "true_pixels": 2, "marked_pixels": 2
    }  # fmt: skip
    assert rows["TRL", "none"]["pixels"] == rows["TRL", "none"]["missed"] == 1
    assert rows["BG", "CR"]["pixels"] == 1
    assert rows["TRL", "CR|SP"]["pixels"] == 1


@pytest.mark.parametrize("largest", [8191, 32767])
def test_all_bits_of_a_mask_are_kept(largest):
    counts = count_joint(
        np.full((1, 1), largest, np.int16), np.full((1, 1), largest, np.int16), np.ones((1, 1), bool)
    )
    assert (counts.truth[0], counts.marked[0]) == (largest, largest)
