"""A camera as data: where its CCDs lie on the focal plane and in the picture of it, and which are dead.

A camera is a table, an ECSV file; :func:`skysieve.ghosts.focal_plane.decam.decam` returns the one that comes
with the package.  Only the published scores, which are of one camera, know its CCDs otherwise.
"""

from __future__ import annotations

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
_LONGEST_SIDE = 20_000
"""Pixels along an axis of a CCD, or of the picture: more are taken for damage."""

_COLUMNS = ("number", "name", "det_x", "det_y", "picture_x", "picture_y", "dead_from", "dead_to")
_META = ("camera", "instrument", "ccd_shape", "cell_shape", "picture_shape", "right", "down")


class Box(NamedTuple):
    """A rectangle of whole pixels, counted from 0; the ends are not in it.

    Attributes
    ----------
    x0, y0
        First column and first row; may be negative, where a box sticks out of its picture.
    x1, y1
        One more than the last column and row.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, inside the picture or not."""
        return self.y1 - self.y0, self.x1 - self.x0

    def inside(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return rows and columns of the part that lies in a picture of this shape, to index it with."""
        return slice(max(self.y0, 0), min(self.y1, shape[0])), slice(max(self.x0, 0), min(self.x1, shape[1]))


@dataclass(frozen=True)
class Ccd:
    """One CCD of a camera.

    Attributes
    ----------
    number
        CCDNUM in headers.
    name
        Detector position, as DETPOS and EXTNAME in headers.
    detector
        Its box on the mosaic that DETSEC of headers counts in.
    lit
        Its box in the picture of the focal plane: the pixels that it lights.
    dead
        Part of its own pixels that never holds data, or None.
    """

    number: int
    name: str
    detector: Box
    lit: Box
    dead: Box | None = None


@dataclass(frozen=True)
class Camera:
    """A camera: its CCDs, and how their axes lie in the picture of the focal plane.

    Attributes
    ----------
    name
        What to call it.
    instrument
        What INSTRUME of its headers contains, in any case.
    ccd_shape
        Rows and columns of a CCD without overscan.
    picture_shape
        Rows and columns of the picture of the focal plane.
    right, down
        Direction on a CCD in which its picture runs to the right, and down: ``+x``, ``-x``, ``+y``, ``-y``.
    ccds
        By number.
    wide_discs
        Least and largest radius, in pixels of the picture, of its widest reflections, which are found by
        their rims; None if they are not known.
    """

    name: str
    instrument: str
    ccd_shape: tuple[int, int]
    picture_shape: tuple[int, int]
    right: str
    down: str
    ccds: tuple[Ccd, ...]
    wide_discs: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse axes that do not span a picture, and CCDs that cannot be told apart or seen."""
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
            rows, columns = ccd.lit.inside(self.picture_shape)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                raise ValueError(f"{self.name}: the box of CCD {ccd.number} lies outside the picture")

    @cached_property
    def by_number(self) -> Mapping[int, Ccd]:
        """The CCD of each number."""
        return {ccd.number: ccd for ccd in self.ccds}

    @property
    def numbers(self) -> tuple[int, ...]:
        """Number of each CCD, in order."""
        return tuple(ccd.number for ccd in self.ccds)

    @property
    def transposed(self) -> bool:
        """Whether columns of a CCD are rows of the picture."""
        return self.right[1] == "y"

    def turned(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return a view of an array of CCD pixels ``(y, x)`` as it lies in the picture."""
        view = array.T if self.transposed else array
        return view[:: -1 if self.down[0] == "-" else 1, :: -1 if self.right[0] == "-" else 1]

    def turned_back(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return a view of an array as it lies in the picture, as CCD pixels ``(y, x)``."""
        view = array[:: -1 if self.down[0] == "-" else 1, :: -1 if self.right[0] == "-" else 1]
        return view.T if self.transposed else view

    @cached_property
    def ccd_map(self) -> NDArray[np.int32]:
        """Number of the CCD at each pixel of the picture, ``(H, W)`` int32, 0 in gaps."""
        numbers = np.zeros(self.picture_shape, np.int32)
        for ccd in self.ccds:
            numbers[ccd.lit.inside(self.picture_shape)] = ccd.number
        numbers.flags.writeable = False
        return numbers


def read_camera(path: str | PathLike[str]) -> Camera:
    """Read a camera from an ECSV table.

    One row a CCD: ``number``, ``name``, the first pixel ``det_x``, ``det_y`` of its DETSEC and ``picture_x``,
    ``picture_y`` of its box in the picture (both counted from 0, the latter negative for a box that is cut),
    and the columns of the CCD from ``dead_from`` up to, not including, ``dead_to`` that hold no data.  The
    header gives ``camera``, ``instrument``, ``ccd_shape``, ``cell_shape``, ``picture_shape`` (rows, columns),
    ``right`` and ``down``, see :class:`Camera`; and ``wide_discs`` if it is known.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column or an entry, or describes no camera.
    """
    from astropy.table import Table

    try:
        text = read_text(Path(path), error=SourceError)
        table = Table.read(text.splitlines(), format="ascii.ecsv")
    except SourceError:
        raise
    except Exception as error:  # whatever the reader of tables raises
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
        raise SourceError(f"{path}: is not the table of a camera ({reason}); mend it") from error


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
    )


def _radii(value: Any, picture: tuple[int, int]) -> tuple[float, float] | None:
    """Return least and largest radius of the widest reflections."""
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


def _shape(name: str, value: Any) -> tuple[int, int]:
    """Return rows and columns."""
    lengths = value if isinstance(value, list | tuple) else ()
    if len(lengths) != 2 or not all(isinstance(n, int) and 0 < n <= _LONGEST_SIDE for n in lengths):
        raise ValueError(
            f"{name} is {value!r:.80}, not two whole numbers from 1 to {_LONGEST_SIDE}, rows and columns"
        )
    return lengths[0], lengths[1]
