"""A sample of a frame, from which statistics of the whole frame are measured.

The sample of a frame of any size is at most nine blocks of 256 x 256 pixels at equal distances.  A block is
divided into cells of 32 x 32 pixels.  The sky of a cell is its median; the spread of a cell is half the
distance between its 16th and 84th percentile.  The emptiest cells are those with the smallest spread, without
those of an overscan.  Statistics of the noise are measured in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from skysieve.frames.image.usable import SkyFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["CELL", "MIN_CELLS", "Block", "Sample", "sample_frame", "split_into_cells"]

Value = TypeVar("Value", bound=np.generic)

BLOCK = 256
BLOCKS_PER_AXIS = 3
CELL = 32
"""Side of a cell in pixels."""

EMPTIEST = (0.03, 0.30)
"""Range of quantiles of the spread, of the cells that count as empty sky; smaller ones may be overscan or
defects."""
MIN_DARK_SIGMA, MAX_QUIET_RATIO, MAX_OVERSCAN_FRACTION = 8.0, 0.8, 0.35
"""Definition of overscan: cells this many sigma below the median sky, with a spread below this fraction of
the median spread, if they are less than this fraction of all cells."""
SKY_PERCENT = 20
"""Percentile of the sky of the cells of a block that is the sky of the block."""
MIN_CELLS = 3
"""Minimum number of cells from which the noise can be measured."""


class Block(NamedTuple):
    """A block of a frame.

    Attributes
    ----------
    pixels
        ``(h, w)`` float32 in the frame's unit; pixels without data have the sky of their cell.
    light
        ``(h, w)`` float32, pixels minus the sky of their cell; 0 where there is no data.
    nodata
        ``(h, w)`` bool, True where there is no data.
    spreads
        ``(h / 32, w / 32)`` float32, spread of each cell; 0 for cells with missing data and for constant
        cells.
    sky
        Sky level of the block: a low percentile of the sky of its cells, without those of an overscan.
    """

    pixels: NDArray[np.float32]
    light: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    spreads: NDArray[np.float32]
    sky: float


class _RawBlock(NamedTuple):
    """Pixels ``(h, w)`` of a block, where they have no data, and the fraction of them that is saturated."""

    pixels: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    saturated: float


class Sample(NamedTuple):
    """Blocks and cells of a frame.

    Attributes
    ----------
    shape
        Height and width (H, W) of the whole frame.
    blocks
        The blocks.
    cells
        ``(N, 32, 32)`` float32, all cells with complete data that are not constant, minus their sky.
    skies, spreads
        ``(N,)`` float32, sky and spread of each of these cells.
    empty
        Indices of the emptiest of these cells.
    constant
        Fraction of the cells with complete data in which nearly all pixels have one value.
    saturated
        Fraction of the pixels in large saturated areas, which have no data.
    """

    shape: tuple[int, int]
    blocks: tuple[Block, ...]
    cells: NDArray[np.float32]
    skies: NDArray[np.float32]
    spreads: NDArray[np.float32]
    empty: NDArray[np.intp]
    constant: float
    saturated: float

    @property
    def noise(self) -> float:
        """Median spread of the emptiest cells, in the frame's unit."""
        return float(np.median(self.spreads[self.empty]))


