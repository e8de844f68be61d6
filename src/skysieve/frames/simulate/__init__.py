"""Simulated frames with a known truth mask for each contaminant.

A :mod:`~skysieve.frames.simulate.recipe` holds the ranges to draw from.
:mod:`~skysieve.frames.simulate.scenery` draws the camera, the sky and the objects.
The modules in :mod:`~skysieve.frames.simulate.contaminants` simulate one contaminant each.
:mod:`~skysieve.frames.simulate.exposure` combines them into a frame and its truth.
"""

from __future__ import annotations

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.frame import SimulatedFrame, simulate_frame
from skysieve.frames.simulate.recipe import CONTAMINANTS, Recipe, read_recipe

__all__ = ["CONTAMINANTS", "Camera", "Recipe", "SimulatedFrame", "read_recipe", "simulate_frame"]
