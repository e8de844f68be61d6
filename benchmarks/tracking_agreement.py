"""Compare tracking probabilities of whole files with those of the published command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from results import Bar, Cell, Table

from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from published_products import PublishedProducts

__all__ = ["compare_tracking"]

BATCH = 16
"""Blocks in a batch of the published command."""


def compare_tracking(products: PublishedProducts) -> tuple[Table, Bar]:
    """Compare the probabilities of all files that the published command accepts."""
    trackers = [
        Tracker(TrackSettings(model="maxitrack", rules=rules)) for rules in ("published", "corrected")
    ]
    published = products.tracking()
    rows: list[tuple[Cell, ...]] = []
    largest = 0.0
    for path in products.frames:
        with FrameFile(parse_location(str(path))) as file:
            results = [[tracker.track(plane) for plane in file.planes] for tracker in trackers]
        ours = [float(np.mean([result.probability for result in found])) for found in results]
        repeated = float(np.mean([_as_published(result.blocks.ravel()) for result in results[0]]))
        blocks, frames = max(result.blocks.size for result in results[0]), len(results[0])
        looked_at, theirs = products.images(path), published.get(path.name, np.nan)
        if looked_at == frames:
            largest = max(largest, abs(repeated - theirs))
        rows.append((path.name, looked_at, frames, blocks, theirs, repeated, *ours))
    table = Table(
        "Tracking probabilities",
        (
            ("file", ""),
            ("HDUs published", "d"),
            ("frames", "d"),
            ("blocks a frame", "d"),
            ("maxitrack", ".4f"),
            ("Skysieve, published normalisation and batches", ".4f"),
            ("Skysieve, published normalisation", ".4f"),
            ("Skysieve", ".4f"),
        ),
        rows,
        "The published command treats every image HDU as a frame of the sky, including error and "
        f"data-quality HDUs. If a frame has more than {BATCH} blocks, it writes the last batch over the one "
        "before, which leaves zeros; the column with its batches reproduces this. –: not a number.",
    )
    figure = "tracking probabilities, published normalisation and batches, files of the same frames"
    return table, Bar(f"{figure}: largest difference", "<=", 1e-4, largest)


def _as_published(blocks: NDArray[np.float32]) -> float:
    """Return the mean over the blocks of a frame as the published command computes it."""
    count = len(blocks)
    if count <= BATCH:
        return float(blocks.mean())
    written = np.zeros(count)
    whole = count - count % BATCH
    written[:whole] = blocks[:whole]
    written[whole - BATCH : count - BATCH] = blocks[whole:]
    return float(written.mean())
