"""Serve one detector: ``python serve.py run_NAME '{"option": 1.0}'``.

Each line of standard input is JSON with the file of a frame and what is known of its camera; each line of
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
    """Answer frames until the input ends.

    Parameters
    ----------
    module
        Name of a file beside this one with ``load(options)``, which returns a function of a frame.
    options
        Settings of the detector.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        # by name: run as a program, this file is in no package
        to_electrons = importlib.import_module("electrons").to_electrons
        detect = importlib.import_module(module).load(options)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side must be told
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
        return
    print(json.dumps({"done": "loaded"}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            scores = detect(to_electrons(np.load(request["frame"]), request["facts"]))
            np.save(request["scores"], np.asarray(scores, np.float32))
            answer = {"done": request["scores"]}
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
