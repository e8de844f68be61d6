"""The parts of a picture with ghosts: background, JPEG, truth, pupil, and the table of paths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate import Layout
from skysieve.ghosts.simulate.background import subtract_background
from skysieve.ghosts.simulate.entrance import PUPIL_RADIUS, entrance_shadow
from skysieve.ghosts.simulate.jpeg import jpeg_round_trip
from skysieve.ghosts.simulate.path_table import MASK_REACH, PathTable, decam_paths
from skysieve.ghosts.simulate.reflections import BrightStar, draw_ghost
from skysieve.ghosts.simulate.settings import USUAL_FILTER_POSITION
from skysieve.ghosts.simulate.truth import TruthRule


@pytest.fixture(scope="module")
def layout():
    return Layout(decam().ccd_map.astype(np.uint8))


def ghost(layout, *, angle=0.6, azimuth=0.4, path="D>C4_exit", level=100.0):
    found = next(p for p in decam_paths().at(angle) if p.name == path)
    return found, draw_ghost(found, BrightStar(angle, azimuth, 1.0), layout, level=level)


def test_level_light_is_background_and_leaves_nothing(layout):
    left = subtract_background(np.full(layout.shape, 50, np.float32), layout, cell=3.6)
    assert np.abs(left).max() < 1e-3


def test_a_thin_line_outlives_the_background_and_a_wide_band_keeps_its_rims_only(layout):
    light = np.zeros(layout.shape, np.float32)
    light[:, 100] = 40
    light[:, 230:360] = 40
    left = np.abs(subtract_background(light, layout, cell=3.6))
    live = layout.ccd_map > 0
    assert np.median(left[:, 100][live[:, 100]]) > 20
    inside = left[:, 265:318][live[:, 265:318]]
    assert np.median(inside) < 1


def test_what_lies_on_one_ccd_leaves_the_others_alone(layout):
    light = (30.0 * np.random.default_rng(1).uniform(size=layout.shape)).astype(np.float32)
    light[layout.ccd_map != 28] = 0
    left = subtract_background(light, layout, cell=3.6)
    assert left[layout.ccd_map == 28].any()
    assert not left[layout.ccd_map != 28].any()


def test_jpeg_compression_changes_blocks_a_little():
    picture = np.clip(np.random.default_rng(3).normal(60, 25, (64, 96)), 0, 255).astype(np.uint8)
    rough, fine = (jpeg_round_trip(picture, quality=quality).astype(int) - picture for quality in (40, 90))
    assert 5 < np.abs(rough).max() < 80
    assert np.abs(fine).mean() < np.abs(rough).mean()


def test_the_pupil_is_a_ring_cut_by_four_vanes():
    axis = np.linspace(-2.2, 2.2, 441, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    light = entrance_shadow(u, v, tilt=(0.0, 0.0), pixel=0.01, vane_width=0.04)
    radius = np.hypot(u, v)
    assert not light[radius > PUPIL_RADIUS + 0.02].any()
    assert not light[radius < 0.8].any()
    turn = np.radians(np.arange(720) / 2)
    around = light[
        np.rint((1.5 * np.sin(turn) + 2.2) * 100).astype(int),
        np.rint((1.5 * np.cos(turn) + 2.2) * 100).astype(int),
    ]
    dark = around < 0.5
    assert np.count_nonzero(dark & ~np.roll(dark, 1)) == 4


def test_the_hole_moves_with_the_star():
    axis = np.linspace(-2.2, 2.2, 441, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    light = entrance_shadow(u, v, tilt=(math.tan(math.radians(1.0)), 0.0), pixel=0.01)
    hole = (light < 0.5) & (np.hypot(u, v) < 1.9) & (np.abs(v) < 0.3)
    assert u[hole].mean() > 0.1


def test_the_first_ghost_of_a_star_lies_a_little_further_out_than_it(layout):
    path, drawn = ghost(layout, path="D>C5_exit")
    assert 1.05 < path.centre / (0.6 * 204.9) < 1.25
    assert 12 < drawn.radius < 20


def test_a_ghost_turns_about_the_field_centre_with_its_star(layout):
    y, x = layout.centre
    _, one = ghost(layout, azimuth=0.0)
    _, other = ghost(layout, azimuth=math.pi / 2)
    assert one.centre[0] == pytest.approx(y)
    assert other.centre[1] == pytest.approx(x)
    assert one.centre[1] - x == pytest.approx(other.centre[0] - y)


def test_outlines_are_filled_where_the_light_has_a_hole(layout):
    _, drawn = ghost(layout)
    assert (drawn.outline & (drawn.light == 0)).any()
    assert not (~drawn.outline & (drawn.light > 60)).any()


def test_ghosts_change_smoothly_between_the_angles_of_the_table():
    table = decam_paths()
    low, high = table.angles[3:5]
    name = "D>C4_entrance"
    centres = [
        next(p.centre for p in table.at(float(angle)) if p.name == name)
        for angle in (low, (low + high) / 2, high)
    ]
    assert centres[1] == pytest.approx((centres[0] + centres[2]) / 2, rel=0.05)


def test_only_paths_that_the_filter_turns_back_depend_on_where_it_stands():
    table = decam_paths()
    near, far = ({path.name: path for path in table.at(0.6, filter_position=place)} for place in (0.0, -90.0))
    assert near["D>C4_exit"].radius == far["D>C4_exit"].radius
    assert far["D>Filter_exit"].radius > near["D>Filter_exit"].radius + 18
    assert far["D>Filter_exit"].centre < near["D>Filter_exit"].centre


def test_the_filter_may_stand_only_where_it_was_traced():
    with pytest.raises(ConfigError, match="filter at 12 mm: the ghosts are traced for -90, -50, 0"):
        decam_paths().at(0.6, filter_position=12.0)


def test_a_table_comes_back_from_its_file(tmp_path):
    table = decam_paths()
    path = tmp_path / "paths.npz"
    table.write(path)
    again = PathTable.read(path)
    assert again.paths == table.paths
    assert np.array_equal(again.mask, table.mask)
    assert again.filter_positions == table.filter_positions
    assert path.stat().st_size < 300_000


def test_a_file_that_is_no_table_is_one_clear_line(tmp_path):
    path = tmp_path / "paths.npz"
    path.write_bytes(b"no table")
    with pytest.raises(SourceError, match="cannot be read as a table of ghosts"):
        PathTable.read(path)


def test_a_ghost_counts_from_a_signal_and_a_contrast_on():
    rule = TruthRule()
    disc = np.hypot(*(np.indices((100, 100)) - 50)) < 15
    live = np.ones_like(disc)
    plain = rule.visibility(np.where(disc, np.float32(12), np.float32(0)), disc, live, noise=12.0)
    assert plain.visible
    assert plain.contrast == pytest.approx(12)
    assert plain.signal == pytest.approx(math.sqrt(disc.sum()))
    assert not rule.visibility(np.where(disc, np.float32(3), np.float32(0)), disc, live, noise=12.0).visible
    assert not rule.visibility(np.where(disc, np.float32(12), np.float32(0)), disc, ~live, noise=12.0).visible


def test_compact_reflections_of_high_contrast_are_bright():
    rule = TruthRule()
    assert rule.reflection_class(18, 60, noise=12) == "Bright"
    assert rule.reflection_class(18, 8, noise=12) == "Faint"
    assert rule.reflection_class(110, 60, noise=12) == "Faint"


def test_streaks_side_by_side_are_outlined_as_one():
    residual = np.zeros((100, 100), np.float32)
    residual[20:80, 30:60:6] = 60
    masks = TruthRule().outline_rays(residual, np.ones((100, 100), bool), noise=12.0)
    assert len(masks) == 1
    assert masks[0][22:78, 32:53].all()


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.33, 0.87])
def test_the_table_is_what_batoid_traces(angle):
    pytest.importorskip("batoid")
    from skysieve.ghosts.simulate.traced import trace_star

    table = {path.name: path for path in decam_paths().at(angle)}
    found = trace_star(angle, filter_position=USUAL_FILTER_POSITION)
    bright = [traced for traced in found if traced.fraction > 1e-4 and traced.path in table]
    assert len(bright) > 10
    offsets, passed = [], []
    for traced in bright:
        path = table[traced.path]
        within = np.hypot(*traced.pupil.T) < PUPIL_RADIUS
        u, v = traced.pupil[within].T
        drawn = np.column_stack([path.centre + path.scale[0] * u, path.scale[1] * v])
        off = np.hypot(*(drawn - traced.focal[within]).T)
        offsets.append(np.sqrt(np.mean(off**2)) / path.radius)
        # near a caustic no map is affine
        assert offsets[-1] < 0.15, traced.path
        assert path.fraction == pytest.approx(traced.fraction, rel=0.15, abs=2e-5)
        cells = path.mask.shape[0]
        cell = np.rint(traced.pupil / (2 * MASK_REACH * PUPIL_RADIUS / cells) + (cells - 1) / 2).astype(int)
        passed.append(path.mask[cell[:, 1], cell[:, 0]].mean())
        # where the lenses cut off most of a ghost, the cut moves between the angles of the table
        assert passed[-1] > 0.5, traced.path
    assert np.median(offsets) < 0.02
    assert np.median(passed) > 0.95
