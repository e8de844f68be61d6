"""Simulated focal planes with ghosts, reflections and scattered light of bright stars, with the truth.

A picture shows the whole focal plane, each CCD binned to some 58 x 29 pixels.
:mod:`~skysieve.ghosts.simulate.reflections` draws double reflections from a table that batoid traced once
(:mod:`~skysieve.ghosts.simulate.traced`), :mod:`~skysieve.ghosts.simulate.rays` scattered light by a
parametric model, :mod:`~skysieve.ghosts.simulate.focal_plane` everything else;
:mod:`~skysieve.ghosts.simulate.picture` puts them together.
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
