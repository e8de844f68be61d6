"""Products of the published commands for the frames: masks and tracking probabilities."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from process import run_measured
from published_tools import CACHE, STEPS, install_published_tools

from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PublishedProducts", "accepted", "make_products"]

TILE = 400
"""Side of a tile in pixels; the published commands skip frames that are not larger."""

DONE = "done.json"


@dataclass(frozen=True)
class PublishedProducts:
    """A folder with copies of frames and the products of the published commands.

    Attributes
    ----------
    folder
        The folder.
    frames
        The copies.
    """

    folder: Path
    frames: tuple[Path, ...]

    def decisions(self, frame: Path, hdu: int) -> NDArray[np.bool_]:
        """Return the published decisions on one HDU, ``(classes, H, W)`` bool."""
        product = self.folder / f"{_stem(frame)}.mask.fits"
        with fits.open(product) as hdus:
            return np.asarray(hdus[hdu].data) > 0

    def images(self, frame: Path) -> int:
        """Return the number of HDUs that the published commands process: all images that are large enough."""
        with fits.open(frame) as hdus:
            return sum(h.is_image and len(h.shape) == 2 and min(h.shape) > TILE for h in hdus)

    def tracking(self) -> dict[str, float]:
        """Return the published tracking probabilities by the names of the copies."""
        lines = (self.folder / "maxitrack.out").read_text().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {Path(name).name: float(value) for name, value in pairs}


def accepted(path: Path) -> bool:
    """Whether the published commands accept a frame: they need more than 400 pixels on each side."""
    with FrameFile(parse_location(str(path))) as file:
        return any(min(plane.shape) > TILE for plane in file.planes)


def make_products(frames: Sequence[Path]) -> PublishedProducts:
    """Run both published commands on copies of frames, once for each set of frames.

    Raises
    ------
    RuntimeError
        If a command fails.
    """
    tools = install_published_tools()
    content = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in frames}
    key = hashlib.sha256(json.dumps([STEPS, content]).encode()).hexdigest()[:12]
    folder = CACHE / f"products-{key}"
    copies = tuple(folder / _name(path) for path in frames)
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for source, copy in zip(frames, copies, strict=True):
            shutil.copyfile(source, copy)
        for command in (tools.maximask, tools.maxitrack):
            # run inside the folder, as the published tools do not accept all folder names
            run_measured([command, "."], folder=folder)
        (folder / DONE).write_text(json.dumps(content))
    return PublishedProducts(folder, copies)


def _name(path: Path) -> str:
    """Return a name that the published commands accept: with ``.fits`` in it."""
    return path.name if ".fits" in path.name else f"{path.stem}.fits"


def _stem(frame: Path) -> str:
    return frame.name.partition(".fits")[0]
