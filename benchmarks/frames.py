"""Frames of the benchmarks: simulated ones, and real ones in the data folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from astropy.io import fits
from published_tools import CACHE

import skysieve.frames.simulate
from skysieve.frames.simulate.frame import simulate_frame

__all__ = ["SIDE", "data_folder", "large_frame", "real_frames", "simulated_frame", "simulation_folder"]

SETTING = "SKYSIEVE_TEST_DATA"
SIDE = 2048
SEED = 1
PANEL = 2500
"""Side of the panels of a large frame, which would take too much memory to simulate in one piece."""

FITS_BLOCK = 2880


def data_folder() -> Path:
    """Return the folder of real frames and of reference outputs.

    Raises
    ------
    SystemExit
        If the folder is not set, or does not exist.
    """
    setting = os.environ.get(SETTING, "")
    folder = Path(setting)
    if not setting or not (folder / "frames").is_dir() or not (folder / "maximask_reference").is_dir():
        state = f"{SETTING} is not set" if not setting else f"{setting} holds no such folders"
        raise SystemExit(
            "this part needs a folder that holds frames/ (real FITS frames) and "
            f"maximask_reference/tiles.npz (outputs of the published networks), and {state}: set "
            f"{SETTING}, or give --data FOLDER"
        )
    return folder


def real_frames() -> list[Path]:
    """Return the FITS files of the real frames, without masks and data-quality files."""
    files = sorted((data_folder() / "frames").iterdir())
    endings = (".fits", ".fit", ".fts", ".fits.fz")
    return [f for f in files if f.name.endswith(endings) and "mask" not in f.name and "_ood_" not in f.name]


def simulation_folder() -> Path:
    """Return the folder of simulated frames; its name changes with the source code of the simulator."""
    (package,) = skysieve.frames.simulate.__path__
    files = [file for ending in ("*.py", "*.yaml") for file in sorted(Path(package).rglob(ending))]
    files = [file for file in files if "ghosts" not in file.parts]  # ghosts are simulated by other code
    sources = b"".join(file.read_bytes() for file in files)
    folder = CACHE / "frames" / hashlib.sha256(sources).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def simulated_frame(side: int = SIDE, *, number: int = 0) -> Path:
    """Return a simulated frame of ``(side, side)`` float32 pixels in ADU, made on the first call.

    Parameters
    ----------
    side
        Pixels along each axis.
    number
        Number of the frame; each has its own seed.

    Returns
    -------
    Path
        FITS file of the frame.
    """
    path = simulation_folder() / f"simulated-{side}{f'-{number}' if number else ''}.fits"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        pixels = simulate_frame((side, side), seed=SEED + number).pixels
        fits.PrimaryHDU(pixels).writeto(unfinished, overwrite=True)
        unfinished.rename(path)
    return path


def large_frame(side: int) -> Path:
    """Return a frame of ``(side, side)`` float32 pixels in ADU, a mosaic of simulated panels."""
    path = simulation_folder() / f"simulated-{side}.fits"
    if path.exists():
        return path
    header = fits.Header({"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": side, "NAXIS2": side})
    cards = header.tostring(sep="", endcard=True, padding=True).encode("ascii")
    unfinished = path.with_suffix(".part")
    size = len(cards) + 4 * side * side
    with unfinished.open("wb") as file:
        file.write(cards)
        file.truncate(-(-size // FITS_BLOCK) * FITS_BLOCK)
    pixels = np.memmap(unfinished, ">f4", "r+", len(cards), (side, side))
    panel = min(PANEL, side)
    for number, (top, left) in enumerate(np.ndindex(-(-side // panel), -(-side // panel))):
        view = pixels[top * panel : (top + 1) * panel, left * panel : (left + 1) * panel]
        view[...] = simulate_frame((panel, panel), seed=SEED + number).pixels[
            : view.shape[0], : view.shape[1]
        ]
    pixels.flush()
    unfinished.rename(path)
    return path
