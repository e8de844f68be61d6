"""Frames for tracking: fields whose stars may have moved, and what did not move with them."""

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
"""Contaminants that are light from the sky, and move with it; all others stay where they are.

Satellites cross the frame while it moves: their trails shift sideways by less than their own width.
"""

FAINTEST = 0.05
"""Light that need not be drawn, in standard deviations of the sky's noise."""

VISIBLE_PEAK = 5.0
"""Peak of a star whose form can be seen, in standard deviations of the sky's noise."""


@dataclass(frozen=True, kw_only=True)
class TrackingFrame:
    """A frame and whether it has a tracking error.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32: ADU of a raw frame, whole numbers; the unit of a processed one.
    motion
        How the images moved.
    camera
        What the frame was taken with.
    processed
        How far it is processed.
    psf_fwhm
        FWHM of the PSF without the motion, in pixels.
    visible
        Stars in the frame whose images stand out: where there are none, nobody can tell what happened.
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
        """What moved the images."""
        return self.motion.kind

    @property
    def extent(self) -> float:
        """Standard deviation of the motion along its main axis, in FWHM."""
        return self.motion.extent

    def header(self) -> dict[str, tuple[str | int | float | bool, str]]:
        """Return the header cards that describe the frame: value and comment by keyword."""
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

    Stars, galaxies, spikes and nebulosity are smeared.  Cosmic rays and hot pixels are not: they stay sharp
    in any frame, and must not be taken for proof of good tracking; nor bleeding columns for that of bad.

    Parameters
    ----------
    scene
        Camera, PSF without the motion, sky, and bright stars, which are drawn too.
    motion
        How the images move; ``motion.tracking_error`` is the label of the frame.
    rng
        Source of the noise.
    stars
        All other stars: mean places y and x, and fluxes.
    galaxies
        Their light ``(H, W)`` in electrons, blurred by the PSF but not by the motion.
    response
        Vignetting ``(H, W)`` on the light of stars and galaxies.
    layers
        What each contaminant does, by its abbreviation, as without the motion.
    recipe, kind, borders, saturates
        See :func:`skysieve.frames.simulate.exposure.expose`.
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
    """Return the number of stars in the frame whose peaks, as the motion leaves them, stand out.

    Parameters
    ----------
    scene
        Its bright stars count too.
    motion
        The longer an image, the lower its peak: Gaussian lengths add in quadrature.
    stars
        All other stars.
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
    """Return what a contaminant does while the images move."""
    if name not in MOVING or layer.light is None or not motion.tracking_error:
        return layer
    return replace(layer, light=motion_blur(layer.light, motion))
