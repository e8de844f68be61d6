"""Simulated frames: the truth is what was added, and nothing else was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysieve.errors import ConfigError, FrameError
from skysieve.simulate import CONTAMINANTS, Camera, simulate_frame
from skysieve.simulate.cosmic_rays import simulate_cosmic_rays
from skysieve.simulate.psf import Psf
from skysieve.simulate.readout import bleed
from skysieve.simulate.sky import power_law

SHAPE = (256, 320)
ADDS_LIGHT = ("CR", "HCL", "HP", "TRL", "SP")
TAKES_LIGHT = ("DCL", "DP")


@pytest.fixture(scope="module")
def clean():
    return simulate_frame(SHAPE, seed=7, contaminants=())


@pytest.fixture(scope="module")
def full():
    return simulate_frame(SHAPE, seed=7)


def sky_sigma(frame):
    """Noise of the sky in ADU."""
    return math.hypot(math.sqrt(frame.sky), frame.camera.read_noise) / frame.camera.gain


def test_frame_and_truth_have_the_shape_asked_for(full):
    assert full.pixels.shape == SHAPE
    assert full.pixels.dtype == np.float32
    assert np.isfinite(full.pixels).all()
    assert set(full.truth) == {*CONTAMINANTS, "BBG"}
    for name, mask in full.truth.items():
        assert mask.shape == SHAPE, name
        assert mask.dtype == np.bool_, name
        assert mask.any(), name


def test_same_seed_same_frame(full):
    again = simulate_frame(SHAPE, seed=7)
    np.testing.assert_array_equal(again.pixels, full.pixels)
    for name, mask in full.truth.items():
        np.testing.assert_array_equal(again.truth[name], mask)
    from_generator = simulate_frame(SHAPE, seed=np.random.default_rng(7))
    np.testing.assert_array_equal(from_generator.pixels, full.pixels)
    assert not np.array_equal(simulate_frame(SHAPE, seed=8).pixels, full.pixels)


def test_clean_frame_is_sky_and_photon_noise(clean):
    assert set(clean.truth) == {"BBG"}
    dark = clean.pixels[~clean.truth["BBG"]]
    level = clean.camera.bias + clean.sky / clean.camera.gain
    assert np.median(dark) == pytest.approx(level, rel=0.03)
    differences = np.diff(clean.pixels, axis=1)[~clean.truth["BBG"][:, 1:]]
    spread = 1.4826 * np.median(np.abs(differences)) / math.sqrt(2)
    assert spread == pytest.approx(sky_sigma(clean), rel=0.05)
    assert clean.pixels[clean.truth["BBG"]].mean() > dark.mean() + sky_sigma(clean)


@pytest.mark.parametrize("name", [*ADDS_LIGHT, *TAKES_LIGHT])
def test_each_contaminant_changes_the_pixels_it_marks_and_few_others(clean, name):
    frame = simulate_frame(SHAPE, seed=7, contaminants=[name])
    mask = frame.truth[name]
    assert mask.any()
    assert set(frame.truth) == {name, "BBG"}
    change = frame.pixels - clean.pixels
    if name == "SP":  # its stars come with it: look beside them
        mask = mask & ~frame.truth["BBG"]
        change[frame.truth["BBG"]] = 0
    sign = -1 if name in TAKES_LIGHT else 1
    assert sign * change[mask].mean() > sky_sigma(frame)
    # What it adds below the threshold must stay below it
    assert abs(change[~mask].mean()) < 0.1 * sky_sigma(frame)
    assert np.abs(change[~mask]).max() < 10 * sky_sigma(frame)


def test_saturated_pixels_are_full_and_no_other_is(full):
    alive = ~(full.truth["DCL"] | full.truth["DP"])
    ceiling = full.pixels.max()
    assert ceiling == pytest.approx(full.camera.saturation, rel=0.001)
    near_full = full.pixels > 0.999 * full.camera.saturation
    assert (near_full & alive).any()
    assert not (near_full & ~full.truth["SAT"]).any()
    assert (near_full & full.truth["SAT"]).sum() > 0.7 * (full.truth["SAT"] & alive).sum()


def test_without_saturation_stars_rise_above_the_full_well():
    frame = simulate_frame(SHAPE, seed=7, contaminants=["SP"])
    assert frame.pixels.max() > 2 * frame.camera.saturation


def test_leaving_one_out_leaves_the_others(full):
    frame = simulate_frame(SHAPE, seed=7, contaminants=[c for c in CONTAMINANTS if c != "TRL"])
    unchanged = ~full.truth["TRL"] & ~full.truth["SAT"]
    for name in ("CR", "HP", "HCL", "DCL", "DP", "SP"):
        np.testing.assert_array_equal(frame.truth[name], full.truth[name])
    assert np.abs(frame.pixels - full.pixels)[unchanged].max() < 8 * sky_sigma(full)


def test_overscan_is_bias_and_read_noise(full):
    section = full.truth["OV"]
    assert section[:, -full.overscan :].all()
    assert not section[:, : -full.overscan].any()
    for name in {*CONTAMINANTS, "BBG"} - {"OV"}:
        assert not (full.truth[name] & section).any(), name
    settled = full.pixels[200:, -full.overscan + 4 :]
    assert settled.mean() == pytest.approx(full.camera.bias, abs=3)
    assert settled.std() == pytest.approx(full.camera.read_noise / full.camera.gain, rel=0.1)


def test_header_describes_the_frame(full, clean):
    cards = full.header()
    assert all(len(keyword) <= 8 for keyword in cards)
    assert cards["SIMSEED"][0] == 7
    assert cards["BIASSEC"][0] == f"[{SHAPE[1] - full.overscan + 1}:320,1:256]"
    assert "BIASSEC" not in clean.header()
    assert "SIMSEED" not in simulate_frame((64, 64), seed=np.random.default_rng(1)).header()


def test_camera_is_used():
    camera = Camera(gain=3.0, bias=200.0, exposure=60.0)
    frame = simulate_frame(SHAPE, seed=7, contaminants=(), camera=camera)
    assert np.median(frame.pixels) == pytest.approx(200 + frame.sky / 3, rel=0.05)


@pytest.mark.parametrize("shape", [(63, 100), (100, 10), (0, 0)])
def test_too_small_a_frame_is_refused(shape):
    with pytest.raises(FrameError, match="64 px or more"):
        simulate_frame(shape, seed=1)


def test_unknown_contaminant_is_named():
    with pytest.raises(ConfigError, match="cannot simulate FR; choose from CR"):
        simulate_frame((64, 64), seed=1, contaminants=["CR", "FR"])


@settings(max_examples=15)
@given(st.integers(64, 150), st.integers(64, 150), st.integers(0, 2**32 - 1))
def test_any_shape_and_seed_give_every_contaminant(height, width, seed):
    frame = simulate_frame((height, width), seed=seed)
    assert frame.pixels.shape == (height, width)
    assert np.isfinite(frame.pixels).all()
    assert frame.pixels.min() >= 0
    for name in ("DP", "DCL", "TRL", "SAT", "OV"):
        assert frame.truth[name].any(), name


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_bleeding_keeps_charge_unless_it_reaches_an_edge(values):
    column = np.array(values, np.float32)[:, None]
    padded = np.pad(column, ((700, 700), (0, 0)))
    held, touched = bleed(padded, 1e5)
    assert held.max() <= 1e5
    assert held.sum(dtype=np.float64) == pytest.approx(padded.sum(dtype=np.float64), rel=1e-4)
    np.testing.assert_array_equal(held[~touched], padded[~touched])


def test_bleeding_stays_in_its_column():
    charge = np.full((101, 5), 100, np.float32)
    charge[50, 2] = 11 * 1000
    held, touched = bleed(charge, 1000)
    assert not touched[:, [0, 1, 3, 4]].any()
    rows = np.flatnonzero(touched[:, 2])
    assert rows.min() < 50 < rows.max()
    assert abs((50 - rows.min()) - (rows.max() - 50)) <= 1
    assert (held[45:56, 2] == 1000).all()


@pytest.mark.parametrize("fwhm", [2.8, 4.0])
def test_psf_has_its_width_and_unit_flux(fwhm):
    psf = Psf(fwhm, wings=0.0)
    image = np.zeros((401, 401), np.float32)
    psf.add_star(image, y=200.3, x=199.8, flux=1e6, floor=1e-4)
    assert image.sum() == pytest.approx(1e6, rel=0.01)
    assert float(psf.at(np.array([fwhm**2 / 4]))[0]) == pytest.approx(psf.peak / 2, rel=1e-5)
    # The profile across a line is the star summed along it
    offsets = np.arange(-20, 21, dtype=np.float32)
    star = psf.at(offsets[:, None] ** 2 + np.arange(-500, 501, dtype=np.float32) ** 2)
    np.testing.assert_allclose(psf.line(offsets), star.sum(axis=1), rtol=0.01)


def test_counts_follow_the_power_law():
    values = power_law(np.random.default_rng(1), 40_000, low=1, high=1e6, slope=0.75)
    assert values.min() >= 1
    assert (values > 100).mean() == pytest.approx(100**-0.75, rel=0.1)


def test_muons_leave_the_charge_of_their_path():
    images = [simulate_cosmic_rays((512, 512), np.random.default_rng(s), Camera()) for s in range(4)]
    totals = np.array([image.sum(dtype=np.float64) for image in images])
    # About 6 muons and as many electrons, each of the order of 200 µm × 75 electrons to 1 MeV / 3.65 eV
    assert (totals > 3e4).all()
    assert (totals < 6e6).all()
    for image in images:
        assert image.min() >= 0
        assert 10 < (image > 100).sum() < 3000
