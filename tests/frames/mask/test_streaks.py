"""Trails and spikes are found as lines, and what only looks like them is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysieve import mask
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.bounds import bound_probabilities
from skysieve.frames.mask.streaks.clipped_frame import Mark
from skysieve.frames.mask.streaks.finder import CERTAINTY, find_streaks
from skysieve.frames.mask.streaks.ridges import line_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.normalise import NormalisedFrame
    from skysieve.frames.mask.streaks.finder import Streaks

SIDE = 384
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float64)


def seen(light: NDArray[np.float64], *, seed: int = 1, stars: int = 40) -> NormalisedFrame:
    """Return a frame of noise 1 with stars and some light in it, as networks see it."""
    rng = np.random.default_rng(seed)
    scene = 100.0 + light + rng.normal(size=light.shape)
    for row, column in rng.uniform(0, SIDE, (stars, 2)):
        scene += 60 ** rng.uniform() * star(row, column, 3.0)
    return normalise(ArrayFrame(scene.astype(np.float32)), threads=1)


def streaks_of(light: NDArray[np.float64]) -> Streaks:
    found = find_streaks(seen(light))
    assert found is not None
    return found


def star(row: float, column: float, fwhm: float) -> NDArray[np.float64]:
    radii = ((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / fwhm**2
    return np.asarray((1 + 4 * (2**0.3 - 1) * radii) ** (-1 / 0.3))


def line(
    angle: float, fwhm: float, *, half_length: float = np.inf, offset: float = 0.0
) -> NDArray[np.float64]:
    """Return a line through the middle of height 1; the angle is in degrees from the x axis to the y axis."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    along = (COLUMNS - SIDE / 2) * cosine + (ROWS - SIDE / 2) * sine
    across = (ROWS - SIDE / 2) * cosine - (COLUMNS - SIDE / 2) * sine - offset
    return np.asarray(np.exp(-4 * np.log(2) * (across / fwhm) ** 2) * (np.abs(along) <= half_length))


def spiked_star(angles: tuple[float, ...]) -> NDArray[np.float64]:
    light = 2e4 * star(SIDE / 2, SIDE / 2, 3.0)
    radius = np.hypot(ROWS - SIDE / 2, COLUMNS - SIDE / 2)
    for angle in angles:
        light += 60 * line(angle, 3.0) / (1 + (radius / 25) ** 2)
    return np.minimum(light, 6000)


@pytest.mark.parametrize("angle", [17, 62, 152])
@pytest.mark.parametrize(("height", "fwhm"), [(2, 3), (8, 2.2), (200, 4), (8, 16)])
def test_trail_is_found_where_it_lies(angle, height, fwhm):
    light = height * line(angle, fwhm)
    found = streaks_of(light)
    assert len(found.trails) == 1
    trail = found.trails[0]
    assert np.degrees(trail.course.angle) % 180 == pytest.approx(angle, abs=1)
    marked = found.marks == Mark.TRAIL
    bright = light > min(2.0, height / 2)
    assert marked[bright].mean() > 0.9
    assert marked[light < 0.05].mean() < 0.01


@pytest.mark.parametrize("side", [-1, 1])
def test_light_beside_a_trail_is_not_of_it(side):
    trail = 12 * line(35, 4)
    nebula = 5 * line(35, 40, offset=side * 20)
    found = streaks_of(trail + nebula)
    marked = found.marks == Mark.TRAIL
    assert marked[trail > 2].mean() > 0.9
    assert marked.sum() < 1.2 * (trail > 0.5).sum()


def test_ends_of_a_trail():
    found = streaks_of(15 * line(30, 3, half_length=90))
    (trail,) = found.trails
    assert trail.ends[1] - trail.ends[0] == pytest.approx(180, abs=20)
    away = 90 * np.array([np.sin(np.pi / 6), np.cos(np.pi / 6)])
    expected = sorted([tuple(SIDE / 2 - away), tuple(SIDE / 2 + away)])
    for found_end, true_end in zip(sorted(trail.end_points), expected, strict=True):
        assert found_end == pytest.approx(true_end, abs=10)


