"""Jobs that models are for, and the model that each uses where none is named."""

from __future__ import annotations

from typing import Literal

__all__ = ["DEFAULT_MODEL", "Job"]

Job = Literal["contaminants", "tracking", "ghosts", "clusters"]
"""Jobs of models."""

DEFAULT_MODEL = "skysieve"
"""Name of the default model of each job."""
