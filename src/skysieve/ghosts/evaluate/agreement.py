"""Agreement of annotators on the same pictures: votes, overlaps, and Fleiss' kappa.

Pictures are matched by file name, not by their position in a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.bootstrap import draw_weights
from skysieve.ghosts.classes import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.annotated_images import AnnotatedImage, Annotations

__all__ = [
    "ANY",
    "PUBLISHED_FULL_AGREEMENT",
    "Agreement",
    "Overlap",
    "align",
    "fleiss_kappa",
    "majority",
    "measure_agreement",
    "votes",
]

ANY = "any"
"""Name in place of a class: any class."""

PUBLISHED_FULL_AGREEMENT = 0.442
"""Fraction of the voted pixels of any class that all eight people outlined, on 50 pictures.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing (arXiv 2109.08246).
"""

_INTERVAL = (0.025, 0.975)
_MAX_ANNOTATORS = int(np.iinfo(np.uint8).max)


@dataclass(frozen=True)
class Overlap:
    """Intersection over union of each pair of annotators, pooled over the pictures.

    Attributes
    ----------
    mean, lowest, highest
        Over the pairs; NaN if no two annotators outlined anything.
    """

    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of several annotators.

    Attributes
    ----------
    annotators
        Their files.
    images
        Names of the pictures in all files.
    left_out
        Names of the pictures in only some files.
    by_image
        For each class and :data:`ANY`, the number of pixels of each picture with 0, 1, … n votes,
        ``(F, n + 1)`` int64.
    overlaps
        For each class and :data:`ANY`.
    """

    annotators: tuple[str, ...]
    images: tuple[str, ...]
    left_out: tuple[str, ...]
    by_image: Mapping[str, NDArray[np.int64]]
    overlaps: Mapping[str, Overlap]

    def histogram(self, class_name: str) -> NDArray[np.int64]:
        """Count the pixels of all pictures by their number of votes.

        Parameters
        ----------
        class_name
            A class or :data:`ANY`.

        Returns
        -------
        ndarray of int64, shape (n + 1,)
            Pixels with 0, 1, … n votes.
        """
        summed: NDArray[np.int64] = self.by_image[class_name].sum(axis=0)
        return summed

    def fractions(self, class_name: str) -> NDArray[np.float64]:
        """Return the fractions of the voted pixels by their number of votes.

        Parameters
        ----------
        class_name
            A class or :data:`ANY`.

        Returns
        -------
        ndarray of float64, shape (n,)
            Fractions with 1, 2, … n votes; NaN if no pixel has a vote.
        """
        voted = self.histogram(class_name)[1:]
        total = voted.sum()
        return voted / total if total else np.full(voted.shape, np.nan)

    def kappa(self, class_name: str) -> float:
        """Return Fleiss' kappa over all pixels; see :func:`fleiss_kappa`.

        Parameters
        ----------
        class_name
            A class or :data:`ANY`.

        Returns
        -------
        float
            Kappa.
        """
        return fleiss_kappa(self.histogram(class_name))

    def full_agreement_interval(self, class_name: str = ANY) -> tuple[float, float]:
        """Return the 95 % interval of the fraction of voted pixels with all votes.

        It covers the variation between pictures of the same kind: a Bayesian bootstrap over the pictures,
        with a fixed seed.

        Parameters
        ----------
        class_name
            A class or :data:`ANY`.

        Returns
        -------
        low, high : float
            NaN if there are fewer than two pictures, or none of them has a vote.
        """
        voted = self.by_image[class_name][:, 1:].astype(np.float64)
        weights = draw_weights(len(voted), np.random.default_rng(0))
        pixels = weights @ voted.sum(axis=1)
        if not np.all(pixels > 0):
            return float("nan"), float("nan")
        low, high = np.quantile(weights @ voted[:, -1] / pixels, _INTERVAL)
        return float(low), float(high)


def align(files: Sequence[Annotations]) -> dict[str, tuple[AnnotatedImage, ...]]:
    """Match the pictures that are in all files, by name.

    Parameters
    ----------
    files
        One for each annotator.

    Returns
    -------
    dict
        For each name the picture of every annotator, in the order of the first file.

    Raises
    ------
    ConfigError
        If a picture has different sizes in two files.
    """
    by_name = [{image.name: image for image in file.images} for file in files]
    aligned = {}
    for name in by_name[0] if by_name else ():
        if all(name in images for images in by_name):
            pictures = tuple(images[name] for images in by_name)
            shapes = sorted({image.shape for image in pictures})
            if len(shapes) > 1:
                sizes = " and ".join(f"{height} × {width}" for height, width in shapes)
                raise ConfigError(f"image {name!r} is {sizes} pixels; give all files one size")
            aligned[name] = pictures
    return aligned


