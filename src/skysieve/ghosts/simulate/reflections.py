"""Reflections: the chain of ghosts of one bright star, drawn from the table of traced paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.core.simulate.surfaces import enlarge
from skysieve.ghosts.simulate.entrance import entrance_shadow
from skysieve.ghosts.simulate.path_table import MASK_REACH, decam_paths, fitted_light

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import Layout
    from skysieve.ghosts.simulate.path_table import GhostPath, PathTable

__all__ = ["BrightStar", "DrawnGhost", "Reflections", "draw_ghost"]

MIN_LEVEL = 0.8
"""Minimum grey level of a ghost: a fifteenth of the sky's noise."""

MASK_OVERSAMPLING = 4
"""Oversampling of a ghost's mask relative to the table."""


@dataclass(frozen=True)
class BrightStar:
    """A star that makes ghosts.

    Attributes
    ----------
    angle
        Angle from the field centre, in degrees.
    azimuth
        Direction of its image from the field centre, in radians from x (right) towards y (down).
    flux
        Light that enters the pupil, in grey levels summed over pixels.
    """

    angle: float
    azimuth: float
    flux: float

    def position(self, layout: Layout) -> tuple[float, float]:
        """Return the position of its image.

        Parameters
        ----------
        layout
            Positions of the CCDs.

        Returns
        -------
        row, column : float
            In pixels; the position may lie outside the picture.
        """
        return focal_position(layout, self.azimuth, self.angle * layout.optics.mm_per_degree)


@dataclass(frozen=True)
class DrawnGhost:
    """One ghost of a star in a window of the picture.

    Attributes
    ----------
    path
        Path of its light.
    centre
        Row and column of the centre of its pupil.  If its light is vignetted, the centroid differs.
    radius
        Radius of a disc with the area of the unvignetted ghost, in pixels.
    rows, columns
        The window.
    light
        ``(h, w)`` float32, in grey levels.
    outline
        ``(h, w)`` bool: pixels with light, including the central hole and the spider vanes.
    """

    path: str
    centre: tuple[float, float]
    radius: float
    rows: slice
    columns: slice
    light: NDArray[np.float32]
    outline: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Reflections:
    """Ghosts of a bright star after two reflections: out-of-focus images of the pupil.

    Attributes
    ----------
    flux
        Flux of the star, in grey levels summed over pixels.
    brightest
        Maximum flux of a star that is brightened until a ghost is visible.
    outside
        Fraction of stars outside the field.
    inner, outer
        Field angles inside and outside the field, in degrees.
    second
        Probability of a second star.
    coating
        Scatter of the brightness of each path, because coatings vary with wavelength and position: standard
        deviation of the natural logarithm.
    filter_places
        Probabilities of the filter positions of the table, in their order.
    vanes
        Width of the spider vanes relative to the prescription; cables make them wider.
    """

    flux: Range = (1.5e7, 7e8)
    brightest: float = 1.5e9
    outside: float = 0.15
    inner: Range = (0.05, 1.05)
    outer: Range = (1.05, 1.5)
    second: float = 0.12
    coating: float = 0.5
    filter_places: tuple[float, ...] = (0.35, 0.55, 0.1)
    vanes: Range = (1.0, 3.0)

    def draw_star(self, rng: Generator) -> BrightStar:
        """Draw a star, uniformly over the area of the field.

        Parameters
        ----------
        rng
            Source of randomness.

        Returns
        -------
        BrightStar
            The star.
        """
        low, high = self.outer if rng.uniform() < self.outside else self.inner
        angle = math.sqrt(rng.uniform(low**2, high**2))
        return BrightStar(angle, rng.uniform(-math.pi, math.pi), log_uniform(rng, self.flux))

    def draw_filter_position(self, rng: Generator, table: PathTable) -> float:
        """Draw the position of the filter.

        Parameters
        ----------
        rng
            Source of randomness.
        table
            Ghosts of the camera.

        Returns
        -------
        float
            One of the positions of the table, in mm; 0 if the table has only one.

        Raises
        ------
        ConfigError
            If there are not as many probabilities as positions.
        """
        positions = table.filter_positions
        if not positions:
            return 0.0
        if len(positions) != len(self.filter_places):
            raise ConfigError(
                f"filter_places has {len(self.filter_places)} probabilities, the optics {len(positions)} "
                "positions of the filter; give one for each in the recipe"
            )
        chances = np.array(self.filter_places) / sum(self.filter_places)
        return float(rng.choice(positions, p=chances))

    def draw(
        self, star: BrightStar, layout: Layout, rng: Generator, *, filter_position: float
    ) -> list[DrawnGhost]:
        """Draw the ghosts of a star that reach the picture, except for the faintest.

        Parameters
        ----------
        star
            The star.
        layout
            Positions of the CCDs.
        rng
            Source of randomness.
        filter_position
            Position of the filter, one of those of the table, in mm.

        Returns
        -------
        list of DrawnGhost
            Brightest first.
        """
        table = layout.optics
        vane_width = table.entrance.vane_width * uniform(rng, self.vanes)
        ghosts = []
        coatings = iter(np.exp(self.coating * rng.standard_normal(200)).tolist())
        for path in table.at(star.angle, filter_position=filter_position):
            traced = star.flux * path.brightness * layout.mm_per_pixel**2
            fitted = fitted_light(path.name) if table is decam_paths() else 1.0
            level = traced * fitted * next(coatings)
            if level < MIN_LEVEL:
                continue
            ghost = draw_ghost(path, star, layout, level=level, vane_width=vane_width)
            if ghost is not None:
                ghosts.append((level, ghost))
        return [ghost for _, ghost in sorted(ghosts, key=lambda pair: -pair[0])]


