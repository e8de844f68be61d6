"""Simulate one frame with contaminants, and the truth about each pixel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.frames.simulate.exposure import expose
from skysieve.frames.simulate.overscan import Borders
from skysieve.frames.simulate.recipe import CONTAMINANTS, Recipe
from skysieve.frames.simulate.scenery import STREAMS, choose_contaminants, draw_field, draw_layers
from skysieve.frames.simulate.settings import MIN_SIDE

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.optics import PsfBank
    from skysieve.frames.simulate.processing import Kind

__all__ = ["SimulatedFrame", "simulate_frame"]


@dataclass(frozen=True)
class SimulatedFrame:
    """A frame and its truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32: integer ADU in a raw frame, arbitrary units in a processed frame.
    truth
        Mask ``(H, W)`` bool of each contaminant, by its abbreviation, and of ``"BBG"`` (stars and galaxies).
        Masks may overlap.
    camera
        Telescope and camera.
    kind
        Processing of the frame: raw, sky-subtracted or resampled.
    psf_fwhm
        FWHM of the PSF, in pixels.
    sky
        Median sky, in electrons.
    borders
        Widths of overscan and prescan.
    recipe
        Name of the recipe.
    seed
        Seed; None if the frame was drawn from a generator.
    """

    pixels: NDArray[np.float32]
    truth: dict[str, NDArray[np.bool_]]
    camera: Camera
    kind: Kind
    psf_fwhm: float
    sky: float
    borders: Borders
    recipe: str
    seed: int | None

    def header(self) -> dict[str, tuple[str | int | float, str]]:
        """Return the header cards that describe the frame.

        Returns
        -------
        dict
            Value and comment by keyword.
        """
        camera = self.camera
        height, width = self.pixels.shape
        (bottom, top), (left, right) = self.borders.widths
        cards: dict[str, tuple[str | int | float, str]] = {
            "OBJECT": ("simulated field", "no real sky"),
            "BUNIT": ("adu" if self.kind == "raw" else "", "unit of the pixels"),
            "EXPTIME": (round(camera.exposure, 3), "[s] exposure"),
            "GAIN": (round(camera.gain, 4), "[e-/adu] gain"),
            "RDNOISE": (round(camera.read_noise, 3), "[e-] read noise"),
            "SATURATE": (round(camera.saturation, 1), "[adu] value of a full pixel"),
            "PSFFWHM": (round(self.psf_fwhm, 3), "[pix] FWHM of the PSF"),
            "SKYLEVEL": (round(self.sky / camera.gain, 2), "[adu] sky above the bias, median"),
            "SKYELEC": (round(self.sky, 2), "[electron] sky, median"),
            "DATASEC": (f"[{left + 1}:{width - right},{bottom + 1}:{height - top}]", "pixels that saw light"),
            "SIMKIND": (self.kind, "raw, subtracted (sky) or resampled"),
            "SIMRECIP": (self.recipe, "recipe of the simulation"),
        }
        for keyword, (name, comment) in _CAMERA_CARDS.items():
            value = asdict(camera)[name]
            cards[keyword] = (round(value, 4) if isinstance(value, float) else value, comment)
        if self.seed is not None:
            cards["SIMSEED"] = (self.seed, "seed of the simulation")
        cards["SIMCLASS"] = (",".join(self.truth), "classes with known truth")
        return cards


_CAMERA_CARDS = {
    "DETECTOR": ("detector", "ccd, or near-infrared array"),
    "BIASLEV": ("bias", "[adu] bias"),
    "FULLWELL": ("full_well", "[electron] full well"),
    "PIXSIZE": ("pixel_size", "[um] side of a pixel"),
    "PIXSCALE": ("pixel_scale", "[arcsec] side of a pixel"),
    "DETTHICK": ("thickness", "[um] thickness of the sensitive layer"),
    "APERTURE": ("aperture", "[m] diameter of the telescope"),
    "NVANES": ("vanes", "vanes of the spider"),
    "BLEEDAX": ("bleed_axis", "spills along columns (0) or rows (1)"),
}


def simulate_frame(
    shape: tuple[int, int] = (1024, 1024),
    *,
    seed: int | Generator,
    recipe: Recipe | None = None,
    contaminants: Collection[str] | None = None,
    kind: Kind | None = None,
    bank: PsfBank | None = None,
) -> SimulatedFrame:
    """Simulate a frame of a field of stars and galaxies, with contaminants whose pixels are known.

    Each contaminant has its own random stream. If one is left out, the others stay the same. The overscan is
    an exception, because it changes the size of the active area.

    Parameters
    ----------
    shape
        ``(H, W)`` in pixels, overscan included, at least 64 each.
    seed
        A number, or a generator to draw from. The same number gives the same frame.
    recipe
        Ranges to draw from; by default cameras of all kinds.
    contaminants
        Abbreviations from :data:`CONTAMINANTS` to add, in any order; by default drawn with the recipe's
        probabilities. Without ``"SAT"`` pixels have no full well and the converter has no maximum, as in a
        stack of short exposures.
    kind
        Processing of the frame; by default drawn with the recipe's probabilities.
    bank
        PSFs to choose from, for a long series of frames; by default a new PSF is drawn.

    Returns
    -------
    SimulatedFrame
        Pixels, truth masks and header cards.

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
    if min(shape) < MIN_SIDE:
        raise FrameError(
            f"a simulated frame of {shape[0]} × {shape[1]} px is too small: give {MIN_SIDE} px or more a side"
        )
    recipe = recipe or Recipe()
    streams = dict(zip(STREAMS, np.random.default_rng(seed).spawn(len(STREAMS)), strict=True))
    wanted = choose_contaminants(recipe, contaminants, streams["present"])
    kind = kind or recipe.processing.draw_kind(streams["present"])
    borders = Borders()
    if "OV" in wanted and kind != "resampled":
        borders = recipe.overscan.draw(shape, streams["OV"])
    field = draw_field(borders.inside(shape), streams, recipe=recipe, bank=bank)
    exposure = expose(
        field,
        draw_layers(field.scene, streams, recipe, wanted),
        streams["exposure"],
        recipe=recipe,
        kind=kind,
        borders=borders,
        saturates="SAT" in wanted,
    )
    return SimulatedFrame(
        pixels=exposure.pixels,
        truth={name: exposure.truth[name] for name in (*CONTAMINANTS, "BBG") if name in exposure.truth},
        camera=field.scene.camera,
        kind=kind,
        psf_fwhm=field.scene.psf.fwhm,
        sky=float(np.median(field.scene.sky)),
        borders=borders,
        recipe=recipe.name,
        seed=None if isinstance(seed, np.random.Generator) else int(seed),
    )
