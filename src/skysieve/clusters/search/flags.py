"""Flags of candidates: what else than a cluster is at their position, or explains them."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

__all__ = ["CandidateFlag", "candidate_flags", "is_inconsistent"]

_MIN_FOREGROUND = 4.0
"""Minimum signal-to-noise ratio of dust or carbon monoxide that is flagged."""
_MIN_SOURCE, _SOURCE_RATIO = 4.0, 0.75
"""Minimum signal-to-noise ratio of a point source that is flagged: absolute, and relative to the cluster."""


class CandidateFlag(IntFlag):
    """Bits of the column ``flags``.

    Attributes
    ----------
    DUST
        Dust at the position, beyond that of the surroundings.
    CO
        Carbon monoxide at the position.
    SOURCE
        A point source explains the maps nearly as well as a cluster.
    SPECTRUM
        The amplitudes in the bands do not agree with a cluster, alone or with dust and carbon monoxide.
    """

    DUST = 1
    CO = 2
    SOURCE = 4
    SPECTRUM = 8


def candidate_flags(candidates: Table) -> NDArray[np.int32]:
    """Return the flags of candidates.

    Parameters
    ----------
    candidates
        N rows with ``snr`` and ``source``, and any of ``dust``, ``co`` and ``consistent``; values that are
        missing or NaN set no flag.

    Returns
    -------
    ndarray of int32, shape (N,)
        Sums of :class:`CandidateFlag`.
    """

    def values(name: str) -> NDArray[np.float64]:
        if name not in candidates.colnames:
            return np.full(len(candidates), np.nan)
        return np.asarray(candidates[name], np.float64)

    source = values("source")
    set_by = {
        CandidateFlag.DUST: values("dust") >= _MIN_FOREGROUND,
        CandidateFlag.CO: values("co") >= _MIN_FOREGROUND,
        CandidateFlag.SOURCE: (source >= _MIN_SOURCE) & (source >= _SOURCE_RATIO * values("snr")),
        CandidateFlag.SPECTRUM: values("consistent") == 0,
    }
    flags = np.zeros(len(candidates), np.int32)
    for flag, applies in set_by.items():
        flags[applies] |= int(flag)
    return flags


def is_inconsistent(candidates: Table) -> NDArray[np.bool_]:
    """Return which candidates have the flag ``SPECTRUM``.

    Parameters
    ----------
    candidates
        N rows, with ``flags`` or without.

    Returns
    -------
    ndarray of bool, shape (N,)
        False for all without ``flags``.
    """
    if "flags" not in candidates.colnames:
        return np.zeros(len(candidates), bool)
    return (np.asarray(candidates["flags"], np.int64) & int(CandidateFlag.SPECTRUM)) > 0
