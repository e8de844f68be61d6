"""The job that simulates focal planes: one unit is the file of one picture with its truth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import OutputError, SkysieveError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_integrity import is_intact, open_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.locations import Location
from skysieve.core.simulate.series import frame_number, frame_path, frame_seed
from skysieve.ghosts.annotations.run_lengths import (
    compress_counts,
    decode_run_lengths,
    encode_run_lengths,
    expand_counts,
)
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate import Layout, simulate_focal_plane

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.ghosts.simulate import GhostPicture, GhostRecipe
    from skysieve.ghosts.simulate.settings import GhostSeries

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
class SimulatedGhosts:
    """Record of one simulated picture.

    Attributes
    ----------
    path
        File of the picture.
    header
        Cards of its primary header.
    ghosts
        Its visible ghosts.
    kept
        Whether the file existed before and was kept.
    seconds
        Run time.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    ghosts: tuple[TrueGhost, ...]
    kept: bool
    seconds: float


@dataclass
class GhostSimulationJob:
    """Simulate pictures of DECam's focal plane, with and without ghosts.

    A file contains three HDUs: the picture, with its first row at the top; TRUTH, in which each class is a
    bit; and the table GHOSTS with the pixels of each ghost.  Existing pictures that are intact are kept.

    Attributes
    ----------
    recipe
        Distributions of the simulation.
    folder
        Output folder.
    settings
        Number and seed of the pictures.
    overwrite
        Whether to simulate existing pictures again.
    """

    recipe: GhostRecipe
    folder: Path
    settings: GhostSeries
    overwrite: bool = False
    _stopped: bool = field(default=False, init=False, repr=False)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(decam().ccd_map.astype(np.uint8))

    def units(self) -> list[Location]:
        """List the files of the pictures.

        Returns
        -------
        list of Location
            One for each picture.
        """
        return [Location(frame_path(self.folder, number)) for number in range(self.settings.count)]

    def check(self) -> None:
        """Do nothing: a recipe was validated when it was read."""

    def prepare(self, *, workers: int = 1) -> None:
        """Do nothing: the first picture reads the table of reflections."""

    def stop(self) -> None:
        """Finish without writing the pictures in progress."""
        self._stopped = True

    def run(self, unit: Location) -> SimulatedGhosts:
        """Simulate one picture, unless it exists.

        Parameters
        ----------
        unit
            File of the picture, from :meth:`units`.

        Returns
        -------
        SimulatedGhosts
            Its record.

        Raises
        ------
        SkysieveError
            If the picture cannot be simulated or written, or the file contains another picture.
        """
        start = time.perf_counter()
        path, seed = unit.path, frame_seed(self.settings.seed, frame_number(unit.path))
        kept = not self.overwrite and is_intact(path)
        if kept:
            header, ghosts = self._read(path, seed)
        else:
            picture = simulate_focal_plane(self._layout, seed, self.recipe)
            hdus = self._hdus(picture, seed)
            if self._stopped:
                raise SkysieveError(f"{path}: stopped before it was written")
            write_fits(hdus, path, overwrite=True)
            header = _cards(hdus[0].header)
            ghosts = tuple(TrueGhost(ghost.class_name, ghost.mask) for ghost in picture.instances)
        return SimulatedGhosts(path, header, ghosts, kept, time.perf_counter() - start)

    def _hdus(
        self, picture: GhostPicture, seed: int
    ) -> list[fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU]:
        cards: list[HeaderCard] = [
            ("GHOSTS", len(picture.instances), "ghosts that can be seen"),
            ("HIDDEN", picture.parameters["hidden"], "ghosts that cannot be seen"),
            ("KIND", picture.parameters["kind"], "rays, reflections, both or none"),
            ("STARS", picture.parameters["stars"], "bright stars that are reflected"),
            ("SKY", picture.parameters["sky"], "level of the sky"),
            ("NOISE", picture.parameters["noise"], "scatter of the sky"),
            ("MESH", picture.parameters["mesh"], "[pix] cells of the background"),
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

    def _read(self, path: Path, seed: int) -> tuple[dict[str, HeaderValue], tuple[TrueGhost, ...]]:
        """Return header and ghosts of an existing file; raise OutputError if it is another picture."""
        with open_intact(path) as hdus:
            header = _cards(hdus[0].header)
            for keyword, value in {"SIMSEED": seed, "SIMRECIP": self.recipe.name}.items():
                if header.get(keyword) != value or "GHOSTS" not in hdus:
                    raise OutputError(
                        f"{path} is another picture: {keyword} is {header.get(keyword)}, not {value}; "
                        "use --overwrite or another --output"
                    )
            shape = hdus[0].shape
            ghosts = tuple(
                TrueGhost(str(row["class"]), decode_run_lengths(expand_counts(str(row["pixels"])), shape))
                for row in hdus["GHOSTS"].data
            )
        return header, ghosts


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


def _cards(header: fits.Header) -> dict[str, HeaderValue]:
    return {card.keyword: card.value for card in header.cards if card.keyword}
