"""Metadata that came with the pixels of a frame: unit, world coordinates, header, uncertainty.

Masking needs the pixels only. The result keeps the other metadata, so that a masked frame can be returned
with everything that the input had.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, TypeGuard

import numpy as np
from astropy.io import fits

from skysieve.core.fits.cards import keep_cards, set_cards, text_value
from skysieve.core.fits.distortion_tables import drop_lookups, find_tables
from skysieve.core.fits.frames import is_cutout, is_nddata
from skysieve.core.fits.pixels import linear_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.nddata import NDData, NDUncertainty
    from astropy.units import UnitBase
    from astropy.wcs import WCS
    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderValue

__all__ = ["FrameOrigin", "origin_in_file", "origin_of"]

logger = logging.getLogger(__name__)

_AXES = 2
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")


class Given(TypedDict, total=False):
    """Attributes of an object of astropy."""

    unit: UnitBase | None
    wcs: Any
    meta: Mapping[str, object]
    uncertainty: NDUncertainty | None
    psf: NDArray[np.generic] | None


@dataclass(frozen=True)
class FrameOrigin:
    """Metadata that came with the pixels of a frame.

    Attributes
    ----------
    file_header
        Header of the frame's HDU, if it has one; describes the linear pixels if they were on an asinh scale.
    tables
        Distortion look-up tables that the world coordinates of that header refer to.
    data
        Input pixels ``(H, W)`` in their own type; None if they came from a file or HDU.
    given
        Attributes of the input object: ``unit``, ``wcs``, ``meta``, ``uncertainty``, ``psf``.
    """

    file_header: fits.Header | None = field(default=None, repr=False)
    tables: tuple[fits.ImageHDU, ...] = field(default=(), repr=False)
    data: NDArray[np.generic] | None = field(default=None, repr=False)
    given: Given = field(default_factory=Given, repr=False)

    @cached_property
    def unit(self) -> UnitBase | None:
        """Unit of the pixels (:class:`astropy.units.UnitBase`), or None if none is stated."""
        if self.given.get("unit") is not None or self.file_header is None:
            return self.given.get("unit")
        return _header_unit(text_value(self.file_header, "BUNIT"))

    @cached_property
    def wcs(self) -> Any:
        """World coordinates of the pixels, an astropy WCS with two axes, or None."""
        if self.given.get("wcs") is not None or self.file_header is None:
            return _two_axes(self.given.get("wcs"))
        return _header_wcs(self.file_header, self.tables)

    @property
    def meta(self) -> fits.Header | Mapping[str, object]:
        """A copy of the metadata; for a header, without the cards that describe pixels and WCS."""
        if "meta" in self.given:
            return copy.deepcopy(self.given["meta"])
        if self.file_header is None:
            return {}
        return self.file_header.copy(strip=True) if self.wcs is None else keep_cards(self.file_header)

    @property
    def uncertainty(self) -> NDUncertainty | None:
        """Uncertainty of the pixels as given, or None."""
        return self.given.get("uncertainty")

    @property
    def psf(self) -> NDArray[np.generic] | None:
        """Image of the PSF as given, or None."""
        return self.given.get("psf")

    @cached_property
    def header(self) -> fits.Header | None:
        """FITS header of the frame with its world coordinates; made from the metadata if there was none."""
        if self.file_header is not None:
            return self.file_header
        made = _header_of(self.given.get("meta") or {})
        if hasattr(self.wcs, "to_header"):
            # wcslib's errors have no common base class
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made.update(self.wcs.to_header(relax=True))
        return made if len(made) else None

    def without_pixels(self) -> FrameOrigin:
        """Return a copy without arrays of the size of the frame.

        Returns
        -------
        FrameOrigin
            The metadata without `data` and the uncertainty.
        """
        light = self.given.copy()
        light.pop("uncertainty", None)
        return FrameOrigin(self.file_header, self.tables, None, light)


def origin_of(data: object) -> FrameOrigin:
    """Return the metadata of an object in memory.

    Parameters
    ----------
    data
        Any object that :func:`skysieve.core.fits.frames.as_frame` accepts.

    Returns
    -------
    FrameOrigin
        Its metadata.
    """
    if is_nddata(data):
        return _nddata_origin(data)
    if is_cutout(data):
        cutout: Any = data
        return FrameOrigin(data=_plane(cutout.data), given={"wcs": cutout.wcs})
    if isinstance(data, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
        return FrameOrigin(file_header=linear_header(data.header))
    held: Any = data
    unit = getattr(held, "unit", None)  # of a Quantity
    values = getattr(held, "unmasked", held)  # of astropy's Masked
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.getdata(values)
    header = getattr(held, "header", None)
    return FrameOrigin(
        file_header=header if isinstance(header, fits.Header) else None,
        data=_plane(np.asarray(values)) if isinstance(values, np.ndarray) else None,
        given={"unit": unit},
    )


def origin_in_file(header: fits.Header, hdus: fits.HDUList) -> FrameOrigin:
    """Return the metadata of an HDU in an open file.

    Parameters
    ----------
    header
        Header of the HDU.
    hdus
        The open file; its distortion tables are read if the header refers to them.

    Returns
    -------
    FrameOrigin
        Its metadata.
    """
    tables = find_tables(hdus, header)
    copies = tuple(fits.ImageHDU(np.array(hdus[index].data), hdus[index].header) for index in tables or ())
    return FrameOrigin(linear_header(header), copies)


def _nddata_origin(held: NDData) -> FrameOrigin:
    data = np.asarray(held.data)
    plane = _plane(data)
    uncertainty = held.uncertainty
    array = getattr(uncertainty, "array", None)
    if array is not None and np.shape(array) != plane.shape and np.size(array) == plane.size:
        uncertainty = type(uncertainty)(np.reshape(array, plane.shape), unit=uncertainty.unit)
    given: Given = {
        "unit": held.unit,
        "wcs": held.wcs,
        "meta": held.meta,
        "uncertainty": uncertainty,
        "psf": getattr(held, "psf", None),
    }
    return FrameOrigin(data=plane, given=given)


def _plane(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the last two axes of an array; all leading axes have length 1."""
    return array.reshape(array.shape[-_AXES:])


