"""Causes of differences from the published decisions, measured frame by frame."""

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
"""Percentage of equal decisions below which a frame is examined further."""

CORNER = 50
BORDER = 100
NOTABLE_SIGMA = 1.0
STEPS = (200, 168, 136, 184)
"""Steps between tiles of the published size, in pixels; the first is the published one."""

NEAR = 0.1
"""Maximum distance of a probability that counts as near its threshold."""

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
        ``(classes, H, W)`` bool decisions: published; with the default tiling; with the default settings.

    Returns
    -------
    list of Table
        Tables with the rows of this frame.
    """
    tables = [_normalisation(label, frame, moved, fast != default)]
    if 100 * float((expected == fast).mean()) < EXPLAINED:
        tables += [_tiles(label, frame, expected), _near_thresholds(label, frame, expected, fast)]
    return tables


def sky_move(frame: Frame) -> NDArray[np.float32]:
    """Return the difference of the normalisations, ``(H, W)`` float32 in standard deviations of the noise."""
    published, corrected = _both_normalised(frame)
    moved: NDArray[np.float32] = np.abs(published - corrected)
    return moved


def _both_normalised(frame: Frame) -> list[NDArray[np.float32]]:
    rules: tuple[Rules, ...] = ("published", "corrected")
    return [normalise(frame, rules=choice).rows(0, frame.shape[0])[0] for choice in rules]


def _normalisation(label: str, frame: Frame, moved: NDArray[np.float32], differs: NDArray[np.bool_]) -> Table:
    """Show the difference of the two normalisations, and that decisions differ where it is large."""
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
        "The published median filter pads the grid of sky levels with zeros, which biases the sky at the "
        "corners towards zero. The last two columns test this: they are the median of the normalised pixels "
        f"in {CORNER} x {CORNER} px at the corner where it is farthest from 0; empty sky should be 0. "
        "Corners with overscan, which gets no light, lie far below the sky with both.",
    )


def _tiles(label: str, frame: Frame, expected: NDArray[np.bool_]) -> Table:
    """Show how many decisions of the published tiles change if the tiles are shifted."""
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
        "The published tiles, shifted",
        (("frame", ""), ("a tile every, px", "d"), ("decisions equal to the published ones, %", ".4f")),
        rows,
        f"Frames of which less than {EXPLAINED} % of the decisions are equal with the default tiling. "
        "Tiles of the published size and margin, at other positions: only the edges of the network's input "
        "and the alignment of its pooling change.",
    )


def _near_thresholds(label: str, frame: Frame, expected: NDArray[np.bool_], fast: NDArray[np.bool_]) -> Table:
    """Show that the decisions that differ have probabilities close to the threshold."""
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
        "Distance of differing decisions from the threshold",
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
        "For the same frames, the classes with most of the differing pixels: the distance from the threshold "
        "of the probability with the published tiles.",
    )
