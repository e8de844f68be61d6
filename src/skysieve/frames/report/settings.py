"""Settings of reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import check_bounds, setting

__all__ = ["ReportSettings", "ReportTables"]


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Settings of the pages.

    Attributes
    ----------
    frames
        Folder with the frames, if they are neither beside their masks nor in the folder above; may be given
        several times.
    size
        Longest side of the pictures, in pixels. Larger frames are averaged; outlines keep their resolution.
    title
        Title of the report.
    """

    frames: list[Path] = setting([], "--frames", factory=list, metavar="DIR")
    size: int = setting(2048, minimum=256, maximum=8192)
    title: str = setting("Masks", hidden_default=True)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)


@dataclass(frozen=True, kw_only=True)
class ReportTables:
    """What a report shows besides the masks.

    Attributes
    ----------
    tracking
        Table of tracking probabilities, as `skysieve track -o` writes it.
    manifest
        Manifest of the run that made the masks; its failures are listed.
    """

    tracking: Path | None = setting(None, hidden_default=True)
    manifest: Path | None = setting(None, hidden_default=True)
