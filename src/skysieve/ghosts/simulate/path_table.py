"""The table of DECam's ghosts: for each field angle and path, where a ghost lies and which light it gets."""

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
from skysieve.ghosts.simulate.entrance import PUPIL_RADIUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MASK_REACH",
    "TABLE",
    "USUAL_FILTER_PLACE",
    "GhostPath",
    "PathTable",
    "decam_paths",
    "fitted_light",
]

TABLE = Path(str(files("skysieve.ghosts.simulate"))) / "decam_paths.npz"
"""The table that comes with the package."""

MASK_REACH = 1.05
"""Half side of a mask, in radii of the pupil."""


USUAL_FILTER_PLACE = -50.0
"""In mm from where the prescription has it, towards the detector: see the module ``traced``."""

FITTED_LIGHT = {"D>Filter": 3.0, "C4_exit>Filter": 0.25}
"""How much brighter than traced ghosts by these paths are: the coating of a filter is none of a lens. Of
the pictures with reflections, people outlined radii of 104 to 137 pixels in 43 % and of 40 to 60 in 8 %.
Simulated ones can be seen in 46 % and 20 %; with the light as traced and the filter where it is
prescribed, radii of 104 and more could be in 28 %, and with the filter elsewhere but without the second
factor, those of 40 to 60 in 27 %."""

SMALLEST_ANGLE = 1e-3
"""In degrees; what is nearer to the field's centre counts as there."""


@dataclass(frozen=True)
class GhostPath:
    """The ghost that a star makes by one path.

    Attributes
    ----------
    name
        The surface of the first reflection and that of the second, as ``D>C5_exit``.
    fraction
        Of the light that enters the pupil; what stands in front of the lenses is not taken off.
    reflectance
        Fraction for a ray that nothing stops.
    centre
        In mm from the field's centre, towards the star's image.
    scale
        In mm per metre of the pupil, along that direction and across it; below zero if turned round.
    mask
        Part of the light that the lenses let through, ``(N, N)`` float32 over the pupil: rows across the
        direction, columns along it.
    """

    name: str
    fraction: float
    reflectance: float
    centre: float
    scale: tuple[float, float]
    mask: NDArray[np.float32]

    @property
    def radius(self) -> float:
        """Of a disc as large as the whole ghost, in mm."""
        return PUPIL_RADIUS * math.sqrt(abs(self.scale[0] * self.scale[1]))

    @property
    def brightness(self) -> float:
        """Part of the star's light that falls on a mm2 where nothing stands in the way."""
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
    filter_place
        Of paths that the filter turns back, how far it stands from where the prescription has it, in mm
        towards the detector; NaN of others. ``(P,)``.
    """

    angles: NDArray[np.float32]
    paths: tuple[str, ...]
    fraction: NDArray[np.float32]
    reflectance: NDArray[np.float32]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    mask: NDArray[np.bool_]
    filter_place: NDArray[np.float32]

    @property
    def filter_places(self) -> tuple[float, ...]:
        """Where the filter stands in the paths that it turns back, in mm, increasing."""
        return tuple(np.unique(self.filter_place[np.isfinite(self.filter_place)]).tolist())

    def at(self, angle: float, *, filter_place: float = USUAL_FILTER_PLACE) -> list[GhostPath]:
        """Return the ghosts of a star at a field angle in degrees, between the angles of the table.

        A path that has light at one of two angles only fades towards the other.  Of the paths that the filter
        turns back, those with the filter at `filter_place` in mm are returned.

        Raises
        ------
        ConfigError
            If the table has no such place of the filter.
        """
        if filter_place not in self.filter_places:
            known = ", ".join(f"{place:g}" for place in self.filter_places)
            raise ConfigError(f"filter at {filter_place:g} mm: the ghosts are traced for {known}")
        elsewhere = np.isfinite(self.filter_place) & (self.filter_place != filter_place)
        place = float(np.interp(angle, self.angles, np.arange(self.angles.size)))
        low = min(int(place), self.angles.size - 2)
        pair = slice(low, low + 2)
        share = np.array([low + 1 - place, place - low])
        lit = (self.fraction[pair] > 0) & ~elsewhere
        found = []
        for number in np.flatnonzero((lit * share[:, None]).any(axis=0)):
            # geometry from where there is light, light as it is; a centre moves out as its star does
            nearest = np.maximum(self.angles[pair], SMALLEST_ANGLE)
            outwards = self.centre[pair, number] / nearest
            if self.angles[low] == 0:
                outwards[0] = outwards[1]
            weight = share * lit[:, number]
            weight /= weight.sum()
            along, across = weight @ self.scale[pair, number]
            found.append(
                GhostPath(
                    self.paths[number],
                    float(share @ self.fraction[pair, number]),
                    float(weight @ self.reflectance[pair, number]),
                    float(weight @ outwards) * angle,
                    (float(along), float(across)),
                    np.tensordot(share, self.mask[pair, number], 1).astype(np.float32),
                )
            )
        return found

    def write(self, path: Path) -> None:
        """Write the table."""
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
            filter_place=self.filter_place,
        )
        path.write_bytes(buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> PathTable:
        """Read a table.

        Raises
        ------
        SourceError
            If it cannot be read.
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
                )
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise SourceError(f"{path}: cannot be read as a table of ghosts ({reason})") from error


@cache
def decam_paths() -> PathTable:
    """Return the table that comes with the package."""
    return PathTable.read(TABLE)


def fitted_light(path: str) -> float:
    """Return how much brighter the ghosts of a path are than traced."""
    return next((factor for start, factor in FITTED_LIGHT.items() if path.startswith(start)), 1.0)
