"""Tiny models of all jobs, and the table of a small camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.clusters.tiny_sky import save_sky_model
from tests.ghosts.tiny_camera import TABLE
from tests.tiny_models import save_ghost_model, save_mean_model, save_pixel_model

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Models", "save_models"]


@dataclass(frozen=True)
class Models:
    """Folders of models by verb, and the table of a camera."""

    mask: Path
    track: Path
    ghosts: Path
    clusters: Path
    camera: Path


def save_models(folder: Path) -> Models:
    """Write all of them below a folder."""
    folder.mkdir(parents=True)
    camera = folder / "tiny.ecsv"
    camera.write_text(TABLE)
    return Models(
        save_pixel_model(folder / "mask", {"CR": 20, "SAT": 60, "BG": -1e4}),
        save_mean_model(folder / "track"),
        save_ghost_model(folder / "ghosts"),
        save_sky_model(folder / "clusters"),
        camera,
    )
