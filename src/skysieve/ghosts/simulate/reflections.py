"""Reflections: the chain of ghosts that one bright star makes, drawn from the table of traced paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.core.simulate.surfaces import enlarge
from skysieve.ghosts.simulate.entrance import PUPIL_RADIUS, VANE_WIDTH, entrance_shadow
from skysieve.ghosts.simulate.path_table import MASK_REACH, decam_paths, fitted_light

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import Layout
    from skysieve.ghosts.simulate.path_table import GhostPath

__all__ = ["MM_PER_DEGREE", "BrightStar", "DrawnGhost", "Reflections", "draw_ghost"]

MM_PER_DEGREE = 204.9
"""Of the focal plane: 17.57 arcsec/mm, as batoid traces it."""

FAINTEST = 0.8
"""Grey levels below which a ghost is not drawn: a fifteenth of the sky's noise."""

FINE = 4
"""How much finer than in the table a ghost's mask is drawn."""


@dataclass(frozen=True)
class BrightStar:
    """A star that makes ghosts.

    Attributes
    ----------
    angle
        From the field's centre, in degrees.
    azimuth
        Direction of its image from the field's centre, in radians from x (right) towards y (down).
    flux
        Light that enters the pupil, in grey levels summed over pixels.
    """

    angle: float
    azimuth: float
    flux: float

    def place(self, layout: Layout) -> tuple[float, float]:
        """Return row and column of its image, in the picture or not."""
        return on_line(layout, self.azimuth, self.angle * MM_PER_DEGREE)


@dataclass(frozen=True)
class DrawnGhost:
    """One ghost of a star in a window of the picture.

    Attributes
    ----------
    path
        The path of its light.
    centre
        Row and column of the centre of its pupil; not of its light, where that is cut.
    radius
        Of a disc as large as the whole ghost, in pixels.
    rows, columns
        The window.
    light
        ``(h, w)`` float32, in grey levels.
    outline
        ``(h, w)`` bool: what light reaches, or would but for hole and vanes.
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
    """Ghosts of a bright star that two surfaces reflected: images of the pupil out of focus.

    Attributes
    ----------
    flux
        Of the star, in grey levels summed over pixels.
    brightest
        Of a star that is made brighter so that a ghost of it can be seen, at most.
    outside
        Share of stars outside the field.
    inner, outer
        Field angles inside the field and outside, in degrees.
    second
        Chance of a second star.
    coating
        Scatter of each path's brightness, as coatings differ with wavelength and place: standard deviation of
        the natural logarithm.
    filter_places
        Chances of the places of the filter that the table has, in their order.
    vanes
        Width of the spider's vanes, relative to the prescription: cables run along them.
    """

    flux: Range = (1.5e7, 7e8)
    brightest: float = 1.5e9
    outside: float = 0.15
    inner: Range = (0.05, 1.05)
    outer: Range = (1.05, 1.5)
    second: float = 0.12
    coating: float = 0.5
    filter_places: tuple[float, float, float] = (0.35, 0.55, 0.1)
    vanes: Range = (1.0, 3.0)

    def draw_star(self, rng: Generator) -> BrightStar:
        """Draw a star, all places of the field being as likely."""
        low, high = self.outer if rng.uniform() < self.outside else self.inner
        angle = math.sqrt(rng.uniform(low**2, high**2))
        return BrightStar(angle, rng.uniform(-math.pi, math.pi), log_uniform(rng, self.flux))

    def draw_filter_place(self, rng: Generator) -> float:
        """Draw where the filter stands, in mm."""
        chances = np.array(self.filter_places) / sum(self.filter_places)
        return float(rng.choice(decam_paths().filter_places, p=chances))

    def draw(
        self, star: BrightStar, layout: Layout, rng: Generator, *, filter_place: float
    ) -> list[DrawnGhost]:
        """Return the ghosts of a star that reach the picture, brightest first, but for the faintest.

        The filter stands at `filter_place`, one of those of the table, in mm.
        """
        vane_width = VANE_WIDTH * uniform(rng, self.vanes)
        drawn = []
        coatings = iter(np.exp(self.coating * rng.standard_normal(200)).tolist())
        for path in decam_paths().at(star.angle, filter_place=filter_place):
            traced = star.flux * path.brightness * layout.mm_per_pixel**2
            level = traced * fitted_light(path.name) * next(coatings)
            if level < FAINTEST:
                continue
            ghost = draw_ghost(path, star, layout, level=level, vane_width=vane_width)
            if ghost is not None:
                drawn.append((level, ghost))
        return [ghost for _, ghost in sorted(drawn, key=lambda pair: -pair[0])]


def on_line(layout: Layout, azimuth: float, distance: float) -> tuple[float, float]:
    """Return row and column of a place at a distance in mm from the field's centre."""
    y, x = layout.centre
    pixels = distance / layout.mm_per_pixel
    return y + pixels * math.sin(azimuth), x + pixels * math.cos(azimuth)


