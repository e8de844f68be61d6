"""Real ghosts, as people outlined them, put into simulated focal planes without any."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.evaluate.pictures import judged_pictures
from skysieve.ghosts.focal_plane.pictures import read_picture
from skysieve.ghosts.predict.decide import MIN_AREA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["RealGhosts", "RealPicture"]

FEATHER = 6.0
"""Pixels over which a ghost's surroundings fade into those of the other picture."""

DARK = 33.0
"""Grey level of a mean of pixels below which there is no light: gaps have 23, skies 40 and more."""

TURNED = 0.6
"""Part of the pictures whose ghosts are turned, by any angle."""

LINE = 9
"""Pixels along a gap whose mean tells that it is one."""

FILL = 2.5
"""Pixels from which the gaps of a picture that is turned are filled: the sigma of their weights."""

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

        They are mirrored at random, which keeps the gaps between CCDs where they are, often turned about the
        middle of the picture, with the gaps filled from beside them, and made fainter or brighter; what
        surrounds them fades into the other picture.

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
        lit = ndimage.uniform_filter(source, 5) > DARK
        if rng.uniform() < TURNED:
            source, lit, ghosts = _turned(source, lit, ghosts, rng.uniform(0, 360))
        lit &= live
        kept = [(name, mask) for name, mask in ghosts if np.count_nonzero(mask & lit) >= MIN_AREA]
        if not kept:
            return pixels, []
        outside = ndimage.distance_transform_edt(~np.logical_or.reduce([mask for _, mask in kept]))
        weight = np.clip(1 - outside / FEATHER, 0, 1).astype(np.float32) * lit
        sky, level = (
            float(np.median(picture[lit & (outside > 0)])) if (lit & (outside > 0)).any() else 0.0
            for picture in (source, pixels)
        )
        strength = float(np.exp(rng.uniform(*np.log(STRENGTH))))
        moved = level + strength * (source - sky)
        mixed = pixels + weight * (moved - pixels)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), kept


def _turned(
    source: NDArray[np.float32],
    lit: NDArray[np.bool_],
    ghosts: list[tuple[str, NDArray[np.bool_]]],
    degrees: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[tuple[str, NDArray[np.bool_]]]]:
    """Return a picture, where it has light, and its ghosts, turned about its middle, its gaps filled."""
    # gaps are long and dark; what of the sky is taken for one is filled with its like
    lines = [ndimage.uniform_filter(source, (1, LINE)), ndimage.uniform_filter(source, (LINE, 1))]
    bright = (np.minimum(*lines) > DARK) & lit
    seen = ndimage.gaussian_filter(bright.astype(np.float32), FILL)
    beside = ndimage.gaussian_filter(source * bright, FILL) / np.maximum(seen, 1e-6)
    plane = ndimage.binary_closing(np.pad(lit, LINE), np.ones((LINE, LINE), bool))[LINE:-LINE, LINE:-LINE]
    filled = np.where(bright | ~plane, source, beside).astype(np.float32)

    def turn(image: NDArray[np.float32], order: int) -> NDArray[np.float32]:
        turned: NDArray[np.float32] = ndimage.rotate(image, degrees, reshape=False, order=order, cval=0.0)
        return turned

    masks = [(name, turn(mask.astype(np.float32), 1) > 0.5) for name, mask in ghosts]
    return turn(filled, 1), turn(plane.astype(np.float32), 0) > 0.5, masks
