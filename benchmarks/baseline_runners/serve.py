"""Serve one detector: ``python serve.py run_NAME '{"option": 1.0}'``.

Each line of standard input is JSON with the file of a frame and properties of its camera; each line of
standard output is JSON with ``done`` or ``error``.  The detector's own messages go to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

import numpy as np

__all__ = ["serve"]


def serve(module: str, options: dict[str, float]) -> None:
    """Process frames until the input ends.

    Parameters
    ----------
    module
        Name of a file beside this one with ``load(options)``, which returns a function of a frame.
    options
        Settings of the detector.
    """
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        # imported by name, as this file runs as a program outside any package
        to_electrons = importlib.import_module("electrons").to_electrons
        detect = importlib.import_module(module).load(options)
    except Exception as error:  # noqa: BLE001 - every error is reported to the caller
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=replies, flush=True)
        return
    print(json.dumps({"done": "loaded"}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            scores = detect(to_electrons(np.load(request["frame"]), request["facts"]))
            np.save(request["scores"], np.asarray(scores, np.float32))
            reply = {"done": request["scores"]}
        except Exception as error:  # noqa: BLE001
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
