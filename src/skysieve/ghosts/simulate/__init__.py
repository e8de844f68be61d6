"""Simulated pictures of a focal plane with ghosts of bright stars and scattered light, and their truth.

A picture shows the whole focal plane.  Each CCD is binned to about 58 x 29 pixels.

- :mod:`~skysieve.ghosts.simulate.reflections` adds double reflections.  It reads their geometry from a table
  that was traced with batoid (:mod:`~skysieve.ghosts.simulate.traced`).
- :mod:`~skysieve.ghosts.simulate.rays` adds scattered light from a parametric model.
- :mod:`~skysieve.ghosts.simulate.focal_plane` adds the sky, the noise and the artefacts of the CCDs.
- :mod:`~skysieve.ghosts.simulate.picture` combines them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skysieve.ghosts.simulate.layout import Layout
    from skysieve.ghosts.simulate.picture import GhostInstance, GhostPicture, simulate_focal_plane
    from skysieve.ghosts.simulate.recipe import GhostRecipe, read_ghost_recipe

__all__ = [
    "GhostInstance",
    "GhostPicture",
    "GhostRecipe",
    "Layout",
    "read_ghost_recipe",
    "simulate_focal_plane",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is used: the settings are read without the packages of the simulation."""
    if name in __all__:
        for module in ("layout", "recipe", "picture"):
            found = import_module(f"{__name__}.{module}")
            if name in found.__all__:
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
