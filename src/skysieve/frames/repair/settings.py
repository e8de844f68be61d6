"""Settings of repaired frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import REQUIRED, check_bounds, read_names, setting

__all__ = ["RepairSettings", "RepairedFile"]


@dataclass(frozen=True, kw_only=True)
class RepairSettings:
    """Settings of how bad pixels are filled.

    Attributes
    ----------
    bad
        Planes of the mask whose pixels are filled, separated by commas, as CR,TRL; default those of BADBITS
        except no data, or every value but 0 if the mask has no such card.
    noise
        Add noise as that of the sky around each pixel.
    seed
        Seed of the noise.
    """

    bad: tuple[str, ...] = setting((), metavar="NAMES", text_type=str, read=read_names)
    noise: bool = setting(False, "--noise")
    seed: int = setting(1, minimum=0)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)


@dataclass(frozen=True, kw_only=True)
class RepairedFile:
    """File that is repaired.

    Attributes
    ----------
    frame
        FITS file of frames, or one HDU of it.
    mask
        Mask of this file.
    output
        The copy with filled pixels.
    """

    frame: str = setting(REQUIRED, argument=True, metavar="FRAME")
    mask: str = setting(REQUIRED, argument=True, metavar="MASK")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="PATH")
