"""Footprints of real cosmic rays: read from files, and put into frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.contaminants.cosmic_rays import CosmicRays
from skysieve.frames.simulate.contaminants.footprints import read_footprints
from skysieve.frames.simulate.optics import moffat_psf
from skysieve.frames.simulate.scene import Scene

TRACK: dict[str, Any] = {
    "start": np.array([0, 3], np.int32),
    "x": np.array([0, 1, 2], np.int16),
    "y": np.array([0, 0, 1], np.int16),
    "value": np.array([100.0, 200.0, 300.0], np.float32),
    "unit": "electron",
}


@pytest.fixture
def stored(tmp_path):
    def store(**changed):
        path = tmp_path / f"rays{len(list(tmp_path.iterdir()))}.npz"
        arrays = {name: values for name, values in {**TRACK, **changed}.items() if values is not None}
        np.savez(path, **arrays)
        return str(path)

    return store


def charge_of(settings, seed, **camera):
    charge = settings.simulate(scene(**camera), np.random.default_rng(seed)).charge
    assert charge is not None
    return charge


def scene(**camera):
    psf = moffat_psf(fwhm=3.0)
    return Scene(camera=Camera(**camera), psf=psf, sky=np.full((128, 160), 400.0, np.float32))


def test_are_added_with_all_their_charge_turned_any_way(stored):
    found, rng, directions = read_footprints(stored()), np.random.default_rng(1), set()
    for _ in range(100):
        charge = np.zeros((64, 64), np.float32)
        found.add(charge, rng, 1, scale=2.0)
        if charge.sum() == 2 * 600:  # else it is cut at the border
            brightest, faintest = (np.argwhere(charge == value)[0] for value in (600.0, 200.0))
            directions.add(tuple(brightest - faintest))
    assert directions == {(y, x) for a, b in ((1, 2), (2, 1)) for y in (-a, a) for x in (-b, b)}


def test_one_that_crosses_the_border_is_cut(stored):
    charge = np.zeros((3, 3), np.float32)
    read_footprints(stored()).add(charge, np.random.default_rng(0), 100, scale=1.0)
    assert np.isfinite(charge).all()
    assert (charge > 0).any()


@pytest.mark.parametrize(("unit", "gain", "charge"), [("electron", 4.0, 600), ("ADU (no gain)", 4.0, 2400)])
def test_charge_in_adu_is_multiplied_by_the_gain(stored, unit, gain, charge):
    settings = CosmicRays(
        footprints=(stored(unit=unit),), real=1.0, real_charge=(1.0, 1.0), events_per_mpix=(3000.0, 3000.0)
    )
    values = np.unique(charge_of(settings, 3, gain=gain))
    assert {charge / 6, charge / 3, charge / 2} <= set(values.tolist())


def test_only_a_share_of_the_events_is_real(stored):
    settings: dict[str, Any] = {"real_charge": (1.0, 1.0), "events_per_mpix": (4000.0, 4000.0)}
    counts = [
        np.count_nonzero(charge_of(CosmicRays(footprints=(stored(),), real=share, **settings), 5) == 300.0)
        for share in (0.0, 0.5, 1.0)
    ]
    assert counts[0] == 0
    assert 0 < counts[1] < counts[2]


def test_without_files_the_simulation_is_as_it_was():
    first, second = (charge_of(CosmicRays(real=share), 2) for share in (0.0, 1.0))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"value": None}, "value is missing"),
        ({"unit": None}, "unit is missing"),
        ({"unit": "furlong"}, "the unit is 'furlong', expected electron or ADU"),
        ({"start": np.array([0, 4])}, "start does not divide the 3 pixels"),
        ({"start": np.array([0, 2, 2, 3])}, "start does not divide"),
        ({"start": np.array([], np.int64)}, "start does not divide"),
        ({"x": np.zeros(2, np.int16)}, "x, y and value have 2, 3 and 3 entries"),
        ({"value": np.array([1.0, np.nan, 2.0])}, "NaN"),
        ({"y": np.array([0, 0, 5000])}, "y goes from 0 to 5000, expected 0 to 1000 px"),
        ({"y": np.array([-1, 0, 0])}, "y goes from -1 to 0"),
        ({"x": np.zeros((3, 1), np.int16)}, r"x has the shape \(3, 1\)"),
        ({"value": np.array(["a", "b", "c"])}, "the type <U1"),
    ],
)
def test_a_file_of_another_layout_is_refused_with_one_line(stored, changed, message):
    path = stored(**changed)
    with pytest.raises(ConfigError, match=message) as caught:
        read_footprints(path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 cut short"])
def test_what_is_no_npz_file_is_refused_with_one_line(tmp_path, content):
    path = tmp_path / "rays.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read as cosmic-ray footprints") as caught:
        read_footprints(str(path))
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "rays.npz"
    np.savez(path, **{**TRACK, "start": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_footprints(str(path))


def test_a_missing_file_is_refused_with_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_footprints(str(tmp_path / "none.npz"))
    assert "\n" not in str(caught.value)


class TestGrazing:
    """Particles that run along the sensitive layer."""

    def test_leave_long_straight_tracks(self):
        settings: dict[str, Any] = {
            "straight": (1.0, 1.0),
            "slant": (4.0, 4.0),
            "events_per_mpix": (60.0, 60.0),
            "alphas": 0.0,
        }
        longest = []
        for grazing in (0.0, 1.0):
            sizes = []
            for seed in range(5):
                rays = CosmicRays(**settings, grazing=grazing)
                sizes.append(np.count_nonzero(charge_of(rays, seed, thickness=15.0) > 50))
            longest.append(np.mean(sizes))
        assert longest[1] > 4 * longest[0]
