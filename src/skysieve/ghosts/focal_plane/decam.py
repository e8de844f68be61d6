"""The Dark Energy Camera: its table of CCDs, and the boxes of CCDs that the published scores use.

Origin of the table ``decam.ecsv``:

- Numbers, names and DETSEC follow one rule, which the headers of real frames confirm.  There are 12 rows of
  3, 4, 5, 6, 6, 7, 7, 6, 6, 5, 4 and 3 CCDs.  Row ``i`` (from 0) begins at the DETSEC column
  ``2048 (i + 1) + 1``.  Its CCDs are 4096 pixels apart, and each row is centred on seven CCDs.  DETSEC does
  not include the gaps.
- In the picture, rows of CCDs follow each other downwards, and numbers within a row increase from right to
  left.  Thus columns of a CCD point down and its rows point left; on the sky, north is up and east is left.
  The dead half of CCD 31, columns 1024 and above, is its lower half in the picture, as in the published ones.
- The boxes were measured on the published pictures: 58 x 29 pixels, with a pitch of 32 rows and 60 to 61
  columns.  This agrees with the real gaps: by the CRPIX of raw headers, CCDs are 4259.33 and 2254.4 pixels
  apart, so that a pixel of the picture is 70.5 CCD pixels.  The picture cuts the outer CCDs of rows of seven.

CCD 61 has been dead since 2012.  CCD 2 was dead from 2013 to 2016: it is blank in some exposures only, and
the table does not mark it as dead.

References
----------
Flaugher et al. 2015, AJ 150, 150, section 5: layout, gaps and failures of the CCDs.
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580: the pictures, and the scores of CCDs.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from skysieve.ghosts.focal_plane.cameras import Box, Camera, read_camera

__all__ = ["CELL_HEIGHT", "MEAN_CELL_WIDTH", "decam", "published_boxes"]

CELL_HEIGHT = 32.0
MEAN_CELL_WIDTH = 60.1169
"""Size of a CCD in pixels of the picture, by which the study divides to get covered fractions."""

_ROWS = (3, 4, 5, 6, 6, 7, 7, 6, 6, 5, 4, 3)
_PAD = 8
_SIZE = 400
_STRETCH = 0.09625


@cache
def decam() -> Camera:
    """Return the Dark Energy Camera.

    Returns
    -------
    Camera
        The camera, with 62 CCDs in a picture of 400 x 400 pixels.
    """
    with as_file(files("skysieve.ghosts.focal_plane") / "decam.ecsv") as path:
        return read_camera(path)


@cache
def published_boxes() -> dict[int, Box]:
    """Return the boxes in which the published study counts the mask pixels of each CCD.

    The boxes are a little larger than the CCDs.  They overlap their neighbours by one pixel, because they
    include their last row and column: each has 33 rows and 60 to 62 columns, cut by the picture.

    Cells of 384/7 x 32 pixels begin 8 pixels from the edges, and each row is centred.  Edges are truncated to
    integers, stretched in x by 9.625 % about column 200, and truncated again.  The edges of a row are sums,
    not products, so that the last edge of a row of seven is 391.

    Returns
    -------
    dict of int to Box
        Box in the picture by number of the CCD.

    References
    ----------
    Tanoglidis et al. 2022, Astronomy and Computing 39, 100580, section 5.1, in the study's own evaluation.
    """
    cell = (_SIZE - 2 * _PAD) / max(_ROWS)
    boxes = {}
    number = 0
    for row, count in enumerate(_ROWS):
        edge = _SIZE / 2 - count * cell / 2
        edges = [_stretched(edge)]
        for _ in range(count):
            edge += cell
            edges.append(_stretched(edge))
        top = _PAD + int(CELL_HEIGHT) * row
        # numbers increase from right to left
        for left, right in zip(edges[-2::-1], edges[:0:-1], strict=True):
            number += 1
            boxes[number] = Box(max(left, 0), top, min(right + 1, _SIZE), top + int(CELL_HEIGHT) + 1)
    return boxes


def _stretched(edge: float) -> int:
    """Return the column of an edge after stretching."""
    column = int(edge)
    return int(column + (column - _SIZE / 2) * _STRETCH)
