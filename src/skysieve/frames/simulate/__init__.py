"""Simulated frames whose contaminants are known.

A :mod:`~skysieve.frames.simulate.recipe` says what to draw from; :mod:`~skysieve.frames.simulate.scenery`
draws camera and sky; :mod:`~skysieve.frames.simulate.contaminants` add what does not belong;
:mod:`~skysieve.frames.simulate.exposure` makes a frame of it, with the truth about each pixel.
"""

from __future__ import annotations

from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.frame import SimulatedFrame, simulate_frame
from skysieve.frames.simulate.recipe import CONTAMINANTS, Recipe, read_recipe

__all__ = ["CONTAMINANTS", "Camera", "Recipe", "SimulatedFrame", "read_recipe", "simulate_frame"]
