"""One simulated CCD frame with all that contaminates it, and the truth about each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.errors import ConfigError, FrameError
from skysieve.simulate.bright_stars import draw_bright_stars, simulate_bright_stars, simulate_spikes
from skysieve.simulate.camera import Camera
from skysieve.simulate.cosmic_rays import simulate_cosmic_rays
from skysieve.simulate.defects import (
    simulate_dead_columns,
    simulate_dead_pixels,
    simulate_hot_columns,
    simulate_hot_pixels,
)
from skysieve.simulate.psf import Psf
from skysieve.simulate.readout import bleed, read_out
from skysieve.simulate.sky import Throughput, simulate_galaxies, simulate_stars
from skysieve.simulate.trails import simulate_trails

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["CONTAMINANTS", "SMALLEST", "SimulatedFrame", "simulate_frame"]

CONTAMINANTS: tuple[str, ...] = ("CR", "HCL", "DCL", "HP", "DP", "TRL", "SAT", "SP", "OV")
"""Abbreviations of the contaminants that can be simulated."""

SMALLEST = 64
"""Least height and width of a frame, in pixels."""

VISIBLE = 1.0
"""A contaminant marks a pixel when it adds more than this many standard deviations of the sky's noise."""

_STREAMS = (*CONTAMINANTS, "sky", "stars", "galaxies", "bright stars", "noise")


@dataclass(frozen=True)
class SimulatedFrame:
    """A frame and the truth about it.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32 in ADU, whole numbers.
    truth
        For each contaminant by its abbreviation, and for ``"BBG"`` (stars and galaxies), the pixels
        ``(H, W)`` that it marks; a pixel may have several.
    camera
        What the frame was taken with.
    psf_fwhm
        FWHM of the PSF, in pixels.
    sky
        Sky at the centre of the frame, in electrons.
    overscan
        Columns of overscan on the right.
    seed
        Seed, where it was a number.
    """

    pixels: NDArray[np.float32]
    truth: dict[str, NDArray[np.bool_]]
    camera: Camera
    psf_fwhm: float
    sky: float
    overscan: int
    seed: int | None

    def header(self) -> dict[str, tuple[str | int | float, str]]:
        """Return the header cards that describe the frame: value and comment by keyword."""
        height, width = self.pixels.shape
        imaging = width - self.overscan
        cards: dict[str, tuple[str | int | float, str]] = {
            "OBJECT": ("simulated field", "no real sky"),
            "BUNIT": ("adu", "unit of the pixels"),
            "EXPTIME": (self.camera.exposure, "[s] exposure"),
            "GAIN": (self.camera.gain, "[e-/adu] gain"),
            "RDNOISE": (self.camera.read_noise, "[e-] read noise"),
            "SATURATE": (self.camera.saturation, "[adu] value of a full pixel"),
            "PSFFWHM": (round(self.psf_fwhm, 3), "[pix] FWHM of the PSF"),
            "SKYLEVEL": (round(self.sky / self.camera.gain, 2), "[adu] sky above the bias, at the centre"),
            "DATASEC": (f"[1:{imaging},1:{height}]", "pixels that saw light"),
        }
        if self.overscan:
            cards["BIASSEC"] = (f"[{imaging + 1}:{width},1:{height}]", "overscan")
        if self.seed is not None:
            cards["SIMSEED"] = (self.seed, "seed of the simulation")
        cards["SIMCLASS"] = (",".join(self.truth), "classes with known truth")
        return cards


