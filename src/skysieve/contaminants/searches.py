"""What is searched for in a whole frame, beside the network that sees it part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.contaminants.lone_pixels import find_lone_pixels
from skysieve.contaminants.saturation import find_saturation
from skysieve.contaminants.streaks.finder import find_streaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.contaminants.lone_pixels import LonePixels
    from skysieve.contaminants.saturation import Saturation
    from skysieve.contaminants.streaks.finder import Streaks
    from skysieve.imaging.normalise import NormalisedFrame

__all__ = ["Findings", "search_frame"]


@dataclass(frozen=True)
class Findings:
    """What was found in a frame; None for what was not sought or is not there.

    Attributes
    ----------
    lone
        Single bright pixels.
    saturation
        Saturated pixels.
    streaks
        Trails and diffraction spikes.
    """

    lone: LonePixels | None = None
    saturation: Saturation | None = None
    streaks: Streaks | None = None

    def correct(
        self, probabilities: NDArray[np.float32], classes: Sequence[str], rows: slice, columns: slice
    ) -> NDArray[np.float32]:
        """Return probabilities of a part of the frame, corrected by all that was found.

        Parameters
        ----------
        probabilities
            ``(C, h, w)`` float32 of the network; it stays as it is.
        classes
            Names of their classes.
        rows, columns
            Which part.
        """
        for one in self._all():
            probabilities = one.correct(probabilities, classes, rows, columns)
        return probabilities

    def correct_bits(
        self,
        bits: NDArray[np.int16],
        classes: Sequence[str],
        codes: Sequence[int],
        limits: NDArray[np.float32],
        part: tuple[slice, slice],
    ) -> NDArray[np.int16]:
        """Return decisions of a part of the frame as :meth:`correct` would have made them.

        Parameters
        ----------
        bits
            ``(h, w)`` int16, sums of codes of the classes whose probability is above its limit.
        classes, codes, limits
            Names, codes and limits of the classes.
        part
            Rows and columns.
        """
        for one in self._all():
            bits = one.correct_bits(bits, classes, codes, limits, part)
        return bits

    def _all(self) -> list[LonePixels | Saturation | Streaks]:
        return [one for one in (self.lone, self.saturation, self.streaks) if one is not None]


def search_frame(
    normalised: NormalisedFrame, classes: Sequence[str], *, streaks: bool = True, saturation: bool = True
) -> Findings:
    """Search a frame for what tells more as a whole than in parts.

    Parameters
    ----------
    normalised
        The frame ``(H, W)`` with its sky.
    classes
        Names of the classes that are wanted.
    streaks, saturation
        Whether trails and spikes, and saturated pixels, are sought.
    """
    return Findings(
        find_lone_pixels(normalised) if "CR" in classes else None,
        find_saturation(normalised) if saturation and "SAT" in classes else None,
        find_streaks(normalised, classes=classes) if streaks else None,
    )
