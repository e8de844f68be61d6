"""Cosmic rays, and electrons from radioactivity near the detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.contaminants.footprints import read_footprints
from skysieve.frames.simulate.scene import Layer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.scene import Scene

__all__ = ["CosmicRays"]

MUON_ELECTRONS = 72.0
"""Most probable number of electron-hole pairs per µm of silicon, for a minimum-ionising particle
(Bichsel 1988, Rev. Mod. Phys. 60, 663)."""

STRAGGLING = 0.22
"""Width of the fluctuations of the energy loss over 5 µm of silicon, relative to the loss (Bichsel 1988)."""

DELTA_ELECTRONS = 0.0178
"""Delta electrons per µm of path in silicon, times their minimum energy in keV
(Particle Data Group 2022, section 34.2)."""

MIN_DELTA_ENERGY = 40.0
"""Minimum energy of a delta electron with a path of its own, in keV: its range is 15 µm."""

PAIR_ENERGY = 3.65e-3  # energy per electron-hole pair in silicon, in keV
FANO = 0.115  # variance of the number of pairs in silicon, relative to that of a Poisson number
RADIATION_LENGTH = 93_700.0  # of silicon, in µm (Particle Data Group 2022)
ELECTRON_MASS = 511.0  # in keV

MAX_NIR_THICKNESS = 15.0
"""Maximum thickness of the absorbing layer of a near-infrared array, in µm."""

STEP = 0.35
"""Length of the steps along a path, in pixels."""

MAX_TRACK_LENGTH = 120.0
"""Maximum length of grazing tracks, in pixels."""

MAX_RELATIVE_DIFFUSION = 0.7
"""Maximum diffusion of charge, relative to the thickness: that of a layer without an electric field."""

MAX_DIFFUSION = 1.3
"""Maximum diffusion in pixels: detectors are designed so that charge stays near its pixel."""

MAX_COVERAGE = 0.05
"""Maximum fraction of the frame that events cover, so that enough sky remains."""


@dataclass(frozen=True, kw_only=True)
class CosmicRays:
    """Charge of particles in the silicon.

    Muons and protons cross the silicon in straight lines. Steep ones leave spots, inclined ones tracks, which
    are wider at the end far from the gates, where charge diffuses longest. Compton electrons scatter: slow
    ones leave spots, fast ones winding tracks ("worms"). A few alpha particles leave round, saturated blobs.
    There is always at least one event.

    The mask holds the pixels whose charge exceeds one sigma of the local noise.

    Attributes
    ----------
    probability
        Probability that a frame has cosmic rays.
    events_per_mpix
        Events per 2^20 pixels: about ten per minute on the ground, thousands per half hour in orbit.
    straight
        Fraction of particles with straight paths.
    slow
        Fraction of these below minimum ionisation velocity, which leave up to ten times the charge.
    slant
        Exponent k of the directions: the fraction with a cosine below c is c^k. It is 4 for muons at sea
        level (intensity as cos^2), 2 for an isotropic flux, less for inclined showers.
    thickness
        Thickness of the sensitive layer, relative to the camera's.
    diffusion
        Diffusion of charge, relative to the camera's.
    partial
        Fraction of events of which only part of the charge is collected, as below the depleted layer.
    alphas
        Fraction of events that are alpha particles.
    grazing
        Fraction of straight particles nearly parallel to the layer: tracks of tens to hundreds of pixels.
    footprints
        Files of footprints of real events; see
        :func:`~skysieve.frames.simulate.contaminants.footprints.read_footprints`.
    real
        Fraction of events taken from these files, if there are any.
    real_charge
        Factor on the charge of these, one per frame, log-uniform: sensitive layers differ in thickness.

    References
    ----------
    Groom 2002, Experimental Astronomy 14, 45 (kinds of events); Miles et al. 2021, ApJ 918, 86 (rates in
    orbit); Janesick 2001, Scientific Charge-Coupled Devices (diffusion).
    """

    probability: float = 0.9
    events_per_mpix: Range = (10.0, 4000.0)
    straight: Range = (0.2, 0.9)
    slow: Range = (0.0, 0.3)
    slant: Range = (1.5, 4.0)
    thickness: Range = (0.5, 1.5)
    diffusion: Range = (0.6, 1.6)
    partial: Range = (0.0, 0.3)
    alphas: float = 0.002
    grazing: float = 0.0
    footprints: tuple[str, ...] = ()
    real: float = 0.5
    real_charge: Range = (0.3, 1.5)

    def simulate(self, scene: Scene, rng: Generator) -> Layer:
        """Simulate the charge of particles in electrons, with its own fluctuations."""
        height, width = scene.shape
        camera = scene.camera
        thickness = camera.thickness * uniform(rng, self.thickness)
        if camera.detector == "nir":
            thickness = min(thickness, MAX_NIR_THICKNESS)
        silicon = _Silicon(scene.shape, camera.pixel_size, thickness)
        slant = uniform(rng, self.slant)
        count = rng.poisson(log_uniform(rng, self.events_per_mpix) * height * width / 2**20)
        footprint = 3 + 2 * thickness / camera.pixel_size * math.pi / slant
        count = max(1, min(count, int(MAX_COVERAGE * height * width / footprint)))
        taken = int(rng.binomial(count, self.real)) if self.footprints else 0
        count -= taken
        alphas = int(rng.binomial(count, self.alphas))
        straight = int(rng.binomial(count - alphas, uniform(rng, self.straight)))
        partial = uniform(rng, self.partial)
        slow = uniform(rng, self.slow)
        points = [
            *_straight_tracks(
                rng, silicon, straight, slant=slant, slow=slow, partial=partial, grazing=self.grazing
            ),
            _electrons(rng, silicon, count - alphas - straight, partial=partial),
            _alphas(rng, silicon, alphas),
        ]
        drift = min(camera.diffusion * uniform(rng, self.diffusion), MAX_RELATIVE_DIFFUSION * thickness)
        spread = min(drift / camera.pixel_size, MAX_DIFFUSION)
        charge = _collect(scene.shape, rng, points, spread=spread)
        if taken:
            found = read_footprints(self.footprints[int(rng.integers(len(self.footprints)))])
            scale = log_uniform(rng, self.real_charge) * (camera.gain if found.in_adu else 1.0)
            found.add(charge, rng, taken, scale=scale)
        return Layer(charge=charge)


class _Points(NamedTuple):
    """Charge freed at points: y and x in pixels, depth below the gates in thicknesses, electrons."""

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    depth: NDArray[np.float64]
    electrons: NDArray[np.float64]


class _Silicon(NamedTuple):
    """The sensitive layer: height and width in pixels, side of a pixel and thickness in µm."""

    shape: tuple[int, int]
    pixel: float
    thickness: float


def _straight_tracks(
    rng: Generator,
    silicon: _Silicon,
    count: int,
    *,
    slant: float,
    slow: float,
    partial: float,
    grazing: float = 0.0,
) -> tuple[_Points, _Points]:
    """Return straight tracks through the whole thickness, and their delta electrons.

    The charge of a step follows the Landau distribution, here in the form of Moyal (1955, Phil. Mag. 46,
    263), -ln(z^2) with z normal. The far tail of the distribution is given by the delta electrons.
    """
    cosine = np.maximum(rng.uniform(size=count) ** (1 / slant), 0.03)
    if grazing:
        along_layer = rng.uniform(size=count) < grazing
        across_pixels = np.exp(rng.uniform(math.log(10), math.log(MAX_TRACK_LENGTH), count))
        shallow = silicon.thickness / silicon.pixel / across_pixels
        cosine[along_layer] = np.minimum(shallow, 0.5)[along_layer]
    across = silicon.thickness / silicon.pixel * np.sqrt(1 / cosine**2 - 1)
    steps = np.maximum(np.ceil(across / STEP), 6).astype(np.int64)
    track, index = _ragged(steps)
    done = (index + 0.5) / steps[track]
    # A random point of the track lies within the frame, so either end may lie outside.
    position = rng.uniform(size=(2, count)) * np.array(silicon.shape)[:, None]
    along = across[track] * (done - rng.uniform(size=count)[track])
    azimuth = rng.uniform(0, 2 * math.pi, count)
    length = silicon.thickness / cosine / steps
    ionisation = np.where(rng.uniform(size=count) < slow, np.exp(rng.uniform(0, math.log(10), count)), 1)
    ionisation *= _share_collected(rng, count, partial)
    moyal = -np.log(rng.standard_normal(track.size) ** 2 + 1e-3)
    loss = 1 + np.minimum(STRAGGLING * np.sqrt(5 / length), 0.4)[track] * moyal
    tracks = _Points(
        y=position[0][track] + along * np.sin(azimuth)[track],
        x=position[1][track] + along * np.cos(azimuth)[track],
        depth=1 - done,
        electrons=(MUON_ELECTRONS * length * ionisation)[track] * np.clip(loss, 0.1, 8),
    )
    chance = DELTA_ELECTRONS / MIN_DELTA_ENERGY * length * ionisation
    knocked = np.flatnonzero(rng.uniform(size=track.size) < chance[track])
    energy = np.minimum(MIN_DELTA_ENERGY / np.maximum(rng.uniform(size=knocked.size), 1e-3), 1000)
    start = np.stack([tracks.y[knocked], tracks.x[knocked], tracks.depth[knocked]])
    return tracks, _electron_paths(rng, silicon, energy, start)


def _electrons(rng: Generator, silicon: _Silicon, count: int, *, partial: float) -> _Points:
    """Return electrons freed within the silicon by X-rays and gamma rays.

    Energies are log-uniform from 2 keV to 1 MeV, as an approximation to the lines and Compton spectra of many
    materials.
    """
    energy = np.exp(rng.uniform(math.log(2), math.log(1000), count))
    start = rng.uniform(size=(3, count)) * [[silicon.shape[0]], [silicon.shape[1]], [1]]
    return _electron_paths(rng, silicon, energy, start, share=_share_collected(rng, count, partial))


def _electron_paths(
    rng: Generator,
    silicon: _Silicon,
    energy: NDArray[np.float64],
    start: NDArray[np.float64],
    share: NDArray[np.float64] | None = None,
) -> _Points:
    """Return the parts within the layer of the scattered paths of electrons of these energies in keV.

    The range in µm is 0.0171 energy^1.75 (Everhart & Hoff 1971, J. Appl. Phys. 42, 5837), so the residual
    energy follows from the residual path. The direction changes by Highland's formula without the logarithm,
    theta = 13.6 MeV / (beta c p) sqrt(step / X0) (Particle Data Group 2022, section 34.3).
    """
    reach = 0.0171 * energy**1.75
    step = STEP * silicon.pixel
    steps = np.maximum(np.ceil(reach / step), 1).astype(np.int64)
    path, index = _ragged(steps)
    stride = (reach / steps)[path]
    left = energy[path] * (1 - index / steps[path]) ** (1 / 1.75)
    loss = left - energy[path] * (1 - (index + 1) / steps[path]) ** (1 / 1.75)
    beta2 = 1 - (1 + left / ELECTRON_MASS) ** -2
    momentum = np.sqrt(left * (left + 2 * ELECTRON_MASS))
    scattering = 13_600 / (np.sqrt(beta2) * momentum) * np.sqrt(stride / RADIATION_LENGTH)
    first = np.cumsum(steps) - steps
    deflections = np.minimum(scattering, 1.5) * rng.standard_normal((2, path.size))
    deflections[0, first] = rng.uniform(0, 2 * math.pi, energy.size)
    # Directions along the layer are more frequent: electrons come from the material beside it.
    deflections[1, first] = np.arcsin(rng.uniform(-1, 1, energy.size) * rng.uniform(size=energy.size))
    azimuth, altitude = _running_sum(deflections, first, path)
    moves = stride / silicon.pixel * np.cos(altitude) * np.stack([np.sin(azimuth), np.cos(azimuth)])
    y, x = start[:2, path] + _running_sum(moves, first, path)
    depth = start[2, path] + _running_sum(stride / silicon.thickness * np.sin(altitude), first, path)
    # There is silicon above and below the layer too: an electron may return.
    inside = ((depth >= 0) & (depth <= 1)) | (index == 0)
    electrons = loss / PAIR_ENERGY * (1 if share is None else share[path])
    return _Points(y[inside], x[inside], depth[inside], electrons[inside])


def _alphas(rng: Generator, silicon: _Silicon, count: int, packets: int = 600) -> _Points:
    """Return alpha particles, whose dense charge expands by repulsion before it is collected.

    Blobs of 5 MeV extend over several pixels (Estrada et al. 2011, JINST 6, P08007).
    """
    radius = rng.uniform(15, 45, (count, 1)) / silicon.pixel
    size = (count, packets)
    distance = radius * np.sqrt(rng.uniform(size=size))
    azimuth = rng.uniform(0, 2 * math.pi, size)
    position = rng.uniform(size=(2, count, 1)) * np.array(silicon.shape)[:, None, None]
    electrons = np.exp(rng.uniform(math.log(5e4), math.log(1.4e6), (count, 1))) / packets
    return _Points(
        y=(position[0] + distance * np.sin(azimuth)).ravel(),
        x=(position[1] + distance * np.cos(azimuth)).ravel(),
        depth=np.ones(count * packets),
        electrons=np.broadcast_to(electrons, size).ravel(),
    )


def _share_collected(rng: Generator, count: int, partial: float) -> NDArray[np.float64]:
    """Return the fraction of the charge of each event that is collected: all of it, or 3 % or more."""
    share: NDArray[np.float64] = np.exp(rng.uniform(math.log(0.03), 0, count))
    share[rng.uniform(size=count) >= partial] = 1
    return share


def _ragged(steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the path index of each step, and its index on the path, for paths of given numbers of steps."""
    path = np.repeat(np.arange(steps.size), steps)
    return path, np.arange(path.size) - (np.cumsum(steps) - steps)[path]


