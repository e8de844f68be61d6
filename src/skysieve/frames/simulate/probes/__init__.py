"""Plain scenes of textbook shapes, each with one right answer: what anyone would say of them at a glance.

Nothing here uses the simulator of training frames, so that a network that has learned the simulator's habits
gains nothing by them.  :mod:`~skysieve.frames.simulate.probes.canvas` holds camera, stars and noise;
:mod:`~skysieve.frames.simulate.probes.catalogue` lists the scenes.
"""

from __future__ import annotations

from skysieve.frames.simulate.probes.canvas import Probe, ProbeFrame, draw_probe
from skysieve.frames.simulate.probes.catalogue import PROBES

__all__ = ["PROBES", "Probe", "ProbeFrame", "draw_probe"]
