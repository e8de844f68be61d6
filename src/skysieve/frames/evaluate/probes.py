"""Models on probes: plain scenes, each with one right answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.simulate.probes import draw_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.simulate.probes import Probe, ProbeFrame

__all__ = ["MOST_ELSEWHERE", "MOST_FALSE", "RIGHT", "ProbeOutcome", "ProbeRun", "run_probe"]

RIGHT = 0.8
"""Least share of a thing's pixels that must be given to its class."""

MOST_FALSE = 0.05
"""Largest share of a thing's pixels that may be given to a class that is wrong there."""

MOST_ELSEWHERE = 0.01
"""Largest share of the pixels far from the thing that may be given to any class of contaminants."""

_CONTAMINANTS = sum(c.code for c in CLASSES if c.name != "BBG")


@dataclass(frozen=True)
class ProbeOutcome:
    """What a model made of a probe; shares are means over the draws.

    Attributes
    ----------
    name, right
        Of the probe.
    found
        Share of the thing's pixels that its class has; NaN if there is nothing to find.
    false
        Share of these pixels that another class of contaminants has.
    taken_for
        The class that most of those have; empty if there are none.
    elsewhere
        Share of the pixels far from the thing that any class of contaminants has; NaN where there are none.
    """

    name: str
    right: str | None
    found: float
    false: float
    taken_for: str
    elsewhere: float

    @property
    def passed(self) -> bool:
        """Whether the answer is right; what is NaN does not count."""
        low = self.found < RIGHT
        high = self.false > MOST_FALSE or self.elsewhere > MOST_ELSEWHERE
        return not (low or high)


@dataclass(frozen=True)
class ProbeRun:
    """A probe that a model has seen.

    Attributes
    ----------
    outcome
        Over all draws.
    frame
        The first scene.
    bits
        Its mask, ``(H, W)`` int16.
    """

    outcome: ProbeOutcome
    frame: ProbeFrame
    bits: NDArray[np.int16]


def run_probe(masker: Masker, probe: Probe, *, draws: int = 1) -> ProbeRun:
    """Run a model on a probe.

    Parameters
    ----------
    masker
        The model with its priors and thresholds.
    probe
        The scene.
    draws
        How often it is drawn: each time with another sky, other stars and other angles.

    Raises
    ------
    ConfigError
        If it is to be drawn less than once.
    """
    if draws < 1:
        raise ConfigError(f"{draws} draws of each probe: expected at least 1")
    allowed = sum(find_class(name).code for name in probe.allowed)
    right = 0 if probe.expected is None else find_class(probe.expected).code
    wrong = _CONTAMINANTS & ~right & ~allowed
    anything = _CONTAMINANTS & ~allowed
    frames = [draw_probe(probe, seed) for seed in range(draws)]
    masks = [masker.mask(ArrayFrame(frame.pixels, label=probe.name)).bits for frame in frames]
    shares = []
    counts = np.zeros(len(CLASSES))
    for frame, bits in zip(frames, masks, strict=True):
        inside, outside = bits[frame.target], bits[frame.empty]
        shares.append(
            (
                _share(inside, right) if right else np.nan,
                _share(inside, wrong),
                _share(outside, anything),
            )
        )
        counts += [_share(inside, c.code & wrong) for c in CLASSES]
    found, false, elsewhere = (_mean(values) for values in zip(*shares, strict=True))
    taken_for = CLASSES[int(np.argmax(counts))].name if counts.any() else ""
    outcome = ProbeOutcome(probe.name, probe.expected, found, false, taken_for, elsewhere)
    return ProbeRun(outcome, frames[0], masks[0])


def _share(bits: NDArray[np.int16], code: int) -> float:
    """Return the part of the pixels that have any bit of the code; NaN without pixels."""
    return float(np.mean((bits & np.int16(code)) != 0)) if bits.size else float("nan")


def _mean(values: tuple[float, ...]) -> float:
    """Return the mean of the values that are known; NaN if none is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
