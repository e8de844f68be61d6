"""Cosmic rays: what particles leave in silicon."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.cosmic_rays import CosmicRays
from skysieve.frames.simulate.scene import Scene


def scene(shape=(256, 320), *, sky=2000.0, **camera):
    return Scene(
        camera=Camera(**camera),
        psf=cast("Any", SimpleNamespace(fwhm=3.5, peak=0.07)),
        sky=np.full(shape, sky, np.float32),
    )


def layer_of(settings, seed=1, shape=(256, 320), **kwargs):
    return settings.simulate(scene(shape, **kwargs), np.random.default_rng(seed))


def charge_of(settings, seed=1, **kwargs):
    return layer_of(settings, seed, **kwargs).charge


def spots(charge, threshold=50):
    """Return the sizes of connected pixels."""
    labels, count = ndimage.label(charge > threshold, np.ones((3, 3)))
    return np.bincount(labels.ravel())[1:] if count else np.zeros(0)


def test_the_same_seed_gives_the_same_layer():
    first, again = (layer_of(CosmicRays(), 3) for _ in range(2))
    np.testing.assert_array_equal(first.charge, again.charge)


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
@pytest.mark.parametrize("camera", [{}, {"bleed_axis": 1}, {"detector": "nir", "thickness": 8.0}])
def test_any_shape_and_camera_will_do(shape, camera):
    for seed in range(10):
        layer = layer_of(CosmicRays(), seed, shape, **camera)
        for image in (layer.light, layer.charge, layer.response):
            assert image is None or (image.shape == shape and image.dtype == np.float32)
            assert image is None or np.isfinite(image).all()
        assert layer.truth is None or (layer.truth.shape == shape and layer.truth.dtype == np.bool_)


def test_there_is_at_least_one_event_and_charge_is_never_negative():
    lonely = CosmicRays(events_per_mpix=(0.01, 0.01), partial=(0, 0))
    for seed in range(30):
        charge = charge_of(lonely, seed, shape=(64, 64))
        assert charge.max() > 0
        assert charge.min() >= 0


def test_events_come_per_area():
    settings = CosmicRays(events_per_mpix=(1000, 1000), straight=(1, 1), partial=(0, 0))
    thin = {"thickness": 10.0, "diffusion": 2.0}
    small = np.mean([spots(charge_of(settings, s, shape=(128, 128), **thin)).size for s in range(20)])
    large = np.mean([spots(charge_of(settings, s, shape=(512, 512), **thin)).size for s in range(5)])
    assert small == pytest.approx(1000 / 64, rel=0.25)
    assert large == pytest.approx(1000 / 4, rel=0.15)


def test_a_steep_muon_frees_some_eighty_electrons_a_micrometre():
    settings = CosmicRays(
        events_per_mpix=(300, 300),
        straight=(1, 1),
        slow=(0, 0),
        partial=(0, 0),
        slant=(4000, 4000),
        thickness=(1, 1),
        alphas=0,
    )
    charge = charge_of(settings, shape=(512, 512), thickness=200.0)
    events = spots(charge, threshold=0).size
    assert 200 * 70 < charge.sum() / events < 200 * 130


def test_tracks_are_longer_in_thicker_silicon():
    settings = CosmicRays(events_per_mpix=(400, 400), straight=(1, 1))
    thin = charge_of(settings, shape=(512, 512), thickness=15.0)
    thick = charge_of(settings, shape=(512, 512), thickness=300.0)
    assert spots(thick).mean() > 3 * spots(thin).mean()


def test_near_infrared_arrays_are_thin_whatever_their_substrate():
    settings = CosmicRays(events_per_mpix=(400, 400))
    charge = charge_of(settings, shape=(512, 512), detector="nir", thickness=500.0)
    assert spots(charge).mean() < 12


def test_electrons_bend_and_muons_do_not():
    def straightness(charge):
        """Ratio of the lesser to the greater spread of long events."""
        labels, count = ndimage.label(charge > 100, np.ones((3, 3)))
        ratios = []
        for number, window in enumerate(ndimage.find_objects(labels), start=1):
            y, x = np.nonzero(labels[window] == number)
            if y.size > 25:
                least, most = np.linalg.eigvalsh(np.cov(y, x))
                ratios.append(np.sqrt(max(least, 0) / most))
        assert count
        return float(np.median(ratios))

    same: dict[str, Any] = {
        "events_per_mpix": (100, 100),
        "partial": (0, 0),
        "diffusion": (0.2, 0.2),
        "alphas": 0.0,
    }
    muons, electrons = (
        straightness(charge_of(CosmicRays(straight=(s, s), **same), shape=(1024, 1024), thickness=500.0))
        for s in (1, 0)
    )
    assert electrons > 1.5 * muons


def test_charge_spreads_with_diffusion_and_is_kept():
    still = CosmicRays(events_per_mpix=(300, 300), diffusion=(0, 0))
    drifting = CosmicRays(events_per_mpix=(300, 300), diffusion=(1.5, 1.5))
    sharp, wide = (charge_of(settings, seed=4, shape=(512, 512)) for settings in (still, drifting))
    assert np.count_nonzero(wide > 20) > 1.3 * np.count_nonzero(sharp > 20)
    assert wide.sum() == pytest.approx(sharp.sum(), rel=0.03)


def test_events_are_cut_off_by_all_four_edges():
    settings = CosmicRays(events_per_mpix=(4000, 4000), straight=(1, 1))
    hits = sum(charge_of(settings, seed) > 0 for seed in range(10))
    inner = hits[8:-8, 8:-8].mean()
    for edge in (hits[0], hits[-1], hits[:, 0], hits[:, -1]):
        assert edge.mean() > 0.3 * inner


def test_the_sky_stays_visible_at_the_highest_rates():
    settings = CosmicRays(events_per_mpix=(1e6, 1e6), slant=(2, 2), thickness=(1.5, 1.5))
    assert (charge_of(settings, shape=(512, 512), thickness=300.0) > 50).mean() < 0.3
