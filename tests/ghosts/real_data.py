"""The published focal planes and annotations, where the setting tells that they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def published(name: str) -> Path:
    """Return a file or folder of the study, or skip the test that asked for it."""
    root = os.environ.get("SKYSIEVE_TEST_DATA")
    path = Path(root or "") / "des_ghosts" / name
    if not root or not path.exists():
        pytest.skip(f"SKYSIEVE_TEST_DATA names no folder with des_ghosts/{name}")
    return path
