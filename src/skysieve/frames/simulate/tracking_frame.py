"""Expose frames for tracking: stars move during the exposure, detector defects do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.exposure import Field, expose
from skysieve.frames.simulate.motion import GAUSSIAN, add_moved_stars, motion_blur

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.motion import Kind, Motion
    from skysieve.frames.simulate.overscan import Borders
    from skysieve.frames.simulate.processing import Kind as Processed
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.simulate.scene import Layer, Scene
    from skysieve.frames.simulate.stars import StarList

__all__ = ["MOVING", "TrackingFrame", "expose_with_motion", "visible_stars"]

MOVING = ("SP", "NEB")
"""Contaminants that are light from the sky and move with it; all others stay fixed on the detector.

Satellite trails count as fixed: while the frame moves they shift by less than their own width."""

FAINTEST = 0.05
"""Light below this level is not drawn, in standard deviations of the sky noise."""

VISIBLE_PEAK = 5.0
"""Minimum peak of a star whose shape can be measured, in standard deviations of the sky noise."""


@dataclass(frozen=True, kw_only=True)
class TrackingFrame:
    """A frame with the motion during its exposure.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32: integer ADU in a raw frame, arbitrary units in a processed frame.
    motion
        Motion of the images.
    camera
        Telescope and camera.
    processed
        Processing of the frame: raw, sky-subtracted or resampled.
    psf_fwhm
        FWHM of the PSF without the motion, in pixels.
    visible
        Number of stars bright enough to show the motion; with none, the label cannot be verified.
    """

    pixels: NDArray[np.float32]
    motion: Motion
    camera: Camera
    processed: Processed
    psf_fwhm: float
    visible: int

    @property
    def tracking_error(self) -> bool:
        """Whether the frame has a tracking error."""
        return self.motion.tracking_error

    @property
    def kind(self) -> Kind:
        """Kind of motion."""
        return self.motion.kind

    @property
    def extent(self) -> float:
        """Standard deviation of the motion along its main axis, in FWHM."""
        return self.motion.extent

    def header(self) -> dict[str, tuple[str | int | float | bool, str]]:
        """Return the header cards that describe the frame.

        Returns
        -------
        dict
            Value and comment by keyword.
        """
        return {
            "OBJECT": ("simulated field", "no real sky"),
            "BUNIT": ("adu" if self.processed == "raw" else "", "unit of the pixels"),
            "EXPTIME": (round(self.camera.exposure, 3), "[s] exposure"),
            "GAIN": (round(self.camera.gain, 4), "[e-/adu] gain"),
            "RDNOISE": (round(self.camera.read_noise, 3), "[e-] read noise"),
            "PSFFWHM": (round(self.psf_fwhm, 3), "[pix] FWHM of the PSF, without motion"),
            "SIMKIND": (self.processed, "raw, subtracted (sky) or resampled"),
            "DETECTOR": (self.camera.detector, "ccd, or near-infrared array"),
            "NSTARS": (self.visible, "stars that stand out"),
            "SLIP": (self.tracking_error, "whether this is a tracking error"),
            "SLIPKIND": (self.kind, "what moved the images"),
            "SLIPEXT": (round(self.extent, 4), "rms of the motion on its main axis, in FWHM"),
        }


def expose_with_motion(
    scene: Scene,
    motion: Motion,
    rng: Generator,
    *,
    stars: StarList,
    galaxies: NDArray[np.float32] | None = None,
    response: NDArray[np.float32] | None = None,
    layers: Mapping[str, Layer] | None = None,
    recipe: Recipe,
    kind: Processed = "raw",
    borders: Borders | None = None,
    saturates: bool = True,
) -> TrackingFrame:
    """Expose a field while its images move.

    Stars, galaxies, spikes and nebulosity are blurred by the motion. Cosmic rays and hot pixels stay sharp in
    any frame, so they are no evidence of good tracking. Bleed trails are no evidence of a tracking error.

    Parameters
    ----------
    scene
        Camera, PSF without the motion, sky, and bright stars, which are drawn too.
    motion
        Motion of the images; ``motion.tracking_error`` is the label of the frame.
    rng
        Random generator for the noise.
    stars
        All other stars: mean positions y and x in pixels, and fluxes in electrons.
    galaxies
        Light ``(H, W)`` float32 of galaxies in electrons, convolved with the PSF but not with the motion.
    response
        Vignetting ``(H, W)`` float32 of the light of stars and galaxies.
    layers
        Layer of each contaminant without the motion, by its abbreviation.
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
    TrackingFrame
        The frame and its motion.
    """
    objects = np.zeros(scene.shape, np.float32)
    y, x, flux = _with_bright(scene, stars)
    if y.size:
        add_moved_stars(objects, scene.psf, motion, y=y, x=x, flux=flux, floor=FAINTEST * scene.sigma)
    if galaxies is not None:
        objects += motion_blur(galaxies, motion)
    if response is not None:
        objects *= response
    exposure = expose(
        Field(scene=scene, objects=objects),
        {name: _moved(layer, motion, name) for name, layer in (layers or {}).items()},
        rng,
        recipe=recipe,
        kind=kind,
        borders=borders,
        saturates=saturates,
    )
    return TrackingFrame(
        pixels=exposure.pixels,
        motion=motion,
        camera=scene.camera,
        processed=kind,
        psf_fwhm=scene.psf.fwhm,
        visible=visible_stars(scene, motion, stars),
    )


def visible_stars(scene: Scene, motion: Motion, stars: StarList) -> int:
    """Return the number of stars in the frame whose peaks are visible above the noise in spite of the motion.

    Parameters
    ----------
    scene
        Gives the PSF, the noise, and the bright stars, which count too.
    motion
        Lengthens images and lowers their peaks: Gaussian lengths add in quadrature.
    stars
        All other stars.

    Returns
    -------
    int
        Number of stars.
    """
    y, x, flux = _with_bright(scene, stars)
    height, width = scene.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    peaks = flux * scene.psf.peak / math.sqrt(1 + GAUSSIAN * motion.extent**2)
    return int(np.count_nonzero(inside & (peaks > VISIBLE_PEAK * scene.sigma)))


def _with_bright(scene: Scene, stars: StarList) -> StarList:
    """Return the stars and the bright stars of a scene."""
    bright = np.array([(star.y, star.x, star.flux) for star in scene.bright_stars]).reshape(-1, 3)
    y, x, flux = (np.concatenate([ours, theirs]) for ours, theirs in zip(stars, bright.T, strict=True))
    return y, x, flux


def _moved(layer: Layer, motion: Motion, name: str) -> Layer:
    """Return the layer of a contaminant, blurred by the motion if it moves with the sky."""
    if name not in MOVING or layer.light is None or not motion.tracking_error:
        return layer
    return replace(layer, light=motion_blur(layer.light, motion))
