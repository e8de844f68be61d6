"""Nine blocks of a frame, and in them cells: what statistics of a whole frame are taken from.

A frame of any size is looked at in at most nine blocks of 256 x 256 pixels, at equal distances.  A block is
cut into cells of 32 x 32 pixels.  Each cell has a sky (its median) and a spread (half the distance between
its 16th and 84th percentile).  The emptiest cells are those of least spread, but for those of an overscan:
what is said of the noise is taken from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.imaging.frames import Frame

__all__ = ["CELL", "LEAST_CELLS", "Block", "Sample", "into_cells", "sample_frame"]

BLOCK = 256
BLOCKS_AN_AXIS = 3
CELL = 32
"""Side of a cell in pixels."""

EMPTIEST = (0.03, 0.30)
"""Part of the cells, by their spread, that count as empty sky; the very least may be overscan or defects."""
DARK, QUIET, OVERSCAN_PART = 8.0, 0.8, 0.35
"""Cells of overscan are this many times the noise darker, this much quieter, and at most that part of all."""
LEAST_CELLS = 3
"""Fewer tell nothing about the noise."""


class Block(NamedTuple):
    """A block of a frame.

    Attributes
    ----------
    top, left
        Place of its first pixel in the frame.
    light
        ``(h, w)`` float32, pixels above the sky of their cell, in the frame's unit; 0 without data.
    nodata
        ``(h, w)`` bool.
    """

    top: int
    left: int
    light: NDArray[np.float32]
    nodata: NDArray[np.bool_]


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
    """

    shape: tuple[int, int]
    blocks: tuple[Block, ...]
    cells: NDArray[np.float32]
    skies: NDArray[np.float32]
    spreads: NDArray[np.float32]
    empty: NDArray[np.intp]
    constant: float

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
        None if the frame is smaller than a cell, or has no complete cell.
    """
    blocks, cells, complete = [], [], []
    for top, left, pixels, nodata in _blocks(frame):
        own = into_cells(pixels)
        # every third pixel, for speed; odd, so that all four kinds of a colour mosaic are among them
        sky = np.median(own[:, 1::3, ::3], axis=(1, 2)).astype(np.float32)
        level = sky.reshape(-1, pixels.shape[1] // CELL).repeat(CELL, axis=0).repeat(CELL, axis=1)
        light = pixels - level
        light[nodata] = 0
        blocks.append(Block(top, left, light, nodata))
        cells.append(own)
        complete.append(~into_cells(nodata).any(axis=(1, 2)))
    if not blocks or not np.concatenate(complete).any():
        return None
    every = np.concatenate(cells)[np.concatenate(complete)]
    low, skies, high = np.percentile(every[:, 1::3, ::3].reshape(len(every), -1), [16, 50, 84], axis=1)
    spreads = 0.5 * (high - low)
    constant = float((spreads == 0).mean())
    varied = (spreads > 0) & np.isfinite(spreads)
    skies, spreads = (values.astype(np.float32)[varied] for values in (skies, spreads))
    ranked = np.argsort(spreads)
    ranked = ranked[~_overscan(skies, spreads)[ranked]]
    first, last = (round(part * len(ranked)) for part in EMPTIEST)
    return Sample(
        shape=frame.shape,
        blocks=tuple(blocks),
        cells=every[varied] - skies[:, None, None],
        skies=skies,
        spreads=spreads,
        empty=ranked[first : max(last, first + LEAST_CELLS)],
        constant=constant,
    )


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


def _blocks(frame: Frame) -> Iterator[tuple[int, int, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield blocks of whole cells that do not overlap; fewer in smaller frames."""
    height, width = (min(BLOCK, length // CELL * CELL) for length in frame.shape)
    if not height or not width:
        return
    for top in _starts(frame.shape[0], height):
        pixels, nodata = frame.rows(top, top + height)
        for left in _starts(frame.shape[1], width):
            part = slice(left, left + width)
            yield top, left, pixels[:, part].copy(), nodata[:, part].copy()


def _starts(length: int, side: int) -> list[int]:
    count = min(BLOCKS_AN_AXIS, length // side)
    return [
        (2 * number + 1) * (length - count * side) // (2 * count) + number * side for number in range(count)
    ]
