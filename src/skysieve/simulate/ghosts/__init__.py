"""Simulated focal planes with ghosts, reflections and scattered light of bright stars, with the truth.

A picture shows the whole focal plane, each CCD binned to some 58 x 29 pixels.
:mod:`~skysieve.simulate.ghosts.reflections` draws double reflections from a table that batoid traced once
(:mod:`~skysieve.simulate.ghosts.traced`), :mod:`~skysieve.simulate.ghosts.rays` scattered light by a
parametric model, :mod:`~skysieve.simulate.ghosts.focal_plane` everything else;
:mod:`~skysieve.simulate.ghosts.picture` puts them together.
"""

from __future__ import annotations

from skysieve.simulate.ghosts.layout import Layout
from skysieve.simulate.ghosts.picture import GhostInstance, GhostPicture, simulate_focal_plane
from skysieve.simulate.ghosts.recipe import GhostRecipe, read_ghost_recipe

__all__ = [
    "GhostInstance",
    "GhostPicture",
    "GhostRecipe",
    "Layout",
    "read_ghost_recipe",
    "simulate_focal_plane",
]
