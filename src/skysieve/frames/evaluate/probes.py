"""Evaluation of models on probes: simple simulated scenes, each with one correct class."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.simulate.probes import PROBES, draw_probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.simulate.probes import Probe, ProbeFrame

__all__ = [
    "MAX_ELSEWHERE",
    "MAX_FALSE",
    "MIN_FOUND",
    "ProbeOutcome",
    "ProbeRun",
    "run_probe",
    "select_probes",
]

MIN_FOUND = 0.8
"""Minimum fraction of the object's pixels that must have the correct class."""

MAX_FALSE = 0.05
"""Maximum fraction of the object's pixels that may have a wrong class."""

MAX_ELSEWHERE = 0.01
"""Maximum fraction of the pixels far from the object that may have any class of contaminants."""

_CONTAMINANTS = sum(c.code for c in CLASSES if c.name != "BBG")


@dataclass(frozen=True)
class ProbeOutcome:
    """Result of a model on a probe; fractions are means over the draws.

    Attributes
    ----------
    name, right
        Name and correct class of the probe.
    found
        Fraction of the object's pixels that have the correct class; NaN if the probe has no object to find.
    false
        Fraction of these pixels that have a wrong class of contaminants.
    taken_for
        Most frequent wrong class; empty if there is none.
    elsewhere
        Fraction of the pixels far from the object that have any class of contaminants; NaN without these.
    """

    name: str
    right: str | None
    found: float
    false: float
    taken_for: str
    elsewhere: float

    @property
    def passed(self) -> bool:
        """Whether the result is within the limits; NaN values are ignored."""
        low = self.found < MIN_FOUND
        high = self.false > MAX_FALSE or self.elsewhere > MAX_ELSEWHERE
        return not (low or high)


@dataclass(frozen=True)
class ProbeRun:
    """Result of a model on a probe, with an example.

    Attributes
    ----------
    outcome
        Result over all draws.
    frame
        Scene of the first draw.
    bits
        ``(H, W)`` int16, mask of that scene.
    """

    outcome: ProbeOutcome
    frame: ProbeFrame
    bits: NDArray[np.int16]


def select_probes(patterns: Sequence[str]) -> list[Probe]:
    """Return the probes whose names match one of the patterns.

    Parameters
    ----------
    patterns
        Patterns as of a shell; all probes if there is none.

    Returns
    -------
    list of Probe
        The probes.

    Raises
    ------
    ConfigError
        If a pattern matches no probe.
    """
    for pattern in patterns:
        if not any(fnmatchcase(probe.name, pattern) for probe in PROBES):
            raise ConfigError(f"--only {pattern!r}: matches no probe; their names are printed without it")
    return [p for p in PROBES if not patterns or any(fnmatchcase(p.name, pattern) for pattern in patterns)]


def run_probe(masker: Masker, probe: Probe, *, draws: int = 1) -> ProbeRun:
    """Run a model on a probe.

    Parameters
    ----------
    masker
        Model with its priors and thresholds.
    probe
        Definition of the scene.
    draws
        Number of random draws, each with another sky, other stars and other angles.

    Returns
    -------
    ProbeRun
        Result over all draws, and the first scene with its mask.

    Raises
    ------
    ConfigError
        If `draws` is less than 1.
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
    """Return the fraction of the pixels that have any bit of the code; NaN without pixels."""
    return float(np.mean((bits & np.int16(code)) != 0)) if bits.size else float("nan")


def _mean(values: tuple[float, ...]) -> float:
    """Return the mean without NaN; NaN if all values are NaN."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
