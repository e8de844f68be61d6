"""One simulated picture of a focal plane, with its ghosts and the truth about them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.simulate.background import subtract_background
from skysieve.ghosts.simulate.recipe import GhostRecipe
from skysieve.ghosts.simulate.star_field import draw_star

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.focal_plane import Exposed
    from skysieve.ghosts.simulate.layout import Layout
    from skysieve.ghosts.simulate.reflections import BrightStar, DrawnGhost

__all__ = ["GhostInstance", "GhostPicture", "simulate_focal_plane"]

KINDS = ("rays", "reflections", "both")

BRIGHTER = 4.0
"""By how much light is brighter in each further try to make a ghost that can be seen."""

ALIKE = 0.25
"""Ghosts whose centres, and radii, differ by less than this part of the radius look like one."""


@dataclass(frozen=True, eq=False)
class GhostInstance:
    """One visible ghost, as people would outline it.

    Attributes
    ----------
    class_name
        Rays, Bright or Faint.
    mask
        Its filled outline, ``(H, W)`` bool: gaps, hole and vanes belong.
    contrast
        What its brightest or darkest twentieth differs from the sky, in grey levels, means of 3 x 3 pixels.
    signal
        Its ratio of signal to noise.
    star
        Row and column of its star, in the picture or not; None for Rays.
    centre
        Row and column of the centre of its pupil, on the line through star and field centre; None for Rays.
    path
        The surfaces that reflected it; empty for Rays.
    """

    class_name: str
    mask: NDArray[np.bool_]
    contrast: float
    signal: float
    star: tuple[float, float] | None = None
    centre: tuple[float, float] | None = None
    path: str = ""


@dataclass(frozen=True, eq=False)
class GhostPicture:
    """A picture and the truth about it.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint8.
    instances
        Its visible ghosts; Rays first, then reflections, the brightest first.
    live
        Pixels ``(H, W)`` bool that see light.
    parameters
        What was drawn: kind, sky, noise, mesh, stars, hidden (ghosts that cannot be seen).
    recipe
        Name of the recipe.
    seed
        Seed, where it was a number.
    """

    pixels: NDArray[np.uint8]
    instances: tuple[GhostInstance, ...]
    live: NDArray[np.bool_]
    parameters: dict[str, str | int | float]
    recipe: str
    seed: int | None

    @property
    def has_ghost(self) -> bool:
        """Whether any ghost can be seen."""
        return bool(self.instances)


def simulate_focal_plane(
    layout: Layout, seed: int | Generator, recipe: GhostRecipe | None = None
) -> GhostPicture:
    """Simulate a picture of a focal plane.

    Parameters
    ----------
    layout
        Where the CCDs lie.
    seed
        Seed, or source of randomness: the same seed gives the same picture.
    recipe
        What to draw from; the default, if None.

    Examples
    --------
    >>> ccds = np.kron(np.arange(1, 5, dtype=np.uint8).reshape(2, 2), np.ones((200, 200), np.uint8))
    >>> from skysieve.ghosts.simulate.layout import Layout
    >>> simulate_focal_plane(Layout(ccds), 1).pixels.shape
    (400, 400)
    """
    recipe = GhostRecipe() if recipe is None else recipe
    rng = np.random.default_rng(seed)
    exposed = recipe.plane.expose(layout, rng)
    light = recipe.stars.draw(layout, rng)
    light += recipe.satellites.draw(layout, rng)
    mesh = float(rng.choice(recipe.mesh))
    kind = "none"
    if rng.uniform() < recipe.ghosted:
        kind = str(rng.choice(KINDS, p=np.array(recipe.kinds) / sum(recipe.kinds)))
    scene = _Scene(layout, exposed, recipe, mesh)
    for number in range(recipe.tries if kind != "none" else 0):
        scene = _Scene(layout, exposed, recipe, mesh)
        if kind in ("rays", "both"):
            scene.add_rays(rng)
        if kind in ("reflections", "both"):
            scene.add_reflections(rng, BRIGHTER**number)
        if scene.instances:
            break
    for star in scene.stars:
        draw_star(light, layout, star.place(layout), star.flux, rng, bleeds=True)
    light += subtract_background(scene.light, layout, cell=mesh)
    pixels, stretch = recipe.plane.develop(exposed, light, rng)
    return GhostPicture(
        pixels,
        tuple(replace(one, contrast=stretch * one.contrast) for one in scene.instances),
        exposed.live,
        {
            "kind": kind,
            "sky": float(np.median(exposed.sky[exposed.live])),
            "noise": stretch * exposed.noise,
            "mesh": mesh,
            "stars": len(scene.stars),
            "hidden": scene.hidden,
        },
        recipe.name,
        seed if isinstance(seed, int) else None,
    )


class _Scene:
    """Ghosts in the making: their light, and those of them that can be seen."""

    def __init__(self, layout: Layout, exposed: Exposed, recipe: GhostRecipe, mesh: float) -> None:
        self.layout = layout
        self.exposed = exposed
        self.recipe = recipe
        self.mesh = mesh
        self.light = np.zeros(layout.shape, np.float32)
        self.instances: list[GhostInstance] = []
        self.stars: list[BrightStar] = []
        self.hidden = 0

    def add_rays(self, rng: Generator) -> None:
        """Add fans and arcs."""
        rays, truth, noise = self.recipe.rays, self.recipe.truth, self.exposed.noise
        for _ in range(rays.count(rng)):
            light = rays.draw(self.layout, rng) * self.exposed.live
            self.light += light
            residual = self._shown(light)
            outlines = truth.outline_rays(residual, self.layout.plane, noise=noise)
            seen = [(mask, truth.look(residual, mask, self.exposed.live, noise=noise)) for mask in outlines]
            found = [
                GhostInstance("Rays", mask, look.contrast, look.signal) for mask, look in seen if look.visible
            ]
            self.instances += found
            self.hidden += not found

    def add_reflections(self, rng: Generator, brighter: float) -> None:
        """Add the ghosts of a star, or two."""
        settings, truth, noise = self.recipe.reflections, self.recipe.truth, self.exposed.noise
        filter_place = settings.draw_filter_place(rng)
        for _ in range(1 + int(rng.uniform() < settings.second)):
            star = settings.draw_star(rng)
            star = replace(star, flux=min(star.flux * brighter, settings.brightest))
            self.stars.append(star)
            its: list[GhostInstance] = []
            for ghost in self._merged(settings.draw(star, self.layout, rng, filter_place=filter_place)):
                light, mask = self._whole(ghost)
                self.light += light
                residual = self._shown(light)
                look = truth.look(residual, mask, self.exposed.live, noise=noise)
                if not look.visible:
                    self.hidden += 1
                    continue
                its.append(
                    GhostInstance(
                        truth.reflection_class(ghost.radius, look.contrast, noise=noise),
                        truth.outline_reflection(mask, self.layout.plane),
                        look.contrast,
                        look.signal,
                        star.place(self.layout),
                        ghost.centre,
                        ghost.path,
                    )
                )
            self.instances += one_outline(its, truth.concentric)

    def _shown(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the picture shows of a light, if it were alone."""
        left = subtract_background(light, self.layout, cell=self.mesh)
        return self.recipe.plane.levels.soften(left)

    def _merged(self, ghosts: list[DrawnGhost]) -> list[DrawnGhost]:
        """Return the ghosts, those that lie on a brighter one and are as large put together with it.

        Two surfaces of a filter make two such ghosts, and nobody outlines both.
        """
        merged: list[DrawnGhost] = []
        for ghost in ghosts:
            for number, other in enumerate(merged):
                apart = math.dist(ghost.centre, other.centre)
                alike = abs(math.log(ghost.radius / other.radius)) < ALIKE and apart < ALIKE * other.radius
                if alike:
                    merged[number] = self._together(other, ghost)
                    break
            else:
                merged.append(ghost)
        return merged

    def _together(self, first: DrawnGhost, second: DrawnGhost) -> DrawnGhost:
        """Return the first ghost with the light and outline of the second."""
        light, mask = self._whole(first)
        window = second.rows, second.columns
        light[window] += second.light
        mask[window] |= second.outline
        height, width = self.layout.shape
        return replace(first, rows=slice(0, height), columns=slice(0, width), light=light, outline=mask)

    def _whole(self, ghost: DrawnGhost) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return light and outline of a ghost in the whole picture."""
        light = np.zeros(self.layout.shape, np.float32)
        mask = np.zeros(self.layout.shape, bool)
        light[ghost.rows, ghost.columns] = ghost.light
        mask[ghost.rows, ghost.columns] = ghost.outline
        return light, mask


def one_outline(ghosts: list[GhostInstance], apart: float) -> list[GhostInstance]:
    """Return the ghosts, those of one class around the same middle put together.

    What is put together keeps everything of the ghost that came first, but for its outline.

    Parameters
    ----------
    ghosts
        Of one star.
    apart
        Pixels between the middles of the outlines of two ghosts from which on they stay two.
    """
    kept: list[GhostInstance] = []
    middles: list[NDArray[np.float64]] = []
    for ghost in ghosts:
        middle = np.argwhere(ghost.mask).mean(axis=0)
        for number, other in enumerate(kept):
            if other.class_name == ghost.class_name and math.dist(middle, middles[number]) < apart:
                kept[number] = replace(other, mask=other.mask | ghost.mask)
                middles[number] = np.argwhere(kept[number].mask).mean(axis=0)
                break
        else:
            kept.append(ghost)
            middles.append(middle)
    return kept
