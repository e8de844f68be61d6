"""Real ghosts from annotated pictures, pasted into simulated focal planes without ghosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.errors import ConfigError, SourceError
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.evaluate.pictures import annotated_pictures
from skysieve.ghosts.focal_plane.pictures import read_picture
from skysieve.ghosts.predict.decide import MIN_AREA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["RealGhosts", "RealPicture"]

FEATHER = 6.0
"""Width in pixels over which a ghost's surroundings fade into the other picture."""

DARK_LEVEL = 33.0
"""Mean grey level below which pixels are dark: gaps have 23, skies 40 and more."""

ROTATED_FRACTION = 0.6
"""Fraction of the pictures whose ghosts are rotated, by any angle."""

GAP_LENGTH = 9
"""Length in pixels of the mean along a gap that identifies it."""

FILL_SIGMA = 2.5
"""Sigma in pixels of the Gaussian weights that fill the gaps of a rotated picture."""

BRIGHTNESS = (0.75, 1.35)
"""Range of factors on a ghost's light."""


@dataclass(frozen=True, eq=False)
class RealPicture:
    """A picture and the ghosts that most annotators outlined.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint8.
    ghosts
        Class and mask ``(H, W)`` of each ghost.
    """

    pixels: NDArray[np.uint8]
    ghosts: tuple[tuple[str, NDArray[np.bool_]], ...]


@dataclass(frozen=True, eq=False)
class RealGhosts:
    """Pictures whose ghosts are pasted into others.

    Attributes
    ----------
    pictures
        Each with at least one ghost.

    Raises
    ------
    ConfigError
        If there are no pictures.
    """

    pictures: tuple[RealPicture, ...]

    def __post_init__(self) -> None:
        """Check that there is a picture."""
        if not self.pictures:
            raise ConfigError("none of the pictures has a ghost that most people outlined")

    @classmethod
    def read(
        cls, folder: Path, annotations: Sequence[Path], *, names: Sequence[str] | None = None
    ) -> RealGhosts:
        """Read pictures and their annotations.

        Parameters
        ----------
        folder
            Folder of the pictures.
        annotations
            VIA or COCO files, one for each annotator.
        names
            File names of the pictures to use; by default all in the folder and in every annotation file.

        Returns
        -------
        RealGhosts
            The pictures with ghosts.

        Raises
        ------
        ConfigError
            If no picture has a ghost, or a name is in no file.
        SourceError
            If a file cannot be read.
        """
        annotated = {
            one.name: one for one in annotated_pictures([read_annotations(path) for path in annotations])
        }
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder")
        unknown = [name for name in names or () if name not in annotated or not (folder / name).is_file()]
        if unknown:
            raise ConfigError(f"{unknown[0]}: not in {folder}, or not in all files of annotations")
        wanted = [name for name in annotated if (folder / name).is_file()] if names is None else list(names)
        return cls(
            tuple(
                RealPicture(read_picture(folder / name), annotated[name].truth)
                for name in wanted
                if annotated[name].truth
            )
        )

    @property
    def digest(self) -> str:
        """Checksum that identifies the pictures and ghosts."""
        found = hashlib.sha256()
        for picture in self.pictures:
            found.update(picture.pixels.tobytes())
            for name, mask in picture.ghosts:
                found.update(name.encode())
                found.update(np.packbits(mask).tobytes())
        return found.hexdigest()

    def paste_into(
        self, pixels: NDArray[np.uint8], live: NDArray[np.bool_], rng: Generator
    ) -> tuple[NDArray[np.uint8], list[tuple[str, NDArray[np.bool_]]]]:
        """Paste the ghosts of a random picture into another picture.

        The source picture is flipped at random, which keeps the positions of the gaps between CCDs.  It is
        often rotated about its centre, after its gaps were filled from their surroundings, and made fainter
        or brighter.  The surroundings of the ghosts fade into the other picture.

        Parameters
        ----------
        pixels
            The other picture ``(H, W)`` uint8, without ghosts.
        live
            Its light-sensitive pixels ``(H, W)``.
        rng
            Source of randomness.

        Returns
        -------
        pixels
            ``(H, W)`` uint8.
        ghosts
            Class and mask ``(H, W)`` of each ghost.

        Raises
        ------
        ConfigError
            If the pictures have different sizes.
        """
        real = self.pictures[int(rng.integers(len(self.pictures)))]
        if real.pixels.shape != pixels.shape:
            sizes = (f"{width} x {height}" for height, width in (real.pixels.shape, pixels.shape))
            raise ConfigError("a picture of {} px among those with real ghosts: expected {}".format(*sizes))
        steps = tuple(-1 if rng.uniform() < 0.5 else 1 for _ in range(2))
        source = real.pixels[:: steps[0], :: steps[1]].astype(np.float32)
        ghosts = [(name, mask[:: steps[0], :: steps[1]].copy()) for name, mask in real.ghosts]
        active = ndimage.uniform_filter(source, 5) > DARK_LEVEL
        if rng.uniform() < ROTATED_FRACTION:
            source, active, ghosts = _rotate(source, active, ghosts, rng.uniform(0, 360))
        active &= live
        kept = [(name, mask) for name, mask in ghosts if np.count_nonzero(mask & active) >= MIN_AREA]
        if not kept:
            return pixels, []
        outside = ndimage.distance_transform_edt(~np.logical_or.reduce([mask for _, mask in kept]))
        weight = np.clip(1 - outside / FEATHER, 0, 1).astype(np.float32) * active
        sky, level = (
            float(np.median(picture[active & (outside > 0)])) if (active & (outside > 0)).any() else 0.0
            for picture in (source, pixels)
        )
        brightness = float(np.exp(rng.uniform(*np.log(BRIGHTNESS))))
        pasted = level + brightness * (source - sky)
        mixed = pixels + weight * (pasted - pixels)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), kept


def _rotate(
    source: NDArray[np.float32],
    active: NDArray[np.bool_],
    ghosts: list[tuple[str, NDArray[np.bool_]]],
    degrees: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[tuple[str, NDArray[np.bool_]]]]:
    """Rotate a picture, its active area and its ghosts about the centre, after filling its gaps."""
    # gaps are long and dark; sky that is mistaken for a gap is filled with sky
    lines = [ndimage.uniform_filter(source, (1, GAP_LENGTH)), ndimage.uniform_filter(source, (GAP_LENGTH, 1))]
    bright = (np.minimum(*lines) > DARK_LEVEL) & active
    weight_sum = ndimage.gaussian_filter(bright.astype(np.float32), FILL_SIGMA)
    surroundings = ndimage.gaussian_filter(source * bright, FILL_SIGMA) / np.maximum(weight_sum, 1e-6)
    plane = ndimage.binary_closing(np.pad(active, GAP_LENGTH), np.ones((GAP_LENGTH, GAP_LENGTH), bool))[
        GAP_LENGTH:-GAP_LENGTH, GAP_LENGTH:-GAP_LENGTH
    ]
    filled = np.where(bright | ~plane, source, surroundings).astype(np.float32)

    def rotate(image: NDArray[np.float32], order: int) -> NDArray[np.float32]:
        rotated: NDArray[np.float32] = ndimage.rotate(image, degrees, reshape=False, order=order, cval=0.0)
        return rotated

    masks = [(name, rotate(mask.astype(np.float32), 1) > 0.5) for name, mask in ghosts]
    return rotate(filled, 1), rotate(plane.astype(np.float32), 0) > 0.5, masks
