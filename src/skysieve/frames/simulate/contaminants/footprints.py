"""Footprints of real cosmic rays from dark exposures, to add to simulated frames."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Footprints", "read_footprints"]

ARRAYS = {"start": 1, "x": 1, "y": 1, "value": 1}
"""Arrays in a file, and their number of axes."""

LARGEST = 1000
"""Maximum extent of a footprint in pixels: a larger one means that the file has another layout."""


@dataclass(frozen=True)
class Footprints:
    """Pixels hit by real particles.

    Attributes
    ----------
    start
        ``(N + 1,)`` int64: footprint i has the elements ``start[i]`` to ``start[i + 1]`` of the arrays below.
    y, x
        ``(P,)`` int64, pixels from the corner of the footprint.
    value
        ``(P,)`` float32, charge above the background.
    in_adu
        Whether the charge is in ADU; otherwise it is in electrons.
    """

    start: NDArray[np.int64]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    value: NDArray[np.float32]
    in_adu: bool

    def __len__(self) -> int:
        """Return the number of footprints."""
        return self.start.size - 1

    def add(self, charge: NDArray[np.float32], rng: Generator, count: int, *, scale: float) -> None:
        """Add random footprints at random positions in place, drawn with replacement, rotated and mirrored.

        Parameters
        ----------
        charge
            ``(H, W)`` float32.
        rng
            Random generator.
        count
            Number of footprints.
        scale
            Factor from the unit of the file to that of the charge.
        """
        chosen = rng.integers(len(self), size=count)
        sizes = self.start[chosen + 1] - self.start[chosen]
        owner = np.repeat(np.arange(count), sizes)
        within = np.arange(owner.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        pixel = self.start[chosen][owner] + within
        y, x = self.y[pixel], self.x[pixel]
        swapped, down, left = (flips[owner] for flips in rng.integers(2, size=(3, count)).astype(bool))
        y, x = np.where(swapped, x, y), np.where(swapped, y, x)
        y, x = np.where(down, -y, y), np.where(left, -x, x)
        height, width = charge.shape
        y = y + rng.integers(height, size=count)[owner]
        x = x + rng.integers(width, size=count)[owner]
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        np.add.at(charge, (y[inside], x[inside]), np.float32(scale) * self.value[pixel][inside])


@lru_cache(maxsize=8)
def read_footprints(path: str) -> Footprints:
    """Read footprints of cosmic rays.

    Parameters
    ----------
    path
        An npz file with ``start`` (N + 1 offsets), ``x``, ``y`` (pixels from the corner of each footprint),
        ``value`` (charge above the background) and ``unit`` ("electron" or "ADU").

    Returns
    -------
    Footprints
        The footprints.

    Raises
    ------
    ConfigError
        If the file cannot be read or has another layout.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            missing = [name for name in (*ARRAYS, "unit") if name not in stored]
            if missing:
                raise ConfigError(
                    f"{path}: no file of cosmic-ray footprints, {', '.join(missing)} is missing; "
                    f"expected the arrays {', '.join(ARRAYS)} and unit"
                )
            arrays = {name: stored[name] for name in ARRAYS}
            unit = str(stored["unit"])
    # np.load returns a bare array for an npy file, which has no context manager
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{path}: cannot be read as cosmic-ray footprints ({problem})") from error
    _check(path, arrays, unit)
    start, y, x = (arrays[name].astype(np.int64) for name in ("start", "y", "x"))
    return Footprints(start, y, x, arrays["value"].astype(np.float32), unit.upper().startswith("ADU"))


def _check(path: str, arrays: dict[str, NDArray[np.generic]], unit: str) -> None:
    """Raise ConfigError unless the arrays are valid footprints."""

    def refuse(what: str) -> ConfigError:
        return ConfigError(f"{path}: no file of cosmic-ray footprints: {what}")

    for name, axes in ARRAYS.items():
        values = arrays[name]
        if values.ndim != axes or values.dtype.kind not in "iuf":
            raise refuse(f"{name} has the shape {values.shape} and the type {values.dtype}")
    start, pixels = arrays["start"], arrays["value"].size
    if arrays["x"].size != pixels or arrays["y"].size != pixels:
        raise refuse(f"x, y and value have {arrays['x'].size}, {arrays['y'].size} and {pixels} entries")
    steps = np.diff(start.astype(np.int64)) if start.size > 1 else np.array([-1])
    if steps.min() <= 0 or start[0] != 0 or start[-1] != pixels:
        raise refuse(f"start does not divide the {pixels} pixels into footprints")
    if not np.isfinite(arrays["value"].astype(np.float64)).all():
        raise refuse("value holds NaN or infinite numbers")
    for name in ("x", "y"):
        low, high = int(arrays[name].min()), int(arrays[name].max())
        if low < 0 or high > LARGEST:
            raise refuse(f"{name} goes from {low} to {high}, expected 0 to {LARGEST} px")
    if not unit.lower().startswith(("electron", "adu")):
        raise refuse(f"the unit is {unit!r}, expected electron or ADU")
