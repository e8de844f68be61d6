"""Simulated pictures of a focal plane with ghosts of bright stars and scattered light, and their truth.

A picture shows the whole focal plane.  Each CCD is binned to about 58 x 29 pixels.

- :mod:`~skysieve.ghosts.simulate.reflections` adds double reflections.  It reads their geometry from a table
  that was traced with batoid (:mod:`~skysieve.ghosts.simulate.traced`).
- :mod:`~skysieve.ghosts.simulate.rays` adds scattered light from a parametric model.
- :mod:`~skysieve.ghosts.simulate.focal_plane` adds the sky, the noise and the artefacts of the CCDs.
- :mod:`~skysieve.ghosts.simulate.picture` combines them.
"""

from __future__ import annotations

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
