"""Simulated frames with a known truth mask for each contaminant.

A :mod:`~skysieve.frames.simulate.recipe` holds the ranges to draw from.
:mod:`~skysieve.frames.simulate.scenery` draws the camera, the sky and the objects.
The modules in :mod:`~skysieve.frames.simulate.contaminants` simulate one contaminant each.
:mod:`~skysieve.frames.simulate.exposure` combines them into a frame and its truth.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skysieve.frames.simulate.camera import Camera
    from skysieve.frames.simulate.frame import SimulatedFrame, simulate_frame
    from skysieve.frames.simulate.recipe import CONTAMINANTS, Recipe, read_recipe

__all__ = ["CONTAMINANTS", "Camera", "Recipe", "SimulatedFrame", "read_recipe", "simulate_frame"]


def __getattr__(name: str) -> object:
    """Import a public name when it is used: the settings are read without the packages of the simulation."""
    if name in __all__:
        for module in ("camera", "recipe", "frame"):
            found = import_module(f"{__name__}.{module}")
            if name in found.__all__:
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
