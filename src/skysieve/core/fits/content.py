"""Images that are no pictures of the sky, by their pixels: masks of few values, and weights.

A picture of the sky has noise in every pixel and sources above it.  A mask has few values in connected areas;
a weight or confidence map has no negative values, exact zeros where the detector is bad, and nothing far
above its median.  What is neither for certain stays a picture: to mask one image too many does no harm, to
leave one out does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.fits.pixels import header_scaling, to_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["CONSTANT", "FEW_VALUES", "WEIGHTS", "agrees", "look"]

CONSTANT = "the same value in every pixel"
FEW_VALUES = "mask by its pixels: few values in connected areas"
WEIGHTS = "weights by its pixels: none negative, holes of zeros, none far above the median"

_BANDS = 6
_BAND_ROWS = 24
_LEAST_PIXELS = 500
_MOST_PIXELS = 2**24
"""Larger images are not read as a whole: what the bands show decides."""
_LEAST_PAIRS = 50
_FEW = 64
"""Values that a mask may have, where it does not give itself away by connected areas."""
_NO_NOISE = 0.9
"""Part of the pixels that share one value in an image without noise: no sky can be measured there."""
_LARGEST_CONFIDENCE = 1000
"""Whole numbers as weights are percentages or so; counts of a detector go far beyond."""


def look(hdu: Any) -> str | None:
    """Return what the pixels of an image say if they are no picture of the sky, else None.

    Bands of rows are looked at first, and the whole image only where these look like a mask or weights.
    Of a cube, its first, middle and last plane are.

    Parameters
    ----------
    hdu
        An image HDU with its pixels as stored.

    Returns
    -------
    str or None
        :data:`FEW_VALUES`, :data:`WEIGHTS` or :data:`CONSTANT`; None for pictures, and where the pixels
        cannot be read, which is for others to report.
    """
    found = [_look_at(hdu, plane) for plane in _planes(hdu.shape)]
    telling = [reason for reason in found if reason != CONSTANT]
    if not telling:
        return CONSTANT if found else None
    return telling[0] if len(set(telling)) == 1 else None


def agrees(hdu: Any, kind: str) -> bool:
    """Tell whether the pixels can be what the name of a file says they are.

    The values of a mask are whole numbers, none negative, one of them at every other pixel; those of weights,
    errors and exposure maps are not negative, and no counts of a detector; a background has no noise.
    """
    plane = next(_planes(hdu.shape), None)
    pixels = None if plane is None else _read(hdu, plane, whole=False)
    valid = np.empty(0) if pixels is None else pixels[np.isfinite(pixels)]
    if pixels is None or valid.size == 0:
        return False
    values = _Values(*np.unique(valid, return_counts=True))
    if kind == "background":
        bends = np.abs(pixels[:, 2:] - 2 * pixels[:, 1:-1] + pixels[:, :-2])
        return bool(np.nanmedian(bends) <= 0.02 * np.subtract(*np.percentile(valid, [84, 16])))
    if values.values[0] < 0:
        return False
    if kind == "mask":
        return values.whole and values.mode_share >= 0.5
    return not values.whole or bool(values.values[-1] <= _LARGEST_CONFIDENCE)


@dataclass(frozen=True)
class _Values:
    """The values of an image and how often each occurs, in rising order; pixels without data left out."""

    values: NDArray[np.float64]
    counts: NDArray[np.intp]

    @property
    def size(self) -> int:
        return int(self.counts.sum())

    @property
    def mode(self) -> int:
        """Index of the most common value."""
        return int(self.counts.argmax())

    @property
    def mode_share(self) -> float:
        return float(self.counts.max() / self.size)

    @property
    def beyond_gap(self) -> float:
        """Part of what is above zero that lies beyond a gap in the values: counts go on step by step."""
        values, counts = self.values[self.values > 0], self.counts[self.values > 0]
        steps = np.diff(values)
        gaps = np.flatnonzero(steps > steps.min()) if steps.size else steps
        return float(counts[gaps[0] + 1 :].sum() / counts.sum()) if len(gaps) else 0.0

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return bool((self.values == np.rint(self.values)).all())


def _look_at(hdu: Any, plane: tuple[int, ...]) -> str | None:
    """Return what the pixels of one plane say."""
    pixels = _read(hdu, plane, whole=False)
    if pixels is None:
        return None
    reason = _decide(pixels)
    if reason is None or pixels.shape[0] == hdu.shape[-2]:
        return reason
    if hdu.shape[-2] * hdu.shape[-1] > _MOST_PIXELS:
        return None if reason == CONSTANT else reason
    pixels = _read(hdu, plane, whole=True)
    return None if pixels is None else _decide(pixels)


def _decide(pixels: NDArray[np.float64]) -> str | None:
    """Return what pixels ``(H, W)`` say; NaN where they have no data."""
    valid = pixels[np.isfinite(pixels)]
    if valid.size < _LEAST_PIXELS:
        return None
    values = _Values(*np.unique(valid, return_counts=True))
    if values.values.size == 1:
        return CONSTANT
    if _is_mask(values, pixels):
        return FEW_VALUES
    return WEIGHTS if _is_weights(values, valid) else None


def _is_mask(values: _Values, pixels: NDArray[np.float64]) -> bool:
    if values.values.size == 2:
        return True
    if values.values[0] < 0:
        return False
    areas = _areas(values, pixels)
    if not values.whole:
        # Floats that are fractions: of a picture they hardly repeat, in a map of plateaus nearly all do.
        return areas.repeats > _NO_NOISE
    # Whole numbers are counts, or bits, codes and labels.
    few = values.mode_share >= 0.5 and values.values.size <= _FEW
    if areas.repeats > (0.5 if few else 0.7):
        return True
    # Single bad pixels have no areas; nor has a patch of sky of few counts, but its pixels are all together.
    at_zero = values.values[values.mode] == 0
    if not few or not at_zero or areas.solid >= 0.8:
        return False
    return values.mode_share >= _NO_NOISE or values.beyond_gap > 0.1


def _is_weights(values: _Values, valid: NDArray[np.float64]) -> bool:
    if values.values[0] != 0 or (values.whole and values.values[-1] > _LARGEST_CONFIDENCE):
        return False
    positive = valid[valid > 0]
    if positive.size < _LEAST_PIXELS:
        return False
    low, middle, high = np.quantile(positive, [1e-4, 0.5, 0.9999])
    at_the_top = float(values.counts[-1] / values.size)
    saturated = at_the_top > 0.01 and values.values[-1] > _LARGEST_CONFIDENCE
    return bool(high - middle < 0.5 * (middle - low)) and not saturated


@dataclass(frozen=True)
class _Areas:
    """How the pixels lie that do not have the most common value.

    Attributes
    ----------
    repeats
        How much more often than by chance a neighbour of one has the same value, 0 for by chance and 1 for
        always; the smaller of both axes.  0 if there are too few to tell.
    solid
        Part of their neighbours that do not have the most common value either.
    """

    repeats: float
    solid: float


def _areas(values: _Values, pixels: NDArray[np.float64]) -> _Areas:
    mode = values.values[values.mode]
    others = np.delete(values.counts, values.mode)
    chance = float(((others / others.sum()) ** 2).sum())
    repeats, solid = [], []
    for left, right in ((pixels[:, :-1], pixels[:, 1:]), (pixels[:-1], pixels[1:])):
        one = np.isfinite(left) & (left != mode) & np.isfinite(right)
        both = one & (right != mode)
        if both.sum() < _LEAST_PAIRS:
            return _Areas(0.0, 0.0)
        same = float((left[both] == right[both]).mean())
        repeats.append((same - chance) / (1 - chance) if chance < 1 else 0.0)
        solid.append(float(both.sum() / one.sum()))
    return _Areas(min(repeats), min(solid))


def _planes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the indices of the first, the middle and the last plane of a cube; of an image, of itself."""
    planes = list(np.ndindex(*shape[:-2]))
    for number in sorted({0, len(planes) // 2, len(planes) - 1}):
        yield planes[number]


def _read(hdu: Any, plane: tuple[int, ...], *, whole: bool) -> NDArray[np.float64] | None:
    """Return pixels of a plane, all or bands of rows, NaN where there is no data; None if unreadable."""
    height, width = hdu.shape[-2:]
    one_tile = _is_one_tile(hdu)
    if one_tile and height * width > _MOST_PIXELS:
        return None
    try:
        scaling = header_scaling(hdu.header, "image")
        if whole or height <= _BANDS * _BAND_ROWS or one_tile:
            stored = hdu.section[(*plane, slice(None), slice(None))]
        else:
            starts = np.linspace(0, height - _BAND_ROWS, _BANDS).astype(int)
            bands = [hdu.section[(*plane, slice(s, s + _BAND_ROWS), slice(None))] for s in starts]
            stored = np.concatenate(bands)
        _, nodata = to_pixels(stored, scaling)
        # In double precision, so that no two values become one.
        pixels: NDArray[np.float64] = stored.astype(np.float64) * scaling.scale + scaling.zero
        if scaling.asinh is not None:
            pixels = scaling.asinh.linear(pixels)
    except Exception:  # noqa: BLE001 (each decompressor raises errors of its own)
        return None
    pixels[nodata] = np.nan
    return pixels


def _is_one_tile(hdu: Any) -> bool:
    """Tell whether an image is compressed as a whole, so that a few rows cost as much as all."""
    tile = getattr(hdu, "tile_shape", None)
    return tile is not None and tile[-2] >= hdu.shape[-2]
