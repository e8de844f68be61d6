"""Time one engine with one form of the network's graph; runs in a separate process.

usage: engine_worker.py ENGINE GRAPH PRECISION BATCH HEIGHT WIDTH CALLS

GRAPH is the file of one of the model's graphs.  Prints one JSON line: seconds of loading with the first call,
seconds of each further call, resident memory before and at its peak; or the error, if it does not run.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import time
from typing import TYPE_CHECKING, cast

import numpy as np

from skysieve.core.errors import SkysieveError
from skysieve.core.models.engine import load_network
from skysieve.frames.mask.model import CONTAMINANTS

if TYPE_CHECKING:
    from skysieve.core.models.network import Engine, EngineName, Precision

__all__: list[str] = []

RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Load the network, time its calls, and print the JSON line."""
    engine, graph, precision, *numbers = sys.argv[1:]
    batch, height, width, calls = map(int, numbers)
    model = CONTAMINANTS.load("maximask")
    # the card states which engine a graph is for; here every engine runs every graph
    (form,) = (g for g in model.card.graphs if g.file == graph)
    forced = dataclasses.replace(form, engines=(cast("EngineName", engine),))
    model = dataclasses.replace(model, card=dataclasses.replace(model.card, graphs=(forced,)))
    tiles = np.random.default_rng(1).normal(size=(batch, 1, height, width)).astype(np.float32)
    if engine == "openvino":
        import openvino  # noqa: F401
    else:
        import onnxruntime  # noqa: F401

    before = _peak()
    start = time.perf_counter()
    try:
        network = load_network(model, engine=cast("Engine", engine), precision=cast("Precision", precision))
        network(tiles)
    except SkysieveError as error:
        print(json.dumps({"error": str(error)}))
        return
    first = time.perf_counter() - start
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        network(tiles)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"first": first, "seconds": seconds, "before": before, "peak": _peak()}))


def _peak() -> float:
    """Return the largest resident memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


if __name__ == "__main__":
    main()