def draw_ghost(
    path: GhostPath, star: BrightStar, layout: Layout, *, level: float, vane_width: float = VANE_WIDTH
) -> DrawnGhost | None:
    """Draw the ghost of a path, or return None if none of it is on the focal plane.

    Parameters
    ----------
    path
        From the table, at the star's field angle.
    star
        Whose ghost it is; its flux is not looked at.
    layout
        Where the CCDs lie.
    level
        Grey levels where nothing stands in the way of the light.
    vane_width
        Of the spider, in metres.
    """
    height, width = layout.shape
    mm = layout.mm_per_pixel
    cy, cx = on_line(layout, star.azimuth, path.centre)
    reach = PUPIL_RADIUS * max(map(abs, path.scale)) / mm + 2
    rows = slice(max(0, math.floor(cy - reach)), min(height, math.ceil(cy + reach) + 1))
    columns = slice(max(0, math.floor(cx - reach)), min(width, math.ceil(cx + reach) + 1))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(cy))[:, None] * np.float32(mm)
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(cx)) * np.float32(mm)
    cosine, sine = np.float32(math.cos(star.azimuth)), np.float32(math.sin(star.azimuth))
    # on the pupil: along the direction to the star and across it, then as the spider lies
    u = ((x * cosine + y * sine) / np.float32(path.scale[0])).astype(np.float32)
    v = ((y * cosine - x * sine) / np.float32(path.scale[1])).astype(np.float32)
    pixel = mm / math.sqrt(abs(path.scale[0] * path.scale[1]))
    lean = math.tan(math.radians(star.angle))
    light = entrance_shadow(
        u * cosine - v * sine,
        u * sine + v * cosine,
        tilt=(lean * float(cosine), lean * float(sine)),
        pixel=pixel,
        vane_width=vane_width,
    )
    outline = u * u + v * v < np.float32(PUPIL_RADIUS**2)
    if path.mask.min() < 1:
        passed = _through_lenses(path.mask, u, v)
        light *= passed
        outline &= passed > 0.5
    outline &= layout.plane[rows, columns]
    if not outline.any():
        return None
    light *= np.float32(level)
    return DrawnGhost(path.name, (cy, cx), path.radius / mm, rows, columns, light, outline)


def _through_lenses(
    mask: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the share of light that the lenses let through at places on the pupil."""
    cells = mask.shape[0]
    # rays tell the edge of the mask to a cell only: smoothed, and made steep again
    edged = np.pad(mask, 1, mode="edge")
    beside = edged[:-2, 1:-1] + edged[2:, 1:-1] + edged[1:-1, :-2] + edged[1:-1, 2:]
    blurred = ((2 * mask + beside) / 6).astype(np.float32)
    fine = np.clip(enlarge(blurred, (cells * FINE, cells * FINE), FINE) * 2 - 0.5, 0, 1)
    step = np.float32(FINE * cells / (2 * MASK_REACH * PUPIL_RADIUS))
    middle = np.float32(FINE * (cells - 1) / 2 + 0.5)
    last = cells * FINE - 1
    row = np.clip(v * step + middle, 0, last).astype(np.int32)
    column = np.clip(u * step + middle, 0, last).astype(np.int32)
    passed: NDArray[np.float32] = fine.astype(np.float32)[row, column]
    return passed
