"""Simulated frames whose contaminants are known.

A :mod:`~skysieve.simulate.recipe` says what to draw from; :mod:`~skysieve.simulate.scenery` draws camera and
sky; :mod:`~skysieve.simulate.contaminants` add what does not belong; :mod:`~skysieve.simulate.exposure` makes
a frame of it, with the truth about each pixel.
"""

from __future__ import annotations

from skysieve.simulate.camera import Camera
from skysieve.simulate.frame import SimulatedFrame, simulate_frame
from skysieve.simulate.recipe import CONTAMINANTS, Recipe, read_recipe

__all__ = ["CONTAMINANTS", "Camera", "Recipe", "SimulatedFrame", "read_recipe", "simulate_frame"]
