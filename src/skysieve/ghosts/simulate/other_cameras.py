"""Layouts of the cameras that recipes name: DECam, or another camera from two tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.ghosts.focal_plane.cameras import read_camera
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate.layout import Layout
from skysieve.ghosts.simulate.path_table import PathTable

__all__ = ["read_layout"]

MAX_NUMBER = 255
"""Largest number of a CCD: the map of a layout has 8 bits."""


def read_layout(camera_file: str, optics_file: str) -> tuple[str, Layout]:
    """Read the layout of a camera.

    Parameters
    ----------
    camera_file
        Table of its CCDs (ECSV) with ``mm_per_pixel``; empty for DECam.
    optics_file
        Table of its ghosts (NPZ); empty for DECam.

    Returns
    -------
    name : str
        Name of the camera.
    layout : Layout
        Its layout and ghosts.

    Raises
    ------
    ConfigError
        If only one of the files is given, or the camera has no scale, or a number above 255.
    SourceError
        If a file cannot be read.
    """
    if bool(camera_file) != bool(optics_file):
        raise ConfigError(
            "another camera needs a table of its CCDs and a table of its ghosts: give both --camera and "
            "--optics, or camera and optics in the recipe"
        )
    camera = read_camera(camera_file) if camera_file else decam()
    if camera.mm_per_pixel is None:
        raise ConfigError(
            f"{camera_file}: the header has no mm_per_pixel, the size of a pixel of the picture"
        )
    if camera.numbers[-1] > MAX_NUMBER:
        raise ConfigError(
            f"{camera_file}: CCD {camera.numbers[-1]}: give the CCDs numbers from 1 to {MAX_NUMBER}"
        )
    paths = PathTable.read(Path(optics_file)) if optics_file else None
    return camera.name, Layout(camera.ccd_map.astype(np.uint8), camera.mm_per_pixel, paths)
