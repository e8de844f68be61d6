"""The empty sky, and how evenly it is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.sky import Sky

SHAPE = (300, 500)
EVEN: dict[str, Any] = {
    "gradient": (0.0, 0.0),
    "vignetting": (0.0, 0.0),
    "pixel_response": (1e-6, 1e-6),
    "dust": (1e-6, 1e-6),
    "tree_rings": 0.0,
    "structure": (0.0, 0.0),
}


def draw(seed=1, shape=SHAPE, camera=None, **settings):
    return Sky(**(EVEN | settings)).draw(shape, np.random.default_rng(seed), camera or Camera())


def test_sky_and_response_are_float32_arrays_of_the_frame():
    sky, response = Sky().draw(SHAPE, np.random.default_rng(1), Camera())
    assert sky.shape == response.shape == SHAPE
    assert sky.dtype == response.dtype == np.float32
    assert (sky > 0).all()
    assert (response > 0).all()


def test_an_even_sky_has_the_level_everywhere():
    sky, response = draw(level=(700, 700))
    np.testing.assert_allclose(sky, 700, rtol=1e-4)
    np.testing.assert_allclose(response, 1, rtol=1e-4)


def test_levels_span_the_range_in_orders_of_magnitude():
    levels = [np.median(draw(seed, (64, 64))[0]) for seed in range(60)]
    assert min(levels) < 20
    assert max(levels) > 2e4
    assert 100 < np.median(levels) < 3000


def test_gradients_tilt_the_sky_and_not_the_response():
    changes = []
    for seed in range(20):
        sky, response = draw(seed, gradient=(0.2, 0.2), field=(300, 300), level=(100, 100))
        changes.append(np.ptp(sky) / 100)
        assert np.ptp(response) < 1e-4
    assert 0.1 < np.median(changes) < 0.4


def test_vignetting_dims_sky_and_stars_alike_towards_the_edge_of_the_field():
    sky, response = draw(vignetting=(0.4, 0.4), flattened=0.0, field=(292, 292), level=(100, 100))
    assert response[150, 250] > 0.99
    assert response[0, 0] == pytest.approx(0.6, abs=0.02)
    np.testing.assert_allclose(sky, 100 * response, rtol=1e-4)


def test_a_flat_field_takes_most_of_the_vignetting_out():
    _, response = draw(vignetting=(0.4, 0.4), flattened=1.0, field=(292, 292))
    assert 0.97 < response.min() < 0.99


def test_a_frame_is_a_part_of_a_larger_field():
    small = [np.ptp(draw(s, vignetting=(0.4, 0.4), flattened=0.0, field=(5e3, 5e3))[1]) for s in range(20)]
    assert np.max(small) < 0.2


def test_pixels_respond_unevenly():
    _, response = draw(pixel_response=(0.01, 0.01))
    assert response.std() == pytest.approx(0.01, rel=0.05)


def test_dust_casts_rings():
    _, response = draw(dust=(60, 60), dust_depth=(0.1, 0.1), flattened=0.0)
    shaded = response < 0.95
    assert 0.001 < shaded.mean() < 0.7
    assert response.max() <= 1.001


def test_tree_rings_are_on_ccds_only():
    _, ccd = draw(tree_rings=1.0, ring_amplitude=(0.003, 0.003))
    _, nir = draw(tree_rings=1.0, ring_amplitude=(0.003, 0.003), camera=Camera(detector="nir"))
    assert 0.0005 < ccd.std() < 0.01
    assert nir.std() < 1e-5


def test_the_near_infrared_sky_is_patchy():
    ccd, _ = draw(structure=(0.02, 0.02), level=(100, 100))
    nir, _ = draw(structure=(0.02, 0.02), level=(100, 100), camera=Camera(detector="nir"))
    assert np.ptp(ccd) < 0.1
    assert 1 < np.ptp(nir) < 20


def test_one_seed_gives_one_sky():
    one, two = (Sky().draw(SHAPE, np.random.default_rng(4), Camera())[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
