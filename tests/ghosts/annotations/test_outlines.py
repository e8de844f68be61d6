"""Which pixels belong to an outline, by hand and in every odd place; and the way back from pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from skysieve.ghosts.annotations.outlines import Circle, Ellipse, Polygon, Rectangle
from skysieve.ghosts.annotations.tracing import trace


def drawn(outline, shape=(7, 9)):
    return ["".join(".#"[int(pixel)] for pixel in row) for row in outline.mask(shape)]


def empty(outline, shape=(7, 9)):
    return not outline.mask(shape).any()


class TestCircle:
    def test_pixels_whose_centre_is_nearer_than_the_radius(self):
        assert drawn(Circle(4, 3, 2.5)) == [
            ".........",
            "...###...",
            "..#####..",
            "..#####..",
            "..#####..",
            "...###...",
            ".........",
        ]

    def test_a_centre_on_the_circle_is_outside(self):
        assert drawn(Circle(1, 1, 1), (3, 3)) == ["...", ".#.", "..."]
        # (3, 4, 5): exact where floating point is not
        assert not Circle(10, 10, 5).mask((20, 20))[14, 13]

    @pytest.mark.parametrize(
        ("outline", "expected"),
        [
            (Circle(0, 0, 1.5), ["##.", "##.", "..."]),
            (Circle(-1, 1, 1.5), ["#..", "#..", "#.."]),
            (Circle(3, 3, 1.5), ["...", "...", "..#"]),
        ],
    )
    def test_what_lies_beyond_the_picture_is_cut_off_and_never_wraps(self, outline, expected):
        assert drawn(outline, (3, 3)) == expected

    def test_far_from_the_picture_there_is_nothing(self):
        assert empty(Circle(-1e6, 1e6, 100))
        assert Circle(-1e6, 3, 1e6 + 2).mask((7, 9)).sum() == 2 * 7


class TestEllipse:
    def test_lies_along_x(self):
        assert drawn(Ellipse(4, 3, 3.5, 1.5)) == [
            ".........",
            ".........",
            "..#####..",
            ".#######.",
            "..#####..",
            ".........",
            ".........",
        ]

    def test_is_turned_from_x_towards_y_down_the_picture(self):
        assert drawn(Ellipse(2, 2, 2.9, 0.5, np.pi / 4), (5, 5)) == [
            "#....",
            ".#...",
            "..#..",
            "...#.",
            "....#",
        ]

    def test_of_equal_axes_is_the_circle(self):
        circle, ellipse = Circle(20.3, 18.6, 11.7), Ellipse(20.3, 18.6, 11.7, 11.7, 1.1)
        assert (circle.mask((40, 40)) == ellipse.mask((40, 40))).all()

    def test_a_quarter_turn_swaps_the_axes(self):
        turned = Ellipse(20, 20, 15.5, 6.2, np.pi / 2).mask((41, 41))
        assert (turned == Ellipse(20, 20, 6.2, 15.5).mask((41, 41))).all()

    def test_a_centre_on_the_ellipse_is_outside(self):
        mask = Ellipse(4, 3, 3, 2).mask((7, 9))
        assert mask[3].tolist() == [x in range(2, 7) for x in range(9)]


class TestRectangle:
    def test_rows_and_columns_up_to_but_not_including_the_end(self):
        assert drawn(Rectangle(1, 2, 3, 2), (5, 6)) == ["......", "......", ".###..", ".###..", "......"]

    def test_corners_are_rounded(self):
        assert drawn(Rectangle(0.6, 0.4, 2.2, 1.2), (3, 4)) == [".##.", ".##.", "...."]

    def test_is_cut_off(self):
        assert drawn(Rectangle(-2, -2, 3, 4), (3, 3)) == ["#..", "#..", "..."]
        assert empty(Rectangle(-5, 0, 3, 3))


class TestPolygon:
    def test_a_triangle_has_its_corners_and_edges(self):
        assert drawn(Polygon((0, 4, 0), (0, 0, 4)), (5, 5)) == ["#####", "####.", "###..", "##...", "#...."]

    def test_between_pixels_the_centres_count(self):
        assert drawn(Polygon((0.5, 2.5, 2.5, 0.5), (0.5, 0.5, 1.5, 1.5)), (3, 4)) == ["....", ".##.", "...."]

    def test_what_is_enclosed_twice_is_outside(self):
        bow = Polygon((0.5, 6.5, 6.5, 0.5), (0.5, 4.5, 0.5, 4.5))
        assert drawn(bow, (6, 8)) == [
            "........",
            ".#....#.",
            ".##..##.",
            ".##..##.",
            ".#....#.",
            "........",
        ]

    def test_a_polyline_is_filled_whether_or_not_it_returns_to_its_start(self):
        xs, ys = (1, 6, 5, 2), (1, 2, 5, 4)
        opened, closed = Polygon(xs, ys, is_polyline=True), Polygon((*xs, 1), (*ys, 1), is_polyline=True)
        assert drawn(opened) == drawn(closed) == drawn(Polygon(xs, ys))
        assert (opened.shape_name, Polygon(xs, ys).shape_name) == ("polyline", "polygon")

    def test_is_cut_off_on_all_sides_and_never_wraps(self):
        assert Polygon((-9, 20, 20, -9), (-9, -9, 20, 20)).mask((7, 9)).all()
        assert drawn(Polygon((-3, 1, -3), (-3, -3, 3)), (3, 3)) == ["...", "...", "..."]
        assert drawn(Polygon((-3, 1, 1, -3), (-3, -3, 1, 1)), (3, 3)) == ["##.", "##.", "..."]
        assert empty(Polygon((-30, -20, -20), (1, 2, 3)))

    def test_a_flat_one_has_the_pixels_of_its_line_alone(self):
        assert drawn(Polygon((0, 3, 1), (0, 3, 1)), (4, 4)) == ["#...", ".#..", "..#.", "...#"]
        assert drawn(Polygon((0, 3, 1), (1, 1, 1)), (3, 4)) == ["....", "####", "...."]

    @given(st.integers(3, 12).flatmap(lambda n: arrays(np.int64, (2, n), elements=st.integers(-4, 24))))
    def test_has_the_pixels_that_a_point_by_point_test_finds(self, corners):
        xs, ys = corners.tolist()
        mask = Polygon(tuple(xs), tuple(ys)).mask((18, 20))
        for y, x in np.ndindex(mask.shape):
            assert mask[y, x] == belongs(x, y, xs, ys), (x, y)


@pytest.mark.parametrize("at_a_time", [1, 7, 50])
def test_a_polygon_of_many_edges_is_filled_some_edges_at_a_time(monkeypatch, at_a_time):
    rng = np.random.default_rng(2)
    polygon = Polygon(tuple(rng.integers(-5, 40, 60).tolist()), tuple(rng.integers(-5, 35, 60).tolist()))
    whole = polygon.mask((30, 35))
    monkeypatch.setattr("skysieve.ghosts.annotations.outlines._CROSSINGS_PER_BATCH", at_a_time)
    assert np.array_equal(polygon.mask((30, 35)), whole)
    assert 0.1 < whole.mean() < 0.9


def belongs(x, y, xs, ys):
    """Tell, in whole numbers, whether a point is on a polygon or inside it by the even-odd rule."""
    inside = False
    for x1, y1, x2, y2 in zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True):
        turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if turn == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y) and (turn > 0) == (y2 < y1):
            inside = not inside
    return inside


@pytest.mark.parametrize(
    "outline",
    [
        Circle(4, 3, 0),
        Circle(4, 3, -2),
        Ellipse(4, 3, 0, 2),
        Ellipse(4, 3, 2, -1),
        Rectangle(1, 1, 0, 3),
        Rectangle(1, 1, 3, -3),
        Polygon((), ()),
        Polygon((1, 5), (1, 5)),
        Polygon((1, 5, 3), (2, 2, 2)),
    ],
    ids=repr,
)
def test_shapes_without_an_inside_say_so(outline):
    assert not outline.encloses


@pytest.mark.parametrize(
    "outline",
    [
        Circle(4, 3, 2),
        Ellipse(4, 3, 3, 1, 0.3),
        Rectangle(1, 1, 3, 2),
        Polygon((1, 5, 3), (1, 2, 5)),
    ],
    ids=repr,
)
def test_shapes_lie_within_their_bounds(outline):
    assert outline.encloses
    ys, xs = np.nonzero(outline.mask((7, 9)))
    left, top, right, bottom = outline.bounds
    assert left <= xs.min() <= xs.max() <= right
    assert top <= ys.min() <= ys.max() <= bottom


class TestTrace:
    @given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
    def test_encloses_exactly_the_pixels_of_any_mask(self, mask):
        assert (trace(mask).mask(mask.shape) == mask).all()

    def test_of_a_rectangle_are_its_four_corners(self):
        polygon = trace(Rectangle(2, 1, 3, 2).mask((5, 7)))
        assert polygon == Polygon((1.5, 4.5, 4.5, 1.5), (0.5, 0.5, 2.5, 2.5))

    def test_of_nothing_is_nothing(self):
        polygon = trace(np.zeros((4, 4), bool))
        assert not polygon.encloses
        assert empty(polygon)

    def test_keeps_holes_and_parts(self):
        mask = np.zeros((30, 30), bool)
        mask[2:20, 2:20] = True
        mask[8:12, 8:12] = False
        mask[9, 9] = True
        mask[25:28, 4:29] = True
        assert (trace(mask).mask(mask.shape) == mask).all()
