"""Tiles over a frame, and the way back: every pixel is decided by one tile's interior.

Both axes are covered alike: tiles of one size at equal steps, and where they do
not end on the frame's border one more, flush with it.  Of two neighbours the
later one decides from its own margin on.  The published tiling (400 px every
200 px) is the same scheme with other numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["Span", "TilePlan", "TileSizes", "cover", "fixed_tiles", "plan_tiles", "predict"]

Network = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]


@dataclass(frozen=True)
class TileSizes:
    """The sides that a tile may have: ``remainder + k * multiple`` pixels.

    Attributes
    ----------
    multiple, remainder
        Of the sides.
    minimum
        Least side of the tiles that cover a larger frame; itself such a side.
    """

    multiple: int
    remainder: int
    minimum: int

    def fit(self, length: int) -> int:
        """Return the smallest side of at least ``length`` pixels.

        Examples
        --------
        >>> TileSizes(32, 16, 400).fit(500)
        528
        """
        return length + (self.remainder - length) % self.multiple


@dataclass(frozen=True)
class Span:
    """One tile along one axis: pixels ``start`` to ``stop``, of which it decides ``first`` to ``last``."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class TilePlan:
    """Tiles over a frame: every row span with every column span.

    Attributes
    ----------
    rows, columns
        Spans of each axis; those that reach beyond the frame want it padded by reflection.
    batch
        Tiles in one call of the network.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    batch: int

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of each tile."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start

    @property
    def cost(self) -> int:
        """Pixels that pass through the network."""
        height, width = self.tile_shape
        return len(self.rows) * len(self.columns) * height * width


def cover(length: int, size: int, step: int, margin: int) -> tuple[Span, ...]:
    """Cover one axis by tiles.

    Parameters
    ----------
    length
        Pixels of the axis.
    size, step
        Pixels of a tile, and from one to the next; ``step <= size - 2 * margin``.
    margin
        Pixels at a tile's inner borders that its neighbours decide.

    Raises
    ------
    ConfigError
        If tiles so placed leave gaps.

    Examples
    --------
    >>> cover(1000, 600, 400, 100)
    (Span(start=0, stop=600, first=0, last=500), Span(start=400, stop=1000, first=500, last=1000))
    """
    if size >= length:
        return (Span(0, size, 0, length),)
    if margin < 0 or not 0 < step <= size - 2 * margin:
        raise ConfigError(f"tiles of {size} px with a margin of {margin} px cannot be {step} px apart")
    starts = list(range(0, length - size + 1, step))
    if starts[-1] != length - size:
        starts.append(length - size)
    borders = [0, *(start + margin for start in starts[1:]), length]
    return tuple(
        Span(start, start + size, first, last)
        for start, first, last in zip(starts, borders[:-1], borders[1:], strict=True)
    )


def fixed_tiles(shape: tuple[int, int], *, size: int, step: int, margin: int, batch: int) -> TilePlan:
    """Cover a frame ``(H, W)`` by square tiles of a given size."""
    rows, columns = (cover(length, size, step, margin) for length in shape)
    return TilePlan(rows, columns, batch)


def plan_tiles(
    shape: tuple[int, int], sizes: TileSizes, *, margin: int, max_pixels: int, max_batch: int | None = None
) -> TilePlan:
    """Cover a frame with as few network pixels as possible.

    Larger tiles waste less on margins, but the network's memory grows with them: among the tile shapes of
    at most ``max_pixels`` the one with the least total is taken.

    Parameters
    ----------
    shape
        ``(H, W)`` of the frame.
    sizes
        Sides that a tile may have.
    margin
        Least margin, in pixels.
    max_pixels
        Pixels in one call of the network.
    max_batch
        Tiles in one call, at most.

    Raises
    ------
    ConfigError
        If ``max_pixels`` does not hold the smallest tile.
    """
    row_choices, column_choices = (_covers(length, sizes, margin) for length in shape)
    best: TilePlan | None = None
    for rows in row_choices:
        for columns in column_choices:
            plan = TilePlan(rows, columns, 1)
            height, width = plan.tile_shape
            if height * width <= max_pixels and (best is None or plan.cost < best.cost):
                best = plan
    if best is None:
        raise ConfigError(
            f"no tile with a margin of {margin} px fits into {max_pixels} px a call; allow more memory"
        )
    height, width = best.tile_shape
    batch = min(max_pixels // (height * width), len(best.columns), max_batch or max_pixels)
    return TilePlan(best.rows, best.columns, max(1, batch))


def _covers(length: int, sizes: TileSizes, margin: int) -> list[tuple[Span, ...]]:
    """Return the covers of one axis by 1, 2, 3, … tiles, each with the smallest tile that suffices.

    Only an axis shorter than the smallest tile is padded: pixels made up by reflection are no match for a
    second tile that is flush with the border.
    """
    # steps are multiples then, so that pooling falls on the same pixels in neighbouring tiles
    margin = sizes.fit(2 * margin) // 2
    # of smaller ones nothing would lie within the margins
    smallest = max(sizes.minimum, sizes.fit(2 * margin + 1))
    if length <= smallest:
        return [cover(length, sizes.fit(length), 1, 0)]
    choices = [cover(length, length, 1, 0)] if sizes.fit(length) == length else []
    count = 2
    while True:
        # the first and the last tile decide all but one margin, those between all but two
        wanted = -(-(length + 2 * margin * (count - 1)) // count)
        size = sizes.fit(max(wanted, sizes.minimum))
        if size > length:
            size -= sizes.multiple
        choices.append(cover(length, size, size - 2 * margin, margin))
        if size <= smallest:
            return choices
        count += 1


def predict(
    frame: Frame, plan: TilePlan, network: Network
) -> Iterator[tuple[slice, slice, NDArray[np.float32], NDArray[np.bool_]]]:
    """Run a network over a frame, strip by strip.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.
    plan
        Tiles; every pixel of the frame is yielded once.
    network
        Takes ``(N, 1, h, w)`` float32 and returns ``(N, C, h, w)`` float32.

    Yields
    ------
    rows, columns
        Place of the decided part in the frame.
    prediction
        ``(C, rows, columns)`` float32 there.
    nodata
        ``(rows, columns)`` bool there.
    """
    height, width = frame.shape
    for row in plan.rows:
        pixels, nodata = frame.rows(row.start, min(row.stop, height))
        padding = [(0, row.stop - min(row.stop, height)), (0, max(0, plan.columns[-1].stop - width))]
        if any(after for _, after in padding):
            pixels = np.pad(pixels, padding, mode="reflect")
        inner = slice(row.first - row.start, row.last - row.start)
        for index in range(0, len(plan.columns), plan.batch):
            columns = plan.columns[index : index + plan.batch]
            tiles = np.stack([pixels[:, column.start : column.stop] for column in columns])[:, None]
            for column, prediction in zip(columns, network(tiles), strict=True):
                part = slice(column.first - column.start, column.last - column.start)
                decided = slice(column.first, column.last)
                yield slice(row.first, row.last), decided, prediction[:, inner, part], nodata[inner, decided]
