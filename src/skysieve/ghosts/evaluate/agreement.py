"""How far several people agree on the same pictures: votes, overlaps, and Fleiss' kappa.

Pictures are matched by the names of their files, never by their place in a list.
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
"""In place of a class: whatever the class."""

PUBLISHED_FULL_AGREEMENT = 0.442
"""Part of the pixels that anybody gave to any class for which all eight people did, on 50 pictures.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing (arXiv 2109.08246).
"""

_INTERVAL = (0.025, 0.975)
_MOST = int(np.iinfo(np.uint8).max)


@dataclass(frozen=True)
class Overlap:
    """Intersection over union of every two annotators, each pooled over the pictures.

    Attributes
    ----------
    mean, lowest, highest
        Over the pairs; NaN where no two of them outlined anything.
    """

    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Agreement:
    """What several annotators have in common.

    Attributes
    ----------
    annotators
        Their files.
    images
        Names of the pictures that all of them looked at.
    left_out
        Names of those that only some did.
    by_image
        For each class and :data:`ANY`, how many pixels of each picture got 0, 1, … n votes,
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
        """Return how many pixels of all pictures got 0, 1, … n votes, ``(n + 1,)``."""
        summed: NDArray[np.int64] = self.by_image[class_name].sum(axis=0)
        return summed

    def fractions(self, class_name: str) -> NDArray[np.float64]:
        """Return the parts of the pixels with at least one vote that got 1, 2, … n votes, ``(n,)``.

        NaN where no pixel got any.
        """
        voted = self.histogram(class_name)[1:]
        total = voted.sum()
        return voted / total if total else np.full(voted.shape, np.nan)

    def kappa(self, class_name: str) -> float:
        """Return Fleiss' kappa over all pixels; see :func:`fleiss_kappa`."""
        return fleiss_kappa(self.histogram(class_name))

    def full_agreement_interval(self, class_name: str = ANY) -> tuple[float, float]:
        """Return the ends of the 95 % interval of the part of voted pixels with all votes.

        It is that of other pictures of the same kind: a Bayesian bootstrap over the pictures, as of all
        scores here; always the same for the same pictures.  NaN if there are fewer than two pictures, or
        none of them has a vote.
        """
        voted = self.by_image[class_name][:, 1:].astype(np.float64)
        weights = draw_weights(len(voted), np.random.default_rng(0))
        pixels = weights @ voted.sum(axis=1)
        if not np.all(pixels > 0):
            return float("nan"), float("nan")
        low, high = np.quantile(weights @ voted[:, -1] / pixels, _INTERVAL)
        return float(low), float(high)


def align(files: Sequence[Annotations]) -> dict[str, tuple[AnnotatedImage, ...]]:
    """Return the pictures that are in all the files, by name, each as every annotator saw it.

    Pictures come in the order of the first file.

    Raises
    ------
    ConfigError
        If a picture has not one size in all files.
    """
    by_name = [{image.name: image for image in file.images} for file in files]
    aligned = {}
    for name in by_name[0] if by_name else ():
        if all(name in images for images in by_name):
            seen = tuple(images[name] for images in by_name)
            shapes = sorted({image.shape for image in seen})
            if len(shapes) > 1:
                sizes = " and ".join(f"{height} × {width}" for height, width in shapes)
                raise ConfigError(f"image {name!r} is {sizes} pixels; give all files one size")
            aligned[name] = seen
    return aligned


def votes(images: Sequence[AnnotatedImage], class_name: str = ANY) -> NDArray[np.uint8]:
    """Return how many annotators gave each pixel of one picture to a class, ``(H, W)``.

    Parameters
    ----------
    images
        The picture as each annotator saw it.
    class_name
        The class; with :data:`ANY`, whichever it is.
    """
    counted: NDArray[np.uint8] = _stack(images, class_name).sum(axis=0, dtype=np.uint8)
    return counted


def majority(votes: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Return the pixels that more than half of the annotators gave to a class, ``(H, W)``.

    Exactly half is no majority: of eight annotators, five are needed.

    Parameters
    ----------
    votes : ndarray of uint8, shape (H, W)
        See :func:`votes`.
    n
        Number of annotators.

    Examples
    --------
    >>> majority(np.array([[3, 4, 5]], np.uint8), 8)
    array([[False, False,  True]])
    """
    return votes > n // 2


def fleiss_kappa(histogram: NDArray[np.int64]) -> float:
    """Return Fleiss' kappa for one class against all else.

    Parameters
    ----------
    histogram : ndarray of int64, shape (n + 1,)
        How many pixels got 0, 1, … n votes.

    Returns
    -------
    float
        1 for full agreement, 0 for that of chance; NaN if all pixels belong or none does.

    References
    ----------
    Fleiss 1971, Psychological Bulletin 76, 378; here with two categories.
    """
    n = histogram.size - 1
    pixels = int(histogram.sum())
    given = np.arange(n + 1, dtype=np.float64)
    others = n - given
    if not pixels or n < 2:
        return float("nan")
    part = float((histogram * given).sum()) / (pixels * n)
    by_chance = part**2 + (1 - part) ** 2
    pairs = (given**2 + others**2 - n) / (n * (n - 1))
    observed = float((histogram * pairs).sum()) / pixels
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def measure_agreement(files: Sequence[Annotations]) -> Agreement:
    """Compare annotators on the pictures that all of them looked at.

    Parameters
    ----------
    files
        One for each annotator, at least two.

    Raises
    ------
    ConfigError
        If there are fewer than two files or more than 255, or no picture is in all of them.
    """
    if not 2 <= len(files) <= _MOST:
        raise ConfigError(f"expected 2 to {_MOST} annotation files, one a person; got {len(files)}")
    aligned = align(files)
    if not aligned:
        raise ConfigError(f"no image is in all of the {len(files)} annotation files, matched by name")
    n = len(files)
    names = (*CLASS_NAMES, ANY)
    by_image: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    shared = {name: np.zeros((n, n)) for name in names}
    for images in aligned.values():
        stacks = {name: _stack(images, name).reshape(n, -1) for name in CLASS_NAMES}
        stacks[ANY] = np.any(list(stacks.values()), axis=0)
        for name, masks in stacks.items():
            by_image[name].append(np.bincount(masks.sum(axis=0), minlength=n + 1))
            pixels = masks[:, masks.any(axis=0)].astype(np.float64)
            shared[name] += pixels @ pixels.T
    everywhere = {image.name for file in files for image in file.images}
    return Agreement(
        tuple(file.source for file in files),
        tuple(aligned),
        tuple(sorted(everywhere - set(aligned))),
        {name: np.array(counts) for name, counts in by_image.items()},
        {name: _overlap(counts) for name, counts in shared.items()},
    )


def _stack(images: Sequence[AnnotatedImage], class_name: str) -> NDArray[np.bool_]:
    """Return the masks of all annotators, ``(n, H, W)``."""
    return np.stack([image.mask(None if class_name == ANY else class_name) for image in images])


def _overlap(shared: NDArray[np.float64]) -> Overlap:
    """Return the overlaps from the pixels that every two share, ``(n, n)``; its diagonal holds their own."""
    own = np.diag(shared)
    first, second = np.triu_indices(len(own), 1)
    common = shared[first, second]
    union = own[first] + own[second] - common
    ratios = common[union > 0] / union[union > 0]
    if not ratios.size:
        return Overlap(float("nan"), float("nan"), float("nan"))
    return Overlap(float(ratios.mean()), float(ratios.min()), float(ratios.max()))
