"""What a recipe draws for a frame: its contaminants, its camera, and the sky before they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.frames.simulate.exposure import Field
from skysieve.frames.simulate.optics import draw_psf
from skysieve.frames.simulate.recipe import CONTAMINANTS, LAYERS
from skysieve.frames.simulate.scene import Scene
from skysieve.frames.simulate.stars import star_light

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.optics import PsfBank
    from skysieve.frames.simulate.psf import Psf
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.simulate.scene import Layer

__all__ = [
    "STREAMS",
    "choose_contaminants",
    "choose_psf",
    "draw_field",
    "draw_layers",
    "draw_objects",
    "draw_scene",
]

STREAMS = (*CONTAMINANTS, "camera", "psf", "sky", "stars", "galaxies", "bright stars", "present", "exposure")
"""Names of the random streams of a frame: one for each thing, so that one may change without the others."""

MAX_SKY_FRACTION = 0.4
"""Nobody exposes until the sky alone fills more of the well, or of the range of the converter."""


def choose_contaminants(recipe: Recipe, contaminants: Collection[str] | None, rng: Generator) -> set[str]:
    """Return the contaminants of a frame: those named, or by the recipe's chances if None are.

    Raises
    ------
    ConfigError
        If one cannot be simulated.
    """
    if contaminants is None:
        rolls = dict(zip(CONTAMINANTS, rng.uniform(size=len(CONTAMINANTS)), strict=True))
        wanted = {name for name in LAYERS if rolls[name] < recipe.contaminants[name].probability}
        # What is full is always saturated
        return wanted | {"SAT"} | ({"OV"} if rolls["OV"] < recipe.overscan.probability else set())
    names = [contaminants] if isinstance(contaminants, str) else list(contaminants)
    unknown = [name for name in names if name not in CONTAMINANTS]
    if unknown:
        raise ConfigError(f"cannot simulate {', '.join(unknown)}; choose from {', '.join(CONTAMINANTS)}")
    return set(names)


def choose_psf(recipe: Recipe, camera: Camera, rng: Generator, bank: PsfBank | None) -> Psf:
    """Return a PSF from the bank, or a new one without it."""
    return draw_psf(rng, recipe.optics, camera) if bank is None else bank.draw(rng, camera)


def draw_scene(
    shape: tuple[int, int],
    streams: Mapping[str, Generator],
    *,
    recipe: Recipe,
    bank: PsfBank | None = None,
) -> tuple[Scene, NDArray[np.float32]]:
    """Draw a camera, its PSF, the empty sky and the bright stars; and the response ``(H, W)`` to light.

    Parameters
    ----------
    shape
        ``(H, W)`` of the lit pixels.
    streams
        Sources of randomness, by the names in :data:`STREAMS`.
    recipe
        What to draw from.
    bank
        PSFs to take from; one is drawn if None.
    """
    camera = recipe.cameras.draw(streams["camera"])
    psf = choose_psf(recipe, camera, streams["psf"], bank)
    sky, response = recipe.sky.draw(shape, streams["sky"], camera)
    room = min(camera.full_well, (camera.adc_maximum - camera.bias) * camera.gain)
    sky *= np.float32(min(1.0, MAX_SKY_FRACTION * room / float(sky.max())))
    bright = recipe.stars.draw_bright(shape, streams["bright stars"], psf=psf, camera=camera)
    return Scene(camera=camera, psf=psf, sky=sky, bright_stars=bright), response


def draw_field(
    shape: tuple[int, int],
    streams: Mapping[str, Generator],
    *,
    recipe: Recipe,
    bank: PsfBank | None = None,
) -> Field:
    """Draw a piece of sky as a camera sees it, with stars and galaxies; see :func:`draw_scene`."""
    scene, response = draw_scene(shape, streams, recipe=recipe, bank=bank)
    return Field(scene=scene, objects=response * draw_objects(scene, streams, recipe))


def draw_objects(scene: Scene, streams: Mapping[str, Generator], recipe: Recipe) -> NDArray[np.float32]:
    """Draw the mean light ``(H, W)`` of stars and galaxies in electrons."""
    light = recipe.stars.simulate(scene, streams["stars"])
    light += recipe.galaxies.simulate(scene, streams["galaxies"])
    light += star_light(scene.bright_stars, scene)
    return light


def draw_layers(
    scene: Scene, streams: Mapping[str, Generator], recipe: Recipe, names: Collection[str]
) -> dict[str, Layer]:
    """Return what each of the named contaminants does to a frame."""
    return {
        name: recipe.contaminants[name].simulate(scene, streams[name]) for name in LAYERS if name in names
    }
