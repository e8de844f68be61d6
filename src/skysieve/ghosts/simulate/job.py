"""The job that simulates focal planes: one unit is the file of one picture with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.execution.simulation_job import SeriesJob, SimulatedFile
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.ghosts.annotations.run_lengths import (
    compress_counts,
    decode_run_lengths,
    encode_run_lengths,
    expand_counts,
)
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.simulate import GhostRecipe, simulate_focal_plane
from skysieve.ghosts.simulate.other_cameras import read_layout
from skysieve.ghosts.simulate.settings import GhostSeries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.core.fits.fits_out import HDU
    from skysieve.ghosts.simulate import GhostPicture, Layout

__all__ = ["TRUTH_BITS", "GhostSimulationJob", "SimulatedGhosts", "TrueGhost"]

TRUTH_BITS = {name: 1 << bit for bit, name in enumerate(CLASS_NAMES)}
"""Bit value of each class in the HDU TRUTH."""


@dataclass(frozen=True, eq=False)
class TrueGhost:
    """A ghost of a simulated picture.

    Attributes
    ----------
    class_name
        Rays, Bright or Faint.
    mask
        Its filled outline, ``(H, W)`` bool.
    """

    class_name: str
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class SimulatedGhosts(SimulatedFile):
    """Result for one picture.

    Attributes
    ----------
    ghosts
        Its visible ghosts.
    """

    ghosts: tuple[TrueGhost, ...] = ()


@dataclass
class GhostSimulationJob(SeriesJob[GhostRecipe, GhostSeries, SimulatedGhosts]):
    """Simulate pictures of the focal plane of DECam or another camera, with and without ghosts.

    A file contains three HDUs: the picture, with its first row at the top; TRUTH, in which each class is a
    bit; and the table GHOSTS with the pixels of each ghost.
    """

    other = "another picture"
    only_here = "GHOSTS"

    def check(self) -> None:
        """Read the camera and its ghosts; errors as :func:`read_layout`."""
        super().check()
        _ = self._camera

    @cached_property
    def _camera(self) -> tuple[str, Layout]:
        """Name and layout of the camera."""
        return read_layout(self.recipe.camera, self.recipe.optics)

    def _identity(self, path: Path) -> dict[str, object]:
        identity = super()._identity(path)
        return identity | {"CAMERA": self._camera[0]} if self.recipe.camera else identity

    def _simulate(self, path: Path) -> list[HDU]:
        seed = self.seed_of(path)
        return self._hdus(simulate_focal_plane(self._camera[1], seed, self.recipe), seed)

    def _record(self, path: Path, header: Mapping[str, HeaderValue]) -> SimulatedGhosts:
        with open_intact(path, sums=False) as hdus:
            shape = hdus[0].shape
            ghosts = tuple(
                TrueGhost(str(row["class"]), decode_run_lengths(expand_counts(str(row["pixels"])), shape))
                for row in hdus["GHOSTS"].data
            )
        return SimulatedGhosts(path, header, ghosts=ghosts)

    def _hdus(self, picture: GhostPicture, seed: int) -> list[HDU]:
        cards: list[HeaderCard] = [
            ("GHOSTS", len(picture.instances), "ghosts that can be seen"),
            ("HIDDEN", picture.parameters["hidden"], "ghosts that cannot be seen"),
            ("KIND", picture.parameters["kind"], "rays, reflections, both or none"),
            ("STARS", picture.parameters["stars"], "bright stars that are reflected"),
            ("SKY", picture.parameters["sky"], "level of the sky"),
            ("NOISE", picture.parameters["noise"], "scatter of the sky"),
            ("MESH", picture.parameters["mesh"], "[pix] cells of the background"),
            ("SCENES", picture.parameters["scenes"], "rare scenes"),
            ("CAMERA", self._camera[0], "camera of this focal plane"),
            ("SIMRECIP", self.recipe.name, "recipe of the simulation"),
            ("SIMSEED", seed, "seed of the simulation"),
            ("CREATOR", f"skysieve {__version__}", "software that made this file"),
        ]
        primary = fits.PrimaryHDU(picture.pixels)
        set_cards(primary.header, cards)
        bits = np.zeros(picture.pixels.shape, np.uint8)
        for ghost in picture.instances:
            bits[ghost.mask] |= TRUTH_BITS[ghost.class_name]
        truth = fits.ImageHDU(bits, name="TRUTH")
        class_cards: list[HeaderCard] = [
            (f"BIT{bit}", name, "class of this bit") for bit, name in enumerate(CLASS_NAMES)
        ]
        set_cards(truth.header, class_cards)
        return [primary, truth, _table(picture)]


def _table(picture: GhostPicture) -> fits.BinTableHDU:
    """Return the table of the ghosts; their pixels are COCO's compressed run lengths."""
    from astropy.table import Table

    pixels = [compress_counts(encode_run_lengths(ghost.mask)) for ghost in picture.instances]
    table = Table(
        {
            "class": np.array([ghost.class_name for ghost in picture.instances], "U6"),
            "contrast": np.array([ghost.contrast for ghost in picture.instances], float),
            "signal": np.array([ghost.signal for ghost in picture.instances], float),
            "path": np.array([ghost.path for ghost in picture.instances], str),
            "pixels": np.array(pixels, str),
        }
    )
    hdu = fits.table_to_hdu(table)
    hdu.name = "GHOSTS"
    return hdu
