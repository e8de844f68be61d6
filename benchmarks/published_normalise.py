"""Time the published normalisation of stored pixels; runs in the environment of the published tools.

usage: published_normalise.py RUNS INPUT.npy OUTPUT.npy [INPUT.npy OUTPUT.npy ...]

Prints one JSON line with the seconds of every run, a list for each input.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
from maximask_and_maxitrack.utils import image_norm

__all__: list[str] = []


def main() -> None:
    """Normalise every input and store the last result."""
    runs, *paths = sys.argv[1:]
    warnings.simplefilter("ignore")
    seconds = []
    for source, target in zip(paths[::2], paths[1::2], strict=True):
        pixels = np.load(source)
        taken = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            normalised, _ = image_norm(pixels)
            taken.append(time.perf_counter() - start)
            np.save(target, normalised)
        seconds.append(taken)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
