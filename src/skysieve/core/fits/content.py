"""Recognise images that are not science images by their pixels: masks with few values, and weight maps.

A science image has noise in every pixel and sources above it. A mask has few values in connected areas. A
weight or confidence map has no negative values, exact zeros where the detector is bad, and no value far above
its median. An uncertain image counts as a science image: processing one image too many is harmless, leaving
one out is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from skysieve.core.fits.pixels import header_scaling, to_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.header_checks import ImageHDU
    from skysieve.core.fits.pixels import Scaling

Pixels: TypeAlias = "NDArray[np.float32] | NDArray[np.float64]"
"""Pixels in single precision where that is exact, else in double precision."""

__all__ = ["CONSTANT", "FEW_VALUES", "WEIGHTS", "classify_pixels", "pixels_match"]

CONSTANT = "the same value in every pixel"
FEW_VALUES = "mask by its pixels: few values in connected areas"
WEIGHTS = "weights by its pixels: none negative, holes of zeros, none far above the median"

_BANDS = 6
_BAND_ROWS = 24
_MIN_PIXELS = 500
_MAX_PIXELS = 2**24
"""Larger images are not read completely: the bands decide."""
_MIN_PAIRS = 50
_MAX_MASK_VALUES = 64
"""Largest number of values of a mask without connected areas."""
_NO_NOISE_SHARE = 0.9
"""Share of pixels with one common value in an image without noise; no sky level can be measured there."""
_MAX_SINGLE_INTEGER = 2**24
"""Smallest integer above which single precision skips integers."""
_MAX_WEIGHT = 1000
"""Largest integer weight: integer weights are percentages or similar; detector counts are far larger."""


def classify_pixels(hdu: ImageHDU) -> str | None:
    """Return why an image is not a science image by its pixels, or None for a science image.

    Bands of rows are read first. The whole image is read only if the bands look like a mask or weights. Of a
    cube, the first, middle and last plane are read.

    Parameters
    ----------
    hdu
        Image HDU with its pixels as stored.

    Returns
    -------
    str or None
        :data:`FEW_VALUES`, :data:`WEIGHTS` or :data:`CONSTANT`; None for science images and for unreadable
        pixels, which the reader reports later.
    """
    found = [_classify_plane(hdu, plane) for plane in _planes(hdu.shape)]
    decisive = [reason for reason in found if reason != CONSTANT]
    if not decisive:
        return CONSTANT if found else None
    return decisive[0] if len(set(decisive)) == 1 else None


def pixels_match(hdu: ImageHDU, kind: str) -> bool:
    """Check whether the pixels are consistent with the kind of image that a file name states.

    The values of a mask are non-negative integers, and at least half of the pixels share one value. Weights,
    errors and exposure maps are non-negative and are not detector counts. A background has no noise.

    Parameters
    ----------
    hdu
        Image HDU with its pixels as stored.
    kind
        Kind of image; see :data:`skysieve.core.fits.auxiliary.Kind`.

    Returns
    -------
    bool
        Whether they are.
    """
    plane = next(_planes(hdu.shape), None)
    pixels = None if plane is None else _read(hdu, plane, whole=False)
    valid = np.empty(0) if pixels is None else pixels[np.isfinite(pixels)]
    if pixels is None or valid.size == 0:
        return False
    values = _Values.of(valid)
    if kind == "background":
        second_differences = np.abs(pixels[:, 2:] - 2 * pixels[:, 1:-1] + pixels[:, :-2])
        return bool(np.nanmedian(second_differences) <= 0.02 * np.subtract(*np.percentile(valid, [84, 16])))
    if values.values[0] < 0:
        return False
    if kind == "mask":
        return values.are_integers and values.mode_share >= 0.5
    return not values.are_integers or bool(values.values[-1] <= _MAX_WEIGHT)


@dataclass(frozen=True)
class _Values:
    """The distinct values of an image, ascending, with their counts; pixels without data are left out."""

    values: NDArray[np.float64]
    counts: NDArray[np.intp]

    @classmethod
    def of(cls, valid: Pixels) -> Self:
        """Count the values of finite pixels."""
        values, counts = np.unique(valid, return_counts=True)
        return cls(values.astype(np.float64), counts)

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
        """Share of the positive values that lie above the first gap; detector counts have no gap."""
        values, counts = self.values[self.values > 0], self.counts[self.values > 0]
        steps = np.diff(values)
        gaps = np.flatnonzero(steps > steps.min()) if steps.size else steps
        return float(counts[gaps[0] + 1 :].sum() / counts.sum()) if len(gaps) else 0.0

    @property
    def are_integers(self) -> bool:
        """Whether all values are integers."""
        return bool((self.values == np.rint(self.values)).all())


def _classify_plane(hdu: ImageHDU, plane: tuple[int, ...]) -> str | None:
    """Return the class of one plane by its pixels."""
    pixels = _read(hdu, plane, whole=False)
    if pixels is None:
        return None
    reason = _classify(pixels)
    if reason is None or pixels.shape[0] == hdu.shape[-2]:
        return reason
    if hdu.shape[-2] * hdu.shape[-1] > _MAX_PIXELS:
        return None if reason == CONSTANT else reason
    pixels = _read(hdu, plane, whole=True)
    return None if pixels is None else _classify(pixels)


def _classify(pixels: Pixels) -> str | None:
    """Return the class of pixels ``(H, W)``; NaN where there is no data."""
    valid = pixels[np.isfinite(pixels)]
    if valid.size < _MIN_PIXELS:
        return None
    values = _Values.of(valid)
    if values.values.size == 1:
        return CONSTANT
    if _is_mask(values, pixels):
        return FEW_VALUES
    return WEIGHTS if _is_weights(values, valid) else None


def _is_mask(values: _Values, pixels: Pixels) -> bool:
    if values.values.size == 2:
        return True
    if values.values[0] < 0:
        return False
    areas = _areas(values, pixels)
    if not values.are_integers:
        # Fractional values: they hardly repeat in a science image, and nearly always in a map of plateaus.
        return areas.repeats > _NO_NOISE_SHARE
    # Integers are counts, or bits, codes and labels.
    few = values.mode_share >= 0.5 and values.values.size <= _MAX_MASK_VALUES
    if areas.repeats > (0.5 if few else 0.7):
        return True
    # Isolated bad pixels form no areas. Nor does sky with few counts, but its non-zero pixels are adjacent.
    at_zero = values.values[values.mode] == 0
    if not few or not at_zero or areas.solid >= 0.8:
        return False
    return values.mode_share >= _NO_NOISE_SHARE or values.beyond_gap > 0.1


def _is_weights(values: _Values, valid: Pixels) -> bool:
    if values.values[0] != 0 or (values.are_integers and values.values[-1] > _MAX_WEIGHT):
        return False
    positive = valid[valid > 0]
    if positive.size < _MIN_PIXELS:
        return False
    low, median, high = np.quantile(positive, [1e-4, 0.5, 0.9999])
    share_of_maximum = float(values.counts[-1] / values.size)
    saturated = share_of_maximum > 0.01 and values.values[-1] > _MAX_WEIGHT
    return bool(high - median < 0.5 * (median - low)) and not saturated


@dataclass(frozen=True)
class _Areas:
    """How the pixels that do not have the most common value are arranged.

    Attributes
    ----------
    repeats
        Excess probability that a neighbour has the same value: 0 for chance, 1 for always; the minimum over
        both axes. 0 if there are too few pixels to tell.
    solid
        Share of their neighbours that do not have the most common value either; the minimum over both axes.
    """

    repeats: float
    solid: float


def _areas(values: _Values, pixels: Pixels) -> _Areas:
    mode = values.values[values.mode]
    others = np.delete(values.counts, values.mode)
    chance = float(((others / others.sum()) ** 2).sum())
    repeats, solid = [], []
    for left, right in ((pixels[:, :-1], pixels[:, 1:]), (pixels[:-1], pixels[1:])):
        one = np.isfinite(left) & (left != mode) & np.isfinite(right)
        both = one & (right != mode)
        if both.sum() < _MIN_PAIRS:
            return _Areas(0.0, 0.0)
        same = float((left[both] == right[both]).mean())
        repeats.append((same - chance) / (1 - chance) if chance < 1 else 0.0)
        solid.append(float(both.sum() / one.sum()))
    return _Areas(min(repeats), min(solid))


def _planes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the indices of the first, middle and last plane of a cube, or of the only plane of an image."""
    planes = list(np.ndindex(*shape[:-2]))
    for number in sorted({0, len(planes) // 2, len(planes) - 1}):
        yield planes[number]


def _read(hdu: ImageHDU, plane: tuple[int, ...], *, whole: bool) -> Pixels | None:
    """Return the pixels of a plane, all or in bands of rows; NaN without data; None if unreadable."""
    height, width = hdu.shape[-2:]
    # In an image compressed as one tile, reading a few rows costs as much as reading all.
    tile = getattr(hdu, "tile_shape", None)
    one_tile = tile is not None and tile[-2] >= height
    if one_tile and height * width > _MAX_PIXELS:
        return None
    try:
        scaling = header_scaling(hdu.header, "image")
        if whole or height <= _BANDS * _BAND_ROWS or one_tile:
            stored = hdu.section[(*plane, slice(None), slice(None))]
        else:
            starts = np.linspace(0, height - _BAND_ROWS, _BANDS).astype(int)
            bands = [hdu.section[(*plane, slice(s, s + _BAND_ROWS), slice(None))] for s in starts]
            stored = np.concatenate(bands)
        single, nodata = to_pixels(stored, scaling)
        pixels: Pixels = single
        if not _is_exact_in_single(stored, scaling):
            # Double precision keeps all values distinct, but needs twice the memory.
            double: NDArray[np.float64] = stored.astype(np.float64) * scaling.scale + scaling.zero
            pixels = double if scaling.asinh is None else scaling.asinh.linear(double)
    except Exception:  # noqa: BLE001 (each decompressor raises its own kind of error)
        return None
    pixels[nodata] = np.nan
    return pixels


def _is_exact_in_single(stored: NDArray[np.generic], scaling: Scaling) -> bool:
    """Whether single precision holds all physical values exactly."""
    if (scaling.scale, scaling.zero) != (1, 0) or scaling.asinh is not None:
        return False
    if stored.dtype.kind == "f":
        return stored.dtype.itemsize <= 4
    return stored.dtype.itemsize <= 2 or bool(
        stored.min() > -_MAX_SINGLE_INTEGER and stored.max() < _MAX_SINGLE_INTEGER
    )
