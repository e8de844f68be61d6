"""findsat_mrt of acstools, a published finder of trails, run in its own process and environment."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from environments import make_environment
from process import plain_environment

from skysieve.core.errors import ConfigError
from skysieve.core.models.store import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FINDSAT", "find_trails"]

FINDSAT = "findsat_mrt"
REFERENCE = "Stark et al. 2022, Instrument Science Report ACS 2022-8; acstools 3.8.2"

# All packages that affect its decisions are pinned; the extra ``all`` has more than it needs.
REQUIREMENTS = (
    "acstools==3.8.2",
    "astropy==8.0.2",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "scikit-image==0.26.0",
    "photutils==3.0.0",
    "matplotlib==3.11.2",
)
_RUNNER = Path(__file__).parent / "baseline_runners" / "run_findsat_mrt.py"


def find_trails(
    frames: Mapping[str, NDArray[np.float32]], *, bins: int
) -> dict[str, tuple[list[dict[str, float]], float]]:
    """Find the trails of frames.

    Parameters
    ----------
    frames
        ``(H, W)`` float32 by name, NaN where there is no data.
    bins
        Side of the blocks of pixels that are summed before the search.

    Returns
    -------
    dict
        The trails by the name of the frame, each with its ends in pixels; and the processor time in seconds.

    Raises
    ------
    ConfigError
        If the tool cannot be installed, or fails.
    """
    python = make_environment("findsat-mrt", REQUIREMENTS, cache_folder().parent / "peers")
    with tempfile.TemporaryDirectory(prefix="skysieve-baseline-") as name:
        folder, lines = Path(name, "frames"), Path(name, "lines.json")
        folder.mkdir()
        for frame, pixels in frames.items():
            np.save(folder / f"{frame}.npy", pixels)
        done = subprocess.run(
            [str(python), str(_RUNNER), str(folder), str(lines), str(bins)],
            capture_output=True,
            text=True,
            check=False,
            env=plain_environment(),
        )
        if done.returncode:
            last = " ".join(done.stderr.strip().splitlines()[-1:])
            raise ConfigError(f"baseline {FINDSAT} failed: {last or 'no message'}")
        found = json.loads(lines.read_text(encoding="utf-8"))
    return {frame: (entry["lines"], float(entry["seconds"])) for frame, entry in found.items()}
