"""Simulated frames: the truth is what was added, and nothing else was."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frames.simulate.plain import BIAS, GAIN, PLAIN, READ_NOISE, SKY

from skysieve.core.errors import ConfigError, FrameError
from skysieve.frames.simulate import CONTAMINANTS, simulate_frame
from skysieve.frames.simulate.processing import Processing

SHAPE = (192, 256)
SIGMA = math.hypot(math.sqrt(SKY), READ_NOISE) / GAIN
ADDS_LIGHT = ("CR", "HCL", "HP", "P", "TRL", "NEB")
TAKES_LIGHT = ("DCL", "DP")


def simulate(contaminants=CONTAMINANTS, *, seed=7, **options):
    return simulate_frame(SHAPE, seed=seed, recipe=PLAIN, contaminants=contaminants, **options)


@pytest.fixture(scope="module")
def clean():
    return simulate(())


@pytest.fixture(scope="module")
def full():
    return simulate()


def test_frame_and_truth_have_the_shape_asked_for(full):
    assert full.pixels.shape == SHAPE
    assert full.pixels.dtype == np.float32
    assert np.isfinite(full.pixels).all()
    assert set(full.truth) == {*CONTAMINANTS, "BBG"}
    for name, marked in full.truth.items():
        assert marked.shape == SHAPE, name
        assert marked.dtype == np.bool_, name
        assert marked.any() or name in {"SAT", "SP"}, name  # no star need be bright enough


def test_the_same_seed_makes_the_same_frame(full):
    again = simulate()
    np.testing.assert_array_equal(again.pixels, full.pixels)
    for name, marked in full.truth.items():
        np.testing.assert_array_equal(again.truth[name], marked)
    np.testing.assert_array_equal(simulate(seed=np.random.default_rng(7)).pixels, full.pixels)
    assert not np.array_equal(simulate(seed=8).pixels, full.pixels)


def test_a_clean_frame_is_sky_stars_and_noise(clean):
    assert set(clean.truth) == {"BBG"}
    dark = clean.pixels[~clean.truth["BBG"]]
    assert np.median(dark) == pytest.approx(BIAS + SKY / GAIN, abs=2)
    assert clean.sky == pytest.approx(SKY, rel=0.01)
    differences = np.diff(clean.pixels, axis=1)[~clean.truth["BBG"][:, 1:]]
    assert 1.4826 * np.median(np.abs(differences)) / math.sqrt(2) == pytest.approx(SIGMA, rel=0.08)
    assert clean.pixels[clean.truth["BBG"]].mean() > dark.mean() + SIGMA


@pytest.mark.parametrize("name", [*ADDS_LIGHT, *TAKES_LIGHT])
def test_a_contaminant_changes_the_pixels_it_marks_and_hardly_any_other(clean, name):
    frame = simulate([name])
    marked = frame.truth[name]
    assert set(frame.truth) == {name, "BBG"}
    assert marked.any()
    sign = -1 if name in TAKES_LIGHT else 1
    change = sign * (frame.pixels - clean.pixels) / SIGMA
    assert change[marked].mean() > 0.7
    if (~marked).any():
        # What it does below the threshold stays below it, but for the light of stars that a weak defect takes
        assert change[~marked].mean() < 0.5
        assert np.percentile(change[~marked], 99) < 2


def test_leaving_one_out_leaves_the_others(full):
    frame = simulate([name for name in CONTAMINANTS if name != "TRL"])
    for name in ("CR", "HCL", "DCL", "HP", "DP", "P", "NEB", "SP", "OV"):
        np.testing.assert_array_equal(frame.truth[name], full.truth[name], err_msg=name)
    elsewhere = ~full.truth["TRL"] & ~full.truth["SAT"]
    assert np.abs(frame.pixels - full.pixels)[elsewhere].max() < 8 * SIGMA


def test_raw_pixels_are_what_the_converter_can_write(full):
    assert full.kind == "raw"
    np.testing.assert_array_equal(full.pixels, np.rint(full.pixels))
    assert full.pixels.min() >= 0
    assert full.pixels.max() <= full.camera.adc_maximum


def test_without_saturation_stars_rise_above_the_full_well():
    recipe = replace(
        PLAIN, stars=replace(PLAIN.stars, bright_density=(100.0, 100.0), bright_peak=(5.0, 50.0))
    )
    free, limited = (
        simulate_frame(SHAPE, seed=7, recipe=recipe, contaminants=names) for names in ((), ("SAT",))
    )
    assert free.pixels.max() > 2 * free.camera.saturation
    assert limited.pixels.max() <= limited.camera.saturation + 10 * SIGMA
    assert limited.truth["SAT"].any()


def test_overscan_is_bias_and_read_noise_and_in_no_other_class(full):
    dark = full.truth["OV"]
    assert dark[:, -16:].all()
    assert not dark[:, :-16].any()
    for name in {*CONTAMINANTS, "BBG"} - {"OV"}:
        assert not (full.truth[name] & dark).any(), name
    settled = full.pixels[:, -12:]
    assert np.median(settled) == pytest.approx(BIAS, abs=3)
    assert settled.std() == pytest.approx(READ_NOISE / GAIN, rel=0.25)


def test_the_recipe_decides_where_nothing_is_asked_for():
    for chance, names in ((0.0, ["SAT"]), (1.0, CONTAMINANTS)):
        settings: Any = vars(PLAIN.contaminants)
        changed: Any = {name: replace(of, probability=chance) for name, of in settings.items()}
        recipe = replace(
            PLAIN,
            contaminants=replace(PLAIN.contaminants, **changed),
            overscan=replace(PLAIN.overscan, probability=chance),
        )
        assert set(simulate_frame((64, 64), seed=1, recipe=recipe).truth) == {*names, "BBG"}


def test_a_subtracted_frame_has_its_sky_at_zero():
    frame = simulate(["CR"], kind="subtracted")
    assert frame.kind == "subtracted"
    dark = frame.pixels[~frame.truth["BBG"] & ~frame.truth["CR"]]
    assert abs(np.median(dark)) < 0.5 * np.std(dark)
    assert not (frame.pixels == np.rint(frame.pixels)).all()


def test_neighbours_in_a_resampled_frame_share_their_noise():
    stars = replace(PLAIN.stars, density=(1.0, 1.0), bright_density=(1e-3, 1e-3))
    recipe = replace(PLAIN, stars=stars, processing=Processing(residual=(1e-3, 1e-3)))

    def correlation(kind, seed):
        frame = simulate_frame((96, 96), seed=seed, recipe=recipe, contaminants=(), kind=kind)
        pixels = np.where(frame.truth["BBG"], np.median(frame.pixels), frame.pixels)
        pairs = [(pixels[1:], pixels[:-1]), (pixels[:, 1:], pixels[:, :-1])]
        return max(np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs)

    assert np.mean([correlation("raw", seed) for seed in range(4)]) < 0.1
    assert np.mean([correlation("resampled", seed) for seed in range(4)]) > 0.2
    assert "OV" not in simulate(["OV"], kind="resampled").truth


def test_the_header_describes_the_frame(full, clean):
    cards = full.header()
    assert all(len(keyword) <= 8 for keyword in cards)
    assert cards["SIMSEED"][0] == 7
    assert cards["SIMKIND"][0] == "raw"
    assert cards["SIMRECIP"][0] == "plain"
    assert cards["SIMCLASS"][0].split(",") == [*CONTAMINANTS, "BBG"]
    assert (cards["GAIN"][0], cards["RDNOISE"][0]) == (GAIN, READ_NOISE)
    assert cards["DATASEC"][0] == "[1:240,1:192]"
    assert clean.header()["DATASEC"][0] == "[1:256,1:192]"
    assert cards["PSFFWHM"][0] == pytest.approx(3.1, abs=0.2)


def test_a_frame_of_a_generator_has_no_seed_to_tell():
    frame = simulate_frame((64, 64), seed=np.random.default_rng(1), recipe=PLAIN, contaminants=())
    assert frame.seed is None
    assert "SIMSEED" not in frame.header()


@pytest.mark.parametrize("shape", [(63, 100), (100, 10), (0, 0)])
def test_too_small_a_frame_is_refused(shape):
    with pytest.raises(FrameError, match="give 64 px or more"):
        simulate_frame(shape, seed=1)


def test_an_unknown_contaminant_is_named():
    with pytest.raises(ConfigError, match="cannot simulate XX, YY; choose from CR"):
        simulate_frame((64, 64), seed=1, contaminants=["CR", "XX", "YY"])


@settings(max_examples=8)
@given(st.integers(64, 130), st.integers(64, 130), st.integers(0, 2**32 - 1))
def test_any_shape_and_seed_give_a_frame_of_any_camera(height, width, seed):
    frame = simulate_frame((height, width), seed=seed)
    assert frame.pixels.shape == (height, width)
    assert np.isfinite(frame.pixels).all()
    assert {"SAT", "BBG"} <= set(frame.truth)
    assert all(marked.shape == (height, width) for marked in frame.truth.values())
