"""Search for trails that are too faint for the mask: sums of light along all lines of a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.classes import find_class
from skysieve.frames.mask.streaks.ridges import line_sums
from skysieve.frames.mask.streaks.tracing import Course
from skysieve.frames.mask.trails.cutouts import SkyLight
from skysieve.frames.mask.trails.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ALONG_AXIS", "faint_segments", "without_sources"]

BIN = 4
"""Side in pixels of the blocks whose light is summed."""

SMOOTHING = 8.0
"""Scale in blocks of the structure that is subtracted from the sky."""

CLIP = 4.0
"""Blocks are clipped at this multiple of their noise."""

WIDTHS = (1, 2, 4)
"""Widths of lines in blocks."""

MIN_LENGTH = 32
"""Shortest length of a line in blocks."""

MIN_SIGNIFICANCE = 5.0
"""Minimum significance of a line, relative to the scatter of all lines of its length and width."""

MIN_FILLED = 0.3
"""Minimum fraction of a line with data in the frame."""

MAX_PEAKS = 12
"""Maximum number of lines for each direction, length, width and block."""

ALONG_AXIS = math.radians(2.0)
"""Minimum angle to rows and columns, which detectors mark by themselves."""

SOURCES = sum(
    find_class(name).code for name in ("CR", "HCL", "DCL", "HP", "DP", "P", "SAT", "SP", "OV", "BBG")
)
TRAIL = find_class("TRL").code
_MAD = 1.4826


class _Line(NamedTuple):
    significance: float
    start: tuple[float, float]
    end: tuple[float, float]
    width: int


def without_sources(sky: SkyLight, bits: NDArray[np.int16]) -> SkyLight:
    """Return the light of a frame without the pixels of sources and defects.

    Parameters
    ----------
    sky
        The light of the frame.
    bits
        ``(H, W)`` int16, its mask; pixels of trails are kept.

    Returns
    -------
    SkyLight
        The same with NaN in these pixels.
    """
    light = sky.light.copy()
    light[((bits & np.int16(SOURCES)) != 0) & ((bits & TRAIL) == 0)] = np.nan
    return SkyLight(light, sky.background)


def faint_segments(sky: SkyLight) -> Iterator[Segment]:
    """Yield lines along which a frame is brighter than beside them.

    Parameters
    ----------
    sky
        The light of the frame, without sources.

    Yields
    ------
    Segment
        Lines, the most significant first; a trail may have several.

    References
    ----------
    Nir, Zackay & Ofek 2018, AJ 156, 229 (sums along all lines).
    """
    lines: list[_Line] = []
    light, weight = _blocks(sky.light)
    for transposed in (False, True):
        for flipped in (False, True):
            parts = [image.T if transposed else image for image in (light, weight)]
            rows = parts[0].shape[0]
            if flipped:
                parts = [part[::-1] for part in parts]
            for line in _along_columns(*parts):
                ends = [(rows - 1 - y if flipped else y, x) for y, x in (line.start, line.end)]
                if transposed:
                    ends = [(x, y) for y, x in ends]
                lines.append(line._replace(start=ends[0], end=ends[1]))
    lines.sort(key=lambda line: -line.significance)
    seen: list[_Line] = []
    for line in lines:
        if any(_is_near(line, other) for other in seen):
            continue
        seen.append(line)
        segment = _segment(line, sky.shape)
        if segment is not None:
            yield segment


def _blocks(light: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the sums of blocks in units of the noise of a full block, and the fraction of known pixels."""
    height, width = light.shape
    padded = np.pad(light, ((0, -height % BIN), (0, -width % BIN)), constant_values=np.nan)
    cells = padded.reshape(padded.shape[0] // BIN, BIN, padded.shape[1] // BIN, BIN)
    known = np.isfinite(cells)
    weight = known.mean(axis=(1, 3), dtype=np.float32)
    total = np.where(known, np.clip(cells, -2 * CLIP, 2 * CLIP), 0).sum(axis=(1, 3), dtype=np.float32) / BIN
    for _ in range(2):  # again without what was clipped
        smooth = ndimage.gaussian_filter(total, SMOOTHING)
        smooth /= np.maximum(ndimage.gaussian_filter(weight, SMOOTHING), 1e-3)
        total -= smooth * weight
        limit = CLIP * np.sqrt(np.maximum(weight, 1e-3))
        np.clip(total, -limit, limit, out=total)
    return total.astype(np.float32), weight


def _along_columns(light: NDArray[np.float32], weight: NDArray[np.float32]) -> Iterator[_Line]:
    """Yield lines that descend by at most one row per column."""
    height, width = light.shape
    longest = max(MIN_LENGTH, 2 ** math.ceil(math.log2(width)))
    length = longest
    padded = [np.zeros((height, longest), np.float32) for _ in range(2)]
    for target, image in zip(padded, (light, weight), strict=True):
        target[:, :width] = image
    while length >= MIN_LENGTH:
        sums, weights = (line_sums(image, length) for image in padded)
        blocks = -(-width // length)
        for across in WIDTHS:
            significance = _significance(sums[:, :blocks], weights[:, :blocks], across)
            for block in range(blocks):
                yield from _peaks(significance[:, block], block * length, length, across)
        length //= 2


def _significance(
    sums: NDArray[np.float32], weights: NDArray[np.float32], across: int
) -> NDArray[np.float32]:
    """Return the significance ``(descent, block, row)`` of lines that are `across` rows wide."""
    total, known = (
        ndimage.uniform_filter1d(one, across, axis=2, mode="constant") * np.float32(across)
        for one in (sums, weights)
    )
    enough = known >= MIN_FILLED * MIN_LENGTH * across
    found = np.where(enough, total / np.sqrt(np.maximum(known, 1.0)), 0).astype(np.float32)
    values = found[enough]
    if values.size < 64:
        return np.zeros_like(found)
    median = float(np.median(values))
    scatter = _MAD * float(np.median(np.abs(values - median)))
    found = (found - median) / max(1.0, scatter)
    found[~enough] = 0
    return found


def _peaks(significance: NDArray[np.float32], first: int, length: int, across: int) -> Iterator[_Line]:
    """Yield the local maxima of the significance ``(descent, row)`` of lines in one block of columns."""
    high = significance >= MIN_SIGNIFICANCE
    if not high.any():
        return
    highest = ndimage.maximum_filter(significance, (9, 9))
    descents, rows = np.nonzero(high & (significance >= highest))
    order = np.argsort(-significance[descents, rows])[:MAX_PEAKS]
    shift = -0.5 if across % 2 == 0 else 0.0  # the middle of an even number of rows
    for descent, row in zip(descents[order], rows[order], strict=True):
        begin = float(row - length) + shift
        yield _Line(
            float(significance[descent, row]),
            (begin, float(first)),
            (begin + float(descent), float(first + length - 1)),
            across,
        )


def _is_near(line: _Line, other: _Line) -> bool:
    """Return whether both ends of a line are close to another line."""
    (y0, x0), (y1, x1) = other.start, other.end
    length = math.hypot(y1 - y0, x1 - x0)
    near = 2.0 + max(line.width, other.width)
    return all(
        abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length < near for y, x in (line.start, line.end)
    )


def _segment(line: _Line, shape: tuple[int, int]) -> Segment | None:
    """Return a line in pixels of the frame, clipped to it; None if it is along rows or columns."""
    (y0, x0), (y1, x1) = (tuple((value + 0.5) * BIN - 0.5 for value in end) for end in (line.start, line.end))
    angle = math.atan2(y1 - y0, x1 - x0)
    quarter = angle % (math.pi / 2)
    if min(quarter, math.pi / 2 - quarter) < ALONG_AXIS:
        return None
    half = math.hypot(y1 - y0, x1 - x0) / 2
    course = Course((y0 + y1) / 2, (x0 + x1) / 2, angle)
    limits = course.within(shape)
    ends = max(-half, limits[0]), min(half, limits[1])
    if ends[1] - ends[0] < MIN_LENGTH:
        return None
    middle = sum(ends) / 2
    row, column = course.at(middle, 0.0)
    centred = Course(float(row), float(column), angle)
    return Segment(centred, (ends[0] - middle, ends[1] - middle), float(BIN * line.width), is_traced=False)
