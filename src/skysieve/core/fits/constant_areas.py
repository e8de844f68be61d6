"""Find large areas of one constant value: pixels without a measurement, or saturated pixels.

Mosaics and detrended frames have borders of zeros or of a sentinel value, amplifiers fail, exposures
saturate. The sky is noisy, so an area of some hundred pixels with exactly one value is not sky. The exception
is an image with few levels: where digitisation hides the noise, whole regions of the sky have one value.

The search first looks for runs of one value in every 16th row. Most frames have no runs, and the search ends.
In other frames it looks for cells of 8 x 8 pixels with one value. An area contains a square of 2 x 2 such
cells; every square of :data:`MIN_SIDE` pixels does. The area ends where the value ends, within 8 to 16 pixels
of its cells. Narrow branches, such as bleed trails of a saturated star, are therefore not part of it.

These are not constant areas:

- sky with few levels: most pixels at the border of the area are within one level of its value;
- sky clipped at its lowest value: most pixels at the border are within twice the noise of it;
- sky without noise: only isolated sources are left outside of the areas.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.fits.sections import Sections

__all__ = ["MIN_SIDE", "AreaKind", "ConstantAreas", "find_constant_areas"]

AreaKind = Literal["empty", "saturated", "bright"]
"""Kind of an area.

``empty``: no data. ``saturated``: a large part of the frame at its highest level. ``bright``: a smaller area
far above the sky, such as the core of a saturated star; it is not sky, but may be worth inspecting.
"""

MIN_SIDE = 24
"""Side in pixels of the smallest square that is always found; depending on position, 16 to 24 may suffice."""

CELL = 8
ROW_STEP = 16
STRIP = 256
MAX_VALUES = 8
"""Number of values to search for: those with the longest runs."""

SKY_BORDER_SHARE = 0.5
"""An area is sky if this share of its border pixels is close to its value."""
BRIGHT_SIGMA = 10.0
LARGE_SHARE, LARGE_SIDE = 0.1, 64
"""A bright area above both limits is larger than a star's core: share of the frame, side in pixels."""
MIN_LEVELS = 8
"""Frames with fewer levels are masks, or have no noise."""
MIN_EXTENT = 64
"""Parts of the frame with a smaller extent, in pixels, are isolated sources."""
SAMPLE = 2**18


