"""The published catalogues, where the setting tells that they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def catalogue(name: str) -> Path:
    """Return a catalogue's file, or skip the test that asked for it."""
    root = os.environ.get("SKYSIEVE_TEST_DATA")
    path = Path(root or "") / name
    if not root or not path.is_file():
        pytest.skip(f"SKYSIEVE_TEST_DATA names no folder with {name}")
    return path
