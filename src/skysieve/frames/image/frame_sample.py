"""Nine blocks of a frame, and in them cells: what statistics of a whole frame are taken from.

A frame of any size is looked at in at most nine blocks of 256 x 256 pixels, at equal distances.  A block is
cut into cells of 32 x 32 pixels.  Each cell has a sky (its median) and a spread (half the distance between
its 16th and 84th percentile).  The emptiest cells are those of least spread, but for those of an overscan:
what is said of the noise is taken from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skysieve.frames.image.usable import SkyFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["CELL", "LEAST_CELLS", "Block", "Sample", "into_cells", "sample_frame"]

BLOCK = 256
BLOCKS_AN_AXIS = 3
CELL = 32
"""Side of a cell in pixels."""

EMPTIEST = (0.03, 0.30)
"""Part of the cells, by their spread, that count as empty sky; the very least may be overscan or defects."""
DARK, QUIET, OVERSCAN_PART = 8.0, 0.8, 0.35
"""Cells of overscan are this many times the noise darker, this much quieter, and at most that part of all."""
DARKER_PERCENT = 20
"""Of the cells of a block are no brighter than its sky."""
LEAST_CELLS = 3
"""Fewer tell nothing about the noise."""


class Block(NamedTuple):
    """A block of a frame.

    Attributes
    ----------
    pixels
        ``(h, w)`` float32 in the frame's unit; the sky of their cell where there are no data.
    light
        ``(h, w)`` float32, pixels above the sky of their cell; 0 where there are no data.
    nodata
        ``(h, w)`` bool.
    spreads
        ``(h / 32, w / 32)`` float32, spread of each cell; 0 where it is not complete, or constant.
    sky
        Level below the structure of the block: of its darker cells, without those of an overscan.
    """

    pixels: NDArray[np.float32]
    light: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    spreads: NDArray[np.float32]
    sky: float


class _Read(NamedTuple):
    """Pixels ``(h, w)`` of a block, where they have no data, and which part of them is saturated."""

    pixels: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    saturated: float


class Sample(NamedTuple):
    """What is looked at of a frame.

    Attributes
    ----------
    shape
        Of the whole frame.
    blocks
        The blocks.
    cells
        ``(n, 32, 32)`` float32, all cells that are complete and not constant, less their sky.
    skies, spreads
        ``(n,)`` sky and spread of each of them.
    empty
        Numbers of the emptiest.
    constant
        Part of the complete cells in which nearly all pixels have one value.
    saturated
        Part of the pixels in large saturated areas, which have no data.
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
        """Spread of the emptiest cells, in the frame's unit."""
        return float(np.median(self.spreads[self.empty]))


def sample_frame(frame: Frame) -> Sample | None:
    """Take the blocks of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit; three strips of 256 rows are read at most.

    Returns
    -------
    Sample or None
        None if the frame is smaller than a cell.
    """
    read = list(_blocks(frame))
    if not read:
        return None
    cells = np.concatenate([into_cells(one.pixels) for one in read])
    holes = np.concatenate([into_cells(one.nodata) for one in read])
    complete = ~holes.any(axis=(1, 2))
    # every third pixel, for speed; odd, so that all four kinds of a colour mosaic are among them
    few = cells[:, 1::3, ::3].reshape(len(cells), -1)
    low, levels, high = np.percentile(few, [16, 50, 84], axis=1).astype(np.float32)
    typical = np.median(levels[complete]) if complete.any() else 0
    for number in np.flatnonzero(~complete):
        lit = cells[number][~holes[number]]
        levels[number] = np.median(lit) if lit.size else typical
    spreads = np.where(complete, 0.5 * (high - low), 0)
    varied = np.flatnonzero((spreads > 0) & np.isfinite(spreads))
    dark = _overscan(levels[varied], spreads[varied])
    ranked = np.argsort(spreads[varied])
    ranked = ranked[~dark[ranked]]
    first, last = (round(part * len(ranked)) for part in EMPTIEST)
    seen = np.zeros(len(cells), np.bool_)
    seen[varied[~dark]] = True
    return Sample(
        shape=frame.shape,
        blocks=tuple(_with_sky(read, levels, spreads, seen)),
        cells=cells[varied] - levels[varied, None, None],
        skies=levels[varied],
        spreads=spreads[varied],
        empty=ranked[first : max(last, first + LEAST_CELLS)],
        constant=float((spreads[complete] == 0).mean()) if complete.any() else 0.0,
        saturated=float(np.mean([one.saturated for one in read])),
    )


def _with_sky(
    read: list[_Read],
    levels: NDArray[np.float32],
    spreads: NDArray[np.float32],
    seen: NDArray[np.bool_],
) -> Iterator[Block]:
    """Yield the blocks with the sky and the spread ``(n,)`` of their cells, of which some saw the sky."""
    for number, (pixels, nodata, _) in enumerate(read):
        rows, columns = (length // CELL for length in pixels.shape)
        own = slice(number * rows * columns, (number + 1) * rows * columns)
        level = levels[own].reshape(rows, columns).repeat(CELL, axis=0).repeat(CELL, axis=1)
        lit = levels[own][seen[own]]
        filled = np.where(nodata, level, pixels)
        sky = float(np.percentile(lit if lit.size else levels[own], DARKER_PERCENT))
        yield Block(filled, filled - level, nodata, spreads[own].reshape(rows, columns), sky)


def _overscan(skies: NDArray[np.float32], spreads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which cells are much darker and quieter than the others: they saw no light, and are no sky."""
    if not len(skies):
        return np.zeros(0, np.bool_)
    noise = np.median(spreads)
    dark: NDArray[np.bool_] = (skies < np.median(skies) - DARK * noise) & (spreads < QUIET * noise)
    # a lamp, a pupil or a nebula that fills most of the frame makes the empty sky look so, too
    return dark if dark.mean() < OVERSCAN_PART else np.zeros_like(dark)


def into_cells(block: NDArray[Any]) -> NDArray[Any]:
    """Return the ``(n, 32, 32)`` cells of a block ``(h, w)``, row by row."""
    rows, columns = (length // CELL for length in block.shape)
    cells: NDArray[Any] = block.reshape(rows, CELL, columns, CELL).swapaxes(1, 2).reshape(-1, CELL, CELL)
    return cells


def _blocks(frame: Frame) -> Iterator[_Read]:
    """Yield blocks of whole cells that do not overlap; fewer in smaller frames."""
    height, width = (min(BLOCK, length // CELL * CELL) for length in frame.shape)
    if not height or not width:
        return
    for top in _starts(frame.shape[0], height):
        pixels, nodata = frame.rows(top, top + height)
        saturated = frame.saturated(top, top + height) if isinstance(frame, SkyFrame) else None
        for left in _starts(frame.shape[1], width):
            part = slice(left, left + width)
            full = 0.0 if saturated is None else float(saturated[:, part].mean())
            yield _Read(pixels[:, part].copy(), nodata[:, part].copy(), full)


def _starts(length: int, side: int) -> list[int]:
    count = min(BLOCKS_AN_AXIS, length // side)
    return [
        (2 * number + 1) * (length - count * side) // (2 * count) + number * side for number in range(count)
    ]
