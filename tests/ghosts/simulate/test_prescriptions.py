"""Ray tracing of another camera: the prescription, and the table that comes of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from skysieve.core.errors import ConfigError
from skysieve.ghosts.simulate.other_cameras import read_layout
from skysieve.ghosts.simulate.path_table import PathTable
from skysieve.ghosts.simulate.traced import make_table, read_prescription

FILES = Path(__file__).parents[3] / "docs" / "another-camera"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("optics: LSST_r.yaml\npupil_radius: 4.2\n", "lacks stop_height, mm_per_degree"),
        ("- 1\n", "lacks optics"),
        ("optics: a\npupil_radius: x\nstop_height: 0\nmm_per_degree: 1\n", "is no prescription"),
        ("optics: a\npupil_radius: 1\nstop_height: 0\nmm_per_degree: 1\ndiscs: [3]\n", "is no prescription"),
        ("optics: a\npupil_radius: 1\nstop_height: 0\nmm_per_degree: 1\nspider: 3\n", "has no spider"),
        ("optics: [\n", "optics.yaml"),
    ],
)
def test_a_prescription_with_a_mistake_is_named_in_one_line(tmp_path, text, said):
    path = tmp_path / "optics.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_prescription(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_ghosts_of_a_camera_with_three_mirrors_are_traced(tmp_path):
    pytest.importorskip("batoid")
    prescription = read_prescription(FILES / "lsstcam-optics.yaml")
    make_table([0.9, 1.1], cells=16, prescription=prescription).write(tmp_path / "lsst.npz")
    name, layout = read_layout(str(FILES / "lsstcam.ecsv"), str(tmp_path / "lsst.npz"))
    assert (name, len(layout.ccds)) == ("LSSTCam", 189)
    table = PathTable.read(tmp_path / "lsst.npz")
    assert table.entrance == prescription.entrance
    ghosts = {path.name: path for path in table.at(1.0)}
    assert len(ghosts) > 15
    star = 1.0 * table.mm_per_degree
    # a nearly parallel plate leaves a ghost at its star; detector and last lens are the next brightest
    plate = ghosts["Filter_exit>Filter_entrance"]
    assert plate.centre == pytest.approx(star, rel=0.01)
    assert plate.fraction == pytest.approx(0.02**2, rel=0.5)
    assert ghosts["Detector>L3_exit"].fraction == pytest.approx(0.1 * 0.02, rel=0.5)
    # light of f/1.23 that crosses the 17.9 mm of the filter, of index 1.46, twice more than that of the star
    focal_ratio = math.degrees(1) * table.mm_per_degree / (2000 * table.entrance.pupil_radius)
    assert plate.radius == pytest.approx(2 * 17.9 / 1.46 / (2 * focal_ratio), rel=0.15)
