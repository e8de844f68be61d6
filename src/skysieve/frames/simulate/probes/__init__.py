"""Probes: simple scenes of textbook features, each with one unambiguous class.

They use nothing of the simulator of training frames, so a network that has learned the simulator's
peculiarities gains nothing by them.  :mod:`~skysieve.frames.simulate.probes.canvas` draws the background,
stars and noise; :mod:`~skysieve.frames.simulate.probes.catalogue` lists the scenes.
"""

from __future__ import annotations

from skysieve.frames.simulate.probes.canvas import Probe, ProbeFrame, draw_probe
from skysieve.frames.simulate.probes.catalogue import PROBES

__all__ = ["PROBES", "Probe", "ProbeFrame", "draw_probe"]
