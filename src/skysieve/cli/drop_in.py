"""Separate executables ``maximask`` and ``maxitrack``, drop-in replacements of the published commands.

Pipelines that run MaxiMask call one executable by its path, followed by its options. They cannot insert the
name of a verb between the two.
"""

from __future__ import annotations

import sys

from skysieve.cli.start import main

__all__ = ["maximask", "maxitrack"]


def maximask() -> None:
    """Run ``skysieve maximask`` with the arguments of this process."""
    _run_verb("maximask")


def maxitrack() -> None:
    """Run ``skysieve maxitrack`` with the arguments of this process."""
    _run_verb("maxitrack")


def _run_verb(name: str) -> None:
    sys.argv.insert(1, name)
    main()
