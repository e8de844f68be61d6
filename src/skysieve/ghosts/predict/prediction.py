"""Predict the ghosts of bright stars by ray tracing, without the pixels of an exposure.

Only reflections can be predicted.  Rays are scattered by structures that the optical prescription does not
include.  The brightness of a ghost depends on the reflectivity of coatings; the table here assumes 2 % for a
glass surface and 10 % for the detector.  Levels are accurate to a factor of two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.geometry import covered_fractions
from skysieve.ghosts.predict.settings import PredictionSettings
from skysieve.ghosts.simulate.layout import Layout
from skysieve.ghosts.simulate.path_table import (
    MM_PER_DEGREE,
    decam_paths,
    fitted_light,
)
from skysieve.ghosts.simulate.reflections import BrightStar, draw_ghost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.star_catalogues import BrightStars
    from skysieve.ghosts.predict.settings import PredictedField
    from skysieve.ghosts.simulate.reflections import DrawnGhost

__all__ = ["Pointing", "PredictedGhost", "predict_ghosts"]

MAX_BRIGHT_RADIUS = 42.0
"""Maximum radius of a Bright reflection, in pixels of the picture."""

MIN_BRIGHT_LEVEL = 0.055
"""Minimum level of a Bright reflection, relative to the sky: 2.2 times the noise of a pixel.  Compact
reflections with a lower level are Faint."""

MIN_AREA = 60
"""Minimum area of a ghost in pixels of the picture.  Smaller ghosts are negligible beside the star, or cut by
the edge of the field."""

ARCSEC_PER_MM = 3600 / MM_PER_DEGREE

MERGE_TOLERANCE = 0.25
"""Ghosts of a star are merged if their centres and radii differ by less than this fraction of the radius.
The two surfaces of the filter make such pairs."""


@dataclass(frozen=True)
class Pointing:
    """The position of the field centre.

    Attributes
    ----------
    ra, dec
        Right ascension and declination in degrees.

    Raises
    ------
    ConfigError
        If a coordinate is out of range.
    """

    ra: float
    dec: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (-360 <= self.ra <= 360 and -90 <= self.dec <= 90):
            raise ConfigError(
                f"field centre {self.ra:g}, {self.dec:g}: expected a right ascension of 0 to 360 and a "
                "declination of -90 to 90 degrees"
            )

    @classmethod
    def of(cls, field: PredictedField) -> Pointing:
        """Return the position of a field whose coordinates are text.

        Parameters
        ----------
        field
            The field; right ascension and declination in degrees, or sexagesimal, the former in hours.

        Returns
        -------
        Pointing
            Its centre.

        Raises
        ------
        ConfigError
            If a coordinate is neither, or out of range.
        """
        return cls(_degrees("--ra", field.ra, hours=True), _degrees("--dec", field.dec, hours=False))

    def offsets(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return field angles and position angles relative to the field centre.

        Parameters
        ----------
        ra, dec
            Positions ``(N,)`` float64 in degrees.

        Returns
        -------
        field_angle : ndarray of float64, shape (N,)
            Distance from the field centre in degrees.
        position_angle : ndarray of float64, shape (N,)
            Position angle in radians, from north towards east.

        Examples
        --------
        >>> distance, direction = Pointing(10.0, 0.0).offsets(np.array([10.0, 11.0]), np.array([0.5, 0.0]))
        >>> np.round(distance, 6).tolist(), np.round(np.degrees(direction), 6).tolist()
        ([0.5, 1.0], [0.0, 90.0])
        """
        from astropy.coordinates import angular_separation, position_angle

        positions = (*np.radians([self.ra, self.dec]), np.radians(ra), np.radians(dec))
        field_angles = np.degrees(np.asarray(angular_separation(*positions), float))
        position_angles = np.asarray(position_angle(*positions).to_value("rad"), float)
        return field_angles, position_angles


@dataclass(frozen=True, eq=False)
class PredictedGhost:
    """A predicted reflection of a star.

    Attributes
    ----------
    star, magnitude, angle
        Name of the star, its magnitude, and its distance from the field centre in degrees.
    path
        Reflecting surfaces in the order of reflection, such as ``D>C5_exit``.
    class_name
        Expected class: Bright or Faint.
    level
        Surface brightness without obscuration, relative to the sky.
    centre
        Column and row of its centre in the picture, from 0; may lie outside the picture.
    radius
        Radius of a disc with the area of the whole ghost, in pixels of the picture.
    mask
        Its pixels ``(H, W)`` bool on the focal plane, with central hole and vanes filled.
    ccds
        Covered fraction of each touched CCD, by number.
    """

    star: str
    magnitude: float
    angle: float
    path: str
    class_name: str
    level: float
    centre: tuple[float, float]
    radius: float
    mask: NDArray[np.bool_]
    ccds: Mapping[int, float]

    def describe(self) -> str:
        """Return the ghost on one line: class, level, star and CCDs.

        Returns
        -------
        str
            The line.
        """
        touched = ", ".join(f"{ccd} ({100 * part:.0f}%)" for ccd, part in self.ccds.items())
        return (
            f"{self.class_name} {100 * self.level:.3g}% of the sky, star {self.star} "
            f"({self.magnitude:.1f} mag, {self.angle:.2f} deg off): CCDs {touched}"
        )


