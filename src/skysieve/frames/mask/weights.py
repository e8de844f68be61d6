"""Weight maps for SWarp and SExtractor: 0 in bad pixels, confidence or inverse variance in the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, get_args

import numpy as np
from astropy.io import fits

from skysieve.core.errors import ConfigError
from skysieve.core.fits.fits_out import mask_hdu, stored_hdu
from skysieve.core.fits.naming import fits_stem
from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.mask.decide import modify_priors
from skysieve.frames.mask.settings import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.frames import Frame
    from skysieve.frames.mask.classes import ContaminantClass

__all__ = ["WEIGHTS", "WeightFile", "check_weight", "weight_map", "weight_path"]

WEIGHTS: tuple[Weight, ...] = get_args(Weight)
"""Kinds of weight maps."""

_MEANING: dict[Weight, str] = {
    "confidence": "1 in good pixels, 0 in bad ones",
    "probability": "1 - probability of a bad class, 0 in bad pixels",
    "variance": "1 / variance of the sky, 0 in bad pixels",
}
_ROWS = 256


class Masked(Protocol):
    """What weight maps need of the result of masking, :class:`skysieve.frames.mask.result.MaskResult`."""

    @property
    def bits(self) -> NDArray[np.int16]:
        """Mask ``(H, W)``."""
        ...

    @property
    def classes(self) -> Sequence[ContaminantClass]:
        """Classes of the mask."""
        ...

    @property
    def posteriors(self) -> NDArray[np.float32] | None:
        """Probabilities ``(C, H, W)`` at the priors of the training."""
        ...

    @property
    def priors(self) -> Mapping[str, float] | None:
        """Priors of the mask; None if it has those of the training."""
        ...

    @property
    def training_priors(self) -> Mapping[str, float]:
        """Priors of the training."""
        ...

    def bad(self) -> NDArray[np.bool_]:
        """Return the bad pixels."""
        ...

    def bad_bits(self) -> int:
        """Return the codes of the bad classes."""
        ...


def check_weight(weight: str) -> Weight:
    """Return the kind of a weight map.

    Parameters
    ----------
    weight
        Its name.

    Returns
    -------
    str
        The kind.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    found = next((kind for kind in WEIGHTS if kind == weight), None)
    if found is None:
        raise ConfigError(f"weight {weight!r}: unknown; choose from {', '.join(WEIGHTS)}")
    return found


def weight_map(frame: Frame, result: Masked, weight: Weight) -> NDArray[np.float32]:
    """Return the weight map of a masked frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    result
        Its mask, with probabilities for the kind ``probability``.
    weight
        ``confidence``: 1; ``probability``: 1 minus the highest probability of a bad class; ``variance``: the
        inverse variance of the sky, in the inverse square of the frame's unit.

    Returns
    -------
    ndarray
        ``(H, W)`` float32, 0 in bad pixels and in those without data.

    Raises
    ------
    ConfigError
        If the kind is ``probability`` and the probabilities were not kept.
    FrameError
        If the kind is ``variance`` and the frame has no sky.
    """
    bad = result.bad()
    if weight == "probability":
        found = _confidences(result)
    elif weight == "variance":
        found = _inverse_variances(frame, missing=(result.bits & NODATA.code) != 0)
    else:
        found = np.ones(bad.shape, np.float32)
    found[bad] = 0.0
    return found


def _confidences(result: Masked) -> NDArray[np.float32]:
    if result.posteriors is None:
        raise ConfigError("probabilities were not kept; call mask with keep_probabilities=True")
    codes = result.bad_bits()
    planes = [index for index, one in enumerate(result.classes) if one.code & codes]
    names = [result.classes[index].name for index in planes]
    found = np.ones(result.bits.shape, np.float32)
    if not planes:
        return found
    for start in range(0, len(result.bits), _ROWS):
        part: NDArray[np.float32] = result.posteriors[np.array(planes), start : start + _ROWS]
        if result.priors is not None:
            training = [result.training_priors[name] for name in names]
            part = modify_priors(part, training, [result.priors[name] for name in names])
        found[start : start + _ROWS] = 1 - part.max(axis=0)
    return found


def _inverse_variances(frame: Frame, *, missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    found = np.zeros(frame.shape, np.float32)
    if missing.all():  # a frame without sky
        return found
    background = normalise(UsableFrame(frame)).background
    for start in range(0, frame.shape[0], _ROWS):
        stop = min(start + _ROWS, frame.shape[0])
        _, sigma = background.rows(start, stop)
        found[start:stop] = 1 / np.square(sigma)
    return found


def weight_path(product: Path) -> Path:
    """Return the path of the weight maps beside a mask.

    Parameters
    ----------
    product
        Path of the mask.

    Returns
    -------
    Path
        The name that SWarp expects, for masks with the default name.

    Examples
    --------
    >>> from pathlib import Path
    >>> weight_path(Path("a.mask.fits")).name, weight_path(Path("m/b2.fits.gz")).name
    ('a.weight.fits', 'b2.weight.fits')
    """
    stem = fits_stem(product.name)
    for ending in (".masks", ".mask", ".probabilities"):
        head, found, tail = stem.rpartition(ending)
        if found and "." not in tail:
            return product.with_name(f"{head}.weight{tail}.fits")
    return product.with_name(f"{stem}.weight.fits")


class WeightFile:
    """Writes the weight maps of the frames of a file, one uncompressed image for each frame.

    Programs take the n-th image of the weights for the n-th image of the frames, so there are no other HDUs.

    Parameters
    ----------
    path
        The file; it is replaced.
    weight
        Kind of the maps.
    """

    def __init__(self, path: Path, weight: Weight) -> None:
        self._path, self._weight = path, weight
        self._is_empty = True

    def append(
        self,
        planes: Sequence[NDArray[np.float32]],
        *,
        header: fits.Header,
        index: int,
        cards: Sequence[HeaderCard],
    ) -> None:
        """Append the maps of an HDU.

        Parameters
        ----------
        planes
            ``(H, W)`` float32, one for each of its frames.
        header
            Header of the science HDU.
        index
            Its number in the file; that of the primary HDU is 0.
        cards
            Provenance of the mask.
        """
        own: list[HeaderCard] = [
            *cards,
            ("WGTKIND", self._weight, _MEANING[self._weight]),
        ]
        data = planes[0] if len(planes) == 1 else np.stack(planes)
        hdu = mask_hdu(data, header=header, compression="none", cards=own)
        mode = "wb" if self._is_empty else "ab"
        with self._path.open(mode) as stream:
            if self._is_empty and index == 0:
                plain = hdu.header.copy(strip=True)
                plain.remove("INHERIT", ignore_missing=True)
                primary = fits.PrimaryHDU(hdu.data, plain)
                primary.header["EXTEND"] = True
                fits.HDUList([primary]).writeto(stream, output_verify="silentfix+exception", checksum=True)
            else:
                if self._is_empty:
                    fits.HDUList([fits.PrimaryHDU()]).writeto(stream, checksum=True)
                stream.write(stored_hdu(hdu).content)
        self._is_empty = False
