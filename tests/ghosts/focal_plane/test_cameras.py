"""Cameras as data: boxes, axes, the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.ghosts.tiny_camera import TABLE, tiny_camera

from skysieve.core.errors import SourceError
from skysieve.ghosts.focal_plane.cameras import Box, read_camera


class TestBoxes:
    def test_hold_their_first_pixels_and_not_their_ends(self):
        assert Box(2, 3, 10, 5).shape == (2, 8)

    def test_are_cut_by_the_picture(self):
        assert Box(-4, 3, 2, 99).inside((50, 50)) == (slice(3, 50), slice(0, 2))


class TestATable:
    def test_gives_each_ccd_its_places(self):
        ccd = tiny_camera().by_number[4]
        assert (ccd.name, ccd.detector, ccd.picture_box) == (
            "B2",
            Box(128, 256, 256, 512),
            Box(20, 14, 36, 22),
        )
        assert ccd.dead is None

    def test_gives_dead_columns(self):
        assert tiny_camera().by_number[5].dead == Box(64, 0, 128, 256)

    def test_is_in_the_order_of_numbers(self, tmp_path):
        path = tmp_path / "camera.ecsv"
        lines = TABLE.splitlines()
        path.write_text("\n".join([*lines[:-5], *reversed(lines[-5:])]))
        assert read_camera(path).numbers == (1, 2, 3, 4, 5)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("# %ECSV 1.0", "", "cannot be read as the ECSV table"),
            ("det_x", "column", "lacks det_x"),
            ("# - right: -y\n", "", "lacks right"),
            ("down: +x", "down: -y", "right is '-y' and down '-y'"),
            ("down: +x", "down: +z", "one along x and one along y"),
            ("ccd_shape: [256, 128]", "ccd_shape: 256", "ccd_shape is 256, not two whole numbers"),
            ("cell_shape: [8, 16]", "cell_shape: [8, 0]", "cell_shape is [8, 0]"),
            ("3 B1 128", "2 B1 128", "CCD 2: numbers are 1 or more, each of one CCD"),
            ("3 B1 128", "0 B1 128", "CCD 0: numbers are 1 or more"),
            ("1 A1 0 128 29", "1 A1 0 128 56", "the box of CCD 1 lies outside the picture"),
            ("1 A1 0 128 29", '1 A1 0 128 ""', "lacks entries"),
            ("1 A1 0 128 29", "1 A1 0 128 x", "cannot be read as the ECSV table"),
        ],
    )
    def test_with_a_mistake_is_named_in_one_line(self, tmp_path, old, new, said):
        path = tmp_path / "camera.ecsv"
        assert old in TABLE
        path.write_text(TABLE.replace(old, new))
        with pytest.raises(SourceError) as error:
            read_camera(path)
        assert str(error.value).startswith(f"{path}: ")
        assert said in str(error.value)
        assert "\n" not in str(error.value)

    def test_without_ccds_is_none(self, tmp_path):
        path = tmp_path / "camera.ecsv"
        path.write_text("\n".join(TABLE.splitlines()[:-5]) + "\n")
        with pytest.raises(SourceError, match="has no CCD"):
            read_camera(path)

    def test_that_is_missing_is_named(self, tmp_path):
        with pytest.raises(SourceError, match="nowhere"):
            read_camera(tmp_path / "nowhere.ecsv")


class TestAxes:
    def test_lie_as_the_camera_says(self):
        ccd = np.arange(6).reshape(3, 2)  # y, x
        # columns of the CCD run down, its rows to the left
        assert tiny_camera().to_picture_axes(ccd).tolist() == [[4, 2, 0], [5, 3, 1]]

    @pytest.mark.parametrize("axes", [(r + a, d + b) for a, b in ("xy", "yx") for r in "+-" for d in "+-"])
    def test_turn_back(self, axes):
        camera = replace(tiny_camera(), right=axes[0], down=axes[1])
        ccd = np.arange(6).reshape(3, 2)
        assert camera.to_ccd_axes(camera.to_picture_axes(ccd)).tolist() == ccd.tolist()
        assert camera.to_picture_axes(ccd).shape == ((2, 3) if camera.transposed else (3, 2))


class TestTheMapOfCcds:
    def test_names_the_ccd_of_each_pixel(self):
        numbers = tiny_camera().ccd_map
        assert numbers.shape == (40, 56)
        assert numbers[14, [0, 11, 12, 20, 35, 36, 38]].tolist() == [5, 5, 0, 4, 4, 0, 3]
        assert np.bincount(numbers.ravel(), minlength=6)[1:].tolist() == [128, 128, 128, 128, 96]

    def test_cannot_be_changed_by_mistake(self):
        with pytest.raises(ValueError, match="read-only"):
            tiny_camera().ccd_map[0, 0] = 1