def predict_ghosts(
    stars: BrightStars,
    pointing: Pointing,
    settings: PredictionSettings = PredictionSettings(),  # noqa: B008 (frozen)
) -> list[PredictedGhost]:
    """Predict the ghosts of bright stars on the focal plane of DECam.

    Parameters
    ----------
    stars
        All bright stars within about 1.6 degrees of the field centre; more distant stars have no effect.
    pointing
        Field centre.
    settings
        Limits, sky and position of the filter.

    Returns
    -------
    list of PredictedGhost
        Ghosts, sorted by decreasing level.

    Raises
    ------
    ConfigError
        If the table has no such position of the filter.
    """
    camera, table = decam(), decam_paths()
    layout = Layout(camera.ccd_map.astype(np.uint8))
    angles, position_angles = pointing.offsets(stars.ra, stars.dec)
    found = []
    for number in np.flatnonzero(angles <= float(table.angles[-1])):
        angle = float(angles[number])
        # north is up in the picture and east is left
        azimuth = math.atan2(-math.cos(position_angles[number]), -math.sin(position_angles[number]))
        # starlight per square arc second, relative to the sky, if spread over 1 mm^2 of the focal plane
        relative = 10 ** (-0.4 * (float(stars.magnitude[number]) - settings.sky)) / ARCSEC_PER_MM**2
        star = BrightStar(angle, azimuth, relative)
        drawn = []
        for path in table.at(angle, filter_position=settings.filter_place):
            level = relative * path.brightness * fitted_light(path.name)
            if path.fraction <= 0 or level < settings.faintest / 2:  # two merged ghosts may reach the minimum
                continue
            ghost = draw_ghost(path, star, layout, level=level)
            if ghost is not None:
                drawn.append((level, ghost))
        for level, ghost, mask in _merged(drawn, layout):
            if level < settings.faintest or np.count_nonzero(mask) < MIN_AREA:
                continue
            covered = zip(camera.numbers, covered_fractions(camera, mask).tolist(), strict=True)
            ccds = {ccd: part for ccd, part in covered if part > 0 and part >= settings.least}
            if ccds:
                row, column = ghost.centre
                bright = ghost.radius <= MAX_BRIGHT_RADIUS and level >= MIN_BRIGHT_LEVEL
                found.append(
                    PredictedGhost(
                        stars.names[number],
                        float(stars.magnitude[number]),
                        angle,
                        ghost.path,
                        "Bright" if bright else "Faint",
                        level,
                        (column, row),
                        ghost.radius,
                        mask,
                        ccds,
                    )
                )
    return sorted(found, key=lambda ghost: -ghost.level)


def _merged(
    drawn: list[tuple[float, DrawnGhost]], layout: Layout
) -> list[tuple[float, DrawnGhost, NDArray[np.bool_]]]:
    """Merge similar ghosts; return level, ghost and mask ``(H, W)`` of each."""
    merged: list[tuple[float, DrawnGhost, NDArray[np.bool_]]] = []
    for level, ghost in sorted(drawn, key=lambda pair: -pair[0]):
        mask = np.zeros(layout.shape, bool)
        mask[ghost.rows, ghost.columns] = ghost.outline
        for number, (before, other, outline) in enumerate(merged):
            distance = math.dist(ghost.centre, other.centre)
            if (
                abs(math.log(ghost.radius / other.radius)) < MERGE_TOLERANCE
                and distance < MERGE_TOLERANCE * other.radius
            ):
                both = replace(other, path=f"{other.path} {ghost.path}")
                merged[number] = before + level, both, outline | mask
                break
        else:
            merged.append((level, ghost, mask))
    return merged


def _degrees(option: str, text: str, *, hours: bool) -> float:
    """Return an angle in degrees: a number in degrees, or sexagesimal, right ascensions in hours."""
    try:
        return float(text)
    except ValueError:
        from astropy import units
        from astropy.coordinates import Angle

        try:
            return float(Angle(text, unit=units.hourangle if hours else units.deg).deg)
        except ValueError:
            form = "05:34:31.9" if hours else "-05:23:28"
            raise ConfigError(f"{option} {text}: expected degrees, or {form} and the like") from None
