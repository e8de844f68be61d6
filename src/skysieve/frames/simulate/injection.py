"""Inject contaminants into real frames, whose skies, stars and detectors no simulation reproduces fully."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.exposure import Field, expose
from skysieve.frames.simulate.recipe import CONTAMINANTS, Recipe
from skysieve.frames.simulate.scene import Scene
from skysieve.frames.simulate.scenery import (
    STREAMS,
    choose_contaminants,
    choose_psf,
    draw_layers,
    draw_objects,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.exposure import Exposure
    from skysieve.frames.simulate.optics import PsfBank

__all__ = ["CleanFrame", "inject"]


MIN_CLIPPED_PIXELS = 4
"""If this many pixels share the highest value, it is the limit of the detector or its converter."""


@dataclass(frozen=True, kw_only=True)
class CleanFrame:
    """A real frame for injection; arrays are ``(H, W)`` float32 in its own unit.

    Attributes
    ----------
    pixels, level, sigma
        The frame, its sky level, and the standard deviation of its sky.
    gain
        Electrons per unit.
    read_noise
        Read noise, in electrons.
    saturation
        Value of a saturated pixel; None if unknown. Then it is the highest value of the frame if several
        pixels share it; otherwise nothing saturates.
    """

    pixels: NDArray[np.float32]
    level: NDArray[np.float32]
    sigma: NDArray[np.float32]
    gain: float = 1.0
    read_noise: float = 5.0
    saturation: float | None = None


def inject(
    frame: CleanFrame,
    *,
    seed: int | Generator,
    recipe: Recipe | None = None,
    contaminants: Collection[str] | None = None,
    bank: PsfBank | None = None,
) -> Exposure:
    """Return a real frame with simulated contaminants, and their truth.

    Headers may lack the sky in electrons, so it is derived from the noise: the variance of the sky is the sum
    of photon noise and read noise. Stars and galaxies of the recipe are added too, so that BBG has pixels
    with known truth. Sources that were in the frame before have no truth.

    Parameters
    ----------
    frame
        The real frame.
    seed
        A number, or a generator to draw from.
    recipe
        Ranges from which contaminants are drawn.
    contaminants
        Abbreviations to add; by default drawn with the recipe's probabilities. Overscan replaces the borders.
    bank
        PSFs to choose from; by default a new PSF is drawn.

    Returns
    -------
    Exposure
        Pixels in the unit of the frame, and the mask of each class.

    Raises
    ------
    ConfigError
        If a contaminant cannot be simulated.

    References
    ----------
    Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 3 (contaminants added to clean frames).
    """
    recipe = recipe or Recipe()
    streams = dict(zip(STREAMS, np.random.default_rng(seed).spawn(len(STREAMS)), strict=True))
    wanted = choose_contaminants(recipe, contaminants, streams["present"])
    sigma = float(np.median(frame.sigma)) * frame.gain
    read_noise = min(frame.read_noise, 0.9 * sigma)
    variance = (frame.sigma * np.float32(frame.gain)) ** 2
    sky = np.maximum(variance - np.float32(read_noise**2), np.float32(1e-3))
    highest = float(frame.pixels.max())
    saturates = (
        frame.saturation is not None or np.count_nonzero(frame.pixels == highest) >= MIN_CLIPPED_PIXELS
    )
    if frame.saturation is not None:
        highest = frame.saturation
    full_well = (highest - float(np.median(frame.level))) * frame.gain + float(np.median(sky))
    camera = replace(
        recipe.cameras.draw(streams["camera"]),
        gain=frame.gain,
        read_noise=read_noise,
        bias=0.0,
        full_well=max(full_well, 30 * sigma),
    )
    psf = choose_psf(recipe, camera, streams["psf"], bank)
    height, width = frame.pixels.shape
    bright = recipe.stars.draw_bright((height, width), streams["bright stars"], psf=psf, camera=camera)
    scene = Scene(camera=camera, psf=psf, sky=sky, bright_stars=bright)
    objects = draw_objects(scene, streams, recipe)

    pedestal = frame.level - sky / np.float32(frame.gain)
    detected = (frame.pixels - pedestal) * np.float32(frame.gain)
    detected += streams["exposure"].poisson(np.maximum(objects, 0)).astype(np.float32)
    exposure = expose(
        Field(scene=scene, objects=objects, detected=detected),
        draw_layers(scene, streams, recipe, wanted),
        streams["exposure"],
        recipe=recipe,
        saturates=bool(saturates) and "SAT" in wanted,
    )
    pixels, truth = exposure.pixels + pedestal, exposure.truth
    if "OV" in wanted:
        borders = recipe.overscan.draw((height, width), streams["OV"])
        active = np.pad(np.ones(borders.inside((height, width)), np.bool_), borders.widths)
        noise = streams["OV"].standard_normal(pixels.shape, np.float32) * np.float32(read_noise / frame.gain)
        pixels = np.where(active, pixels, pedestal + noise)
        truth = {name: marked & active for name, marked in truth.items()} | {"OV": ~active}
    ordered = {name: truth[name] for name in (*CONTAMINANTS, "BBG") if name in truth}
    return replace(exposure, pixels=pixels.astype(np.float32), truth=ordered)
