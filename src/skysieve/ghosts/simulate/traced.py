"""Double reflections of a bright star in a camera, traced with batoid, and the table made from them.

Light of a star can reach the focal plane after two reflections between the glass surfaces and the detector.
Each such path makes one ghost: an image of the pupil, far out of focus.  The map from the pupil to the focal
plane is affine across a ghost to within 1 to 2 % of its radius.  So the table stores, for each path and field
angle, this map and the part of the pupil that the lenses transmit.  Tracing takes about a second per star;
drawing from the table takes milliseconds.

Each of DECam's filters has its own position in the filter changer, but the prescription has only one.  Light
that the detector reflects to the filter and back makes the widest ghosts that people often outlined: circles
with radii of 121 and 131 pixels of a 400-pixel picture.  Their distances from the field centre are 0.25 and
0.18 times that of the small ghost of the two sides of C5.  In the model, a filter 50 mm further from the
detector than prescribed makes a circle of 121 pixels at 0.26 times that distance; one 90 mm further makes 131
pixels at 0.20; the prescribed position makes 110 pixels.

``python -m skysieve.ghosts.simulate.traced`` writes the table of the package; with ``--prescription`` that of
another camera, see :class:`Prescription`.

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

from skysieve.core.documents import parse_yaml, read_text
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.extras import require
from skysieve.ghosts.simulate.entrance import DECAM_ENTRANCE, Entrance
from skysieve.ghosts.simulate.path_table import MASK_REACH, MM_PER_DEGREE, TABLE, PathTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DECAM",
    "Prescription",
    "TracedGhost",
    "field_angles",
    "make_table",
    "read_prescription",
    "trace_star",
]

GLASS_REFLECTION = 0.02
"""Reflectance of a glass surface with a coating for the whole visible range."""

DETECTOR_REFLECTION = 0.1
"""Reflectance of the CCDs."""

FILTER_POSITIONS = (-90.0, -50.0, 0.0)
"""Filter positions in mm, relative to the prescription and positive towards the detector; see the module."""

WAVELENGTH = 650e-9
"""Wavelength in metres; ghosts depend on it only weakly."""

MIN_RAYS = 12
"""Paths with fewer rays are omitted, because their map cannot be fitted."""

MIN_DIAMETER = 3.0
"""Minimum diameter of a ghost in mm; the star outshines smaller ones."""

MIN_FRACTION = 5e-6
"""Minimum fraction of the star's light in a ghost."""

LAUNCH_HEIGHT = 15.0
"""Height above the vertex of the mirror at which rays start, in metres."""


@dataclass(frozen=True)
class Prescription:
    """Optics of a camera, and what batoid does not know of them.

    Attributes
    ----------
    optics
        YAML file of batoid, or the name of one in batoid, such as ``LSST_r.yaml``.
    entrance
        Pupil and obscuration.  Obscurations of mirrors and baffles in the YAML file are ignored.
    mm_per_degree
        Plate scale of the focal plane.
    filter_optic
        Full name of the filter in the file; None if it is not moved.
    filter_positions
        Positions of the filter in mm, relative to the file and positive towards the detector.
    max_angle
        Largest field angle of the table, in degrees.
    """

    optics: str
    entrance: Entrance
    mm_per_degree: float
    filter_optic: str | None = None
    filter_positions: tuple[float, ...] = (0.0,)
    max_angle: float = 1.6


DECAM = Prescription(
    "DECam.yaml", DECAM_ENTRANCE, MM_PER_DEGREE, "BlancoDECam.DECam.Filter", FILTER_POSITIONS
)


@dataclass(frozen=True)
class TracedGhost:
    """Light of a star that took one path.

    Attributes
    ----------
    path
        First and second reflecting surface, as ``D>C5_exit``.
    fraction
        Fraction of the light that enters the pupil, without the obscuration in front of the lenses.
    reflectance
        Fraction for an unvignetted ray.
    pupil
        Pupil coordinates of the rays, ``(N, 2)`` in metres: towards the star's image, and across.
    focal
        Their coordinates on the focal plane, ``(N, 2)`` in mm from the field centre.
    """

    path: str
    fraction: float
    reflectance: float
    pupil: NDArray[np.float64]
    focal: NDArray[np.float64]


def field_angles(largest: float = 1.6) -> NDArray[np.float64]:
    """Return the field angles of a table: denser in its outer part, where vignetting changes fast.

    Parameters
    ----------
    largest
        Largest angle in degrees.

    Returns
    -------
    ndarray of float64, shape (A,)
        In degrees, increasing.
    """
    return np.concatenate([np.arange(0.0, 0.6, 0.1), np.arange(0.6, 1.6001, 0.05)]) * (largest / 1.6)


