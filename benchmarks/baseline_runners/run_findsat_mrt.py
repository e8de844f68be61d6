"""findsat_mrt of acstools: ``python run_findsat_mrt.py FRAMES LINES BIN``.

FRAMES is a folder of ``.npy`` files, each a frame of ``(H, W)`` float32 with NaN where there is no data.
LINES is a JSON file that gets, by the name of each frame, the ends of its trails in pixels and the processor
time.  The steps are those of the documentation: subtract the median, bin, transform, find and filter.

References
----------
Stark et al. 2022, Instrument Science Report ACS 2022-8; acstools.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_lines"]

PASSED = 2
"""Status of trails that passed all filters; the default of the tool's own masks."""


def find_lines(finder: Any, pixels: NDArray[np.float32], bins: int, folder: str) -> list[dict[str, float]]:
    """Return the trails of a frame.

    Parameters
    ----------
    finder
        The class ``TrailFinder``.
    pixels
        ``(H, W)`` float32, NaN where there is no data.
    bins
        Side of the blocks of pixels that are summed.
    folder
        Folder for the tool's own files.

    Returns
    -------
    list
        Ends in pixels of the frame, and signal-to-noise ratio of each.
    """
    height, width = (size // bins * bins for size in pixels.shape)
    image = pixels[:height, :width] - np.nanmedian(pixels)
    blocks = image.reshape(height // bins, bins, width // bins, bins)
    summed = np.nansum(blocks, axis=(1, 3))
    summed[np.isnan(blocks).all(axis=(1, 3))] = np.nan
    trails = finder(
        summed, processes=1, plot=False, output_dir=folder, save_catalog=False, save_diagnostic=False
    )
    trails.run_mrt()
    if trails.find_mrt_sources() is None:
        return []
    trails.filter_sources()
    found = []
    for row in trails.source_list:
        if row["status"] == PASSED:
            (x1, y1), (x2, y2) = (
                [(float(value) + 0.5) * bins - 0.5 for value in end] for end in row["endpoints"]
            )
            found.append(
                {
                    "x1": x1,
                    "y1": y1,
                    "x2": x2,
                    "y2": y2,
                    "width": bins * float(row["width"]),
                    "snr": float(row["snr"]),
                }
            )
    return found


def main() -> None:
    """Find the trails of all frames of a folder."""
    from acstools.findsat_mrt import TrailFinder

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    lines: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(Path(sys.argv[1]).glob("*.npy")):
            start = time.process_time()
            found = find_lines(TrailFinder, np.load(path), int(sys.argv[3]), folder)
            lines[path.stem] = {"lines": found, "seconds": time.process_time() - start}
            Path(sys.argv[2]).write_text(json.dumps(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
