"""Frames of the plain simulator, painted once and stored."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import plain_frames
from evaluations import BenchmarkFrame
from plain_frames import ERRORS, GOOD, plain_frame
from published_tools import CACHE

from skysieve.frames.evaluate.tracking import LabelledFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLAIN", "plain_benchmark_frames"]

SEED = 2_718_281_828
"""Base seed, far from all other seeds."""

SIDES = (420, 512, 640, 800)

PLAIN = (
    "A second, plain simulator shares no code with that of the training: stars are painted one by one as "
    f"Gaussian or Moffat profiles, in frames of {SIDES[0]} to {SIDES[-1]} px a side. Neither the networks "
    "nor the scenes of their training were tuned on these frames."
)


def plain_benchmark_frames(count: int) -> Iterator[BenchmarkFrame]:
    """Yield ``count`` frames of each kind, grouped by kind; missing frames are painted."""
    source = Path(plain_frames.__file__).read_bytes()
    folder = CACHE / "frames" / f"plain-{hashlib.sha256(source).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in (*GOOD, *ERRORS):
        for number in range(count):
            name = f"plain {kind} {number}"
            path = folder / f"{name.replace(' ', '-')}.npy"
            if not path.exists():
                seed = SEED + zlib.crc32(name.encode())
                unfinished = path.with_suffix(".part")
                with unfinished.open("wb") as file:
                    np.save(file, plain_frame(kind, np.random.default_rng(seed), SIDES[number % 4]).pixels)
                unfinished.rename(path)
            tracking_error = kind in ERRORS
            yield BenchmarkFrame(LabelledFrame(name, (np.load(path),), tracking_error), kind, str(path))
