"""Simulated frames whose contaminants are known.

Light comes first (:mod:`~skysieve.simulate.sky`, :mod:`~skysieve.simulate.bright_stars`,
:mod:`~skysieve.simulate.trails`), then what the silicon adds (:mod:`~skysieve.simulate.cosmic_rays`,
:mod:`~skysieve.simulate.defects`), then what the read-out makes of it
(:mod:`~skysieve.simulate.readout`).
"""

from __future__ import annotations

from skysieve.simulate.camera import Camera
from skysieve.simulate.frame import CONTAMINANTS, SimulatedFrame, simulate_frame

__all__ = ["CONTAMINANTS", "Camera", "SimulatedFrame", "simulate_frame"]
