"""Simulation of one picture of a focal plane, with its ghosts and their truth."""

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

    from skysieve.ghosts.simulate.focal_plane import Exposure
    from skysieve.ghosts.simulate.layout import Layout
    from skysieve.ghosts.simulate.reflections import BrightStar, DrawnGhost

__all__ = ["GhostInstance", "GhostPicture", "simulate_focal_plane"]

KINDS = ("rays", "reflections", "both")

BRIGHTENING = 4.0
"""Factor on the light in each further attempt to make a visible ghost."""

MERGE_DISTANCE = 0.25
"""Ghosts whose centres and radii differ by less than this fraction of the radius look like one ghost."""


@dataclass(frozen=True, eq=False)
class GhostInstance:
    """One visible ghost, as people would outline it.

    Attributes
    ----------
    class_name
        Rays, Bright or Faint.
    mask
        Its filled outline, ``(H, W)`` bool, including gaps, the central hole and the spider vanes.
    contrast
        Difference of its brightest or darkest 5 % from the sky, in grey levels, in means of 3 x 3 pixels.
    signal
        Its signal-to-noise ratio.
    star
        Row and column of its star, which may lie outside the picture; None for Rays.
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
    """A picture and its truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint8.
    instances
        Its visible ghosts: Rays first, then reflections, brightest first.
    live
        Light-sensitive pixels, ``(H, W)`` bool.
    parameters
        Drawn values: kind, sky, noise, mesh, stars, hidden (number of invisible ghosts), scenes.
    recipe
        Name of the recipe.
    seed
        Seed; None if a generator was given.
    """

    pixels: NDArray[np.uint8]
    instances: tuple[GhostInstance, ...]
    live: NDArray[np.bool_]
    parameters: dict[str, str | int | float]
    recipe: str
    seed: int | None

    @property
    def has_ghost(self) -> bool:
        """Whether any ghost is visible."""
        return bool(self.instances)


def simulate_focal_plane(
    layout: Layout, seed: int | Generator, recipe: GhostRecipe | None = None
) -> GhostPicture:
    """Simulate a picture of a focal plane.

    Parameters
    ----------
    layout
        Positions of the CCDs.
    seed
        Seed or generator; the same seed gives the same picture.
    recipe
        Distributions of the simulation; the default recipe if None.

    Returns
    -------
    GhostPicture
        The picture and its truth.

    Examples
    --------
    >>> ccds = np.kron(np.arange(1, 5, dtype=np.uint8).reshape(2, 2), np.ones((200, 200), np.uint8))
    >>> from skysieve.ghosts.simulate.layout import Layout
    >>> simulate_focal_plane(Layout(ccds), 1).pixels.shape
    (400, 400)
    """
    recipe = GhostRecipe() if recipe is None else recipe
    rng = np.random.default_rng(seed)
    exposure = recipe.plane.expose(layout, rng)
    light = recipe.stars.draw(layout, rng)
    light += recipe.satellites.draw(layout, rng)
    scenes = recipe.scenes.add_to_sky(light, layout, rng)
    mesh = float(rng.choice(recipe.mesh))
    kind = "none"
    if rng.uniform() < recipe.ghosted:
        kind = str(rng.choice(KINDS, p=np.array(recipe.kinds) / sum(recipe.kinds)))
    scene = _Scene(layout, exposure, recipe, mesh)
    for attempt in range(recipe.tries if kind != "none" else 0):
        scene = _Scene(layout, exposure, recipe, mesh)
        if kind in ("rays", "both"):
            scene.add_rays(rng)
        if kind in ("reflections", "both"):
            scene.add_reflections(rng, BRIGHTENING**attempt)
        if scene.instances:
            break
    scenes += recipe.scenes.add_to_background(scene.light, layout, rng)
    if scene.overlapping:
        scenes.append("overlapping")
    for star in scene.stars:
        draw_star(light, layout, star.position(layout), star.flux, rng, bleeds=True)
    light += subtract_background(scene.light, layout, cell=mesh)
    pixels, stretch = recipe.plane.render(exposure, light, rng)
    return GhostPicture(
        pixels,
        tuple(replace(one, contrast=stretch * one.contrast) for one in scene.instances),
        exposure.live,
        {
            "kind": kind,
            "sky": float(np.median(exposure.sky[exposure.live])),
            "noise": stretch * exposure.noise,
            "mesh": mesh,
            "stars": len(scene.stars),
            "hidden": scene.hidden,
            "scenes": ", ".join(scenes),
        },
        recipe.name,
        seed if isinstance(seed, int) else None,
    )


class _Scene:
    """The ghosts of one picture: their light and the visible instances."""

    def __init__(self, layout: Layout, exposure: Exposure, recipe: GhostRecipe, mesh: float) -> None:
        self.layout = layout
        self.exposure = exposure
        self.recipe = recipe
        self.mesh = mesh
        self.light = np.zeros(layout.shape, np.float32)
        self.instances: list[GhostInstance] = []
        self.stars: list[BrightStar] = []
        self.hidden = 0
        self.overlapping = False

    def add_rays(self, rng: Generator) -> None:
        """Add fans and arcs."""
        rays, truth, noise = self.recipe.rays, self.recipe.truth, self.exposure.noise
        for _ in range(rays.count(rng)):
            light = rays.draw(self.layout, rng) * self.exposure.live
            self.light += light
            residual = self._visible_light(light)
            outlines = truth.outline_rays(residual, self.layout.plane, noise=noise)
            candidates = [
                (mask, truth.visibility(residual, mask, self.exposure.live, noise=noise)) for mask in outlines
            ]
            found = [
                GhostInstance("Rays", mask, visibility.contrast, visibility.signal)
                for mask, visibility in candidates
                if visibility.visible
            ]
            self.instances += found
            self.hidden += not found

    def add_reflections(self, rng: Generator, brightening: float) -> None:
        """Add the ghosts of one or two stars."""
        settings, truth, noise = self.recipe.reflections, self.recipe.truth, self.exposure.noise
        filter_position = settings.draw_filter_position(rng, self.layout.optics)
        stars = self.recipe.scenes.overlapping_stars(rng)
        self.overlapping = bool(stars)
        for number in range(len(stars) or 1 + int(rng.uniform() < settings.second)):
            star = stars[number] if stars else settings.draw_star(rng)
            star = replace(star, flux=min(star.flux * brightening, settings.brightest))
            self.stars.append(star)
            visible: list[GhostInstance] = []
            ghosts = settings.draw(star, self.layout, rng, filter_position=filter_position)
            for ghost in self._merge_similar(ghosts):
                light, mask = self._on_full_picture(ghost)
                self.light += light
                residual = self._visible_light(light)
                visibility = truth.visibility(residual, mask, self.exposure.live, noise=noise)
                if not visibility.visible:
                    self.hidden += 1
                    continue
                visible.append(
                    GhostInstance(
                        truth.reflection_class(ghost.radius, visibility.contrast, noise=noise),
                        truth.outline_reflection(mask, self.layout.plane),
                        visibility.contrast,
                        visibility.signal,
                        star.position(self.layout),
                        ghost.centre,
                        ghost.path,
                    )
                )
            self.instances += merge_concentric(visible, truth.concentric)

    def _visible_light(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how the picture would show a light alone."""
        residual = subtract_background(light, self.layout, cell=self.mesh)
        return self.recipe.plane.levels.compress(residual)

    def _merge_similar(self, ghosts: list[DrawnGhost]) -> list[DrawnGhost]:
        """Merge each ghost with a brighter one of the same position and size.

        The two surfaces of a filter make two such ghosts, and nobody outlines both.
        """
        merged: list[DrawnGhost] = []
        for ghost in ghosts:
            for number, other in enumerate(merged):
                distance = math.dist(ghost.centre, other.centre)
                same_size = abs(math.log(ghost.radius / other.radius)) < MERGE_DISTANCE
                if same_size and distance < MERGE_DISTANCE * other.radius:
                    merged[number] = self._combine(other, ghost)
                    break
            else:
                merged.append(ghost)
        return merged

    def _combine(self, first: DrawnGhost, second: DrawnGhost) -> DrawnGhost:
        """Return the first ghost with the light and the outline of both."""
        light, mask = self._on_full_picture(first)
        window = second.rows, second.columns
        light[window] += second.light
        mask[window] |= second.outline
        height, width = self.layout.shape
        return replace(first, rows=slice(0, height), columns=slice(0, width), light=light, outline=mask)

    def _on_full_picture(self, ghost: DrawnGhost) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return light and outline of a ghost on the full picture."""
        light = np.zeros(self.layout.shape, np.float32)
        mask = np.zeros(self.layout.shape, bool)
        light[ghost.rows, ghost.columns] = ghost.light
        mask[ghost.rows, ghost.columns] = ghost.outline
        return light, mask


def merge_concentric(ghosts: list[GhostInstance], distance: float) -> list[GhostInstance]:
    """Merge ghosts of one class with the same centre.

    A merged ghost keeps the values of the first ghost, except for its outline.

    Parameters
    ----------
    ghosts
        Ghosts of one star.
    distance
        Minimum distance between the centres of two outlines that stay separate, in pixels.

    Returns
    -------
    list of GhostInstance
        In their order.
    """
    kept: list[GhostInstance] = []
    centres: list[NDArray[np.float64]] = []
    for ghost in ghosts:
        centre = np.argwhere(ghost.mask).mean(axis=0)
        for number, other in enumerate(kept):
            if other.class_name == ghost.class_name and math.dist(centre, centres[number]) < distance:
                kept[number] = replace(other, mask=other.mask | ghost.mask)
                centres[number] = np.argwhere(kept[number].mask).mean(axis=0)
                break
        else:
            kept.append(ghost)
            centres.append(centre)
    return kept
