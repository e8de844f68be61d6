"""The table of a camera's ghosts: position, size and brightness of each ghost by field angle and path."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.simulate.entrance import DECAM_ENTRANCE, PUPIL_RADIUS, Entrance
from skysieve.ghosts.simulate.settings import USUAL_FILTER_POSITION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "MASK_REACH",
    "MM_PER_DEGREE",
    "TABLE",
    "GhostPath",
    "PathTable",
    "decam_paths",
    "fitted_light",
]

TABLE = Path(str(files("skysieve.ghosts.simulate"))) / "decam_paths.npz"
"""Table of the package."""

MASK_REACH = 1.05
"""Half side of a mask, in radii of the pupil."""

MM_PER_DEGREE = 204.9
"""Plate scale of DECam's focal plane: 17.57 arcsec/mm, as traced with batoid."""

FITTED_LIGHT = {"D>Filter": 3.0, "C4_exit>Filter": 0.25}
"""Brightness of the ghosts of these paths relative to the traced one, since filters have other coatings.
Of the pictures with reflections, people outlined radii of 104 to 137 pixels in 43 % and of 40 to 60
in 8 %.  Simulated ghosts of these sizes are visible in 46 % and 20 %.  With the traced brightness and the
prescribed filter position, radii of 104 and more were visible in 28 %.  With other filter positions but
without the second factor, radii of 40 to 60 were visible in 27 %.
"""

MIN_ANGLE = 1e-3
"""Minimum field angle in degrees; smaller ones are rounded up to it."""


@dataclass(frozen=True)
class GhostPath:
    """The ghost of a star by one path.

    Attributes
    ----------
    name
        First and second reflecting surface, as ``D>C5_exit``.
    fraction
        Fraction of the light that enters the pupil, without the obscuration in front of the lenses.
    reflectance
        Fraction for an unvignetted ray.
    centre
        In mm from the field centre, towards the star's image.
    scale
        In mm per metre of the pupil, along that direction and across; negative if inverted.
    mask
        Transmission of the lenses over the pupil, ``(N, N)`` float32; columns lie along the direction.
    pupil_radius
        Radius of the pupil in metres.
    """

    name: str
    fraction: float
    reflectance: float
    centre: float
    scale: tuple[float, float]
    mask: NDArray[np.float32]
    pupil_radius: float = PUPIL_RADIUS

    @property
    def radius(self) -> float:
        """Radius of a disc with the area of the unvignetted ghost, in mm."""
        return self.pupil_radius * math.sqrt(abs(self.scale[0] * self.scale[1]))

    @property
    def brightness(self) -> float:
        """Fraction of the star's light per mm2 of the unobscured ghost."""
        return self.reflectance / (np.pi * max(self.radius, 1.0) ** 2)


