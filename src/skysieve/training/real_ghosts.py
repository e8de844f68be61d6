"""Real ghosts, as people outlined them, put into simulated focal planes without any."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.errors import ConfigError, SourceError
from skysieve.ghosts.annotation_files import read_annotations
from skysieve.ghosts.decide import LEAST_AREA
from skysieve.ghosts.pictures import read_picture
from skysieve.ghosts.trial import judged_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["RealGhosts", "RealPicture"]

FEATHER = 6.0
"""Pixels over which a ghost's surroundings fade into those of the other picture."""

DARK = 33.0
"""Grey level of the mean of 5 x 5 pixels below which there is no light: gaps have 23, skies 40 and more."""

STRENGTH = (0.75, 1.35)
"""Factors of a ghost's light."""


@dataclass(frozen=True, eq=False)
class RealPicture:
    """A picture and the ghosts that most people saw in it.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint8.
    ghosts
        Class and mask ``(H, W)`` of each.
    """

    pixels: NDArray[np.uint8]
    ghosts: tuple[tuple[str, NDArray[np.bool_]], ...]


@dataclass(frozen=True, eq=False)
class RealGhosts:
    """Pictures whose ghosts are put into others.

    Attributes
    ----------
    pictures
        Each with one ghost or more.
    """

    pictures: tuple[RealPicture, ...]

    def __post_init__(self) -> None:
        """Refuse to be nothing."""
        if not self.pictures:
            raise ConfigError("none of the pictures has a ghost that most people outlined")

    @classmethod
    def read(
        cls, folder: Path, annotations: Sequence[Path], *, names: Sequence[str] | None = None
    ) -> RealGhosts:
        """Read pictures and what people outlined on them.

        Parameters
        ----------
        folder
            Of the pictures.
        annotations
            Files, one of each person: VIA or COCO.
        names
            Of the pictures that may be used; all that are in the folder and in every file, if None.

        Raises
        ------
        ConfigError
            If there is no ghost in them, or a name is of none.
        SourceError
            If a file cannot be read.
        """
        judged = {one.name: one for one in judged_pictures([read_annotations(path) for path in annotations])}
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder")
        unknown = [name for name in names or () if name not in judged or not (folder / name).is_file()]
        if unknown:
            raise ConfigError(f"{unknown[0]}: not in {folder}, or not in all files of annotations")
        wanted = [name for name in judged if (folder / name).is_file()] if names is None else list(names)
        return cls(
            tuple(
                RealPicture(read_picture(folder / name), judged[name].truth)
                for name in wanted
                if judged[name].truth
            )
        )

    @property
    def digest(self) -> str:
        """What tells these from others."""
        found = hashlib.sha256()
        for picture in self.pictures:
            found.update(picture.pixels.tobytes())
            for name, mask in picture.ghosts:
                found.update(name.encode())
                found.update(np.packbits(mask).tobytes())
        return found.hexdigest()

    def put_into(
        self, pixels: NDArray[np.uint8], live: NDArray[np.bool_], rng: Generator
    ) -> tuple[NDArray[np.uint8], list[tuple[str, NDArray[np.bool_]]]]:
        """Put the ghosts of one of the pictures into another.

        They are mirrored at random, which keeps the gaps between CCDs where they are, and made fainter or
        brighter; what surrounds them fades into the other picture.

        Parameters
        ----------
        pixels
            The other picture ``(H, W)`` uint8, without ghosts.
        live
            Its pixels ``(H, W)`` that see light.
        rng
            Source of randomness.

        Returns
        -------
        pixels
            ``(H, W)`` uint8.
        ghosts
            Class and mask ``(H, W)`` of each.

        Raises
        ------
        ConfigError
            If the pictures are of different sizes.
        """
        real = self.pictures[int(rng.integers(len(self.pictures)))]
        if real.pixels.shape != pixels.shape:
            sizes = (f"{width} x {height}" for height, width in (real.pixels.shape, pixels.shape))
            raise ConfigError("a picture of {} px among those with real ghosts: expected {}".format(*sizes))
        steps = tuple(-1 if rng.uniform() < 0.5 else 1 for _ in range(2))
        source = real.pixels[:: steps[0], :: steps[1]].astype(np.float32)
        ghosts = [(name, mask[:: steps[0], :: steps[1]].copy()) for name, mask in real.ghosts]
        lit = (ndimage.uniform_filter(source, 5) > DARK) & live
        outside = ndimage.distance_transform_edt(~np.logical_or.reduce([mask for _, mask in ghosts]))
        weight = np.clip(1 - outside / FEATHER, 0, 1).astype(np.float32) * lit
        sky, level = (
            float(np.median(picture[lit & (outside > 0)])) if (lit & (outside > 0)).any() else 0.0
            for picture in (source, pixels)
        )
        strength = float(np.exp(rng.uniform(*np.log(STRENGTH))))
        moved = level + strength * (source - sky)
        mixed = pixels + weight * (moved - pixels)
        kept = [(name, mask) for name, mask in ghosts if np.count_nonzero(mask & live) >= LEAST_AREA]
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), kept