def simulate_frame(
    shape: tuple[int, int] = (1024, 1024),
    *,
    seed: int | Generator,
    contaminants: Collection[str] = CONTAMINANTS,
    camera: Camera | None = None,
) -> SimulatedFrame:
    """Simulate a CCD frame of a field of stars and galaxies, with contaminants whose pixels are known.

    Every contaminant has a random stream of its own: leaving one out leaves the others and the noise as they
    were (but for the overscan, which takes room).  Photon noise is exact in spite of it, because a sum of
    independent Poisson numbers is a Poisson number.

    Parameters
    ----------
    shape
        ``(H, W)`` in pixels, overscan included, at least 64 each.
    seed
        A number, or a generator to draw from; the same number gives the same frame.
    contaminants
        Which of :data:`CONTAMINANTS` to add, in any order.  Bright stars come with ``"SAT"`` or ``"SP"``;
        without ``"SAT"`` pixels have no full well and the converter no maximum, as in a stack of short
        exposures.
    camera
        What to take the frame with.

    Returns
    -------
    SimulatedFrame
        Pixels in ADU, truth a class, and header cards.

    Raises
    ------
    ConfigError
        If a contaminant cannot be simulated.
    FrameError
        If the shape is too small.

    Examples
    --------
    >>> frame = simulate_frame((64, 96), seed=1, contaminants=["CR", "OV"])
    >>> frame.pixels.shape, sorted(frame.truth)
    ((64, 96), ['BBG', 'CR', 'OV'])
    """
    wanted = _check(shape, contaminants)
    camera = camera or Camera()
    root = np.random.default_rng(seed)
    streams = dict(zip(_STREAMS, root.spawn(len(_STREAMS)), strict=True))
    overscan = min(32, max(8, shape[1] // 40)) if "OV" in wanted else 0
    area = (shape[0], shape[1] - overscan)

    # What the defects let through
    defects = {"DCL": simulate_dead_columns, "DP": simulate_dead_pixels}
    dead = {name: simulate(area, streams[name]) for name, simulate in defects.items() if name in wanted}
    alive = math.prod(dead.values(), start=np.ones(area, np.float32))

    # Light
    throughput = Throughput.draw(streams["sky"])
    psf = Psf(fwhm=streams["sky"].uniform(2.8, 4.5))
    sigma = math.hypot(math.sqrt(throughput.level), camera.read_noise)
    response = throughput.response(area)
    field = simulate_stars(area, streams["stars"], psf=psf, sigma=sigma, brightest=0.6 * camera.full_well)
    field += simulate_galaxies(area, streams["galaxies"], psf=psf, sigma=sigma)
    charge = _detect(throughput.sky(area) + response * field, streams["noise"])
    added: dict[str, NDArray[np.float32]] = {}
    stars = draw_bright_stars(area, streams["bright stars"], psf=psf, full_well=camera.full_well)
    if wanted & {"SAT", "SP"}:
        glare = simulate_bright_stars(area, stars, psf=psf, sigma=sigma)
        field += glare
        charge += _detect(response * glare, streams["bright stars"])
    if "SP" in wanted:
        added["SP"] = response * simulate_spikes(area, stars, streams["SP"], psf=psf, sigma=sigma)
    if "TRL" in wanted:
        added["TRL"] = response * simulate_trails(area, streams["TRL"], psf=psf, sigma=sigma)

    # Silicon
    if "HP" in wanted:
        added["HP"] = simulate_hot_pixels(area, streams["HP"], sigma=sigma, full_well=camera.full_well)
    if "HCL" in wanted:
        added["HCL"] = simulate_hot_columns(area, streams["HCL"], sigma=sigma)
    for name, mean in added.items():
        charge += _detect(mean, streams[name])
    if "CR" in wanted:
        added["CR"] = simulate_cosmic_rays(area, streams["CR"], camera)
        charge += added["CR"]
    added["BBG"] = response * field
    truth = {name: alive * image > VISIBLE * sigma for name, image in added.items()}
    truth |= {name: image < 1 for name, image in dead.items()}
    if "SAT" in wanted:
        charge, truth["SAT"] = bleed(charge, camera.full_well)

    # Read-out
    pixels = read_out(alive * charge, streams["noise"], camera, overscan=overscan, digitise="SAT" in wanted)
    if "OV" in wanted:
        truth["OV"] = np.zeros(area, np.bool_)
    truth = {
        name: np.pad(truth[name], ((0, 0), (0, overscan)), constant_values=name == "OV")
        for name in (*CONTAMINANTS, "BBG")
        if name in truth
    }
    return SimulatedFrame(
        pixels=pixels,
        truth=truth,
        camera=camera,
        psf_fwhm=psf.fwhm,
        sky=throughput.level,
        overscan=overscan,
        seed=None if isinstance(seed, np.random.Generator) else int(seed),
    )


def _check(shape: tuple[int, int], contaminants: Collection[str]) -> set[str]:
    """Return the contaminants as a set."""
    if min(shape) < SMALLEST:
        raise FrameError(
            f"a simulated frame of {shape[0]} × {shape[1]} px is too small: give {SMALLEST} px or more a side"
        )
    names = [contaminants] if isinstance(contaminants, str) else list(contaminants)
    unknown = [name for name in names if name not in CONTAMINANTS]
    if unknown:
        raise ConfigError(f"cannot simulate {', '.join(unknown)}; choose from {', '.join(CONTAMINANTS)}")
    return set(names)


def _detect(mean: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Return Poisson numbers of electrons with this mean."""
    return rng.poisson(mean).astype(np.float32)