@dataclass(frozen=True, eq=False)
class PathTable:
    """Paths by field angle.

    Attributes
    ----------
    angles
        ``(A,)`` in degrees, increasing.
    paths
        Names of the ``P`` paths.
    fraction, reflectance, centre
        ``(A, P)``, as in :class:`GhostPath`; fraction is 0 where a path has no light.
    scale
        ``(A, P, 2)``.
    mask
        ``(A, P, N, N)`` bool.
    filter_position
        ``(P,)`` in mm, relative to the prescription and positive towards the detector; NaN for paths that the
        filter does not reflect, and for all paths if only one position was traced.
    entrance
        Pupil and obscuration of the telescope.
    mm_per_degree
        Plate scale of the focal plane.
    """

    angles: NDArray[np.float32]
    paths: tuple[str, ...]
    fraction: NDArray[np.float32]
    reflectance: NDArray[np.float32]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    mask: NDArray[np.bool_]
    filter_position: NDArray[np.float32]
    entrance: Entrance = DECAM_ENTRANCE
    mm_per_degree: float = MM_PER_DEGREE

    @property
    def filter_positions(self) -> tuple[float, ...]:
        """Filter positions of the paths that the filter reflects, in mm, increasing."""
        return tuple(np.unique(self.filter_position[np.isfinite(self.filter_position)]).tolist())

    def at(
        self,
        angle: float,
        *,
        filter_position: float = USUAL_FILTER_POSITION,
        radii: tuple[float, float] = (0.0, math.inf),
    ) -> list[GhostPath]:
        """Interpolate the ghosts of a star at a field angle.

        A path with light at only one of the two neighbouring angles fades towards the other.  Of the paths
        that the filter reflects, only those with the given filter position are returned.

        Parameters
        ----------
        angle
            Field angle, in degrees.
        filter_position
            Position of the filter, in mm.
        radii
            Minimum and maximum :attr:`GhostPath.radius`; other ghosts are left out.

        Returns
        -------
        list of GhostPath
            In the order of the table.

        Raises
        ------
        ConfigError
            If the table does not contain this filter position.
        """
        if self.filter_positions and filter_position not in self.filter_positions:
            known = ", ".join(f"{position:g}" for position in self.filter_positions)
            raise ConfigError(f"filter at {filter_position:g} mm: the ghosts are traced for {known}")
        elsewhere = np.isfinite(self.filter_position) & (self.filter_position != filter_position)
        index = float(np.interp(angle, self.angles, np.arange(self.angles.size)))
        low = min(int(index), self.angles.size - 2)
        pair = slice(low, low + 2)
        share = np.array([low + 1 - index, index - low])
        has_light = (self.fraction[pair] > 0) & ~elsewhere
        found = []
        for number in np.flatnonzero((has_light * share[:, None]).any(axis=0)):
            # interpolate the geometry between angles with light only; a centre moves outwards with its star
            nearest = np.maximum(self.angles[pair], MIN_ANGLE)
            centre_per_degree = self.centre[pair, number] / nearest
            if self.angles[low] == 0:
                centre_per_degree[0] = centre_per_degree[1]
            weight = share * has_light[:, number]
            weight /= weight.sum()
            along, across = weight @ self.scale[pair, number]
            radius = self.entrance.pupil_radius * math.sqrt(abs(along * across))
            if not radii[0] <= radius <= radii[1]:
                continue
            found.append(
                GhostPath(
                    self.paths[number],
                    float(share @ self.fraction[pair, number]),
                    float(weight @ self.reflectance[pair, number]),
                    float(weight @ centre_per_degree) * angle,
                    (float(along), float(across)),
                    np.tensordot(share, self.mask[pair, number], 1).astype(np.float32),
                    self.entrance.pupil_radius,
                )
            )
        return found

    def write(self, path: Path) -> None:
        """Write the table.

        Parameters
        ----------
        path
            NPZ file.
        """
        one = self.entrance
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            angles=self.angles,
            paths=np.array(self.paths),
            fraction=self.fraction,
            reflectance=self.reflectance,
            centre=self.centre,
            scale=self.scale,
            mask=np.packbits(self.mask, axis=-1),
            cells=np.array(self.mask.shape[-1]),
            filter_place=self.filter_position,
            mm_per_degree=np.array(self.mm_per_degree),
            pupil=np.array([one.pupil_radius, one.stop_height, one.spider_height, one.vane_width]),
            discs=np.array(one.discs, float).reshape(-1, 2),
            changer=np.array(one.changer or (), float),
        )
        path.write_bytes(buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> PathTable:
        """Read a table.

        Parameters
        ----------
        path
            NPZ file.

        Returns
        -------
        PathTable
            The table.

        Raises
        ------
        SourceError
            If the file cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as content:
                mask = np.unpackbits(content["mask"], axis=-1, count=int(content["cells"])).astype(bool)
                return cls(
                    content["angles"],
                    tuple(str(name) for name in content["paths"]),
                    content["fraction"],
                    content["reflectance"],
                    content["centre"],
                    content["scale"],
                    mask,
                    content["filter_place"],
                    _entrance(content) if "pupil" in content else DECAM_ENTRANCE,
                    float(content["mm_per_degree"]) if "mm_per_degree" in content else MM_PER_DEGREE,
                )
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise SourceError(f"{path}: cannot be read as a table of ghosts ({reason})") from error


@cache
def decam_paths() -> PathTable:
    """Return the table of the package, which is read once.

    Returns
    -------
    PathTable
        The table.
    """
    return PathTable.read(TABLE)


def _entrance(content: Mapping[str, NDArray[np.float64]]) -> Entrance:
    """Return the entrance from the arrays of an NPZ file."""
    radius, stop, spider, vane = content["pupil"].tolist()
    height, width, length = content["changer"].tolist() or (0.0, 0.0, 0.0)
    return Entrance(
        radius,
        stop,
        tuple((height, radius) for height, radius in content["discs"].tolist()),
        (height, width, length) if content["changer"].size else None,
        spider,
        vane,
    )


def fitted_light(path: str) -> float:
    """Return the brightness of the ghosts of a path relative to the traced one.

    Parameters
    ----------
    path
        Name of the path.

    Returns
    -------
    float
        A factor of :data:`FITTED_LIGHT`, else 1.
    """
    return next((factor for start, factor in FITTED_LIGHT.items() if path.startswith(start)), 1.0)