@dataclass(frozen=True)
class ConstantAreas:
    """Areas of constant value in a frame, stored as one bit per pixel.

    Attributes
    ----------
    shape
        Height and width (H, W) of the frame in pixels.
    values
        Values of the areas in the frame's unit, by kind.
    """

    shape: tuple[int, int]
    values: dict[AreaKind, tuple[float, ...]]
    _packed: dict[AreaKind, NDArray[np.uint8]]

    def rows(self, kind: AreaKind, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which pixels of some rows are in the areas of a kind.

        Parameters
        ----------
        kind
            Kind of the areas.
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        ndarray of bool, shape (stop - start, W)
            True in the areas.
        """
        packed = self._packed.get(kind)
        if packed is None:
            return np.zeros((stop - start, self.shape[1]), np.bool_)
        return np.unpackbits(packed[start:stop], axis=1, count=self.shape[1]).view(np.bool_)


def find_constant_areas(frame: Frame, *, sections: Sections | None = None) -> ConstantAreas | None:
    """Find the large areas of constant value in a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels, read in strips.
    sections
        Sections of the frame's header; overscan is never part of an area.

    Returns
    -------
    ConstantAreas or None
        None if there are none.
    """
    values = _values_of_runs(frame)
    if not values:
        return None
    survey = _survey(frame, values, sections)
    if survey.median is None or not _worth_masking(survey.cells):
        return None
    packed: dict[AreaKind, NDArray[np.uint8]] = {}
    kept: dict[AreaKind, tuple[float, ...]] = {}
    for group in _groups(values, survey, frame.shape):
        bits, is_sky = _area_bits(frame, group, survey, sections)
        if not is_sky:
            packed[group.kind] = packed[group.kind] | bits if group.kind in packed else bits
            kept[group.kind] = (*kept.get(group.kind, ()), group.value)
    return ConstantAreas(frame.shape, kept, packed) if packed else None


class _Survey(NamedTuple):
    """Statistics of a frame.

    ``cells`` (values, rows, columns) marks the constant cells of each value. The other fields describe the
    pixels with none of these values: their median (None if they have too few levels for a science image), the
    noise from differences of neighbours, the step between levels, the minimum and the maximum.
    """

    cells: NDArray[np.bool_]
    median: float | None
    noise: float
    step: float
    lowest: float
    highest: float


class _Group(NamedTuple):
    """Cells of one value that are treated alike."""

    value: float
    cells: NDArray[np.bool_]
    kind: AreaKind


def _values_of_runs(frame: Frame) -> list[float]:
    """Return the values of runs of :data:`MIN_SIDE` or more pixels, those with most pixels first.

    In an area of that height a run continues half the height up or down; dead lines and trails do not.
    """
    height, width = frame.shape
    if min(height, width) < MIN_SIDE:
        return []
    lengths: Counter[float] = Counter()
    for row in range(ROW_STEP // 2, height, ROW_STEP):
        line = _line(frame, row)
        ends = np.flatnonzero(line[1:] != line[:-1])
        if ends.size > width - MIN_SIDE:
            continue
        borders = np.concatenate([[-1], ends, [width - 1]])
        runs = np.diff(borders)
        long = np.flatnonzero(runs >= MIN_SIDE)
        if not long.size:
            continue
        around = [_line(frame, near) for near in (row - ROW_STEP // 2, row + ROW_STEP // 2) if near < height]
        for run in long:
            start, stop = int(borders[run]) + 1, int(borders[run + 1]) + 1
            if any((near[start:stop] == line[start]).sum() >= MIN_SIDE for near in around):
                lengths[float(line[start])] += stop - start
    return [value for value, _ in lengths.most_common(MAX_VALUES)]


def _line(frame: Frame, row: int) -> NDArray[np.float32]:
    """Return a row of a frame; pixels without data are NaN, which does not equal itself."""
    pixels, nodata = frame.rows(row, row + 1)
    line: NDArray[np.float32] = pixels[0]
    line[nodata[0]] = np.nan
    return line


def _survey(frame: Frame, values: list[float], sections: Sections | None) -> _Survey:
    """Compute the statistics of a frame in one pass."""
    height, width = frame.shape
    cells = np.zeros((len(values), -(-height // CELL), -(-width // CELL)), np.bool_)
    every = max(1, height * width // 4 // SAMPLE)
    sample, changes = [], []
    lowest, highest = np.inf, -np.inf
    for top, bottom in _strips(height):
        pixels, nodata = frame.rows(top, bottom)
        rest = ~nodata
        for number, value in enumerate(values):
            equal = _equal(pixels, nodata, value)
            rest &= ~equal
            if sections is not None and sections.overscan:
                equal &= ~sections.in_overscan(top, bottom)
            cells[number, top // CELL : -(-bottom // CELL)] = _full_cells(equal)
        lowest = min(lowest, float(pixels.min(where=rest, initial=np.inf)))
        highest = max(highest, float(pixels.max(where=rest, initial=-np.inf)))
        # every 4th row, so that a strip of 5 rows gives samples
        left, right = (pixels[::4, start : width - 1 + start : every] for start in (0, 1))
        usable = rest[::4, : width - 1 : every] & rest[::4, 1:width:every]
        sample.append(left[usable])
        changes.append(np.abs(right[usable] - left[usable]))
    for number in range(len(values)):
        cells[number] = _opened(cells[number])
    pixels_left, steps = np.concatenate(sample), np.concatenate(changes)
    levels = np.unique(pixels_left)
    if levels.size < MIN_LEVELS:
        return _Survey(cells, None, 0.0, 0.0, lowest, highest)
    step = float(np.quantile(np.diff(levels), 0.1))
    return _Survey(cells, float(np.median(pixels_left)), float(np.median(steps)), step, lowest, highest)


def _worth_masking(cells: NDArray[np.bool_]) -> bool:
    """Check that there are areas, and that more than isolated sources is left outside of them."""
    from scipy import ndimage

    if not cells.any():
        return False
    labels, count = ndimage.label(~np.logical_or.reduce(cells), np.ones((3, 3)))
    if not count:
        return False
    sizes = np.bincount(labels.ravel())[1:]
    boxes = ndimage.find_objects(labels)
    long = [
        any(
            part.stop - part.start >= min(MIN_EXTENT // CELL, length)
            for part, length in zip(box, cells.shape[1:], strict=True)
        )
        for box in boxes
    ]
    return bool(sizes[long].sum() >= 0.5 * sizes.sum())


def _groups(values: list[float], survey: _Survey, shape: tuple[int, int]) -> Iterator[_Group]:
    """Yield the cells of each value; cells of bright values are split by the size of their areas."""
    from scipy import ndimage

    side = max(1, min(LARGE_SIDE, min(shape) // 2) // CELL)
    for value, cells in zip(values, survey.cells, strict=True):
        if not cells.any():
            continue
        level = survey.median or 0.0
        full = value > 0 and value >= survey.highest
        if not full and value <= level + BRIGHT_SIGMA * survey.noise:
            yield _Group(value, cells, "empty")
            continue
        labels, _ = ndimage.label(cells)
        large = np.bincount(labels.ravel()) * CELL**2 >= LARGE_SHARE * shape[0] * shape[1]
        wide = np.unique(labels[ndimage.binary_erosion(cells, np.ones((side, side)), border_value=1)])
        large &= np.isin(np.arange(large.size), wide)
        large[0] = False
        for part, kind in ((large[labels], "saturated" if full else "empty"), (~large[labels], "bright")):
            if (part & cells).any():
                yield _Group(value, part & cells, kind)  # type: ignore[arg-type]


def _area_bits(
    frame: Frame, group: _Group, survey: _Survey, sections: Sections | None
) -> tuple[NDArray[np.uint8], bool]:
    """Return the pixels of areas, packed into bits, and whether their borders look like sky."""
    from scipy import ndimage

    height, width = frame.shape
    near = ndimage.binary_dilation(group.cells, np.ones((3, 3)))
    edge = ndimage.binary_dilation(near & ~group.cells, np.ones((3, 3)))
    others = survey.cells.any(axis=0) & ~group.cells
    tolerance = survey.step if group.value > survey.lowest else max(survey.step, 2 * survey.noise)
    packed = np.zeros((height, -(-width // 8)), np.uint8)
    border = similar = 0
    for top, bottom in _strips(height):
        cells = slice(top // CELL, -(-bottom // CELL))
        if not near[cells].any():
            continue
        inside = _pixels(group.cells, top, bottom, 0, width)
        where = np.flatnonzero(edge[cells].any(axis=0))
        if where.size:  # otherwise the whole strip is in the area
            left, right = CELL * int(where[0]), min(CELL * (int(where[-1]) + 1), width)
            first, last = max(0, top - 2), min(height, bottom + 2)
            pixels, nodata = frame.rows(first, last)
            pixels, nodata = pixels[:, left:right], nodata[:, left:right]
            equal = _equal(pixels, nodata, group.value)
            if sections is not None and sections.overscan:
                equal &= ~sections.in_overscan(first, last)[:, left:right]
            equal &= _pixels(near, first, last, left, right)
            area = _opened(equal)
            area |= equal & ndimage.binary_dilation(area)
            rim = ndimage.binary_dilation(area, np.ones((3, 3))) & ~area & ~nodata
            rim &= ~_pixels(others, first, last, left, right)
            inner = slice(top - first, bottom - first)
            inside[:, left:right] = area[inner]
            neighbours = pixels[inner][rim[inner]]
            if group.kind != "empty":  # pixels of this value are frequent near a saturated area
                neighbours = neighbours[neighbours != np.float32(group.value)]
            border += neighbours.size
            similar += int(np.count_nonzero(np.abs(neighbours - np.float32(group.value)) <= tolerance))
        packed[top:bottom] = np.packbits(inside, axis=1)
    return packed, similar >= SKY_BORDER_SHARE * max(border, 1)


def _strips(height: int) -> Iterator[tuple[int, int]]:
    return ((top, min(top + STRIP, height)) for top in range(0, height, STRIP))


def _equal(pixels: NDArray[np.float32], nodata: NDArray[np.bool_], value: float) -> NDArray[np.bool_]:
    """Return where pixels with data equal a value."""
    equal: NDArray[np.bool_] = pixels == np.float32(value)
    equal &= ~nodata
    return equal


def _full_cells(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which cells of a mask are full; cells cut off at its right or lower border may be full too."""
    spare = [(0, -length % CELL) for length in mask.shape]
    if any(after for _, after in spare):
        mask = np.pad(mask, spare, constant_values=True)
    # eight bytes at a time
    lines = np.ascontiguousarray(mask).view(np.uint64) == np.uint64(0x0101010101010101)
    full: NDArray[np.bool_] = lines.reshape(-1, CELL, lines.shape[1]).all(axis=1)
    return full


def _opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the part of a mask that squares of 2 x 2 cover (morphological opening)."""
    corner = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]
    opened = np.zeros_like(mask)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            opened[rows, columns] |= corner
    return opened


def _pixels(cells: NDArray[np.bool_], start: int, stop: int, left: int, right: int) -> NDArray[np.bool_]:
    """Return rows `start` to `stop` and columns `left` to `right`, in pixels, of a mask of cells."""
    spread: NDArray[np.bool_] = np.repeat(cells[np.arange(start, stop) // CELL], CELL, axis=1)
    return spread[:, left:right]
