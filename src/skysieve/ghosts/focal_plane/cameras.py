"""Cameras: the positions of CCDs on the focal plane and in its picture, and their dead parts.

A camera is read from an ECSV table.  :func:`skysieve.ghosts.focal_plane.decam.decam` returns the one that the
package includes.  Only the published scores of DECam use other boxes of CCDs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from skysieve.core.documents import read_text
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    from numpy.typing import NDArray

__all__ = ["Box", "Camera", "Ccd", "read_camera"]

Scalar = TypeVar("Scalar", bound=np.generic)

_DIRECTIONS = ("+x", "-x", "+y", "-y")
_MAX_SIDE = 20_000
"""Maximum pixels along an axis of a CCD or of the picture.  More mean that the table is damaged."""

_COLUMNS = ("number", "name", "det_x", "det_y", "picture_x", "picture_y", "dead_from", "dead_to")
_META = ("camera", "instrument", "ccd_shape", "cell_shape", "picture_shape", "right", "down")


class Box(NamedTuple):
    """A rectangle of pixels, counted from 0.

    Attributes
    ----------
    x0, y0
        First column and row; negative if the box extends beyond the picture.
    x1, y1
        Last column and row plus one.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns, including those outside the picture."""
        return self.y1 - self.y0, self.x1 - self.x0

    def inside(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Clip the box to a picture.

        Parameters
        ----------
        shape
            Rows and columns of the picture.

        Returns
        -------
        tuple of slice
            Rows and columns of the part of the box in the picture, as an index of the picture.
        """
        return slice(max(self.y0, 0), min(self.y1, shape[0])), slice(max(self.x0, 0), min(self.x1, shape[1]))


@dataclass(frozen=True)
class Ccd:
    """One CCD of a camera.

    Attributes
    ----------
    number
        Number, CCDNUM in headers.
    name
        Detector position, DETPOS and EXTNAME in headers.
    detector
        Box in detector coordinates, as in DETSEC of headers.
    picture_box
        Box in the picture of the focal plane: the active area of the CCD.
    dead
        Part of the CCD in its own pixels that never has data; None if there is none.
    """

    number: int
    name: str
    detector: Box
    picture_box: Box
    dead: Box | None = None


