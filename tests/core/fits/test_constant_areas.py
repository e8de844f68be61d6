"""Areas of one value: which are no sky, and what they leave of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysieve.core.fits.constant_areas import MIN_SIDE, find_constant_areas
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.sections import read_sections
from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.usable import UsableFrame


def sky(shape=(300, 400), level=1000.0, sigma=10.0, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(level, sigma, shape).astype(dtype)


def found(pixels, kind="empty"):
    """Return the areas of a kind in a frame, and in no other kind."""
    areas = find_constant_areas(ArrayFrame(pixels))
    if areas is None:
        return np.zeros(pixels.shape, bool)
    return areas.rows(kind, 0, pixels.shape[0])


def areas_in(frame):
    """Return the areas of a frame that has some."""
    areas = find_constant_areas(frame)
    assert areas is not None
    return areas


def stars(shape, count, *, width=2.5, seed=1):
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    light = np.zeros(shape)
    for row, column in rng.uniform(0, shape, (count, 2)):
        light += rng.uniform(20, 400) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return light


class TestAreas:
    @pytest.mark.parametrize("value", [0, -999, 7, 32767])
    @pytest.mark.parametrize("dtype", [np.int16, np.float32])
    def test_have_any_value(self, value, dtype):
        pixels = sky(dtype=dtype)
        pixels[:, :150] = value
        kind = "saturated" if value == 32767 else "empty"
        assert found(pixels, kind)[:, :150].all()
        assert not found(pixels, kind)[:, 150:].any()

    @settings(max_examples=40, deadline=None)
    @given(
        top=st.integers(0, 260),
        left=st.integers(0, 360),
        height=st.integers(MIN_SIDE, 200),
        width=st.integers(MIN_SIDE, 300),
    )
    def test_are_found_wherever_they_are(self, top, left, height, width):
        pixels = sky()
        area = np.zeros(pixels.shape, bool)
        area[top : top + height, left : left + width] = True
        if min(area.any(axis=1).sum(), area.any(axis=0).sum()) < MIN_SIDE:
            return
        pixels[area] = 0
        assert np.array_equal(found(pixels), area)

    def test_have_any_outline(self):
        pixels = sky((400, 400))
        y, x = np.indices(pixels.shape)
        rotated = np.abs(x - 200 + 0.3 * (y - 200)) + np.abs(y - 200 - 0.3 * (x - 200)) > 210
        circle = (x - 200) ** 2 + (y - 180) ** 2 < 60**2
        area = rotated | circle
        pixels[area] = 0
        assert np.count_nonzero(found(pixels) != area) < 0.005 * area.sum()
        assert not (found(pixels) & ~area).any()

    def test_of_a_frame_in_float_may_have_the_level_of_its_sky(self):
        pixels = sky(level=0, sigma=3)
        pixels[:80] = 0
        assert found(pixels)[:80].all()
        assert not found(pixels)[80:].any()

    def test_of_integers_may_have_the_level_of_its_sky(self):
        pixels = sky(level=0, sigma=6, dtype=np.int16)
        pixels[:80] = 0
        assert found(pixels)[:80].all()
        assert found(pixels)[82:].sum() == 0

    def test_leave_five_rows_of_sky_between_them(self):
        pixels = sky()
        pixels[:140] = 0
        pixels[145:] = 0
        expected = np.ones(pixels.shape, bool)
        expected[140:145] = False
        assert np.array_equal(found(pixels), expected)

    def test_of_two_values_are_both_found(self):
        pixels = sky(dtype=np.uint16)
        pixels[:100] = 0
        pixels[100:200, :200] = 65535
        areas = areas_in(ArrayFrame(pixels))
        assert areas.values == {"empty": (0.0,), "saturated": (65535.0,)}
        assert areas.rows("empty", 0, 100).all()
        assert areas.rows("saturated", 100, 200)[:, :200].all()

    def test_do_not_hold_missing_pixels(self):
        pixels = sky()
        pixels[:150] = 0
        mask = np.zeros(pixels.shape, bool)
        mask[200:300] = True
        areas = areas_in(ArrayFrame(pixels, mask=mask))
        assert not areas.rows("empty", 200, 300).any()

    def test_in_overscan_by_the_header_are_none(self):
        pixels = sky(dtype=np.uint16)
        pixels[:, 350:] = 500
        header = {"DATASEC": "[1:350,1:300]", "BIASSEC": "[351:400,1:300]"}
        assert find_constant_areas(ArrayFrame(pixels), sections=read_sections(header, pixels.shape)) is None


class TestSkyIsNoArea:
    @pytest.mark.parametrize("shape", [(5, 400), (32, 32), (300, 400)])
    def test_of_ordinary_frames(self, shape):
        assert find_constant_areas(ArrayFrame(sky(shape))) is None
        assert find_constant_areas(ArrayFrame(sky(shape, sigma=2, dtype=np.uint16))) is None

    @pytest.mark.parametrize("rows", [5, 15])
    def test_of_a_few_rows_of_one_value(self, rows):
        pixels = sky()
        pixels[100 : 100 + rows] = 1000
        assert find_constant_areas(ArrayFrame(pixels)) is None

    @pytest.mark.parametrize("sigma", [0.05, 0.2, 0.3, 0.5, 0.8])
    @pytest.mark.parametrize("level", [0, 0.3, 12])
    def test_whose_noise_the_digitisation_hides(self, sigma, level):
        light = sky(level=level, sigma=sigma) + stars((300, 400), 40)
        pixels = np.clip(np.rint(light), 0, 255).astype(np.uint8)
        assert find_constant_areas(ArrayFrame(pixels)) is None

    def test_that_darkens_to_zero_in_a_corner(self):
        gradient = np.linspace(-6, 6, 400)
        pixels = np.clip(np.rint(sky(level=0, sigma=1.5) + gradient), 0, 255).astype(np.uint8)
        assert (pixels[:, :100] == 0).mean() > 0.95
        assert find_constant_areas(ArrayFrame(pixels)) is None

    def test_that_is_cut_off_at_its_lowest_value(self):
        y, x = np.indices((300, 400))
        smooth = 3 * np.sin(x / 40) * np.sin(y / 37) + 0.02 * sky(level=0, sigma=1)
        pixels = np.maximum(smooth - 0.5, 0).astype(np.float32)
        assert (pixels == 0).mean() > 0.5
        assert not found(pixels).any()

    def test_without_noise_between_stars(self):
        pixels = np.maximum(stars((300, 400), 30) - 5, 0)
        for image in (pixels.astype(np.float32), pixels.astype(np.uint8)):
            assert find_constant_areas(ArrayFrame(image)) is None

    @pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 1, 2), (0, 128, 255)])
    def test_of_masks(self, values):
        pixels = np.zeros((300, 400), np.uint8)
        for number, value in enumerate(values[1:]):
            pixels[50 : 200 - 50 * number, 100:250] = value
        assert find_constant_areas(ArrayFrame(pixels)) is None
        noisy = np.random.default_rng(0).choice(values, (300, 400)).astype(np.uint8)
        noisy[50:200, 100:250] = values[-1]
        assert find_constant_areas(ArrayFrame(noisy)) is None


class TestSaturation:
    def test_of_a_large_part_is_set_apart(self):
        pixels = sky((160, 160), dtype=np.uint16)
        pixels[:, :120] = 65535
        areas = areas_in(ArrayFrame(pixels))
        assert areas.values == {"saturated": (65535.0,)}
        assert areas.rows("saturated", 0, 160)[:, :120].all()
        assert not areas.rows("saturated", 0, 160)[:, 120:].any()

    def test_of_a_gradient_is_set_apart(self):
        light = sky(level=60_000, sigma=300) + np.linspace(-6000, 9000, 400)
        pixels = np.minimum(light, 65535).astype(np.uint16)
        area = areas_in(ArrayFrame(pixels)).rows("saturated", 0, 300)
        assert area[:, 340:].mean() > 0.99
        assert not area[:, :250].any()

    def test_of_a_star_stays_to_be_seen_but_is_no_sky(self):
        y, x = np.indices((300, 400))
        star = 5e6 * (1 + ((y - 150) ** 2 + (x - 200) ** 2) / 36) ** -2
        pixels = np.minimum(sky() + star, 50_000).astype(np.uint16)
        pixels[:, 195:206] = 50_000  # its bleed trail
        usable = UsableFrame(ArrayFrame(pixels))
        assert not usable.rows(0, 300)[1].any()
        core = (y - 150) ** 2 + (x - 200) ** 2 < 15**2
        assert usable.not_sky(0, 300)[core].all()
        assert usable.sky.rows(0, 300)[1].sum() == usable.not_sky(0, 300).sum()

    def test_of_a_star_need_not_be_the_highest_value(self):
        pixels = sky(dtype=np.uint16)
        pixels[100:140, 100:140] = 50_000
        pixels[20, 20] = 60_000
        usable = UsableFrame(ArrayFrame(pixels))
        assert not usable.rows(0, 300)[1].any()


class TestWhatIsLeft:
    """The sky is measured, and shown to networks, as if the areas were NaN."""

    @settings(max_examples=15, deadline=None)
    @given(
        side=st.sampled_from(["left", "top", "middle"]),
        size=st.integers(MIN_SIDE, 150),
        value=st.sampled_from([0.0, -999.0, 60_000.0, 1000.0]),
        seed=st.integers(0, 5),
    )
    def test_is_normalised_as_with_nan(self, side, size, value, seed):
        pixels = sky((250, 420), seed=seed)
        sides: dict[str, Any] = {
            "left": np.s_[:, :size],
            "top": np.s_[:size],
            "middle": np.s_[50 : 50 + size, 60 : 60 + size],
        }
        area = sides[side]
        constant, missing = pixels.copy(), pixels.copy()
        constant[area], missing[area] = value, np.nan
        outside = np.ones(pixels.shape, bool)
        outside[area] = False
        one, other = (normalise(ArrayFrame(x)).rows(0, 250)[0] for x in (constant, missing))
        assert np.allclose(one[outside], other[outside], atol=1e-4)

    def test_does_not_depend_on_the_part_that_saw_no_light(self):
        pixels = sky(dtype=np.uint16)
        header = {"DATASEC": "[41:400,1:300]"}
        raw = pixels.copy()
        raw[:, :40] = sky((300, 40), level=300, sigma=4, dtype=np.uint16)
        missing = raw.astype(np.float32)
        missing[:, :40] = np.nan
        seen, nodata = normalise(ArrayFrame(raw, header=header)).rows(0, 300)
        expected, _ = normalise(ArrayFrame(missing)).rows(0, 300)
        assert np.allclose(seen[:, 40:], expected[:, 40:], atol=1e-4)
        assert not nodata.any()
        assert np.median(seen[:, :40]) < -20  # overscan is shown to the network

    @pytest.mark.parametrize("border", [np.s_[:, 0], np.s_[:, 396:], np.s_[:2], np.s_[299]])
    def test_has_no_borders_of_one_value_that_saw_no_light(self, border):
        pixels = sky(dtype=np.uint16)
        pixels[border] = 0
        header = {"DATASEC": "[2:396,3:299]"}
        expected = np.zeros(pixels.shape, bool)
        expected[border] = True
        assert np.array_equal(UsableFrame(ArrayFrame(pixels, header=header)).rows(0, 300)[1], expected)
        assert not UsableFrame(ArrayFrame(pixels)).rows(0, 300)[1].any()

    def test_is_taken_as_it_is_by_the_published_rules(self):
        pixels = sky(dtype=np.uint16)
        pixels[:, :200] = 0
        assert not normalise(ArrayFrame(pixels), rules="published").rows(0, 300)[1].any()