def focal_position(layout: Layout, azimuth: float, distance: float) -> tuple[float, float]:
    """Convert polar coordinates on the focal plane to pixels.

    Parameters
    ----------
    layout
        Positions of the CCDs.
    azimuth
        In radians from x (right) towards y (down).
    distance
        From the field centre, in mm.

    Returns
    -------
    row, column : float
        In pixels.
    """
    y, x = layout.centre
    pixels = distance / layout.mm_per_pixel
    return y + pixels * math.sin(azimuth), x + pixels * math.cos(azimuth)


def draw_ghost(
    path: GhostPath, star: BrightStar, layout: Layout, *, level: float, vane_width: float | None = None
) -> DrawnGhost | None:
    """Draw the ghost of a path.

    Parameters
    ----------
    path
        From the table, at the star's field angle.
    star
        Its star; the flux is not used.
    layout
        Positions of the CCDs.
    level
        Unobscured brightness, in grey levels.
    vane_width
        Width of the spider vanes, in metres; that of the telescope if None.

    Returns
    -------
    DrawnGhost or None
        None if the ghost misses the focal plane.
    """
    height, width = layout.shape
    mm = layout.mm_per_pixel
    cy, cx = focal_position(layout, star.azimuth, path.centre)
    reach = path.pupil_radius * max(map(abs, path.scale)) / mm + 2
    rows = slice(max(0, math.floor(cy - reach)), min(height, math.ceil(cy + reach) + 1))
    columns = slice(max(0, math.floor(cx - reach)), min(width, math.ceil(cx + reach) + 1))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(cy))[:, None] * np.float32(mm)
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(cx)) * np.float32(mm)
    cosine, sine = np.float32(math.cos(star.azimuth)), np.float32(math.sin(star.azimuth))
    # pupil coordinates along the direction to the star and across it; below, rotated to the spider's axes
    u = ((x * cosine + y * sine) / np.float32(path.scale[0])).astype(np.float32)
    v = ((y * cosine - x * sine) / np.float32(path.scale[1])).astype(np.float32)
    pixel = mm / math.sqrt(abs(path.scale[0] * path.scale[1]))
    tangent = math.tan(math.radians(star.angle))
    light = entrance_shadow(
        u * cosine - v * sine,
        u * sine + v * cosine,
        tilt=(tangent * float(cosine), tangent * float(sine)),
        pixel=pixel,
        vane_width=vane_width,
        entrance=layout.optics.entrance,
    )
    outline = u * u + v * v < np.float32(path.pupil_radius**2)
    if path.mask.min() < 1:
        passed = _lens_transmission(path.mask, u, v, radius=path.pupil_radius)
        light *= passed
        outline &= passed > 0.5
    outline &= layout.plane[rows, columns]
    if not outline.any():
        return None
    light *= np.float32(level)
    return DrawnGhost(path.name, (cy, cx), path.radius / mm, rows, columns, light, outline)


def _lens_transmission(
    mask: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32], *, radius: float
) -> NDArray[np.float32]:
    """Return the transmission of the lenses at points of the pupil."""
    cells = mask.shape[0]
    # the traced mask has the resolution of a cell: smooth its edge and steepen it again
    padded = np.pad(mask, 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    blurred = ((2 * mask + neighbours) / 6).astype(np.float32)
    fine = np.clip(
        enlarge(blurred, (cells * MASK_OVERSAMPLING, cells * MASK_OVERSAMPLING), MASK_OVERSAMPLING) * 2 - 0.5,
        0,
        1,
    )
    step = np.float32(MASK_OVERSAMPLING * cells / (2 * MASK_REACH * radius))
    centre = np.float32(MASK_OVERSAMPLING * (cells - 1) / 2 + 0.5)
    last = cells * MASK_OVERSAMPLING - 1
    row = np.clip(v * step + centre, 0, last).astype(np.int32)
    column = np.clip(u * step + centre, 0, last).astype(np.int32)
    passed: NDArray[np.float32] = fine.astype(np.float32)[row, column]
    return passed
