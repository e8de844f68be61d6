"""The real HEALPix maps, where the setting tells that they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real_map(name: str) -> Path:
    """Return a real map, or skip the test that asked for it."""
    root = os.environ.get("SKYSIEVE_TEST_DATA")
    path = Path(root or "") / "maps" / name
    if not root or not path.exists():
        pytest.skip(f"SKYSIEVE_TEST_DATA names no folder with maps/{name}")
    return path
