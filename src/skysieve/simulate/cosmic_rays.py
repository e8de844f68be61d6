"""Cosmic rays and the electrons that radioactivity frees near the CCD."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.camera import Camera

__all__ = ["simulate_cosmic_rays"]

MUONS = 1.0
"""Muons through a level square centimetre at sea level, per minute (Particle Data Group 2022, section 30)."""

COMPTON_ELECTRONS = 1.0
"""Electrons freed by gamma rays, per square centimetre and minute: about as many as muons, more or fewer
with the materials near the CCD (Groom 2002)."""

MUON_ELECTRONS = 75.0
"""Electron-hole pairs per µm of silicon, the most probable number, for a muon at minimum ionisation
(Bichsel 1988, Rev. Mod. Phys. 60, 663)."""

MEAN_LOSS = 0.388
"""Mean loss of energy at minimum ionisation in silicon, in keV per µm (Particle Data Group 2022)."""

PAIR_ENERGY = 3.65e-3
"""Energy per electron-hole pair in silicon, in keV."""

ELECTRON_MASS = 511.0
"""In keV."""

RADIATION_LENGTH = 93_700.0
"""Of silicon, in µm (Particle Data Group 2022)."""

STEP = 1.5
"""Length of the steps along a path, in µm: a tenth of a pixel."""


class _Charge(NamedTuple):
    """Charge freed at points: positions and depths in µm, from the corner of the frame and from the gates."""

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    depth: NDArray[np.float64]
    electrons: NDArray[np.float64]


def simulate_cosmic_rays(shape: tuple[int, int], rng: Generator, camera: Camera) -> NDArray[np.float32]:
    """Return the charge ``(H, W)`` that particles leave in the silicon, in electrons.

    Muons cross it in straight lines: spots when steep, tracks when slant, wider at the end far from the
    gates, whence charge drifts longest.  Compton electrons scatter: spots when slow, worms when fast.  At
    least one of each is there.

    Parameters
    ----------
    shape
        ``(H, W)``.
    rng
        Source of randomness.
    camera
        Gives the size of pixels, the thickness, the diffusion and the exposure.

    References
    ----------
    Groom 2002, Experimental Astronomy 14, 45 (the kinds of events).
    """
    area = shape[0] * shape[1] * (camera.pixel_size * 1e-4) ** 2
    events = area * camera.exposure / 60
    muons = _muon_tracks(shape, rng, camera, count=max(1, rng.poisson(MUONS * events)))
    electrons = _electron_paths(shape, rng, camera, count=max(1, rng.poisson(COMPTON_ELECTRONS * events)))
    return _collect(shape, rng, camera, muons) + _collect(shape, rng, camera, electrons)


def _muon_tracks(shape: tuple[int, int], rng: Generator, camera: Camera, *, count: int) -> _Charge:
    """Return straight tracks through the whole thickness.

    Intensity goes as cos^2 of the zenith angle, so the flux through a level CCD as cos^3 sin, and
    cos = u^(1/4) with u even in 0 to 1.  The charge of a step fluctuates as Landau's distribution, here in
    Moyal's form (Moyal 1955, Phil. Mag. 46, 263): -ln(z^2) with z normal.
    """
    cosine = np.maximum(rng.uniform(size=count) ** 0.25, 0.1)
    azimuth = rng.uniform(0, 2 * math.pi, count)
    start = rng.uniform(0, np.array(shape) * camera.pixel_size, (count, 2))
    length = camera.thickness / cosine
    slant = np.sqrt(1 - cosine**2)
    steps = np.maximum(np.ceil(length / STEP).astype(int), 1)
    track = np.repeat(np.arange(count), steps)
    done = (np.arange(track.size) - np.repeat(np.cumsum(steps) - steps, steps) + 0.5) * STEP
    moyal = -np.log(rng.normal(size=track.size) ** 2 + 1e-3)
    return _Charge(
        y=start[track, 0] + done * slant[track] * np.sin(azimuth[track]),
        x=start[track, 1] + done * slant[track] * np.cos(azimuth[track]),
        depth=camera.thickness - done * cosine[track],
        electrons=MUON_ELECTRONS * STEP * np.clip(1 + 0.25 * moyal, 0.2, 8),
    )


def _electron_paths(shape: tuple[int, int], rng: Generator, camera: Camera, *, count: int) -> _Charge:
    """Return the crooked paths of electrons that start inside the silicon.

    Energies are even in the logarithm from 15 keV to 1 MeV, which stands for the Compton spectra of many
    lines.  An electron loses 1 / beta^2 times as much as a particle at minimum ionisation; its direction
    wanders by Highland's formula without the logarithm, theta = 13.6 MeV / (beta c p) sqrt(step / X0)
    (Particle Data Group 2022, eq. 34.16).
    """
    energy = np.exp(rng.uniform(math.log(15), math.log(1000), count))
    place = rng.uniform(0, np.array([*shape, 0]) * camera.pixel_size + [0, 0, camera.thickness], (count, 3))
    heading = rng.normal(size=(count, 3))
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    points, charges = [], []
    while energy.size:
        beta2 = 1 - (1 + energy / ELECTRON_MASS) ** -2
        loss = np.minimum(energy, MEAN_LOSS * STEP / beta2)
        points.append(place)
        charges.append(loss / PAIR_ENERGY)
        momentum = np.sqrt(energy * (energy + 2 * ELECTRON_MASS))
        wander = 13_600 / (np.sqrt(beta2) * momentum) * math.sqrt(STEP / RADIATION_LENGTH)
        heading = heading + wander[:, None] * rng.normal(size=heading.shape)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        place = place + STEP * heading
        energy = energy - loss
        alive = (energy > 0) & (place[:, 2] > 0) & (place[:, 2] < camera.thickness)
        energy, place, heading = energy[alive], place[alive], heading[alive]
    y, x, depth = np.concatenate(points).T
    return _Charge(y, x, depth, np.concatenate(charges))


def _collect(
    shape: tuple[int, int], rng: Generator, camera: Camera, charge: _Charge, packets: int = 12
) -> NDArray[np.float32]:
    """Return the image ``(H, W)`` of charge that drifted to the gates, sideways as the root of its depth."""
    height, width = shape
    spread = camera.diffusion * np.sqrt(np.clip(charge.depth / camera.thickness, 0, 1))
    drift = spread * rng.normal(size=(2, packets, spread.size))
    rows = np.floor((charge.y + drift[0]) / camera.pixel_size).astype(int).ravel()
    columns = np.floor((charge.x + drift[1]) / camera.pixel_size).astype(int).ravel()
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = np.bincount(
        rows[inside] * width + columns[inside],
        weights=np.broadcast_to(charge.electrons / packets, (packets, spread.size)).ravel()[inside],
        minlength=height * width,
    )
    return flat.reshape(shape).astype(np.float32)
