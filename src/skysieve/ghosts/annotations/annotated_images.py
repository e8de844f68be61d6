"""Annotations in memory: outlined ghosts, the images that they belong to, and the content of a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.outlines import Outline, Shape

__all__ = [
    "MAX_CORNERS",
    "AnnotatedImage",
    "Annotations",
    "OutlinedGhost",
    "Skipped",
]

MAX_CORNERS = 100_000
"""Maximum number of corners of an outline.  More corners mean that the file is damaged."""


@dataclass(frozen=True)
class OutlinedGhost:
    """One annotated ghost, drawn by a person or predicted by a model.

    Attributes
    ----------
    class_name
        Name of a class in :data:`skysieve.ghosts.classes.CLASSES`.
    outline
        Its shape.
    score
        Confidence of the model, 0 to 1; None if a person drew it.
    is_crowd
        COCO's ``iscrowd`` flag: one outline holds many objects.
    """

    class_name: str
    outline: Outline
    score: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and the ghosts that are outlined on it.

    Attributes
    ----------
    name
        File name without folders.  It identifies the image.
    shape
        Height and width in pixels.
    ghosts
        Ghosts in the order in which they were drawn.
    file_size
        File size in bytes as stored in annotation files; -1 if unknown.
    """

    name: str
    shape: Shape
    ghosts: tuple[OutlinedGhost, ...]
    file_size: int = -1

    def mask(self, class_name: str | None = None) -> NDArray[np.bool_]:
        """Return the union of the ghosts' pixels.

        Parameters
        ----------
        class_name
            Use ghosts of this class only; None for all classes.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True inside at least one ghost.
        """
        mask = np.zeros(self.shape, bool)
        for ghost in self.ghosts:
            if class_name in (None, ghost.class_name):
                mask |= ghost.outline.mask(self.shape)
        return mask


@dataclass(frozen=True)
class Skipped:
    """Number of regions that were skipped in a file, by reason.

    Attributes
    ----------
    empty
        Regions without a shape, or with a shape without area.
    untyped
        Regions without a class.
    points
        Single points.
    unknown
        Name of the shape of each region whose shape is unknown.
    """

    empty: int = 0
    untyped: int = 0
    points: int = 0
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Skipped) -> Skipped:
        return Skipped(
            self.empty + other.empty,
            self.untyped + other.untyped,
            self.points + other.points,
            self.unknown + other.unknown,
        )

    @property
    def total(self) -> int:
        """Number of all skipped regions."""
        return self.empty + self.untyped + self.points + len(self.unknown)

    def __str__(self) -> str:
        reasons = [(self.empty, "empty"), (self.untyped, "without a class"), (self.points, "single points")]
        names = ", ".join(repr(name) for name in dict.fromkeys(self.unknown))
        reasons.append((len(self.unknown), f"of unknown shape {names}"))
        return ", ".join(f"{times} {reason}" for times, reason in reasons if times)


@dataclass(frozen=True)
class Annotations:
    """Content of one annotation file.

    Attributes
    ----------
    source
        The file, as the user named it.
    form
        File format: via, via-list, via-dict or coco.
    images
        Images in the order of the file; names are unique.
    skipped
        Regions that were skipped.

    Raises
    ------
    SourceError
        If two images have the same name.
    """

    source: str
    form: str
    images: tuple[AnnotatedImage, ...]
    skipped: Skipped = Skipped()

    def __post_init__(self) -> None:
        twice = [name for name, times in Counter(image.name for image in self.images).items() if times > 1]
        if twice:
            raise SourceError(f"{self.source}: image {twice[0]!r} is in it twice; leave one")
