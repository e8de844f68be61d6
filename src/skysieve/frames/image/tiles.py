"""Tiles over a frame, and the assembly of their predictions.

The prediction of each pixel comes from the interior of exactly one tile.  Both axes are tiled in the same
way: tiles of one size at equal steps, and one more at the frame's border if they do not end there.  Where two
neighbours overlap, the later one is used from its own margin on.  The published tiling (400 px tiles every
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
    """The allowed side lengths of a tile: ``remainder + k * multiple`` pixels.

    Attributes
    ----------
    multiple, remainder
        A length is allowed if its remainder on division by `multiple` is `remainder`.
    minimum
        Minimum side of the tiles of a frame that is larger than this; an allowed length.
    """

    multiple: int
    remainder: int
    minimum: int

    def fit(self, length: int) -> int:
        """Return the smallest allowed side of at least `length` pixels.

        Parameters
        ----------
        length
            Number of pixels.

        Returns
        -------
        int
            Side in pixels.

        Examples
        --------
        >>> TileSizes(32, 16, 400).fit(500)
        528
        """
        return length + (self.remainder - length) % self.multiple


@dataclass(frozen=True)
class Span:
    """One tile along one axis.

    Attributes
    ----------
    start, stop
        First pixel of the tile, and the pixel after its last.
    first, last
        The same of the part whose prediction is used.
    """

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
        Spans of each axis.  If they extend beyond the frame, it is padded by reflection.
    batch
        Number of tiles in one call of the network.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    batch: int

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Height and width of each tile in pixels."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start

    @property
    def cost(self) -> int:
        """Total number of pixels of all tiles."""
        height, width = self.tile_shape
        return len(self.rows) * len(self.columns) * height * width


def cover(length: int, size: int, step: int, margin: int) -> tuple[Span, ...]:
    """Cover one axis by tiles.

    Parameters
    ----------
    length
        Number of pixels of the axis.
    size, step
        Side of a tile, and distance from one to the next, in pixels; ``step <= size - 2 * margin``.
    margin
        Number of pixels at the inner borders of a tile whose prediction is not used.

    Returns
    -------
    tuple
        One span per tile.

    Raises
    ------
    ConfigError
        If the tiles would leave gaps.

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
    """Cover a frame by square tiles of a given size.

    Parameters
    ----------
    shape
        Height and width (H, W) of the frame.
    size, step, margin
        See :func:`cover`.
    batch
        Number of tiles in one call of the network.

    Returns
    -------
    TilePlan
        The tiles.
    """
    rows, columns = (cover(length, size, step, margin) for length in shape)
    return TilePlan(rows, columns, batch)


def plan_tiles(
    shape: tuple[int, int], sizes: TileSizes, *, margin: int, max_pixels: int, max_batch: int | None = None
) -> TilePlan:
    """Cover a frame by tiles with the smallest total number of pixels.

    Larger tiles lose less to margins, but the network needs more memory for them.  Among the tile shapes of
    at most `max_pixels` this function chooses the one with the smallest total.

    Parameters
    ----------
    shape
        Height and width (H, W) of the frame.
    sizes
        Allowed sides of a tile.
    margin
        Minimum margin in pixels.
    max_pixels
        Maximum number of pixels in one call of the network.
    max_batch
        Maximum number of tiles in one call; None for no limit.

    Returns
    -------
    TilePlan
        The tiles.

    Raises
    ------
    ConfigError
        If the smallest tile has more than `max_pixels`.
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
    """Return the covers of one axis by 1, 2, 3, … tiles, each with the smallest sufficient tile.

    Only an axis shorter than the smallest tile is padded, because real pixels are better than reflected ones.
    """
    # with this margin steps are multiples, so that pooling groups the same pixels in neighbouring tiles
    margin = sizes.fit(2 * margin) // 2
    # smaller tiles have no pixel within the margins
    smallest = max(sizes.minimum, sizes.fit(2 * margin + 1))
    if length <= smallest:
        return [cover(length, sizes.fit(length), 1, 0)]
    choices = [cover(length, length, 1, 0)] if sizes.fit(length) == length else []
    count = 2
    while True:
        # the first and the last tile lose one margin, those between lose two
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
    """Run a network on the tiles of a frame, strip by strip.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.
    plan
        The tiles.  Each pixel of the frame is yielded once.
    network
        Function from ``(N, 1, h, w)`` float32 to ``(N, C, h, w)`` float32.

    Yields
    ------
    rows, columns
        Part of the frame.
    prediction
        ``(C, rows, columns)`` float32, the output of the network in this part.
    nodata
        ``(rows, columns)`` bool, True where this part has no data.
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
                used = slice(column.first, column.last)
                yield slice(row.first, row.last), used, prediction[:, inner, part], nodata[inner, used]
