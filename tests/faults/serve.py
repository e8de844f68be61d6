"""Many commands in one process: each case of a list, and a line of JSON for what became of it.

A process of its own runs this, so that a crash or a hang costs one case.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from tests.faults.processes import MOST_MEMORY

from skysieve.cli.app import main


def serve(cases: Path, results: Path, first: int) -> None:
    """Run the cases from one on, and append a line for each to the results."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with results.open("a") as file:
        for case in json.loads(cases.read_text())[first:]:
            os.chdir(case["folder"])
            out, err, code = StringIO(), StringIO(), 0
            sys.argv = ["skysieve", *case["words"]]
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    main()
                except SystemExit as end:
                    code = end.code if isinstance(end.code, int) else int(end.code is not None)
            file.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
            file.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