def votes(images: Sequence[AnnotatedImage], class_name: str = ANY) -> NDArray[np.uint8]:
    """Count the annotators who assigned each pixel of one picture to a class.

    Parameters
    ----------
    images
        The picture of each annotator.
    class_name
        A class or :data:`ANY`.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Number of annotators.
    """
    counted: NDArray[np.uint8] = _masks(images, class_name).sum(axis=0, dtype=np.uint8)
    return counted


def majority(votes: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Return the pixels that more than half of the annotators assigned to a class.

    Exactly half is no majority: of eight annotators, five are needed.

    Parameters
    ----------
    votes
        ``(H, W)`` uint8, from :func:`votes`.
    n
        Number of annotators.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Pixels with a majority.

    Examples
    --------
    >>> majority(np.array([[3, 4, 5]], np.uint8), 8)
    array([[False, False,  True]])
    """
    return votes > n // 2


def fleiss_kappa(histogram: NDArray[np.int64]) -> float:
    """Return Fleiss' kappa of one class against everything else.

    Parameters
    ----------
    histogram
        Number of pixels with 0, 1, … n votes, ``(n + 1,)`` int64.

    Returns
    -------
    float
        1 for full agreement, 0 for agreement by chance; NaN if all pixels belong to the class, or none.

    References
    ----------
    Fleiss 1971, Psychological Bulletin 76, 378; here with two categories.
    """
    n = histogram.size - 1
    pixels = int(histogram.sum())
    assigned = np.arange(n + 1, dtype=np.float64)
    others = n - assigned
    if not pixels or n < 2:
        return float("nan")
    part = float((histogram * assigned).sum()) / (pixels * n)
    expected = part**2 + (1 - part) ** 2
    pairs = (assigned**2 + others**2 - n) / (n * (n - 1))
    observed = float((histogram * pairs).sum()) / pixels
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def measure_agreement(files: Sequence[Annotations]) -> Agreement:
    """Compare annotators on the pictures that are in all of their files.

    Parameters
    ----------
    files
        One for each annotator, at least two.

    Returns
    -------
    Agreement
        Votes and overlaps of each class.

    Raises
    ------
    ConfigError
        If there are fewer than two files or more than 255, or no picture is in all of them.
    """
    if not 2 <= len(files) <= _MAX_ANNOTATORS:
        raise ConfigError(f"expected 2 to {_MAX_ANNOTATORS} annotation files, one a person; got {len(files)}")
    aligned = align(files)
    if not aligned:
        raise ConfigError(f"no image is in all of the {len(files)} annotation files, matched by name")
    n = len(files)
    names = (*CLASS_NAMES, ANY)
    by_image: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    shared = {name: np.zeros((n, n)) for name in names}
    for images in aligned.values():
        stacks = {name: _masks(images, name).reshape(n, -1) for name in CLASS_NAMES}
        stacks[ANY] = np.any(list(stacks.values()), axis=0)
        for name, masks in stacks.items():
            by_image[name].append(np.bincount(masks.sum(axis=0), minlength=n + 1))
            pixels = masks[:, masks.any(axis=0)].astype(np.float64)
            shared[name] += pixels @ pixels.T
    all_names = {image.name for file in files for image in file.images}
    return Agreement(
        tuple(file.source for file in files),
        tuple(aligned),
        tuple(sorted(all_names - set(aligned))),
        {name: np.array(counts) for name, counts in by_image.items()},
        {name: _overlap(counts) for name, counts in shared.items()},
    )


def _masks(images: Sequence[AnnotatedImage], class_name: str) -> NDArray[np.bool_]:
    """Return the masks of all annotators, ``(n, H, W)``."""
    return np.stack([image.mask(None if class_name == ANY else class_name) for image in images])


def _overlap(shared: NDArray[np.float64]) -> Overlap:
    """Return the overlaps from the matrix of shared pixels ``(n, n)``; its diagonal has their own."""
    own = np.diag(shared)
    first, second = np.triu_indices(len(own), 1)
    common = shared[first, second]
    union = own[first] + own[second] - common
    ratios = common[union > 0] / union[union > 0]
    if not ratios.size:
        return Overlap(float("nan"), float("nan"), float("nan"))
    return Overlap(float(ratios.mean()), float(ratios.min()), float(ratios.max()))
