"""Models of the search for ghosts."""

from __future__ import annotations

from skysieve.core.models.find import ModelJob

__all__ = ["GHOSTS"]

GHOSTS = ModelJob("ghosts", "focal plane in 8 bits", required=("default_thresholds",))
"""Models for ghosts."""
