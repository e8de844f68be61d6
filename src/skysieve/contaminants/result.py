"""What masking one frame yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.contaminants.classes import CLASSES, NODATA, ContaminantClass, bit_flag_map, find_class
from skysieve.contaminants.decide import class_fractions, modify_priors
from skysieve.contaminants.planes import schema_of
from skysieve.errors import ConfigError
from skysieve.imaging.fits_out import mask_hdu
from skysieve.imaging.provenance import provenance_cards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    from skysieve.imaging.cards import HeaderCard

__all__ = ["MaskResult", "ModelUse"]


@dataclass(frozen=True)
class ModelUse:
    """Which model was used, and how.

    Attributes
    ----------
    name, sha256
        The model and the checksum of its graph.
    engine, precision
        What ran it.
    """

    name: str
    sha256: str
    engine: str
    precision: str


@dataclass(frozen=True)
class MaskResult:
    """The mask of one frame.

    Attributes
    ----------
    bits
        ``(H, W)`` int16, the sum of the codes of each pixel's classes, and 8192 where there is no data.
    background
        ``(H, W)`` bool, True where the network decides for the background; it has no bit.
    classes
        The classes that were asked for, in the order of the planes of :attr:`probabilities`.
    thresholds
        By class name.
    priors
        By class name; None if the network's own priors were kept.
    training_priors
        By class name.
    posteriors
        ``(C, H, W)`` float32, the network's own output, or None if not kept.
    pixels
        ``(H, W)`` float32, the frame in its own unit, or None if not kept.
    model
        The model used.
    header
        The frame's header, if it had one.
    """

    bits: NDArray[np.int16]
    background: NDArray[np.bool_]
    classes: tuple[ContaminantClass, ...]
    thresholds: Mapping[str, float]
    priors: Mapping[str, float] | None
    training_priors: Mapping[str, float]
    model: ModelUse
    posteriors: NDArray[np.float32] | None = None
    pixels: NDArray[np.float32] | None = None
    header: fits.Header | None = field(default=None, repr=False)

    @cached_property
    def fractions(self) -> dict[str, float]:
        """Part of the pixels in each class, by name, ``NODATA`` last."""
        coded = [c for c in (*self.classes, NODATA) if c.code]
        found = class_fractions(self.bits, [c.code for c in coded])
        fractions = dict(zip((c.name for c in coded), found, strict=True))
        background = float(self.background.mean())
        return {c.name: fractions[c.name] if c.code else background for c in (*self.classes, NODATA)}

    @property
    def nodata(self) -> NDArray[np.bool_]:
        """``(H, W)`` bool, True where the frame has no data."""
        return self._marked(NODATA.code)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """``(C, H, W)`` float32 probabilities after the change of priors, NaN where there is no data.

        Raises
        ------
        ConfigError
            If they were not kept; ask for them with ``keep_probabilities=True``.
        """
        posteriors = self._posteriors()
        if self.priors is None:
            modified = posteriors.copy()
        else:
            names = [c.name for c in self.classes]
            modified = modify_priors(
                posteriors, [self.training_priors[n] for n in names], [self.priors[n] for n in names]
            )
        modified[:, self.nodata] = np.nan
        return modified

    def _posteriors(self) -> NDArray[np.float32]:
        if self.posteriors is None:
            raise ConfigError("probabilities were not kept; call mask with keep_probabilities=True")
        return self.posteriors

    def boolean(self, name: str) -> NDArray[np.bool_]:
        """Return ``(H, W)`` bool, True where the frame belongs to the class.

        Raises
        ------
        ConfigError
            If the class is unknown or was not asked for.
        """
        if name.upper() == NODATA.name:
            return self.nodata
        wanted = find_class(name)
        if wanted not in self.classes:
            raise ConfigError(f"class {wanted.name} was not asked for; this mask has {self._names()}")
        return self._marked(wanted.code) if wanted.code else self.background

    def _names(self) -> str:
        return ", ".join(c.name for c in self.classes)

    @property
    def bad(self) -> NDArray[np.bool_]:
        """``(H, W)`` bool, True for contaminated pixels and those without data; sources are not bad."""
        return self._marked(sum(c.code for c in (*CLASSES, NODATA) if c.is_contaminant))

    def _marked(self, codes: int) -> NDArray[np.bool_]:
        marked: NDArray[np.bool_] = (self.bits & codes) != 0
        return marked

    def to_ccddata(self) -> CCDData:
        """Return the frame as :class:`astropy.nddata.CCDData`: ``mask`` is :attr:`bad`, ``flags`` the bits.

        ``meta["flag_map"]`` holds the names of the bits.

        Raises
        ------
        ConfigError
            If the pixels were not kept; call mask with ``keep_pixels=True``.
        """
        from astropy import units
        from astropy.nddata import CCDData

        if self.pixels is None:
            raise ConfigError("pixels were not kept; call mask with keep_pixels=True")
        ccd = CCDData(self.pixels, unit=units.dimensionless_unscaled, mask=self.bad)
        if self.header is not None and "BUNIT" in self.header:
            ccd.unit = units.Unit(self.header["BUNIT"], parse_strict="silent")
        ccd.flags = self.bits
        ccd.meta["flag_map"] = bit_flag_map()
        return ccd

    def cards(
        self,
        *,
        source: str | None = None,
        source_sum: str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> list[HeaderCard]:
        """Return the header cards that say how the mask was made.

        Parameters
        ----------
        source, source_sum
            Name of the frame's file, and DATASUM of its HDU.
        options
            Further options, each a HISTORY card.
        """
        return provenance_cards(
            source=source,
            source_sum=source_sum,
            model=self.model.name,
            model_sha256=self.model.sha256,
            engine=self.model.engine,
            precision=self.model.precision,
            priors=self.priors,
            thresholds=self.thresholds,
            options=options,
        )

    def to_hdu(self) -> fits.ImageHDU | fits.CompImageHDU:
        """Return the bit mask as an HDU with named planes and provenance, ready to be appended to a file."""
        return mask_hdu(
            self.bits, header=self.header, cards=[*schema_of(self.classes).header_cards(), *self.cards()]
        )