@dataclass(frozen=True)
class Camera:
    """A camera: its CCDs, and the orientation of their axes in the picture of the focal plane.

    Attributes
    ----------
    name
        Name in messages and products.
    instrument
        Text that INSTRUME of its headers contains; case does not matter.
    ccd_shape
        Rows and columns of a CCD without overscan.
    picture_shape
        Rows and columns of the picture of the focal plane.
    right, down
        CCD axis that points right, and down, in the picture: ``+x``, ``-x``, ``+y`` or ``-y``.
    ccds
        CCDs, sorted by number.
    wide_discs
        Minimum and maximum radius, in pixels of the picture, of the widest reflections, which are found by
        their rims; None if unknown.
    mm_per_pixel
        Size of a pixel of the picture on the focal plane; None if unknown.

    Raises
    ------
    ValueError
        If the axes do not span the picture, there is no CCD, a number occurs twice, or a CCD is outside.
    """

    name: str
    instrument: str
    ccd_shape: tuple[int, int]
    picture_shape: tuple[int, int]
    right: str
    down: str
    ccds: tuple[Ccd, ...]
    wide_discs: tuple[float, float] | None = None
    mm_per_pixel: float | None = None

    def __post_init__(self) -> None:
        """Check the axes, the numbers and the boxes."""
        if {self.right[1:], self.down[1:]} != {"x", "y"} or not {self.right, self.down} <= {*_DIRECTIONS}:
            raise ValueError(
                f"{self.name}: right is {self.right!r} and down {self.down!r}; they must be two of "
                f"{', '.join(_DIRECTIONS)}, one along x and one along y"
            )
        if not self.ccds:
            raise ValueError(f"{self.name}: has no CCD; give one row for each")
        seen: set[int] = set()
        for ccd in self.ccds:
            if ccd.number < 1 or ccd.number in seen:
                raise ValueError(f"{self.name}: CCD {ccd.number}: numbers are 1 or more, each of one CCD")
            seen.add(ccd.number)
            rows, columns = ccd.picture_box.inside(self.picture_shape)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                raise ValueError(f"{self.name}: the box of CCD {ccd.number} lies outside the picture")

    @cached_property
    def by_number(self) -> Mapping[int, Ccd]:
        """CCDs by number."""
        return {ccd.number: ccd for ccd in self.ccds}

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the CCDs, in order."""
        return tuple(ccd.number for ccd in self.ccds)

    @property
    def transposed(self) -> bool:
        """Whether the columns of a CCD are rows of the picture."""
        return self.right[1] == "y"

    def to_picture_axes(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Rotate or flip an array from the axes of a CCD to those of the picture.

        Parameters
        ----------
        array
            Array ``(y, x)`` in CCD pixels.

        Returns
        -------
        ndarray
            View ``(down, right)`` of the array.
        """
        view = array.T if self.transposed else array
        return view[:: -1 if self.down[0] == "-" else 1, :: -1 if self.right[0] == "-" else 1]

    def to_ccd_axes(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Rotate or flip an array from the axes of the picture to those of a CCD.

        Parameters
        ----------
        array
            Array ``(down, right)`` in the orientation of the picture.

        Returns
        -------
        ndarray
            View ``(y, x)`` of the array.
        """
        view = array[:: -1 if self.down[0] == "-" else 1, :: -1 if self.right[0] == "-" else 1]
        return view.T if self.transposed else view

    @cached_property
    def ccd_map(self) -> NDArray[np.int32]:
        """Number of the CCD at each pixel of the picture ``(H, W)`` int32; 0 in gaps."""
        numbers = np.zeros(self.picture_shape, np.int32)
        for ccd in self.ccds:
            numbers[ccd.picture_box.inside(self.picture_shape)] = ccd.number
        numbers.flags.writeable = False
        return numbers


def read_camera(path: str | PathLike[str]) -> Camera:
    """Read a camera from an ECSV table.

    The table has one row per CCD: ``number``, ``name``, the first pixel ``det_x``, ``det_y`` of its DETSEC,
    the first pixel ``picture_x``, ``picture_y`` of its box in the picture, and the columns of the CCD from
    ``dead_from`` up to, but not including, ``dead_to`` without data.  Pixels count from 0; ``picture_x`` is
    negative if the picture cuts the box.  The header has ``camera``, ``instrument``, ``ccd_shape``,
    ``cell_shape``, ``picture_shape`` (rows, columns), ``right`` and ``down``, see :class:`Camera`, and
    optionally ``wide_discs`` and ``mm_per_pixel``.

    Parameters
    ----------
    path
        The ECSV file.

    Returns
    -------
    Camera
        The camera.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column or an entry, or is not the table of a camera.
    """
    from astropy.table import Table

    try:
        text = read_text(Path(path), error=SourceError)
        table = Table.read(text.splitlines(), format="ascii.ecsv")
    except SourceError:
        raise
    except Exception as error:  # the readers of astropy raise various errors
        reason = " ".join(str(error).split())[:200]
        raise SourceError(f"{path}: cannot be read as the ECSV table of a camera ({reason})") from error
    lacking = [name for name in _COLUMNS if name not in table.colnames]
    lacking += [name for name in _META if name not in table.meta]
    if lacking:
        raise SourceError(f"{path}: the table of a camera lacks {', '.join(lacking)}")
    if table.has_masked_values:
        raise SourceError(f"{path}: the table of a camera lacks entries; give a number or name for each")
    rows = [{name: row[name] for name in _COLUMNS} for row in table]
    try:
        return _camera(rows, table.meta)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: is not the table of a camera ({reason}); correct it") from error


def _camera(rows: Iterable[Mapping[str, Any]], meta: Mapping[str, Any]) -> Camera:
    """Return the camera of a table."""
    shapes = [_shape(name, meta[name]) for name in ("ccd_shape", "cell_shape", "picture_shape")]
    (height, width), cell, picture = shapes
    ccds = []
    for row in rows:
        det_x, det_y, x, y, dead_from, dead_to = (int(row[name]) for name in _COLUMNS[2:])
        ccds.append(
            Ccd(
                int(row["number"]),
                str(row["name"]),
                Box(det_x, det_y, det_x + width, det_y + height),
                Box(x, y, x + cell[1], y + cell[0]),
                Box(dead_from, 0, dead_to, height) if dead_to > dead_from else None,
            )
        )
    return Camera(
        name=str(meta["camera"]),
        instrument=str(meta["instrument"]),
        ccd_shape=(height, width),
        picture_shape=picture,
        right=str(meta["right"]),
        down=str(meta["down"]),
        ccds=tuple(sorted(ccds, key=lambda ccd: ccd.number)),
        wide_discs=_radii(meta.get("wide_discs"), picture),
        mm_per_pixel=_scale(meta.get("mm_per_pixel")),
    )


def _scale(value: object) -> float | None:
    """Return the size of a pixel of the picture in mm."""
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"mm_per_pixel is {value!r:.80}, not a number above 0")
    return float(value)


def _radii(value: object, picture: tuple[int, int]) -> tuple[float, float] | None:
    """Return the minimum and maximum radius of the widest reflections."""
    if value is None:
        return None
    radii = value if isinstance(value, list | tuple) else ()
    good = len(radii) == 2 and all(isinstance(radius, int | float) for radius in radii)
    if not good or not 10 <= radii[0] <= radii[1] <= max(picture) or any(side % 2 for side in picture):
        raise ValueError(
            f"wide_discs is {value!r:.80}, not least and largest radius in pixels, from 10 to the side of a "
            "picture with even sides"
        )
    return float(radii[0]), float(radii[1])


def _shape(name: str, value: object) -> tuple[int, int]:
    lengths = value if isinstance(value, list | tuple) else ()
    if len(lengths) != 2 or not all(isinstance(n, int) and 0 < n <= _MAX_SIDE for n in lengths):
        raise ValueError(
            f"{name} is {value!r:.80}, not two whole numbers from 1 to {_MAX_SIDE}, rows and columns"
        )
    return lengths[0], lengths[1]
