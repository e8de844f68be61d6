"""The empty sky, and the response of telescope and detector to light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.core.simulate.surfaces import smooth_surface
from skysieve.frames.simulate.stamps import stamp

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera

__all__ = ["Sky"]


@dataclass(frozen=True, kw_only=True)
class Sky:
    """Ranges of skies and flat fields. The defaults cover narrow bands at night to twilight and infrared.

    Large-scale variations extend over the whole field of view, of which a frame is a part.

    Attributes
    ----------
    level
        Sky in electrons per pixel, log-uniform.
    gradient
        Relative change of the sky across the field of view (moonlight, airglow, twilight); low values are
        more likely.
    field
        Radius of the field of view in pixels, log-uniform; at least half of the frame's diagonal.
    vignetting
        Relative loss of light at the edge of the field.
    flattened
        Probability that the frame is flat-fielded: one twentieth of vignetting and dust remains.
    pixel_response
        Standard deviation of the residual pixel-to-pixel response, log-uniform.
    dust
        Ring-shaped shadows of dust per 2^20 pixels, log-uniform.
    dust_depth
        Relative loss of light in them, log-uniform.
    tree_rings
        Probability that a CCD shows tree rings, the growth rings of its silicon.
    ring_amplitude
        Relative amplitude of tree rings, log-uniform.
    structure
        Relative amplitude of the spatial structure of the near-infrared sky, on near-infrared detectors.

    References
    ----------
    Plazas, Bernstein & Sheldon 2014, PASP 126, 750 (tree rings).
    """

    level: Range = (3.0, 1e5)
    gradient: Range = (0.0, 0.2)
    field: Range = (1000.0, 8000.0)
    vignetting: Range = (0.0, 0.4)
    flattened: float = 0.6
    pixel_response: Range = (0.001, 0.01)
    dust: Range = (0.05, 4.0)
    dust_depth: Range = (0.003, 0.1)
    tree_rings: float = 0.15
    ring_amplitude: Range = (0.0002, 0.003)
    structure: Range = (0.0, 0.01)

    def draw(
        self, shape: tuple[int, int], rng: Generator, camera: Camera
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw a sky.

        Parameters
        ----------
        shape
            ``(H, W)``.
        rng
            Random generator.
        camera
            Gives the kind of detector.

        Returns
        -------
        sky : numpy.ndarray
            Mean electrons ``(H, W)`` float32 of the empty sky, response included.
        response : numpy.ndarray
            Relative response ``(H, W)`` float32, near 1, for all other light.
        """
        height, width = shape
        radius = max(log_uniform(rng, self.field), math.hypot(height, width) / 2)
        # Place the frame at random in the field of view
        room = max(radius - math.hypot(height, width) / 2, 0.0) * math.sqrt(rng.uniform())
        angle = rng.uniform(0, 2 * math.pi)
        y = (np.arange(height, dtype=np.float32) - (height - 1) / 2 + room * math.sin(angle)) / radius
        x = (np.arange(width, dtype=np.float32) - (width - 1) / 2 + room * math.cos(angle)) / radius
        y, x = y.astype(np.float32)[:, None], x.astype(np.float32)[None, :]
        response = self._response(y, x, rng, camera)
        sky = self._slope(y, x, rng)
        if camera.detector == "nir":
            amplitude = np.float32(uniform(rng, self.structure))
            sky = sky + amplitude * smooth_surface(shape, rng, cell=rng.uniform(200, 800))
        sky = np.maximum(sky, np.float32(0.3)) * response
        sky *= np.float32(log_uniform(rng, self.level))
        return sky, response

    def _slope(self, y: NDArray[np.float32], x: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
        """Return the relative brightness ``(H, W)`` of the sky, near 1."""
        low, high = self.gradient
        steep = np.float32((low + (high - low) * rng.uniform() ** 3) / 2)
        angle = rng.uniform(0, 2 * math.pi)
        along = np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y
        slope: NDArray[np.float32] = 1 + steep * along
        if rng.uniform() < 0.3:  # scattered light, brightest on the axis or beside it
            off_y, off_x = (np.float32(offset) for offset in rng.normal(0, 0.5, 2))
            slope = slope + steep * np.exp(-((y - off_y) ** 2)) * np.exp(-((x - off_x) ** 2))
        return slope

    def _response(
        self, y: NDArray[np.float32], x: NDArray[np.float32], rng: Generator, camera: Camera
    ) -> NDArray[np.float32]:
        """Return the relative response ``(H, W)``."""
        shape = (y.size, x.size)
        left = np.float32(0.05 if rng.uniform() < self.flattened else 1.0)
        loss = left * np.float32(uniform(rng, self.vignetting))
        squared = y**2 + x**2
        # Vignetting begins at the centre in some telescopes, near the edge in others
        response = 1 - loss * (squared if rng.uniform() < 0.5 else squared**2)
        count = int(rng.poisson(log_uniform(rng, self.dust) * response.size / 2**20))
        for _ in range(count):
            _shade(response, rng, depth=float(left) * log_uniform(rng, self.dust_depth))
        if camera.detector == "ccd" and rng.uniform() < self.tree_rings:
            _add_tree_rings(response, rng, amplitude=log_uniform(rng, self.ring_amplitude))
        pixels = rng.standard_normal(shape, np.float32)
        pixels *= np.float32(log_uniform(rng, self.pixel_response))
        response *= 1 + pixels
        floored: NDArray[np.float32] = np.maximum(response, np.float32(0.05), out=response)
        return floored


def _shade(response: NDArray[np.float32], rng: Generator, *, depth: float) -> None:
    """Multiply by the out-of-focus shadow of a dust grain, in place: an image of the pupil with its hole."""
    y, x = rng.uniform(-0.5, np.array(response.shape) - 0.5)
    outer = math.exp(rng.uniform(math.log(8), math.log(80)))
    inner = outer * rng.uniform(0.2, 0.5)
    found = stamp(response.shape, y=y, x=x, radius=math.ceil(outer * 1.4))
    if found is None:
        return
    window, dy, dx = found
    distance = np.sqrt(dy**2 + dx**2)
    soft = np.float32(outer / 10)
    ring = _step((np.float32(outer) - distance) / soft) * _step((distance - np.float32(inner)) / soft)
    response[window] *= 1 - np.float32(depth) * ring


def _step(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a smooth step from 0 below -1 to 1 above 1."""
    t = np.clip((x + 1) * np.float32(0.5), 0, 1)
    step: NDArray[np.float32] = t * t * (3 - 2 * t)
    return step


def _add_tree_rings(response: NDArray[np.float32], rng: Generator, *, amplitude: float) -> None:
    """Add rings around the crystal axis, which lies outside the frame or near its edge, in place."""
    height, width = response.shape
    angle = rng.uniform(0, 2 * math.pi)
    away = rng.uniform(0.5, 3) * math.hypot(height, width)
    y = (np.arange(height) - height / 2 - away * math.sin(angle)).astype(np.float32)[:, None]
    x = (np.arange(width) - width / 2 - away * math.cos(angle)).astype(np.float32)[None, :]
    distance = np.sqrt(y**2 + x**2)
    distance -= distance.min()
    # Crystal growth varies at random: uncorrelated knots, smoothed over some pixels
    cell = rng.uniform(6, 25)
    knots = rng.standard_normal(math.ceil(float(distance.max()) / cell) + 2)
    fine = np.interp(np.arange(0, knots.size - 1, 1 / cell), np.arange(knots.size), knots)
    kernel = np.hanning(2 * math.ceil(cell) + 1)
    profile = (np.convolve(fine, kernel / kernel.sum(), "same") * amplitude).astype(np.float32)
    response *= 1 + profile.take(distance.astype(np.int32), mode="clip")
