"""Draw the parts of a frame from a recipe: its contaminants, camera, sky and objects."""

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
"""Names of the random streams of a frame: one per part, so that each part may change without the others."""

MAX_SKY_FRACTION = 0.4
"""Maximum sky level, relative to the full well and to the range of the converter."""


def choose_contaminants(recipe: Recipe, contaminants: Collection[str] | None, rng: Generator) -> set[str]:
    """Return the contaminants of a frame.

    Parameters
    ----------
    recipe
        Gives the probability of each contaminant.
    contaminants
        Abbreviations to use; None to draw them with the recipe's probabilities.
    rng
        Random generator.

    Returns
    -------
    set
        Abbreviations.

    Raises
    ------
    ConfigError
        If one of them cannot be simulated.
    """
    if contaminants is None:
        rolls = dict(zip(CONTAMINANTS, rng.uniform(size=len(CONTAMINANTS)), strict=True))
        wanted = {name for name in LAYERS if rolls[name] < recipe.contaminants[name].probability}
        # Full pixels are always saturated
        return wanted | {"SAT"} | ({"OV"} if rolls["OV"] < recipe.overscan.probability else set())
    names = [contaminants] if isinstance(contaminants, str) else list(contaminants)
    unknown = [name for name in names if name not in CONTAMINANTS]
    if unknown:
        raise ConfigError(f"cannot simulate {', '.join(unknown)}; choose from {', '.join(CONTAMINANTS)}")
    return set(names)


def choose_psf(recipe: Recipe, camera: Camera, rng: Generator, bank: PsfBank | None) -> Psf:
    """Return a PSF from the bank, or draw a new one if there is no bank.

    Parameters
    ----------
    recipe
        Gives the ranges of PSFs.
    camera
        Sets the diffraction.
    rng
        Random generator.
    bank
        PSFs to choose from, or None.

    Returns
    -------
    Psf
        The PSF.
    """
    return draw_psf(rng, recipe.optics, camera) if bank is None else bank.draw(rng, camera)


def draw_scene(
    shape: tuple[int, int],
    streams: Mapping[str, Generator],
    *,
    recipe: Recipe,
    bank: PsfBank | None = None,
) -> tuple[Scene, NDArray[np.float32]]:
    """Draw a camera, its PSF, the empty sky and the bright stars.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    streams
        Random generators, by the names in :data:`STREAMS`.
    recipe
        Ranges to draw from.
    bank
        PSFs to choose from; None to draw a new one.

    Returns
    -------
    scene : Scene
        The frame before its contaminants.
    response : numpy.ndarray
        Relative response ``(H, W)`` float32 to other light than the sky's.
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
    """Draw a scene with its stars and galaxies.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    streams
        Random generators, by the names in :data:`STREAMS`.
    recipe
        Ranges to draw from.
    bank
        PSFs to choose from; None to draw a new one.

    Returns
    -------
    Field
        The scene, and the light of its objects.
    """
    scene, response = draw_scene(shape, streams, recipe=recipe, bank=bank)
    return Field(scene=scene, objects=response * draw_objects(scene, streams, recipe))


def draw_objects(scene: Scene, streams: Mapping[str, Generator], recipe: Recipe) -> NDArray[np.float32]:
    """Draw the light of stars and galaxies.

    Parameters
    ----------
    scene
        Gives the PSF, the noise and the bright stars.
    streams
        Random generators, by the names in :data:`STREAMS`.
    recipe
        Ranges to draw from.

    Returns
    -------
    numpy.ndarray
        Mean electrons ``(H, W)`` float32.
    """
    light = recipe.stars.simulate(scene, streams["stars"])
    light += recipe.galaxies.simulate(scene, streams["galaxies"])
    light += star_light(scene.bright_stars, scene)
    return light


def draw_layers(
    scene: Scene, streams: Mapping[str, Generator], recipe: Recipe, names: Collection[str]
) -> dict[str, Layer]:
    """Simulate the named contaminants.

    Parameters
    ----------
    scene
        The frame before its contaminants.
    streams
        Random generators, by the names in :data:`STREAMS`.
    recipe
        Settings of the contaminants.
    names
        Abbreviations; those without a layer are ignored.

    Returns
    -------
    dict
        Layer of each contaminant, by its abbreviation.
    """
    return {
        name: recipe.contaminants[name].simulate(scene, streams[name]) for name in LAYERS if name in names
    }
