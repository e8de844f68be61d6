"""Exposures: charge becomes pixels, and pixels know what is in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.frames.simulate.plain import PLAIN

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.exposure import Field, expose
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.overscan import Borders
from skysieve.frames.simulate.scene import Layer, Scene

SHAPE = (96, 128)
SKY = 400.0
CAMERA = Camera(gain=2.0, read_noise=1e-3, bias=1000.0, full_well=20_000.0)
HERE = (slice(40, 44), slice(60, 64))


@pytest.fixture(scope="module")
def field():
    scene = Scene(camera=CAMERA, psf=moffat_psf(fwhm=3.0), sky=np.full(SHAPE, SKY, np.float32))
    return Field(scene=scene, objects=np.zeros(SHAPE, np.float32))


def block(value, *, elsewhere=0.0):
    image = np.full(SHAPE, elsewhere, np.float32)
    image[HERE] = value
    return image


def marked_block():
    return block(1.0) > 0


def run(field, layers=None, *, seed=3, **options):
    return expose(field, layers or {}, np.random.default_rng(seed), recipe=PLAIN, **options)


def test_an_even_field_has_the_noise_of_its_photons(field):
    pixels = run(field).pixels
    assert pixels.mean() == pytest.approx(1000 + SKY / 2, abs=0.5)
    assert pixels.var() == pytest.approx(SKY / 4 + 1 / 12, rel=0.05)


def test_little_light_is_whole_electrons(field):
    scene = replace(field.scene, camera=replace(CAMERA, gain=1.0), sky=np.full(SHAPE, 0.5, np.float32))
    counts = run(replace(field, scene=scene)).pixels - 1000
    assert counts.mean() == pytest.approx(0.5, abs=0.05)
    assert (counts == 0).mean() == pytest.approx(np.exp(-0.5), abs=0.03)


def test_a_contaminant_marks_where_it_stands_above_one_sigma(field):
    sigma = np.sqrt(SKY)
    for part in ("light", "charge"):
        for height, seen in ((0.9 * sigma, False), (1.1 * sigma, True)):
            truth = run(field, {"CR": Layer(**{part: block(height)})}).truth["CR"]
            np.testing.assert_array_equal(truth, marked_block() & seen)


def test_on_a_bright_star_the_threshold_is_the_noise_of_the_star(field):
    bright = replace(field, objects=block(10_000.0))
    layers = {"CR": Layer(charge=block(90.0))}
    assert run(field, layers).truth["CR"].any()
    assert not run(bright, layers).truth["CR"].any()
    np.testing.assert_array_equal(run(bright).truth["BBG"], marked_block())


def test_truth_that_a_contaminant_gives_itself_is_kept(field):
    truth = run(field, {"FR": Layer(light=block(1.0), truth=marked_block())}).truth["FR"]
    np.testing.assert_array_equal(truth, marked_block())


def test_light_comes_with_the_noise_of_its_photons_and_charge_as_it_is(field):
    plain = run(field).pixels
    lit = run(field, {"TRL": Layer(light=block(10_000.0))}).pixels
    charged = run(field, {"CR": Layer(charge=block(10_000.0))}).pixels
    np.testing.assert_allclose((charged - plain)[HERE], 5000, atol=1)
    assert (lit - plain)[HERE].mean() == pytest.approx(5000, abs=60)
    assert (lit - plain)[HERE].std() > 10
    for other in (lit, charged):
        np.testing.assert_array_equal(other[~marked_block()], plain[~marked_block()])


def test_a_poor_response_takes_charge_and_none_makes_a_constant(field):
    poor = run(field, {"DP": Layer(response=block(0.5, elsewhere=1.0), truth=marked_block())}).pixels
    assert poor[HERE].mean() == pytest.approx(1000 + SKY / 4, abs=10)
    dead = run(field, {"DP": Layer(response=block(0.0, elsewhere=1.0), truth=marked_block())}).pixels
    np.testing.assert_array_equal(dead[HERE], 0)


def test_a_weak_defect_shows_where_it_takes_the_light_of_a_star(field):
    weak = {"DCL": Layer(response=np.full(SHAPE, 0.98, np.float32), truth=np.zeros(SHAPE, np.bool_))}
    assert not run(field, weak).truth["DCL"].any()
    np.testing.assert_array_equal(
        run(replace(field, objects=block(20_000.0)), weak).truth["DCL"], marked_block()
    )


def test_full_pixels_saturate_unless_nothing_does(field):
    layers = {"CR": Layer(charge=block(50_000.0))}
    exposure = run(field, layers)
    assert exposure.pixels.max() == pytest.approx(CAMERA.saturation, abs=1)
    assert exposure.truth["SAT"][HERE].all()
    assert exposure.truth["SAT"].sum() > 16  # it bleeds
    free = run(field, layers, saturates=False)
    assert "SAT" not in free.truth
    assert free.pixels.max() > 2 * CAMERA.saturation


def test_what_the_converter_cannot_write_is_saturated_too(field):
    scene = replace(field.scene, camera=replace(CAMERA, adc_maximum=4095))
    exposure = run(replace(field, scene=scene), {"CR": Layer(charge=block(9000.0))})
    assert exposure.pixels.max() == 4095
    np.testing.assert_array_equal(exposure.truth["SAT"], marked_block())


def test_borders_are_dark_and_in_no_other_class(field):
    exposure = run(field, {"HP": Layer(light=block(500.0))}, borders=Borders(left=5, top=3))
    assert exposure.pixels.shape == (99, 133)
    assert exposure.truth["OV"].sum() == 99 * 133 - 96 * 128
    assert exposure.truth["OV"][:, :5].all()
    assert exposure.truth["OV"][-3:].all()
    np.testing.assert_array_equal(exposure.truth["HP"][:96, 5:], marked_block())
    assert exposure.pixels[:, :5].std() < 1


def test_truth_moves_with_the_grid_of_a_resampled_frame(field):
    layers = {"CR": Layer(charge=block(2000.0)), "FR": Layer(truth=marked_block(), light=block(1.0))}
    exposure = run(field, layers, kind="resampled")
    for name in ("CR", "FR"):
        rows, columns = np.nonzero(exposure.truth[name])
        assert abs(rows.mean() - 41.5) < 1.5
        assert abs(columns.mean() - 61.5) < 1.5
    brightest = np.unravel_index(exposure.pixels.argmax(), SHAPE)
    assert exposure.truth["CR"][brightest]


def test_what_a_real_detector_counted_is_not_exposed_again(field):
    counted = np.full(SHAPE, 100.0, np.float32)
    layers = {"CR": Layer(charge=block(3000.0))}
    exposure = run(replace(field, detected=counted), layers)
    np.testing.assert_allclose(exposure.pixels[HERE], 1550)
    np.testing.assert_allclose(exposure.pixels[~marked_block()], 50)
    np.testing.assert_array_equal(exposure.truth["CR"], marked_block())
