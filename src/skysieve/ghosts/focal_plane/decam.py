"""The Dark Energy Camera: its table of CCDs, and the boxes that the study scored its CCDs with.

Where the table ``decam.ecsv`` comes from:

- Numbers, names and DETSEC follow one rule, which the headers of real frames obey: in the 12 rows of 3, 4, 5,
  6, 6, 7, 7, 6, 6, 5, 4 and 3 CCDs, row ``i`` (from 0) begins at DETSEC column ``2048 (i + 1) + 1``, and its
  CCDs follow each other upwards by 4096, each row centred on seven CCDs.  DETSEC leaves the gaps out.
- In the picture, rows follow each other downwards and CCD numbers of a row grow from right to left.  So the
  columns of a CCD run down and its rows run to the left; on the sky, north is up and east is left.  The dead
  half of CCD 31, its columns from 1024, is the lower half in the picture, as in the study's pictures.
- The boxes in the picture were measured on the study's pictures: 58 x 29 pixels, 32 rows apart and 60 to 61
  columns, as the real gaps have it (CCDs are 4259.33 and 2254.4 pixels apart by the CRPIX of raw headers, so
  a pixel of the picture is 70.5 pixels of a CCD).  The outer CCDs of the rows of seven are cut.

CCD 61 has been dead since 2012; CCD 2 was from 2013 to 2016, so that it is blank in some exposures only and
not marked as dead here.

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
"""The study's size of a CCD in pixels of the picture, for fractions of it that a ghost covers."""

_ROWS = (3, 4, 5, 6, 6, 7, 7, 6, 6, 5, 4, 3)
_PAD = 8
_SIZE = 400
_STRETCH = 0.09625


@cache
def decam() -> Camera:
    """Return the Dark Energy Camera, with 62 CCDs in a picture of 400 x 400 pixels."""
    with as_file(files("skysieve.ghosts.focal_plane") / "decam.ecsv") as path:
        return read_camera(path)


@cache
def published_boxes() -> dict[int, Box]:
    """Return the box of each CCD number that the study counted mask pixels in, to the letter.

    The boxes are a little larger than the CCDs and overlap their neighbours by one pixel, since their last
    row and column count as well: each is 33 rows by 60 to 62 columns, cut by the picture.

    Cells of 384/7 x 32 pixels begin 8 pixels from the edges, each row centred; edges are cut to whole pixels,
    stretched in x by 9.625 % about column 200, and cut to whole pixels again.  Edges of a row are added up,
    not multiplied, so that the last one of a row of seven is 391.

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
        # numbers grow from right to left
        for left, right in zip(edges[-2::-1], edges[:0:-1], strict=True):
            number += 1
            boxes[number] = Box(max(left, 0), top, min(right + 1, _SIZE), top + int(CELL_HEIGHT) + 1)
    return boxes


def _stretched(edge: float) -> int:
    """Return the first or last column that an edge means."""
    column = int(edge)
    return int(column + (column - _SIZE / 2) * _STRETCH)
