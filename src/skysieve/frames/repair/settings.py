"""Settings of repaired frames."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.settings import check_bounds, read_names, setting

__all__ = ["RepairSettings"]


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
