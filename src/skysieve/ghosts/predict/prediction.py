"""Which ghosts bright stars will make, by ray tracing alone: before an exposure, or without looking at it.

Only reflections can be foretold: Rays are scattered by what no optical prescription describes.  How bright a
ghost is depends on coatings, of which a survey knows more than the table here assumes (2 % a glass surface,
10 % the detector): take its level as good to a factor of two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.geometry import covered_fractions
from skysieve.ghosts.simulate.layout import Layout
from skysieve.ghosts.simulate.path_table import USUAL_FILTER_POSITION, decam_paths, fitted_light
from skysieve.ghosts.simulate.reflections import MM_PER_DEGREE, BrightStar, draw_ghost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.star_catalogues import BrightStars
    from skysieve.ghosts.simulate.reflections import DrawnGhost

__all__ = ["FAINTEST", "SKY", "Pointing", "PredictedGhost", "predict_ghosts"]

SKY = 21.0
"""Surface brightness of a dark sky in the red, in magnitudes per square arc second."""

FAINTEST = 0.01
"""Part of the sky's light from which on people outline ghosts: 0.4 of the noise of a pixel of the published
pictures, which is some 2.6 % of their sky."""

COMPACT = 42.0
"""Radius in pixels of the picture up to which a reflection may be Bright."""

BRIGHT = 0.055
"""Part of the sky's light from which on a compact reflection is Bright, not Faint: 2.2 times that noise."""

SMALLEST = 60
"""Pixels of the picture below which a ghost is nothing beside its star, or a sliver at the edge."""

ARCSEC_PER_MM = 3600 / MM_PER_DEGREE

ALIKE = 0.25
"""Ghosts of a star whose centres, and radii, differ by less than this part of the radius are one: the two
sides of the filter make two such."""


@dataclass(frozen=True)
class Pointing:
    """Where the field's centre is.

    Attributes
    ----------
    ra, dec
        In degrees.

    Raises
    ------
    ConfigError
        If that is no place on the sky.
    """

    ra: float
    dec: float

    def __post_init__(self) -> None:
        """Refuse what is no place."""
        if not (-360 <= self.ra <= 360 and -90 <= self.dec <= 90):
            raise ConfigError(
                f"field centre {self.ra:g}, {self.dec:g}: expected a right ascension of 0 to 360 and a "
                "declination of -90 to 90 degrees"
            )

    def offsets(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return the field angle in degrees and the position angle, from north by east in radians, ``(N,)``.

        Examples
        --------
        >>> angle, turn = Pointing(10.0, 0.0).offsets(np.array([10.0, 11.0]), np.array([0.5, 0.0]))
        >>> np.round(angle, 6).tolist(), np.round(np.degrees(turn), 6).tolist()
        ([0.5, 1.0], [0.0, 90.0])
        """
        from astropy.coordinates import angular_separation, position_angle

        places = (*np.radians([self.ra, self.dec]), np.radians(ra), np.radians(dec))
        angle = np.degrees(np.asarray(angular_separation(*places), float))
        turn = np.asarray(position_angle(*places).to_value("rad"), float)
        return angle, turn


@dataclass(frozen=True, eq=False)
class PredictedGhost:
    """A reflection that a star should make.

    Attributes
    ----------
    star, magnitude, angle
        Name, magnitude, and distance from the field's centre in degrees, of its star.
    path
        The surfaces that reflect it, the first first, as ``D>C5_exit``.
    class_name
        What it will look like: Bright or Faint.
    level
        Its light where nothing stands in the way, relative to that of the sky.
    centre
        Column and row of its centre in the picture, from 0; it may lie outside.
    radius
        Of a disc as large as the whole ghost, in pixels of the picture.
    mask
        ``(H, W)`` bool: its outline on the focal plane, hole and vanes filled.
    ccds
        Part of each CCD that it covers, by number.
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


def predict_ghosts(
    stars: BrightStars,
    pointing: Pointing,
    *,
    sky: float = SKY,
    faintest: float = FAINTEST,
    least: float = 0.0,
    filter_place: float = USUAL_FILTER_POSITION,
) -> list[PredictedGhost]:
    """Return the ghosts on DECam's focal plane, the brightest first.

    Parameters
    ----------
    stars
        All that may be bright enough, within some 1.6 degrees; others do not matter.
    pointing
        Where the field's centre is.
    sky
        Surface brightness of the sky in the stars' magnitudes, per square arc second.
    faintest
        Ghosts with less light than this part of the sky's are left out.
    least
        Part of a CCD that a ghost must cover to touch it.
    filter_place
        Where the filter stands, in mm from where the prescription has it towards the detector.

    Raises
    ------
    ConfigError
        If `faintest` is not positive, or nothing was traced for that place of the filter.
    """
    if not faintest > 0:
        raise ConfigError(f"faintest {faintest:g}: expected a part of the sky's light above 0")
    camera, table = decam(), decam_paths()
    layout = Layout(camera.ccd_map.astype(np.uint8))
    angles, turns = pointing.offsets(stars.ra, stars.dec)
    found = []
    for number in np.flatnonzero(angles <= float(table.angles[-1])):
        angle = float(angles[number])
        # north is up in the picture and east is left
        azimuth = math.atan2(-math.cos(turns[number]), -math.sin(turns[number]))
        # light of the star that falls on one square arc second of an even ghost of all of it is 1 / area
        relative = 10 ** (-0.4 * (float(stars.magnitude[number]) - sky)) / ARCSEC_PER_MM**2
        star = BrightStar(angle, azimuth, relative)
        drawn = []
        for path in table.at(angle, filter_position=filter_place):
            level = relative * path.brightness * fitted_light(path.name)
            if path.fraction <= 0 or level < faintest / 2:  # two that are alike may add up
                continue
            ghost = draw_ghost(path, star, layout, level=level)
            if ghost is not None:
                drawn.append((level, ghost))
        for level, ghost, mask in _merged(drawn, layout):
            if level < faintest or np.count_nonzero(mask) < SMALLEST:
                continue
            covered = zip(camera.numbers, covered_fractions(camera, mask).tolist(), strict=True)
            ccds = {ccd: part for ccd, part in covered if part > 0 and part >= least}
            if ccds:
                row, column = ghost.centre
                bright = ghost.radius <= COMPACT and level >= BRIGHT
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
    """Return level, ghost and outline ``(H, W)`` of each, those that look like one put together."""
    merged: list[tuple[float, DrawnGhost, NDArray[np.bool_]]] = []
    for level, ghost in sorted(drawn, key=lambda pair: -pair[0]):
        mask = np.zeros(layout.shape, bool)
        mask[ghost.rows, ghost.columns] = ghost.outline
        for number, (before, other, outline) in enumerate(merged):
            apart = math.dist(ghost.centre, other.centre)
            if abs(math.log(ghost.radius / other.radius)) < ALIKE and apart < ALIKE * other.radius:
                both = replace(other, path=f"{other.path} {ghost.path}")
                merged[number] = before + level, both, outline | mask
                break
        else:
            merged.append((level, ghost, mask))
    return merged
