"""Settings of reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import REQUIRED, check_bounds, setting

__all__ = ["ReportOption", "ReportSettings", "ReportTables", "ReportedMasks", "ViewedFile"]


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


@dataclass(frozen=True, kw_only=True)
class ReportedMasks:
    """Masks of a report, and its folder.

    Attributes
    ----------
    masks
        Masks, folders of masks, globs, `.list` files.
    output
        Folder of the report.
    """

    masks: list[str] = setting(REQUIRED, argument=True, metavar="MASK")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")


@dataclass(frozen=True, kw_only=True)
class ViewedFile:
    """File that is looked at.

    Attributes
    ----------
    frame
        FITS file of frames, or a mask.
    mask
        Mask of the file, if it is not beside it under its default name.
    output
        Folder of the page; by default in the user's cache.
    is_opened
        Open the page in the browser.
    """

    frame: str = setting(REQUIRED, argument=True, metavar="FRAME")
    mask: Path | None = setting(None, hidden_default=True)
    output: Path | None = setting(None, "-o", "--output", metavar="DIR", hidden_default=True)
    is_opened: bool = setting(True, "--open/--no-open")


@dataclass(frozen=True, kw_only=True)
class ReportOption:
    """Report of the masks that a run made.

    Attributes
    ----------
    report
        Also make a report of all masks for the browser, in this folder.
    """

    report: Path | None = setting(None, metavar="DIR", hidden_default=True)