def sample_frame(frame: Frame) -> Sample | None:
    """Read the sample of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit; at most three strips of 256 rows are read.

    Returns
    -------
    Sample or None
        None if the frame is smaller than a cell.
    """
    read = list(_blocks(frame))
    if not read:
        return None
    cells = np.concatenate([split_into_cells(one.pixels) for one in read])
    holes = np.concatenate([split_into_cells(one.nodata) for one in read])
    complete = ~holes.any(axis=(1, 2))
    # every third pixel, for speed; an odd step samples all four colours of a Bayer mosaic
    subset = cells[:, 1::3, ::3].reshape(len(cells), -1)
    low, levels, high = np.percentile(subset, [16, 50, 84], axis=1).astype(np.float32)
    typical = np.median(levels[complete]) if complete.any() else 0
    for number in np.flatnonzero(~complete):
        valid = cells[number][~holes[number]]
        levels[number] = np.median(valid) if valid.size else typical
    spreads = np.where(complete, 0.5 * (high - low), 0)
    varied = np.flatnonzero((spreads > 0) & np.isfinite(spreads))
    dark = _overscan(levels[varied], spreads[varied])
    ranked = np.argsort(spreads[varied])
    ranked = ranked[~dark[ranked]]
    first, last = (round(part * len(ranked)) for part in EMPTIEST)
    is_sky = np.zeros(len(cells), np.bool_)
    is_sky[varied[~dark]] = True
    return Sample(
        shape=frame.shape,
        blocks=tuple(_with_sky(read, levels, spreads, is_sky)),
        cells=cells[varied] - levels[varied, None, None],
        skies=levels[varied],
        spreads=spreads[varied],
        empty=ranked[first : max(last, first + MIN_CELLS)],
        constant=float((spreads[complete] == 0).mean()) if complete.any() else 0.0,
        saturated=float(np.mean([one.saturated for one in read])),
    )


def _with_sky(
    read: list[_RawBlock],
    levels: NDArray[np.float32],
    spreads: NDArray[np.float32],
    is_sky: NDArray[np.bool_],
) -> Iterator[Block]:
    """Yield the blocks, from the sky and spread ``(N,)`` of all cells, and whether these are not overscan."""
    for number, (pixels, nodata, _) in enumerate(read):
        rows, columns = (length // CELL for length in pixels.shape)
        own = slice(number * rows * columns, (number + 1) * rows * columns)
        level = levels[own].reshape(rows, columns).repeat(CELL, axis=0).repeat(CELL, axis=1)
        skies = levels[own][is_sky[own]]
        filled = np.where(nodata, level, pixels)
        sky = float(np.percentile(skies if skies.size else levels[own], SKY_PERCENT))
        yield Block(filled, filled - level, nodata, spreads[own].reshape(rows, columns), sky)


def _overscan(skies: NDArray[np.float32], spreads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which cells are overscan: much darker than the others, with less noise."""
    if not len(skies):
        return np.zeros(0, np.bool_)
    noise = np.median(spreads)
    dark: NDArray[np.bool_] = (skies < np.median(skies) - MIN_DARK_SIGMA * noise) & (
        spreads < MAX_QUIET_RATIO * noise
    )
    # where a lamp, a pupil or a nebula fills most of the frame, the empty sky looks like overscan
    return dark if dark.mean() < MAX_OVERSCAN_FRACTION else np.zeros_like(dark)


def split_into_cells(block: NDArray[Value]) -> NDArray[Value]:
    """Split a block into cells.

    Parameters
    ----------
    block
        ``(h, w)`` array; both sides are multiples of 32.

    Returns
    -------
    ndarray
        ``(N, 32, 32)`` array of the same dtype, row by row.
    """
    rows, columns = (length // CELL for length in block.shape)
    return block.reshape(rows, CELL, columns, CELL).swapaxes(1, 2).reshape(-1, CELL, CELL)


def _blocks(frame: Frame) -> Iterator[_RawBlock]:
    """Yield non-overlapping blocks of whole cells; smaller frames have fewer."""
    height, width = (min(BLOCK, length // CELL * CELL) for length in frame.shape)
    if not height or not width:
        return
    for top in _starts(frame.shape[0], height):
        pixels, nodata = frame.rows(top, top + height)
        saturated = frame.saturated(top, top + height) if isinstance(frame, SkyFrame) else None
        for left in _starts(frame.shape[1], width):
            part = slice(left, left + width)
            full = 0.0 if saturated is None else float(saturated[:, part].mean())
            yield _RawBlock(pixels[:, part].copy(), nodata[:, part].copy(), full)


def _starts(length: int, side: int) -> list[int]:
    count = min(BLOCKS_PER_AXIS, length // side)
    return [
        (2 * number + 1) * (length - count * side) // (2 * count) + number * side for number in range(count)
    ]