def test_parallel_trails_are_two():
    light = 12 * (line(40, 3, offset=-9) + line(40, 3, offset=9))
    assert len(streaks_of(light).trails) == 2


@pytest.mark.parametrize("angles", [(27, 117), (0, 90), (10, 70, 130)])
def test_spikes_are_no_trails(angles):
    found = streaks_of(spiked_star(angles))
    assert found.trails == ()
    (spikes,) = found.spikes
    assert np.sort(np.round(np.degrees(spikes.angles)) % 180) == pytest.approx(angles, abs=3)
    assert (spikes.row, spikes.column) == pytest.approx((SIDE / 2, SIDE / 2), abs=2)


def test_trail_across_a_bright_star_is_no_spike():
    found = streaks_of(8 * line(33, 3) + np.minimum(2e4 * star(SIDE / 2, SIDE / 2, 3.0), 6000))
    assert (len(found.trails), found.spikes) == (1, ())


def star_with_faint_spikes(angles: tuple[float, ...], *, height: float = 40.0) -> NDArray[np.float64]:
    """Return a bright star with a wide halo and spikes that are fainter than it at any radius."""
    radius = np.hypot(ROWS - SIDE / 2, COLUMNS - SIDE / 2)
    light = 8e4 * star(SIDE / 2, SIDE / 2, 3.0) + 500 / (1 + (radius / 12) ** 2)
    return np.asarray(light + faint_spikes(angles, height=height))


def faint_spikes(angles: tuple[float, ...], *, height: float) -> NDArray[np.float64]:
    radius = np.hypot(ROWS - SIDE / 2, COLUMNS - SIDE / 2)
    rays = [height * line(angle, 4.0) / (1 + (radius / 12) ** 2) for angle in angles]
    return np.asarray(np.sum(rays, axis=0))