def _two_axes(wcs: Any) -> Any:
    """Return world coordinates with two pixel axes, or None if the other axes cannot be dropped."""
    if wcs is None or wcs.pixel_n_dim == _AXES:
        return wcs
    celestial = getattr(wcs, "celestial", None)
    return celestial if celestial is not None and celestial.pixel_n_dim == _AXES else None


def _header_wcs(header: fits.Header, tables: Sequence[fits.ImageHDU]) -> WCS | None:
    if "CTYPE1" not in header:
        return None
    from astropy.wcs import WCS

    own = header.copy()
    if not tables:
        drop_lookups(own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about keywords that astropy corrects
        try:
            return WCS(own, fobj=fits.HDUList([fits.PrimaryHDU(), *tables]), naxis=_AXES)
        except Exception as error:  # noqa: BLE001 (wcslib's errors have no common base class)
            logger.debug("world coordinates that cannot be read: %s", " ".join(str(error).split()))
            return None


def _header_unit(text: str) -> UnitBase | None:
    """Return the unit that ``BUNIT`` states, also in the non-standard spellings of observatories, or None."""
    if not text.strip():
        return None
    from astropy import units
    from astropy.nddata import CCDData

    text = text.strip()
    known = CCDData.known_invalid_fits_unit_strings.get(text)
    if known is not None:
        return known
    return units.Unit(text.lower() if text.lower() == "adu" else text, parse_strict="silent")


def _header_of(meta: fits.Header | Mapping[str, object]) -> fits.Header:
    """Return the metadata entries that FITS cards can hold."""
    if isinstance(meta, fits.Header):
        return meta.copy(strip=True)
    header = fits.Header()
    entries = ((str(key).upper(), value) for key, value in meta.items())
    cards = [
        (key, value, "") for key, value in entries if _KEYWORD.fullmatch(key) and _is_header_value(value)
    ]
    set_cards(header, cards)
    return header


def _is_header_value(value: object) -> TypeGuard[HeaderValue]:
    if isinstance(value, float):
        return math.isfinite(value)  # FITS cards cannot hold NaN or infinity
    return isinstance(value, str | int)