def trace_star(
    angle: float, *, cells: int = 44, filter_position: float = 0.0, prescription: Prescription = DECAM
) -> list[TracedGhost]:
    """Trace the double reflections of a star.

    Parameters
    ----------
    angle
        Angle between star and field centre, in degrees.
    cells
        Number of rays across the pupil.
    filter_position
        Position of the filter in mm, relative to the prescription and positive towards the detector.
    prescription
        Optics of the camera.

    Returns
    -------
    list of TracedGhost
        One for each path with enough rays.

    Raises
    ------
    ConfigError
        If batoid is not installed.
    """
    optic = _coated_camera(prescription, filter_position)
    order, mirrors = _surface_order(optic)
    pupil_radius = prescription.entrance.pupil_radius
    step = 2 * MASK_REACH * pupil_radius / cells
    grid = (np.arange(cells) - (cells - 1) / 2) * step
    u, v = (axis.ravel() for axis in np.meshgrid(grid, grid))
    inside = np.hypot(u, v) <= MASK_REACH * pupil_radius
    u, v = u[inside], v[inside]
    reached = _launch(optic, u, v, np.deg2rad(angle), prescription.entrance.stop_height)
    ghosts = []
    for rays in reached:
        path = _path_name(rays.path, order, mirrors)
        hit = ~rays.vignetted & ~rays.failed
        if path is None or hit.sum() < MIN_RAYS:
            continue
        number = np.rint((rays.wavelength[hit] / WAVELENGTH - 1) / _WAVELENGTH_STEP).astype(np.intp)
        pupil = np.column_stack([u[number], v[number]])
        within = np.hypot(*pupil.T) <= pupil_radius
        total = np.count_nonzero(np.hypot(u, v) <= pupil_radius)
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


def make_table(
    angles: Sequence[float] | NDArray[np.float64], *, cells: int = 44, prescription: Prescription = DECAM
) -> PathTable:
    """Trace a star at each field angle and make the table.

    Parameters
    ----------
    angles
        Field angles, in degrees.
    cells
        Number of rays across the pupil.
    prescription
        Optics of the camera.

    Returns
    -------
    PathTable
        The table.

    Raises
    ------
    ConfigError
        If batoid is not installed.
    """
    traced = [_trace_filter_positions(float(angle), cells, prescription) for angle in angles]
    pupil_radius = prescription.entrance.pupil_radius
    paths = sorted(
        {path for ghosts in traced for path in ghosts},
        key=lambda path: (path.name, path.filter_position or 0.0),
    )
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
            if ghost.fraction < MIN_FRACTION or 2 * pupil_radius * np.abs(scales).max() < MIN_DIAMETER:
                continue
            at = row, column
            fraction[at], reflectance[at], centre[at], scale[at] = (
                ghost.fraction,
                ghost.reflectance,
                offset,
                scales,
            )
            cell = np.rint(ghost.pupil / (2 * MASK_REACH * pupil_radius / cells) + (cells - 1) / 2).astype(
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
        np.array([np.nan if position is None else position for _, position in paths], np.float32)[kept],
        prescription.entrance,
        prescription.mm_per_degree,
    )


def _trace_filter_positions(angle: float, cells: int, prescription: Prescription) -> dict[_Path, TracedGhost]:
    """Trace a star with each filter position; only paths that the filter reflects depend on it."""
    ghosts: dict[_Path, TracedGhost] = {}
    several = len(prescription.filter_positions) > 1
    for position in prescription.filter_positions:
        for ghost in trace_star(angle, cells=cells, filter_position=position, prescription=prescription):
            moves = several and "Filter" in ghost.path
            ghosts[_Path(ghost.path, position if moves else None)] = ghost
    return ghosts


class _Path(NamedTuple):
    """A path of the table, and the filter position if the filter reflects it."""

    name: str
    filter_position: float | None


def fit_affine(ghost: TracedGhost) -> tuple[float, NDArray[np.float64]]:
    """Fit the affine map from the pupil to the focal plane.

    Light and optics are mirror symmetric about the direction to the star, so there is no shear and no offset
    across.

    Parameters
    ----------
    ghost
        Traced rays of one path.

    Returns
    -------
    centre : float
        In mm towards the star.
    scale : ndarray of float64, shape (2,)
        In mm per metre of the pupil, along that direction and across.
    """
    (u, v), (x, y) = ghost.pupil.T, ghost.focal.T
    design = np.column_stack([np.ones_like(u), u])
    (offset, along), *_ = np.linalg.lstsq(design, x, rcond=None)
    across = float(v @ y / (v @ v))
    return float(offset), np.array([along, across])


_WAVELENGTH_STEP = 1e-9
"""Relative difference in wavelength between two rays, which identifies each ray after tracing."""


def _coated_camera(prescription: Prescription, filter_position: float) -> Any:
    """Return a camera with coatings and the filter at a position in mm, without the obscuration."""
    require("tracing ghosts", "ghosts", "batoid")
    import batoid

    optic = batoid.Optic.fromYaml(prescription.optics)
    if prescription.filter_optic is not None:
        # batoid drops coatings when an optic moves, so they are set afterwards
        shift = [0.0, 0.0, filter_position / 1e3]
        optic = optic.withGloballyShiftedOptic(prescription.filter_optic, shift)
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