@pytest.mark.parametrize("angles", [(20, 110), (57, 147), (10, 70, 130)])
@pytest.mark.parametrize("saturation", [1e9, 3000.0])
def test_spikes_within_the_light_of_their_star(angles, saturation):
    light = np.minimum(star_with_faint_spikes(angles), saturation)
    if saturation < 1e9:
        light[60:330, SIDE // 2 - 1 : SIDE // 2 + 2] = saturation  # a bleed trail
    found = streaks_of(light)
    assert [(round(s.row), round(s.column)) for s in found.spikes] == [(SIDE // 2, SIDE // 2)]
    assert np.degrees(sorted(found.spikes[0].angles)) == pytest.approx(angles, abs=3)
    marked = found.marks == Mark.SPIKE
    radius = np.hypot(ROWS - SIDE / 2, COLUMNS - SIDE / 2)
    spikes = faint_spikes(angles, height=40.0)
    outside_core = radius > 20
    assert marked[(spikes > 3) & outside_core].mean() > 0.75
    assert marked[(spikes < 0.05) & outside_core].mean() < 0.01


def test_star_with_a_round_halo_has_no_spikes():
    found = find_streaks(seen(star_with_faint_spikes((20, 110), height=0.0)))
    assert found is None


def test_stars_of_a_frame_have_spikes_at_the_same_angles():
    bright = star_with_faint_spikes((20, 110), height=80.0)
    # the second star has much fainter spikes, the third fainter ones at another angle
    second = np.roll(star_with_faint_spikes((20, 110), height=24.0), (-110, -110), axis=(0, 1))
    third = np.roll(star_with_faint_spikes((65, 155), height=24.0), (110, 110), axis=(0, 1))
    found = streaks_of(bright + second + third)
    assert {(round(s.row), round(s.column)) for s in found.spikes} == {(192, 192), (82, 82)}


def edge_on_galaxy() -> NDArray[np.float64]:
    u = (COLUMNS - 190) * 0.8 + (ROWS - 190) * 0.6
    v = (ROWS - 190) * 0.8 - (COLUMNS - 190) * 0.6
    return np.asarray(40 * (1 + (u / 20) ** 2 + (v / 2.5) ** 2) ** -2.5)


@pytest.mark.parametrize(
    "light",
    [
        pytest.param(0 * ROWS, id="stars alone"),
        pytest.param(40 * line(25, 1.6, half_length=50), id="track of a particle"),
        pytest.param(8.0 * (np.abs(COLUMNS - 150) < 0.5), id="hot column"),
        pytest.param(5 * np.cos(2 * np.pi * (0.8 * COLUMNS + 0.6 * ROWS) / 40), id="fringes"),
        pytest.param(20.0 * (COLUMNS * 0.8 + ROWS * 0.6 > 250), id="edge of a shadow"),
        pytest.param(edge_on_galaxy(), id="galaxy seen edge-on"),
        pytest.param(np.minimum(2e4 * star(190, 190, 3.0), 6000), id="bright star"),
    ],
)
def test_what_is_no_streak(light):
    assert find_streaks(seen(light)) is None


def test_pixels_without_data_are_no_streak():
    light = 8 * line(40, 3)
    missing = np.abs(line(40, 30) - 1) < 0.5
    pixels = (100 + light + np.random.default_rng(1).normal(size=light.shape)).astype(np.float32)
    found = find_streaks(normalise(ArrayFrame(pixels, mask=missing), threads=1))
    assert found is None


def test_classes_that_a_streak_does_not_have_give_way():
    light = 30 * line(40, 3)
    found = streaks_of(light)
    before = np.full((3, SIDE, SIDE), 0.6, np.float32)
    after = bound_probabilities(before, ["CR", "TRL", "BBG"], found.bounds, (slice(None), slice(None)))
    inside = light > 20
    assert (after[0][inside] == np.float32(1 - CERTAINTY)).all()
    assert (after[1][inside] == np.float32(CERTAINTY)).all()
    assert (after[2] == before[2]).all(), "sources stay what they are"


@pytest.fixture(scope="module")
def frame():
    """Return pixels with a narrow trail, and where it lies."""
    pixels = 1000 + 10 * np.random.default_rng(3).normal(size=(SIDE, SIDE)) + 80 * line(33, 2.2)
    return pixels.astype(np.float32), line(33, 2.2) > 0.5


class TestMasks:
    """What ``skysieve mask`` makes of a narrow trail, which the network alone takes for cosmic rays."""

    def test_have_trails(self, frame):
        pixels, inside = frame
        result = mask(pixels)
        assert len(result.trails) == 1
        assert result.boolean("TRL")[inside].mean() > 0.95
        assert result.boolean("CR")[inside].mean() < 0.02

    def test_are_the_same_whether_probabilities_are_kept_or_not(self, frame):
        pixels, inside = frame
        kept = mask(pixels, keep_probabilities=True)
        assert np.array_equal(kept.bits, mask(pixels).bits)
        assert kept.posteriors is not None
        trail = [c.name for c in kept.classes].index("TRL")
        assert np.median(kept.posteriors[trail][inside]) == np.float32(CERTAINTY)

    def test_have_none_where_they_are_not_wanted(self, frame):
        pixels, inside = frame
        result = mask(pixels, streaks=False)
        assert result.trails == ()
        assert result.boolean("TRL")[inside].mean() < 0.9
        assert mask(pixels, classes=("CR", "SAT")).trails == ()


def test_line_sums_add_along_lines():
    picture = np.random.default_rng(1).normal(size=(20, 8)).astype(np.float32)
    sums = line_sums(picture, 8)
    level = sums[0, 0, 8 + 5]
    assert level == pytest.approx(picture[5].sum(), rel=1e-5)
    steepest = sums[7, 0, 8 + 5]
    assert steepest == pytest.approx(sum(picture[5 + k, k] for k in range(8)), rel=1e-5)


@pytest.mark.parametrize("shape", [(5, 300), (300, 5), (63, 65)])
def test_small_and_odd_frames(shape):
    pixels = 100 + np.random.default_rng(1).normal(size=shape).astype(np.float32)
    assert find_streaks(normalise(ArrayFrame(pixels.astype(np.float32)), threads=1)) is None
