"""Settings of the lists of trails."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.settings import check_bounds, setting

__all__ = ["TRAILS", "TrailSettings"]

TRAILS = "Trails"
"""Heading in the help."""


@dataclass(frozen=True, kw_only=True)
class TrailSettings:
    """Settings of which trails are listed, and how wide they are masked.

    Attributes
    ----------
    min_length
        Minimum length of the trails in the table, in pixels.
    min_snr
        Minimum total signal-to-noise ratio of the trails in the table.
    faint
        Also search the whole frame for trails that are too faint for the mask.
    wings
        Also mask each trail from end to end, and to both sides up to where its fitted profile falls below
        this level, in units of the noise of a pixel, as 0.1.
    """

    min_length: float = setting(60.0, "--trail-min-length", minimum=20, panel=TRAILS)
    min_snr: float = setting(10.0, "--trail-min-snr", minimum=3, panel=TRAILS)
    faint: bool = setting(True, "--trail-faint/--no-trail-faint", panel=TRAILS)
    wings: float | None = setting(
        None, "--trail-wings", minimum=0.001, maximum=100, panel=TRAILS, metavar="LEVEL", hidden_default=True
    )

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)
