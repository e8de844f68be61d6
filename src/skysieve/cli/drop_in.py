"""Executables of their own for the verbs that take the place of the published commands.

Pipelines that run MaxiMask call one executable by its path and put its options behind it; they have no place
for a verb in between.
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