def _launch(
    optic: Any, u: NDArray[np.float64], v: NDArray[np.float64], angle: float, stop: float
) -> list[Any]:
    """Trace one ray for each point of the pupil, and return those that reach the detector, by path."""
    import batoid

    x = u - np.tan(angle) * (LAUNCH_HEIGHT - stop)
    rays = batoid.RayVector(
        x,
        v,
        np.full_like(u, LAUNCH_HEIGHT),
        np.sin(angle),
        0.0,
        -np.cos(angle),
        0.0,
        WAVELENGTH * (1 + _WAVELENGTH_STEP * np.arange(u.size)),
        1.0,
    )
    min_flux = 0.5 * GLASS_REFLECTION**2 * (1 - GLASS_REFLECTION) ** 12 * (1 - DETECTOR_REFLECTION)
    reached, _ = optic.traceSplit(rays, minFlux=min_flux)
    return list(reached)


def _path_name(surfaces: Sequence[str], order: Mapping[str, int], mirrors: Sequence[str]) -> str | None:
    """Return the surfaces of the two reflections; None if there are not two of them after the last mirror."""
    path = list(surfaces)
    if any(path.count(mirror) != 1 for mirror in mirrors):
        return None
    after_mirrors = path[max((path.index(mirror) + 1 for mirror in mirrors), default=0) :]
    lenses = [name for name in after_mirrors if name in order]
    numbers = [order[name] for name in lenses]
    reflecting = [
        lenses[n]
        for n in range(1, len(numbers) - 1)
        if (numbers[n] - numbers[n - 1]) * (numbers[n + 1] - numbers[n]) < 0
    ]
    return ">".join(reflecting) if len(reflecting) == 2 else None


def _surface_order(optic: Any) -> tuple[dict[str, int], list[str]]:
    """Return the number of each glass surface and the detector in the order of the light, and the mirrors."""
    import batoid

    glass: list[str] = []
    mirrors: list[str] = []
    for item in optic.itemDict.values():
        if isinstance(item, batoid.RefractiveInterface | batoid.Detector) and item.name not in glass:
            glass.append(item.name)
        elif isinstance(item, batoid.Mirror) and item.name not in mirrors:
            mirrors.append(item.name)
    return {name: number for number, name in enumerate(glass)}, mirrors


def read_prescription(path: Path) -> Prescription:
    """Read a prescription from a YAML file.

    Parameters
    ----------
    path
        Mapping with ``optics``, ``pupil_radius`` and ``stop_height`` in metres, ``mm_per_degree``, and
        optionally ``discs`` (height and radius of each round obscuration), ``spider_height`` and
        ``vane_width`` in metres, ``filter_optic``, ``filter_positions`` in mm, and ``max_angle`` in degrees.

    Returns
    -------
    Prescription
        The prescription.

    Raises
    ------
    ConfigError
        If the file cannot be read, or an entry is missing, unknown or no number.
    """
    documents = parse_yaml(read_text(path, error=ConfigError), origin=str(path), error=ConfigError)
    content = documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else {}
    lacking = [
        name for name in ("optics", "pupil_radius", "stop_height", "mm_per_degree") if name not in content
    ]
    if lacking:
        raise ConfigError(f"{path}: a prescription lacks {', '.join(lacking)}")
    try:
        entrance = Entrance(
            float(content.pop("pupil_radius")),
            float(content.pop("stop_height")),
            tuple((float(height), float(radius)) for height, radius in content.pop("discs", ())),
            None,
            float(content.pop("spider_height", 0)),
            float(content.pop("vane_width", 0)),
        )
        optics, scale = str(content.pop("optics")), float(content.pop("mm_per_degree"))
        positions = tuple(float(place) for place in content.pop("filter_positions", (0.0,)))
        filter_optic, angle = content.pop("filter_optic", None), float(content.pop("max_angle", 1.6))
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: is no prescription ({reason}); correct it") from error
    if content:
        raise ConfigError(f"{path}: a prescription has no {', '.join(map(str, content))}")
    return Prescription(optics, entrance, scale, filter_optic, positions, angle)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table.

    Parameters
    ----------
    arguments
        Command-line arguments; those of the process if None.

    Raises
    ------
    OutputError
        If the table cannot be written.
    """
    parser = argparse.ArgumentParser(
        description="Trace the ghosts of a camera, and write the table of their paths."
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=TABLE, help="the table (default: the package's own)"
    )
    parser.add_argument("--prescription", type=Path, help="YAML file with the prescription of another camera")
    options = parser.parse_args(arguments)
    path: Path = options.output
    prescription = DECAM if options.prescription is None else read_prescription(options.prescription)
    if options.prescription is not None and path == TABLE:
        parser.error("name the table of another camera with --output")
    table = make_table(field_angles(prescription.max_angle), prescription=prescription)
    temporary = path.with_name(f".{path.name}.part")
    try:
        table.write(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


if __name__ == "__main__":
    main()
