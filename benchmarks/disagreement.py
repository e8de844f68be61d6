"""Where decisions differ from the published ones, and why: measured, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from results import Table

from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.tiles import fixed_tiles, predict
from skysieve.frames.mask.decide import raw_thresholds
from skysieve.frames.mask.masker import PUBLISHED_TILES, Masker
from skysieve.frames.mask.settings import MaskSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.image.settings import Rules

__all__ = ["EXPLAINED", "explain", "sky_move"]

EXPLAINED = 99.9
"""A frame of which fewer per cent of the decisions are equal is looked into."""

CORNER = 50
BORDER = 100
NOTABLE_SIGMA = 1.0
STEPS = (200, 168, 136, 184)
"""Distances of tiles of the published size; the first is the published one."""

NEAR = 0.1
"""A probability this close to its threshold is near it."""

LISTED_CLASSES = 4


def explain(
    label: str,
    frame: Frame,
    moved: NDArray[np.float32],
    *,
    expected: NDArray[np.bool_],
    fast: NDArray[np.bool_],
    default: NDArray[np.bool_],
) -> list[Table]:
    """Return the rows of a frame in the tables that explain its differences.

    Parameters
    ----------
    label, frame
        The frame.
    moved
        ``(H, W)``, see :func:`sky_move`.
    expected, fast, default
        ``(classes, H, W)`` decisions: published; of the default tiling; of the default settings.
    """
    tables = [_normalisation(label, frame, moved, fast != default)]
    if 100 * float((expected == fast).mean()) < EXPLAINED:
        tables += [_tiles(label, frame, expected), _near_thresholds(label, frame, expected, fast)]
    return tables


def sky_move(frame: Frame) -> NDArray[np.float32]:
    """Return how far the normalisations are apart, ``(H, W)`` float32 in standard deviations of the noise."""
    published, corrected = _both_normalised(frame)
    moved: NDArray[np.float32] = np.abs(published - corrected)
    return moved


def _both_normalised(frame: Frame) -> list[NDArray[np.float32]]:
    rules: tuple[Rules, ...] = ("published", "corrected")
    return [normalise(frame, rules=choice).rows(0, frame.shape[0])[0] for choice in rules]


def _normalisation(label: str, frame: Frame, moved: NDArray[np.float32], differs: NDArray[np.bool_]) -> Table:
    """Show how far the two normalisations are apart, and that decisions differ there."""
    height, width = frame.shape
    changed = differs.any(axis=0)
    rows, columns = np.ogrid[:height, :width]
    border = (
        np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)) < BORDER
    )
    corners = [(slice(None, CORNER), slice(-CORNER, None))[i] for i in (0, 1)]
    places = [(r, c) for r in corners for c in corners]
    medians = [[float(np.median(image[place])) for place in places] for image in _both_normalised(frame)]
    row = (
        label,
        100 * float((moved > NOTABLE_SIGMA).mean()),
        int(changed.sum()),
        100 * float((moved[changed] > NOTABLE_SIGMA).mean()) if changed.any() else None,
        float(np.median(moved[changed])) if changed.any() else None,
        float(np.median(moved[~changed])),
        100 * float(border[changed].mean()) if changed.any() else None,
        *(max(values, key=abs) for values in medians),
    )
    return Table(
        "What the corrected normalisation changes",
        (
            ("frame", ""),
            ("sky moved by more than 1 σ, % of pixels", ".1f"),
            ("pixels whose decisions change", "d"),
            ("of them where the sky moved by more than 1 σ, %", ".1f"),
            ("median move there, σ", ".2f"),
            ("elsewhere, σ", ".2f"),
            (f"of them within {BORDER} px of the border, %", ".1f"),
            ("corner farthest from 0, published, σ", ".2f"),
            ("the same, corrected, σ", ".2f"),
        ),
        [row],
        "The published median filter pads the grid of sky levels with zeros, which pulls the sky at the "
        "corners towards zero. The last two columns tell which is right: the median of the normalised "
        f"pixels in {CORNER} x {CORNER} px at each corner, where empty sky is 0; the one farthest from it "
        "is given. Corners with overscan, which saw no light, lie far below the sky with both.",
    )


def _tiles(label: str, frame: Frame, expected: NDArray[np.bool_]) -> Table:
    """Show how much the published tiles themselves decide otherwise when they lie elsewhere."""
    masker = Masker(MaskSettings(model="maximask", rules="published", precision="f32"))
    normalised = normalise(frame, rules="published")
    card = masker.model.card
    values = (card.default_thresholds, card.training_priors, card.default_priors)
    thresholds = raw_thresholds(*([of[name] for name in card.classes] for of in values))[:, None, None]
    rows: list[tuple[str | float | None, ...]] = []
    for step in STEPS:
        size, margin = PUBLISHED_TILES["size"], PUBLISHED_TILES["margin"]
        plan = fixed_tiles(frame.shape, size=size, step=step, margin=margin, batch=4)
        differing = 0
        for strip, columns, prediction, nodata in predict(normalised, plan, masker.network):
            decided = prediction > thresholds
            differing += int(((decided != expected[:, strip, columns]) & ~nodata).sum())
        rows.append((label, step, 100 * (1 - differing / expected.size)))
    return Table(
        "The published tiles, moved",
        (("frame", ""), ("a tile every, px", "d"), ("decisions equal to the published ones, %", ".4f")),
        rows,
        f"Frames of which less than {EXPLAINED} % of the decisions are equal with the default tiling. "
        "Tiles of the published size and margin, at other places: what changes is where the network's "
        "view ends and which pixels its pooling takes together, and nothing else.",
    )


def _near_thresholds(label: str, frame: Frame, expected: NDArray[np.bool_], fast: NDArray[np.bool_]) -> Table:
    """Show that the decisions that differ are those that the network is not sure of."""
    masker = Masker(MaskSettings(model="maximask", tiling="published", rules="published", precision="f32"))
    result = masker.mask(frame, keep_probabilities=True)
    differs = (expected != fast) & ~result.nodata
    counts = differs.sum(axis=(1, 2))
    rows: list[tuple[str | float | None, ...]] = []
    for index in np.argsort(counts)[::-1][:LISTED_CLASSES]:
        if counts[index]:
            name = result.classes[index].name
            distance = np.abs(result.probabilities[index] - np.float32(result.thresholds[name]))
            own = distance[differs[index]]
            near = [100 * float((part < NEAR).mean()) for part in (distance, own)]
            row = (label, name, result.thresholds[name], int(counts[index]), float(np.median(own)), *near)
            rows.append(row)
    return Table(
        "How sure the network is there",
        (
            ("frame", ""),
            ("class", ""),
            ("threshold", ".2f"),
            ("differ, px", "d"),
            ("their median distance from the threshold", ".3f"),
            (f"all pixels within {NEAR} of it, %", ".1f"),
            (f"those that differ within {NEAR} of it, %", ".1f"),
        ),
        rows,
        "For the same frames, the classes with most of the differing pixels: how far the probability "
        "that the published tiles give is from the threshold.",
    )
