"""Double reflections of a bright star in DECam, traced by batoid, and the table made of them.

Of the paths by which light of a star reaches the focal plane after two reflections between the glass surfaces
and the detector, each makes one ghost: an image of the pupil, far out of focus.  Across a ghost the map from
the pupil to the focal plane is affine to 1 or 2 % of its radius; so the table holds, for each path and field
angle, that map, and which part of the pupil the lenses let through.  Tracing takes about a second a star;
drawing from the table takes milliseconds.

DECam's filters stand in a magazine, each at a place of its own; the prescription has one place. What the
detector sends to the filter and back makes the widest ghosts that people often outlined: circles with
radii of 121 and of 131 pixels of a picture of 400, 0.25 and 0.18 times as far from the field's centre as
the small ghost of the two sides of C5. A filter 50 mm further from the detector than prescribed makes
such a circle of 121, 0.26 times as far; one 90 mm further makes one of 131, 0.20 times as far; and where
the prescription has it, of 110.

The table that comes with the package is written by ``python -m skysieve.ghosts.simulate.traced``.

References
----------
Meyers 2023, batoid (software, https://github.com/jmeyers314/batoid), with its prescription of DECam;
Flaugher et al. 2015, AJ 150, 150 (the camera).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skysieve.core.errors import OutputError
from skysieve.core.extras import require
from skysieve.ghosts.simulate.entrance import PUPIL_RADIUS, STOP_HEIGHT
from skysieve.ghosts.simulate.path_table import MASK_REACH, TABLE, PathTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["TracedGhost", "field_angles", "make_table", "trace_star"]

GLASS_REFLECTION = 0.02
"""Light that a surface of glass reflects, coated as for the whole visible range."""

DETECTOR_REFLECTION = 0.1
"""Light that the CCDs reflect."""

FILTER_PLACES = (-90.0, -50.0, 0.0)
"""Where the filter stands, in mm from where the prescription has it towards the detector: see above."""

WAVELENGTH = 650e-9
"""In metres; ghosts depend on it but little."""

FEWEST_RAYS = 12
"""A path of fewer rays is left out: its map cannot be told."""

SMALLEST = 3.0
"""Diameter in mm below which a ghost is lost in its star."""

FAINTEST = 5e-6
"""Fraction of a star's light below which a ghost is left out."""

LAUNCH = 15.0
"""Height above the vertex of the mirror at which rays start, in metres."""


@dataclass(frozen=True)
class TracedGhost:
    """The light of a star that came by one path.

    Attributes
    ----------
    path
        The surface of the first reflection and that of the second, as ``D>C5_exit``.
    fraction
        Of the light that enters the pupil, without what stands in front of it.
    reflectance
        Fraction for a ray that nothing stops.
    pupil
        Where rays enter, ``(N, 2)`` in metres: along the direction towards the star's image, and across it.
    focal
        Where they end, ``(N, 2)`` in millimetres from the field's centre.
    """

    path: str
    fraction: float
    reflectance: float
    pupil: NDArray[np.float64]
    focal: NDArray[np.float64]


def field_angles() -> NDArray[np.float64]:
    """Return the field angles of the table, in degrees: finer where vignetting changes fast."""
    return np.concatenate([np.arange(0.0, 0.6, 0.1), np.arange(0.6, 1.6001, 0.05)])


def trace_star(angle: float, *, cells: int = 44, filter_place: float = 0.0) -> list[TracedGhost]:
    """Trace the double reflections of a star.

    Parameters
    ----------
    angle
        Between star and field centre, in degrees.
    cells
        Rays across the pupil.
    filter_place
        How far the filter stands from where the prescription has it, in mm towards the detector.

    Raises
    ------
    ConfigError
        If batoid is not installed.
    """
    optic = _coated_camera(filter_place)
    step = 2 * MASK_REACH * PUPIL_RADIUS / cells
    grid = (np.arange(cells) - (cells - 1) / 2) * step
    u, v = (axis.ravel() for axis in np.meshgrid(grid, grid))
    inside = np.hypot(u, v) <= MASK_REACH * PUPIL_RADIUS
    u, v = u[inside], v[inside]
    out = _launch(optic, u, v, np.deg2rad(angle))
    ghosts = []
    for rays in out:
        path = _path_name(rays.path)
        hit = ~rays.vignetted & ~rays.failed
        if path is None or hit.sum() < FEWEST_RAYS:
            continue
        number = np.rint((rays.wavelength[hit] / WAVELENGTH - 1) / _TAG).astype(np.intp)
        pupil = np.column_stack([u[number], v[number]])
        within = np.hypot(*pupil.T) <= PUPIL_RADIUS
        total = np.count_nonzero(np.hypot(u, v) <= PUPIL_RADIUS)
        ghosts.append(
            TracedGhost(
                path,
                float(rays.flux[hit][within].sum()) / total,
                float(np.median(rays.flux[hit])),
                pupil,
                np.column_stack([rays.x[hit], rays.y[hit]]) * 1e3,
            )
        )
    return ghosts


