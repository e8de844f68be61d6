"""Names of the networks and losses that a job offers; the products say which, beside what is called so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skysieve.core.models.jobs import Job

__all__ = ["PIXEL_LOSSES", "Kinds"]

PIXEL_LOSSES = ("sigmoid", "published", "focal")
"""Losses of the networks that are trained on frames and focal planes."""


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Networks and losses that a job offers, by the names that recipes use.

    Attributes
    ----------
    job
        The job.
    networks
        Names of networks besides the default.
    losses
        Names of losses.
    """

    job: Job
    networks: tuple[str, ...] = ()
    losses: tuple[str, ...] = PIXEL_LOSSES
