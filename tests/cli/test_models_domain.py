"""``skysieve models calibrate-domain``: what training frames look like, measured again."""

from __future__ import annotations

import dataclasses

import pytest
from tests.cli.command import run_in
from tests.tiny_models import save_pixel_model

from skysieve.core.models.card import CARD_FILE, read_model

pytest.importorskip("galsim")


def run(*arguments):
    return run_in(".", *arguments)


@pytest.fixture
def folder(tmp_path):
    return save_pixel_model(tmp_path / "tiny", {"CR": 20, "SAT": 60})


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "plain.yaml"
    path.write_text(
        "optics: {fwhm: [2.0, 3.0], defocused: 0.0, optical: 0.0}\n"
        "stars: {density: [2000, 4000]}\ncontaminants: {CR: {probability: 1.0}}\n"
    )
    return path


def test_writes_what_the_frames_look_like_into_the_card_and_nothing_else(folder, recipe):
    before = read_model(folder).card
    result = run("models", "calibrate-domain", folder, "--recipe", recipe, "-n", 20, "--side", 256)
    assert result.code == 0, result.err
    after = read_model(folder).card
    assert {"correlation", "sources", "fwhm", "marked CR"} <= set(after.domain)
    low, _, _, _, high = after.domain["fwhm"]
    assert 10**low > 1.5
    assert 10**high < 5
    assert dataclasses.replace(after, domain=before.domain) == before


def test_gives_the_same_for_the_same_seed(folder, recipe):
    options = ("models", "calibrate-domain", folder, "--recipe", recipe, "-n", 20, "--side", 256)
    cards = []
    for seed in (1, 1, 2):
        assert run(*options, "--seed", seed).code == 0
        cards.append((folder / CARD_FILE).read_text())
    assert cards[0] == cards[1] != cards[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-n", 3], "--frames 3: expected 20 or more"),
        (["--side", 100], "--side 100: expected 256 px or more"),
        (["--recipe", "nothing"], "nothing"),
    ],
)
def test_wrong_options_are_one_line_and_leave_the_card(folder, options, message):
    before = (folder / CARD_FILE).read_text()
    result = run("models", "calibrate-domain", folder, *options)
    assert result.code == 1
    assert message in result.err
    assert (folder / CARD_FILE).read_text() == before


def test_models_for_another_job_are_refused(folder):
    card = dataclasses.replace(read_model(folder).card, job="clusters")
    (folder / CARD_FILE).write_text(card.to_json())
    result = run("models", "calibrate-domain", folder, "-n", 20)
    assert result.code == 1
    assert "is for clusters" in result.err
