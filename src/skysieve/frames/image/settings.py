"""Settings that masks and tracking share: how frames are read, normalised and given to a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from skysieve.core.models.engine_settings import SPEED, ModelSettings
from skysieve.core.settings import setting

__all__ = ["COMPARISON", "FrameSettings", "NoDataOptions", "Rules"]

Rules = Literal["corrected", "published"]
"""Rules of the normalisation.

``corrected``: pixels without data are left out and corners are treated as the rest; ``published``: exactly as
in MaxiMask.
"""

COMPARISON = "Comparison with the published tools"
"""Heading in the help."""


def _hdu(text: str) -> int | str:
    """Return the number or the name of an HDU."""
    return int(text) if text.isdecimal() else text


@dataclass(frozen=True, kw_only=True)
class FrameSettings(ModelSettings):
    """Settings of how a network sees frames.

    Attributes
    ----------
    rules
        published: as MaxiMask, including its defects, for comparison.
    batch_size
        Maximum number of tiles in one call of the network; chosen automatically by default.
    """

    rules: Rules = setting("corrected", "--normalisation", panel=COMPARISON)
    batch_size: int | None = setting(None, minimum=1, hidden_default=True, panel=SPEED)


@dataclass(kw_only=True)
class NoDataOptions:
    """Where the files of frames say which pixels have no data.

    Attributes
    ----------
    mask_hdu
        Image HDU of the same file, by number or name, that flags pixels without data; `none` ignores the mask
        of a CCDData.
    mask_bits
        Planes of that mask that mean no data, by name or value (`BAD,SAT` or `1,2`), or `any`; by default
        those of its header or pipeline.
    """

    mask_hdu: int | str | None = setting(None, metavar="HDU", text_type=str, read=_hdu)
    mask_bits: str | int | Iterable[str | int] | None = setting(
        None, metavar="PLANES", text_type=str, hidden_default=True
    )
