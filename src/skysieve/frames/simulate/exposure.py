"""Expose a field: combine its light and contaminants, and apply the detector and the pipeline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.overscan import Borders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.processing import Kind, Resampling
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.simulate.scene import Layer, Scene

__all__ = ["Exposure", "Field", "expose"]

VISIBLE = 1.0
"""A contaminant marks a pixel if it adds more than this many standard deviations of the local noise."""

RESAMPLED = 0.4
"""A resampled pixel is marked if more than this fraction of its light comes from marked pixels."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of sky before its contaminants, in electrons; all arrays are ``(H, W)`` float32.

    Attributes
    ----------
    scene
        Camera, PSF, sky and bright stars.
    objects
        Mean light of the stars and galaxies in the truth of BBG.
    detected
        Electrons that a real detector counted, with their noise; None to draw them.
    """

    scene: Scene
    objects: NDArray[np.float32]
    detected: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """An exposed frame and its truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32: ADU, or the unit of a processed frame; for a real frame, ADU above the zero level.
    truth
        Mask ``(H, W)`` bool of each class, by its abbreviation.
    """

    pixels: NDArray[np.float32]
    truth: dict[str, NDArray[np.bool_]]


def expose(
    field: Field,
    layers: Mapping[str, Layer],
    rng: Generator,
    *,
    recipe: Recipe,
    kind: Kind = "raw",
    borders: Borders | None = None,
    saturates: bool = True,
) -> Exposure:
    """Return the frame of a field with its contaminants, and the truth about each pixel.

    Parameters
    ----------
    field
        The sky with its stars and galaxies.
    layers
        Layer of each contaminant, by its abbreviation.
    rng
        Random generator for the noise.
    recipe
        Saturation, read-out and processing.
    kind
        Processing of the frame.
    borders
        Overscan and prescan to add to the frame.
    saturates
        Whether pixels have a full well.

    Returns
    -------
    Exposure
        Pixels and the mask of each class.
    """
    photons, wells, electronics, pipeline = rng.spawn(4)
    scene, borders = field.scene, borders or Borders()
    resampling = recipe.processing.draw_resampling(pipeline) if kind == "resampled" else None
    exposures = int(pipeline.integers(1, recipe.processing.exposures + 1)) if resampling else 1
    camera = replace(scene.camera, read_noise=scene.camera.read_noise / math.sqrt(exposures))

    light = sum((layer.light for layer in layers.values() if layer.light is not None), start=np.float32(0))
    charge = _detect(field, np.asarray(light), photons, exposures)
    response = np.ones(scene.shape, np.float32)
    for layer in layers.values():
        if layer.charge is not None:
            charge += layer.charge / np.float32(exposures)
        if layer.response is not None:
            response *= layer.response
    charge *= response
    truth = _truth(
        field,
        layers,
        response=response,
        read_noise=camera.read_noise,
        exposures=exposures,
        resampling=resampling,
    )
    if saturates:
        charge, truth["SAT"] = recipe.saturation.apply(charge, wells, camera)

    if field.detected is not None:  # real frames include the electronics already
        return Exposure(pixels=charge / np.float32(camera.gain), truth=truth)
    pixels = recipe.read_out.apply(charge, electronics, camera, borders=borders)
    truth = {name: np.pad(marked, borders.widths) for name, marked in truth.items()}
    filled = np.pad(response == 0, borders.widths)
    if kind == "raw" and saturates:
        clipped = pixels >= camera.adc_maximum
        truth["SAT"] |= clipped
        np.clip(np.rint(pixels, out=pixels), 0, camera.adc_maximum, out=pixels)
    elif kind == "raw":
        np.rint(pixels, out=pixels)
    else:
        sky = np.pad(scene.sky, borders.widths, mode="edge") / np.float32(camera.gain)
        sky += np.float32(camera.bias)
        pixels = recipe.processing.subtract_sky(pixels, sky, pipeline, sigma=scene.sigma / camera.gain)
    pixels[filled] = 0  # pipelines replace bad pixels by a constant without noise
    if resampling is not None:
        pixels = resampling.apply(pixels)
        # the truth of layers without a mask, and of BBG, comes from the resampled signal already
        for name in truth.keys() - {"BBG"} - {name for name, layer in layers.items() if layer.truth is None}:
            truth[name] = resampling.apply(truth[name].astype(np.float32)) > RESAMPLED
    if borders:
        border = np.pad(np.zeros(scene.shape, np.bool_), borders.widths, constant_values=True)
        truth["OV"] = border
    return Exposure(pixels=pixels, truth=truth)


def _detect(field: Field, light: NDArray[np.float32], rng: Generator, exposures: int) -> NDArray[np.float32]:
    """Return the detected electrons ``(H, W)``, the mean over a number of exposures."""
    if field.detected is not None:
        added = np.broadcast_to(light, field.detected.shape)
        return field.detected + _poisson(np.maximum(added, 0), rng) + np.minimum(added, 0)
    mean = np.maximum(field.scene.sky + field.objects + light, 0) * np.float32(exposures)
    return _poisson(mean, rng) / np.float32(exposures)


def _poisson(mean: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Return Poisson numbers; above a mean of 50 Gaussian ones, as their skewness 1 / sqrt(mean) is small."""
    numbers = rng.standard_normal(mean.shape, np.float32)
    numbers *= np.sqrt(mean)
    numbers += mean
    few = mean < 50
    if few.any():
        numbers[few] = rng.poisson(mean[few])
    return numbers


def _truth(
    field: Field,
    layers: Mapping[str, Layer],
    *,
    response: NDArray[np.float32],
    read_noise: float,
    exposures: int,
    resampling: Resampling | None,
) -> dict[str, NDArray[np.bool_]]:
    """Return the masks ``(H, W)`` of contaminants, and of stars and galaxies."""
    sky_variance = np.float32(read_noise**2) + field.scene.sky / np.float32(exposures)
    empty = np.float32(VISIBLE) * np.sqrt(sky_variance)
    noise = np.float32(VISIBLE) * np.sqrt(sky_variance + np.maximum(field.objects, 0) / np.float32(exposures))
    truth: dict[str, NDArray[np.bool_]] = {}
    for name, layer in layers.items():
        if layer.truth is not None:
            truth[name] = layer.truth
            if layer.response is not None:  # lost starlight is visible even if the sky is dark
                truth[name] = layer.truth | ((1 - layer.response) * field.objects > noise)
            continue
        signal = np.zeros(field.scene.shape, np.float32)
        if layer.light is not None:
            signal += layer.light
        if layer.charge is not None:
            signal += layer.charge / np.float32(exposures)
        signal *= response
        truth[name] = (resampling.apply(signal) if resampling else signal) > noise
    objects = response * field.objects
    truth["BBG"] = (resampling.apply(objects) if resampling else objects) > empty
    return truth
