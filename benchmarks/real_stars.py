"""Round stars of real frames that the default mask flags as cosmic rays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from class_scores import detector_table
from real_truth_frames import truth_sources
from results import Bar, Cell, Result, Table
from star_shapes import find_stars

from frames import data_folder, real_frames
from skysieve.core.errors import FrameError
from skysieve.core.evaluation.binomial import wilson_interval
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location
from skysieve.frames.evaluate.masks import ModelDetector
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.simulate.truth_frames import CameraFacts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["measure"]

MAX_TOUCHED = 2.0
"""Maximum percentage of the stars."""

MIN_FWHM = 1.5
"""Minimum typical FWHM of a frame that counts, in pixels."""

MIN_STARS = 8
"""Minimum number of stars; frames with fewer do not determine their PSF, and do not count."""

NOT_SKY = ("dark", "bias", "flat", "echelle", "pinhole", "panoptes", "horsehead")
"""Parts of the names of frames without stars, with a colour mosaic, or of a photographic plate."""


def measure(*, model: str) -> Result:
    """Count the round, unsaturated stars of real frames with a pixel flagged as a cosmic ray."""
    detector = ModelDetector(MaskSettings(model=model))
    rays = {source.path: source for source in truth_sources()}
    rows: list[tuple[Cell, ...]] = []
    left_out: list[str] = []
    for path in _sky_frames():
        with FrameFile(Location(path)) as file:
            planes = [plane.rows(0, plane.shape[0]) for plane in file.planes]
        for number, (pixels, nodata) in enumerate(planes, 1):
            name = path.name.partition(".")[0] + (f" {number}" if len(planes) > 1 else "")
            known = rays[path].read().truth.get("CR") if path in rays else None
            skipped = nodata if known is None else nodata | known
            try:
                stars = find_stars(np.where(skipped, np.float32(np.nan), pixels), name)
            except FrameError as error:
                left_out.append(str(error))
                continue
            if len(stars.fwhm) < MIN_STARS or stars.typical < MIN_FWHM:
                why = f"{len(stars.fwhm)} stars" + (f" of {stars.typical:.1f} px" if len(stars.fwhm) else "")
                left_out.append(f"{name} ({why})")
                continue
            marked = _cosmic_rays(detector, np.where(nodata, np.float32(np.nan), pixels))
            if known is not None:
                marked &= ~known
            rows.append((name, len(stars.fwhm), stars.typical, stars.touched(marked)))
    total, touched = (sum(int(row[k] or 0) for row in rows) for k in (1, 3))
    low, high = (100 * float(end) for end in wilson_interval(touched, total))
    shares = [(*row, 100 * int(row[3] or 0) / int(row[1] or 1)) for row in rows]
    share = 100 * touched / total if total else None
    return Result(
        "Round stars flagged as cosmic rays, on real frames",
        "Stars are found without any network: peaks ten standard deviations above the sky and below 60 % of "
        "the highest value, whose adaptive Gaussian moments (Bernstein & Jarvis 2002, section 3) are round "
        f"(axis ratio above 0.75) and within 25 % of the median FWHM of their frame, which is {MIN_FWHM:g} "
        f"px or more. Frames with fewer than {MIN_STARS} such stars do not count, nor do frames that do not "
        "show the sky. A star is touched if the default mask flags any pixel within half of its FWHM as a "
        "cosmic ray; pixels that a data-quality plane flags as rays are skipped.",
        [
            Bar(
                "round, unsaturated stars touched by CR",
                "<=",
                MAX_TOUCHED,
                share,
                "%",
                remark=f"{touched} of {total}, 68 % interval {low:.2f} to {high:.2f} %",
            )
        ],
        [
            Table(
                "Frames",
                (
                    ("frame", ""),
                    ("stars", "d"),
                    ("FWHM, px", ".2f"),
                    ("touched", "d"),
                    ("touched, %", ".1f"),
                ),
                [*shares, ("all", total, None, touched, share)],
            ),
            detector_table((detector.name, detector.description)),
        ],
        [f"Left out: {'; '.join(left_out)}."] if left_out else [],
    )


def _sky_frames() -> list[Path]:
    """Return the real frames of the sky in both folders."""
    more = data_folder() / "real" / "frames"
    files = [*real_frames(), *(sorted(more.iterdir()) if more.is_dir() else [])]
    return [path for path in files if not any(word in path.name for word in NOT_SKY)]


def _cosmic_rays(detector: ModelDetector, pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    predictions = detector.predict(pixels, CameraFacts())
    return next(decided for name, _, decided in predictions if name == "CR")