def make_table(angles: Sequence[float] | NDArray[np.float64], *, cells: int = 44) -> PathTable:
    """Trace a star at each of these field angles, in degrees, and return the table.

    Raises
    ------
    ConfigError
        If batoid is not installed.
    """
    traced = [_trace_places(float(angle), cells) for angle in angles]
    paths = sorted({path for ghosts in traced for path in ghosts})
    shape = len(angles), len(paths)
    fraction = np.zeros(shape, np.float32)
    reflectance = np.zeros(shape, np.float32)
    centre = np.zeros(shape, np.float32)
    scale = np.zeros((*shape, 2), np.float32)
    mask = np.zeros((*shape, cells, cells), bool)
    for row, ghosts in enumerate(traced):
        for column, path in enumerate(paths):
            ghost = ghosts.get(path)
            if ghost is None:
                continue
            offset, scales = fit_affine(ghost)
            if ghost.fraction < FAINTEST or 2 * PUPIL_RADIUS * np.abs(scales).max() < SMALLEST:
                continue
            at = row, column
            fraction[at], reflectance[at], centre[at], scale[at] = (
                ghost.fraction,
                ghost.reflectance,
                offset,
                scales,
            )
            cell = np.rint(ghost.pupil / (2 * MASK_REACH * PUPIL_RADIUS / cells) + (cells - 1) / 2).astype(
                np.intp
            )
            mask[row, column, cell[:, 1], cell[:, 0]] = True
    kept = np.asarray(fraction.any(axis=0))
    return PathTable(
        np.asarray(angles, np.float32),
        tuple(path for (path, _), keep in zip(paths, kept, strict=True) if keep),
        fraction[:, kept],
        reflectance[:, kept],
        centre[:, kept],
        scale[:, kept],
        mask[:, kept],
        np.array([np.nan if place is None else place for _, place in paths], np.float32)[kept],
    )


def _trace_places(angle: float, cells: int) -> dict[_Path, TracedGhost]:
    """Trace a star with the filter at each place, which changes nothing but the paths that it turns back."""
    ghosts: dict[_Path, TracedGhost] = {}
    for place in FILTER_PLACES:
        for ghost in trace_star(angle, cells=cells, filter_place=place):
            ghosts[_Path(ghost.path, place if "Filter" in ghost.path else None)] = ghost
    return ghosts


class _Path(NamedTuple):
    """A column of the table, sorted by name and by place, that of no filter first."""

    name: str
    place: float | None

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        return (self.name, self.place or 0.0) < (other[0], other[1] or 0.0)


def fit_affine(ghost: TracedGhost) -> tuple[float, NDArray[np.float64]]:
    """Return the centre in mm towards the star, and the mm per metre of the pupil along and across.

    Light and optics are mirror symmetric about that direction: there is no shear, and no offset across.
    """
    (u, v), (x, y) = ghost.pupil.T, ghost.focal.T
    design = np.column_stack([np.ones_like(u), u])
    (offset, along), *_ = np.linalg.lstsq(design, x, rcond=None)
    across = float(v @ y / (v @ v))
    return float(offset), np.array([along, across])


_TAG = 1e-9
"""Rays are known again by their wavelengths, which differ by this fraction."""


def _coated_camera(filter_place: float) -> Any:
    """Return DECam with coatings and the filter at a place in mm, without what stands before the lenses."""
    require("tracing ghosts", "ghosts", "batoid")
    import batoid

    prescribed = batoid.Optic.fromYaml("DECam.yaml")
    # coatings come after: moving an optic drops them
    optic = prescribed.withGloballyShiftedOptic("BlancoDECam.DECam.Filter", [0.0, 0.0, filter_place / 1e3])
    glass = batoid.SimpleCoating(GLASS_REFLECTION, 1 - GLASS_REFLECTION)
    silicon = batoid.SimpleCoating(DETECTOR_REFLECTION, 1 - DETECTOR_REFLECTION)
    for surface in optic.itemDict.values():
        if isinstance(surface, batoid.Baffle | batoid.Mirror):
            surface.obscuration = None
        elif isinstance(surface, batoid.Detector):
            surface.forwardCoating = surface.reverseCoating = silicon
        elif isinstance(surface, batoid.RefractiveInterface):
            surface.forwardCoating = surface.reverseCoating = glass
    return optic


def _launch(optic: Any, u: NDArray[np.float64], v: NDArray[np.float64], angle: float) -> list[Any]:
    """Send a ray to each place of the pupil, and return those that reach the detector, by path."""
    import batoid

    x = u - np.tan(angle) * (LAUNCH - STOP_HEIGHT)
    rays = batoid.RayVector(
        x,
        v,
        np.full_like(u, LAUNCH),
        np.sin(angle),
        0.0,
        -np.cos(angle),
        0.0,
        WAVELENGTH * (1 + _TAG * np.arange(u.size)),
        1.0,
    )
    faintest = 0.5 * GLASS_REFLECTION**2 * (1 - GLASS_REFLECTION) ** 12 * (1 - DETECTOR_REFLECTION)
    out, _ = optic.traceSplit(rays, minFlux=faintest)
    return list(out)


def _path_name(surfaces: Sequence[str]) -> str | None:
    """Return the surfaces of two reflections, or None if there are not two behind the mirror."""
    behind = list(surfaces)[len(surfaces) - 1 - list(surfaces)[::-1].index("PM") + 1 :]
    lenses = [name for name in behind if not name.startswith(("CHIMNEY", "MASK"))]
    if surfaces.count("PM") != 1:
        return None
    place = [_ORDER[name] for name in lenses]
    turns = [
        lenses[n]
        for n in range(1, len(place) - 1)
        if (place[n] - place[n - 1]) * (place[n + 1] - place[n]) < 0
    ]
    return ">".join(turns) if len(turns) == 2 else None


_SURFACES = (
    *(f"{lens}_{side}" for lens in ("C1", "C2", "C3", "Filter", "C4", "C5") for side in ("entrance", "exit")),
    "D",
)
_ORDER = {name: number for number, name in enumerate(_SURFACES)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description="Trace the ghosts of DECam, and write the table of their paths."
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=TABLE, help="the table (default: the package's own)"
    )
    path: Path = parser.parse_args(arguments).output
    table = make_table(field_angles())
    temporary = path.with_name(f".{path.name}.part")
    try:
        table.write(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


if __name__ == "__main__":
    main()
