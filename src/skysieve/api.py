"""Skysieve from Python: one call a frame, or a file."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysieve.contaminants.masker import Masker, MaskSettings
from skysieve.errors import ConfigError, FrameError
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.frame_origin import origin_in_file, origin_of
from skysieve.imaging.frames import as_frame
from skysieve.imaging.locations import parse_location
from skysieve.tracking.tracker import Tracker, TrackSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.domain import Unlikeness
    from skysieve.imaging.frame_origin import FrameOrigin
    from skysieve.imaging.frames import Frame
    from skysieve.imaging.mask_values import MaskBits
    from skysieve.tracking.tracker import TrackResult

__all__ = ["mask", "mask_file", "track", "track_file"]

logger = logging.getLogger(__name__)


def mask(
    data: object,
    *,
    mask: ArrayLike | None = None,
    mask_hdu: int | str | None = None,
    mask_bits: MaskBits | None = None,
    keep_probabilities: bool = True,
    keep_pixels: bool = True,
    **settings: Any,
) -> MaskResult:
    """Find the contaminants of one frame.

    Parameters
    ----------
    data
        ``(H, W)`` or ``(1, H, W)`` array, masked array or :class:`~astropy.units.Quantity`, a
        :class:`~astropy.nddata.CCDData`, :class:`~astropy.nddata.NDData` or
        :class:`~astropy.nddata.Cutout2D`, an image HDU, or a path as on the command line
        (``"file.fits[2]"``), in any unit.
    mask
        Of the shape of the data, non-zero where there is no data; not with a path.
    mask_hdu, mask_bits
        With a path: the HDU of the file that says where there is no data, by number or name, and the planes
        of it that mean so, by name or value, as ``"BAD,SAT"`` or ``[1, 2]``, or ``"any"``; see
        :class:`skysieve.imaging.frame_files.FrameFile`.
    keep_probabilities, keep_pixels
        Whether the result holds them; without them it takes a fraction of the memory.
    **settings
        See :class:`skysieve.contaminants.masker.MaskSettings`.

    Returns
    -------
    MaskResult
        Bits, booleans, probabilities, fractions; :meth:`~skysieve.contaminants.result.MaskResult.to_hdu`.

    Raises
    ------
    SkysieveError
        If the frame cannot be read or masked, or a setting is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import skysieve
    >>> frame = np.random.default_rng(1).normal(100, 5, (128, 128))
    >>> skysieve.mask(frame).boolean("CR").sum()  # doctest: +SKIP
    0
    """
    masker = _masker(settings)
    with _one_frame(data, mask, mask_hdu, mask_bits) as (frame, origin):
        result = masker.mask(frame, keep_probabilities=keep_probabilities, keep_pixels=keep_pixels)
        _warn_if_unlike(masker, frame, masker.unlikeness(frame, result))
    return dataclasses.replace(result, origin=origin if keep_pixels else origin.without_pixels())


def mask_file(
    path: str | Path,
    *,
    mask_hdu: int | str | None = None,
    mask_bits: MaskBits | None = None,
    keep_probabilities: bool = False,
    keep_pixels: bool = False,
    **settings: Any,
) -> list[MaskResult]:
    """Find the contaminants of every frame in a FITS file; see :func:`mask`."""
    masker = _masker(settings)
    results = []
    with FrameFile(parse_location(str(path)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        for hdu in file.frames:
            for plane in hdu.planes:
                result = masker.mask(plane, keep_probabilities=keep_probabilities, keep_pixels=keep_pixels)
                results.append(dataclasses.replace(result, origin=origin_in_file(hdu.header, file.hdus)))
                _warn_if_unlike(masker, plane, masker.unlikeness(plane, result))
    return results


def track(
    data: object,
    *,
    mask: ArrayLike | None = None,
    mask_hdu: int | str | None = None,
    mask_bits: MaskBits | None = None,
    **settings: Any,
) -> TrackResult:
    """Detect tracking errors in one frame.

    Parameters
    ----------
    data, mask, mask_hdu, mask_bits
        See :func:`mask`.
    **settings
        See :class:`skysieve.tracking.tracker.TrackSettings`.

    Returns
    -------
    TrackResult
        The probability, and that of each block.

    Raises
    ------
    SkysieveError
        If the frame cannot be read or examined, or a setting is wrong.
    """
    tracker = _tracker(settings)
    with _one_frame(data, mask, mask_hdu, mask_bits) as (frame, _):
        result = tracker.track(frame)
        _warn_if_unlike(tracker, frame, tracker.unlikeness(frame))
    return result


def track_file(
    path: str | Path,
    *,
    mask_hdu: int | str | None = None,
    mask_bits: MaskBits | None = None,
    **settings: Any,
) -> list[TrackResult]:
    """Examine every frame in a FITS file; see :func:`track`."""
    tracker = _tracker(settings)
    results = []
    with FrameFile(parse_location(str(path)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        for frame in file.planes:
            results.append(tracker.track(frame))
            _warn_if_unlike(tracker, frame, tracker.unlikeness(frame))
    return results


def _warn_if_unlike(model: Masker | Tracker, frame: Frame, found: Unlikeness | None) -> None:
    """Log a warning if a frame is far from those that the model was trained on."""
    if found is not None and (warning := found.warning(frame.label, model.model.card.name)):
        logger.warning("%s: check the result", warning)


@contextmanager
def _one_frame(
    data: object, mask: ArrayLike | None, mask_hdu: int | str | None, mask_bits: MaskBits | None
) -> Iterator[tuple[Frame, FrameOrigin]]:
    """Give the frame of the data, and what came with it."""
    if not isinstance(data, str | Path):
        if mask_hdu is not None or mask_bits is not None:
            raise ConfigError("mask_hdu and mask_bits go with a path; give the mask itself with an array")
        yield as_frame(data, mask=mask), origin_of(data)
        return
    if mask is not None:
        raise ConfigError("a mask array goes with an array, not with a path; put it into the file")
    with FrameFile(parse_location(str(data)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        frames = [(plane, hdu.header) for hdu in file.frames for plane in hdu.planes]
        if len(frames) > 1:
            raise FrameError(
                f"{data}: holds {len(frames)} frames; name one, as '{data}[{file.frames[0].index}]', "
                "or use mask_file or track_file"
            )
        ((frame, header),) = frames
        yield frame, origin_in_file(header, file.hdus)


KEPT_NETWORKS = 4
"""Loaded networks are kept, because loading one takes longer than masking a small frame."""

_maskers: dict[str, Masker] = {}
_trackers: dict[str, Tracker] = {}


def _masker(settings: dict[str, Any]) -> Masker:
    key = _key(MaskSettings, settings)
    if key not in _maskers:
        _make_room(_maskers)
        _maskers[key] = Masker(MaskSettings(**settings))
    return _maskers[key]


def _tracker(settings: dict[str, Any]) -> Tracker:
    key = _key(TrackSettings, settings)
    if key not in _trackers:
        _make_room(_trackers)
        _trackers[key] = Tracker(TrackSettings(**settings))
    return _trackers[key]


def _make_room(kept: dict[str, Any]) -> None:
    while len(kept) >= KEPT_NETWORKS:
        kept.pop(next(iter(kept)))


def _key(kind: type[MaskSettings | TrackSettings], settings: dict[str, Any]) -> str:
    """Return a key of the settings, which may hold dictionaries."""
    known = [field.name for field in dataclasses.fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}; the settings are {', '.join(known)}")
    return repr(sorted(settings.items()))