def _running_sum(
    values: NDArray[np.float64], first: NDArray[np.int64], path: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return cumulative sums ``(..., N)`` along each path, given the index of each path's first step."""
    total = np.cumsum(values, axis=-1)
    before = total[..., first] - values[..., first]
    summed: NDArray[np.float64] = total - before[..., path]
    return summed


def _collect(
    shape: tuple[int, int], rng: Generator, parts: list[_Points], *, spread: float
) -> NDArray[np.float32]:
    """Return the image ``(H, W)`` of charge at the gates, diffused by the square root of its depth.

    ``spread`` is the diffusion in pixels from the far side. Each pixel receives the integral of a Gaussian
    over its area; the number of electrons fluctuates by the Fano factor.
    """
    height, width = shape
    reach = min(max(math.ceil(2.6 * spread - 0.5), 1), 3)
    y, x, depth, electrons = (np.concatenate(values) for values in zip(*parts, strict=True))
    near = (y > -reach) & (y < height + reach) & (x > -reach) & (x < width + reach)
    y, x, depth, electrons = y[near], x[near], depth[near], electrons[near].astype(np.float32)
    sigma = np.maximum(spread * np.sqrt(np.clip(depth, 0, 1)), 0.05)
    padded = width + 4 * reach
    image = np.zeros((height + 4 * reach) * padded, np.float32)
    rows, columns = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    edges = np.arange(-reach, reach + 2)
    weights = [
        np.diff(ndtr(((edges - (position - pixel)[:, None]) / sigma[:, None]).astype(np.float32)), axis=1)
        for position, pixel in ((y, rows), (x, columns))
    ]
    offsets = np.arange(2 * reach + 1)
    corner = (rows + reach) * padded + columns + reach
    flat = corner[:, None, None] + offsets[:, None] * padded + offsets
    shares = (electrons[:, None] * weights[0])[:, :, None] * weights[1][:, None, :]
    np.add.at(image, flat.ravel(), shares.ravel())
    charge = image.reshape(-1, padded)[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width].copy()
    hit = np.nonzero(charge)
    noise = rng.standard_normal(hit[0].size, dtype=np.float32)
    charge[hit] = np.maximum(charge[hit] + np.sqrt(FANO * charge[hit]) * noise, 0)
    return charge
