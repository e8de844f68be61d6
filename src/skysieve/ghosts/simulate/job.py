"""Simulated focal planes as a job: one unit is the file of one picture, with the truth about it."""

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

__all__ = ["TRUTH_BITS", "GhostSimulationJob", "SimulatedGhosts", "TrueGhost"]

TRUTH_BITS = {name: 1 << place for place, name in enumerate(CLASS_NAMES)}
"""Bits of the classes in the HDU TRUTH."""


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
    """What became of one picture.

    Attributes
    ----------
    path
        The file.
    header
        Cards of its header.
    ghosts
        Those that can be seen.
    kept
        Whether it was there already.
    seconds
        Time it took.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    ghosts: tuple[TrueGhost, ...]
    kept: bool
    seconds: float


@dataclass
class GhostSimulationJob:
    """Simulates pictures of DECam's focal plane, with ghosts or without.

    A file has the picture, first row at the top; the HDU TRUTH, in which each class is a bit; and the table
    GHOSTS with all pixels of each ghost.  A picture that is there and intact is kept.

    Attributes
    ----------
    recipe
        What pictures are drawn from.
    folder
        Where they go.
    seed
        Of the series: see :func:`skysieve.core.simulate.series.frame_seed`.
    overwrite
        Whether to make pictures anew that are there.
    """

    recipe: GhostRecipe
    folder: Path
    seed: int = 0
    overwrite: bool = False
    _stopped: bool = field(default=False, init=False, repr=False)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(decam().ccd_map.astype(np.uint8))

    def units(self, count: int) -> list[Location]:
        """List the files of so many pictures."""
        return [Location(frame_path(self.folder, number)) for number in range(count)]

    def check(self) -> None:
        """Do nothing: a recipe that could be read can be drawn from."""

    def prepare(self, *, workers: int = 1) -> None:
        """Do nothing: the tables of reflections are read with the first picture."""

    def stop(self) -> None:
        """Let the pictures at work end without being written."""
        self._stopped = True

    def run(self, unit: Location) -> SimulatedGhosts:
        """Make one picture, unless it is there.

        Raises
        ------
        SkysieveError
            If it cannot be made or written, or another picture is there.
        """
        start = time.perf_counter()
        path, seed = unit.path, frame_seed(self.seed, frame_number(unit.path))
        kept = not self.overwrite and is_intact(path)
        if kept:
            header, ghosts = self._read(path, seed)
        else:
            drawn = simulate_focal_plane(self._layout, seed, self.recipe)
            hdus = self._hdus(drawn, seed)
            if self._stopped:
                raise SkysieveError(f"{path}: stopped before it was written")
            write_fits(hdus, path, overwrite=True)
            header = _cards(hdus[0].header)
            ghosts = tuple(TrueGhost(one.class_name, one.mask) for one in drawn.instances)
        return SimulatedGhosts(path, header, ghosts, kept, time.perf_counter() - start)

    def _hdus(
        self, drawn: GhostPicture, seed: int
    ) -> list[fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU]:
        cards: list[HeaderCard] = [
            ("GHOSTS", len(drawn.instances), "ghosts that can be seen"),
            ("HIDDEN", drawn.parameters["hidden"], "ghosts that cannot be seen"),
            ("KIND", drawn.parameters["kind"], "rays, reflections, both or none"),
            ("STARS", drawn.parameters["stars"], "bright stars that are reflected"),
            ("SKY", drawn.parameters["sky"], "level of the sky"),
            ("NOISE", drawn.parameters["noise"], "scatter of the sky"),
            ("MESH", drawn.parameters["mesh"], "[pix] cells of the background"),
            ("SIMRECIP", self.recipe.name, "recipe of the simulation"),
            ("SIMSEED", seed, "seed of the simulation"),
            ("CREATOR", f"skysieve {__version__}", "software that made this file"),
        ]
        picture = fits.PrimaryHDU(drawn.pixels)
        set_cards(picture.header, cards)
        bits = np.zeros(drawn.pixels.shape, np.uint8)
        for one in drawn.instances:
            bits[one.mask] |= TRUTH_BITS[one.class_name]
        truth = fits.ImageHDU(bits, name="TRUTH")
        named: list[HeaderCard] = [
            (f"BIT{place}", name, "class of this bit") for place, name in enumerate(CLASS_NAMES)
        ]
        set_cards(truth.header, named)
        return [picture, truth, _table(drawn)]

    def _read(self, path: Path, seed: int) -> tuple[dict[str, HeaderValue], tuple[TrueGhost, ...]]:
        """Return the cards and ghosts of a picture that is there; raise OutputError if it is another one."""
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


def _table(drawn: GhostPicture) -> fits.BinTableHDU:
    """Return the table of the ghosts: their pixels are run lengths as compressed in COCO."""
    from astropy.table import Table

    pixels = [compress_counts(encode_run_lengths(one.mask)) for one in drawn.instances]
    table = Table(
        {
            "class": np.array([one.class_name for one in drawn.instances], "U6"),
            "contrast": np.array([one.contrast for one in drawn.instances], float),
            "signal": np.array([one.signal for one in drawn.instances], float),
            "path": np.array([one.path for one in drawn.instances], str),
            "pixels": np.array(pixels, str),
        }
    )
    hdu = fits.table_to_hdu(table)
    hdu.name = "GHOSTS"
    return hdu


def _cards(header: fits.Header) -> dict[str, HeaderValue]:
    return {card.keyword: card.value for card in header.cards if card.keyword}
