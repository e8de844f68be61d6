"""The result of masking one frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.fits_out import mask_hdu
from skysieve.core.fits.frame_origin import FrameOrigin
from skysieve.core.fits.provenance import provenance_cards
from skysieve.frames.mask.classes import (
    DEFAULT_BAD,
    NODATA,
    ContaminantClass,
    find_class,
    select_bad,
)
from skysieve.frames.mask.decide import class_fractions, modify_priors
from skysieve.frames.mask.growth import Growth, grow_bits, read_growth
from skysieve.frames.mask.planes import bad_cards, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from astropy.io import fits
    from astropy.nddata import CCDData, NDData
    from astropy.units import UnitBase
    from numpy.typing import NDArray
    from regions import Regions

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.models.network import ModelUse
    from skysieve.frames.image.frame_statistics import Measured
    from skysieve.frames.mask.saturation import Level
    from skysieve.frames.mask.streaks.spikes import Spikes
    from skysieve.frames.mask.streaks.trails import Trail

__all__ = ["MaskResult"]


@dataclass(frozen=True)
class MaskResult:
    """The mask of one frame.

    Attributes
    ----------
    bits
        ``(H, W)`` int16, the sum of the codes of each pixel's classes, and 8192 where there is no data.
    background
        ``(H, W)`` bool, True in pixels of the class background, which has no bit.
    classes
        The requested classes, in the order of the planes of :attr:`probabilities`.
    thresholds
        Thresholds by class name.
    priors
        Priors by class name; None if those of the network were kept.
    training_priors
        Priors of the training set by class name.
    posteriors
        ``(C, H, W)`` float32, the output of the network; None if it was not kept.
    pixels
        ``(H, W)`` float32, the frame in its own unit, NaN where it has no data; None if they were not kept.
    model
        The model that made the mask.
    origin
        Metadata of the frame: header, unit, world coordinates, uncertainty.
    bad_classes
        Names of the classes that :meth:`bad` uses by default.
    statistics
        Statistics of the network's output by the names in :mod:`skysieve.frames.mask.mask_statistics`, for
        the out-of-distribution score.
    trails, spikes
        Trails, and stars with diffraction spikes, that were detected as lines.
    saturation_levels
        Saturation levels, ranges of values in the frame's unit, the highest first.
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
    origin: FrameOrigin = field(default_factory=FrameOrigin, repr=False)
    bad_classes: tuple[str, ...] = DEFAULT_BAD
    statistics: Mapping[str, Measured] = field(default_factory=dict, repr=False)
    trails: tuple[Trail, ...] = ()
    spikes: tuple[Spikes, ...] = ()
    saturation_levels: tuple[Level, ...] = ()

    @property
    def header(self) -> fits.Header | None:
        """Header of the frame, or one made from its metadata and world coordinates; None without any."""
        return self.origin.header

    @cached_property
    def fractions(self) -> dict[str, float]:
        """Fraction of the pixels in each class by name, ``NODATA`` last."""
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
            If they were not kept; mask the frame with ``keep_probabilities=True``.
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
        """Return the mask of one class.

        Parameters
        ----------
        name
            Abbreviation of the class, or ``NODATA``.

        Returns
        -------
        ndarray
            ``(H, W)`` bool, True in pixels of the class.

        Raises
        ------
        ConfigError
            If the class is unknown or was not requested.
        """
        if name.upper() == NODATA.name:
            return self.nodata
        wanted = self._requested(find_class(name))
        return self._marked(wanted.code) if wanted.code else self.background

    def bad(self, classes: Iterable[str] | str | None = None) -> NDArray[np.bool_]:
        """Return the mask of bad pixels, including those without data.

        Parameters
        ----------
        classes
            Names of the classes whose pixels are bad, or a text of names separated by commas; None for
            :attr:`bad_classes`.  By default these are all classes except sources (BBG), nebulosity (NEB),
            residual fringes (FR) and the background.

        Returns
        -------
        ndarray
            ``(H, W)`` bool, True in bad pixels.

        Raises
        ------
        ConfigError
            If a class is unknown, the background, or was not requested.

        Examples
        --------
        >>> result.bad("CR, SAT")  # doctest: +SKIP
        >>> result.bad([*result.bad_classes, "NEB"])  # doctest: +SKIP
        """
        return self._marked(self.bad_bits(classes))

    def bad_bits(self, classes: Iterable[str] | str | None = None) -> int:
        """Return the sum of the codes of bad classes, including no data.

        Parameters
        ----------
        classes
            See :meth:`bad`, which also raises the same errors.

        Returns
        -------
        int
            A pixel is bad if its bits and this number have a bit in common.
        """
        if classes is None:
            chosen = [c for c in select_bad(self.bad_classes) if c in self.classes]
        else:
            chosen = [self._requested(c) for c in select_bad(classes)]
        return NODATA.code + sum(c.code for c in chosen)

    def _requested(self, wanted: ContaminantClass) -> ContaminantClass:
        """Return the class; raise if this mask does not have it."""
        if wanted not in self.classes:
            names = ", ".join(c.name for c in self.classes)
            raise ConfigError(f"class {wanted.name} was not asked for; this mask has {names}")
        return wanted

    def _marked(self, codes: int) -> NDArray[np.bool_]:
        marked: NDArray[np.bool_] = (self.bits & codes) != 0
        return marked

    def grown(self, growth: Growth | int | str) -> MaskResult:
        """Return the result with dilated marks.

        Parameters
        ----------
        growth
            Number of pixels by which the marks of bad classes grow in all directions, or a text with the
            number for each class, such as ``"CR=1,TRL=5"``; see
            :func:`skysieve.frames.mask.growth.read_growth`.

        Returns
        -------
        MaskResult
            The new result; the same object if nothing grows.

        Raises
        ------
        ConfigError
            If the growth is malformed, or a class is unknown or was not requested.
        """
        wanted = growth if isinstance(growth, Growth) else read_growth(str(growth))
        for name in set(wanted.of_class) - {NODATA.name}:
            self._requested(find_class(name))
        if not wanted:
            return self
        bad = [c.name for c in select_bad(self.bad_classes) if c in self.classes]
        bits = grow_bits(self.bits, wanted.by_code(bad))
        return replace(self, bits=bits, background=self.background & ((bits & NODATA.code) == 0))

    def widened(self, level: float) -> MaskResult:
        """Return the result with trails masked from end to end, out to their faint wings.

        Parameters
        ----------
        level
            Height of the fitted profile of a trail down to which its pixels are marked, in units of the noise
            of a pixel.

        Returns
        -------
        MaskResult
            The new result; see :func:`skysieve.frames.mask.trails.widening.widen_trails`.

        Raises
        ------
        ConfigError
            If the pixels were not kept (mask the frame with ``keep_pixels=True``), TRL was not requested, or
            the level is out of bounds.
        """
        from skysieve.core.fits.frames import as_frame
        from skysieve.frames.mask.trails.measuring import measure_trails
        from skysieve.frames.mask.trails.settings import TrailSettings
        from skysieve.frames.mask.trails.widening import widen_trails

        settings = TrailSettings(wings=level)
        self._requested(find_class("TRL"))
        try:
            frame = as_frame(self.kept_pixels())
            found = measure_trails(
                frame, self.bits, traced=self.trails, spikes=self.spikes, settings=settings
            )
        except FrameError:  # the frame has a blank mask
            return self
        return replace(self, bits=widen_trails(self.bits, found, level))

    def weights(self, kind: str = "confidence") -> NDArray[np.float32]:
        """Return a weight map for SWarp, SExtractor or a weighted mean.

        Parameters
        ----------
        kind
            ``confidence``, ``probability`` or ``variance``; see
            :func:`skysieve.frames.mask.weights.weight_map`.

        Returns
        -------
        ndarray
            ``(H, W)`` float32, 0 in bad pixels.

        Raises
        ------
        ConfigError
            If the kind is unknown, or the pixels or probabilities that it needs were not kept.
        """
        from skysieve.core.fits.frames import as_frame
        from skysieve.frames.mask.weights import check_weight, weight_map

        wanted = check_weight(kind)
        frame = as_frame(self.kept_pixels() if wanted == "variance" else self.bits)
        return weight_map(frame, self, wanted)

    def kept_pixels(self) -> NDArray[np.float32]:
        """Return the pixels of the frame.

        Returns
        -------
        ndarray
            ``(H, W)`` float32 in the unit of the frame, NaN where there is no data.

        Raises
        ------
        ConfigError
            If they were not kept; mask the frame with ``keep_pixels=True``.
        """
        if self.pixels is None:
            raise ConfigError("pixels were not kept; call mask with keep_pixels=True")
        return self.pixels

    def to_ccddata(
        self, *, unit: str | UnitBase | None = None, bad: Iterable[str] | str | None = None
    ) -> CCDData:
        """Return the frame as :class:`astropy.nddata.CCDData`, with its mask.

        Data, unit, world coordinates, metadata, uncertainty and PSF are those of the masked frame.  ``mask``
        is :meth:`bad`.  ``flags`` are :attr:`bits`, with the names in
        :func:`skysieve.frames.mask.classes.bit_flag_map`.

        Parameters
        ----------
        unit
            Unit of the pixels if the frame has none; None for dimensionless pixels.
        bad
            The bad classes; see :meth:`bad`.

        Returns
        -------
        CCDData
            The frame with its mask, ``(H, W)``.

        Raises
        ------
        ConfigError
            If the pixels were not kept (mask the frame with ``keep_pixels=True``), or a class is unknown.
        """
        from astropy import units
        from astropy.nddata import CCDData

        stated = self._unit(unit)
        return CCDData(
            self._data(),
            unit=units.dimensionless_unscaled if stated is None else stated,
            mask=self.bad(bad),
            flags=self.bits,
            **self._properties(),
        )

    def to_nddata(
        self, *, unit: str | UnitBase | None = None, bad: Iterable[str] | str | None = None
    ) -> NDData:
        """Return the frame as :class:`astropy.nddata.NDData`, with its mask.

        This is :meth:`to_ccddata` without flags, which NDData does not have.

        Parameters
        ----------
        unit
            Unit of the pixels if the frame has none; None for no unit.
        bad
            The bad classes; see :meth:`bad`.

        Returns
        -------
        NDData
            The frame with its mask, ``(H, W)``.

        Raises
        ------
        ConfigError
            If the pixels were not kept (mask the frame with ``keep_pixels=True``), or a class is unknown.
        """
        from astropy.nddata import NDData

        return NDData(self._data(), unit=self._unit(unit), mask=self.bad(bad), **self._properties())

    def to_flag_image(self, *, bad: Iterable[str] | str | None = None) -> fits.PrimaryHDU:
        """Return the bits of bad classes as an uncompressed primary HDU, with their names and coordinates.

        SExtractor (``FLAG_IMAGE``) and WeightWatcher read files with such an HDU.  The class of sources is
        not bad by default; otherwise every source would be flagged.

        Parameters
        ----------
        bad
            The classes whose bits the image contains, besides no data; see :meth:`bad`.

        Returns
        -------
        PrimaryHDU
            ``(H, W)`` int16 flags.

        Raises
        ------
        ConfigError
            If a class is unknown, the background, or was not requested.
        """
        from astropy.io import fits

        flags = self.bits & np.int16(self.bad_bits(bad))
        hdu = mask_hdu(flags, header=self.header, compression="none", cards=self._own_cards())
        header = hdu.header.copy(strip=True)
        header.remove("INHERIT", ignore_missing=True)  # primary HDUs have none
        return fits.PrimaryHDU(hdu.data, header)

    def to_regions(self, *, bad: Iterable[str] | str | None = None) -> Regions:
        """Return the connected components of bad pixels as regions for ds9 (extra ``regions``).

        Parameters
        ----------
        bad
            The bad classes; see :meth:`bad`.

        Returns
        -------
        Regions
            See :func:`skysieve.frames.mask.regions.mask_regions`.
        """
        from skysieve.frames.mask.regions import mask_regions

        return mask_regions(self, bad)

    def _data(self) -> NDArray[np.generic]:
        """Return the pixels of the given object, or those that were read, with NaN where there is no data."""
        pixels = self.kept_pixels()
        return pixels if self.origin.data is None else self.origin.data

    def _unit(self, default: str | UnitBase | None) -> UnitBase | None:
        from astropy import units

        is_stated = self.origin.unit is not None or default is None
        return self.origin.unit if is_stated else units.Unit(default)

    def _properties(self) -> dict[str, object]:
        return {name: getattr(self.origin, name) for name in ("wcs", "meta", "uncertainty", "psf")}

    def cards(
        self,
        *,
        source: str | None = None,
        source_sum: str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> list[HeaderCard]:
        """Return the provenance of the mask as header cards.

        Parameters
        ----------
        source, source_sum
            Name of the frame's file, and DATASUM of its HDU.
        options
            Further options, each for a HISTORY card.

        Returns
        -------
        list
            Keyword, value and comment of each card.
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
        """Return the bit mask as an HDU with named planes and provenance.

        Returns
        -------
        ImageHDU or CompImageHDU
            ``(H, W)`` int16; it can be appended to a file.
        """
        return mask_hdu(self.bits, header=self.header, cards=self._own_cards())

    def _own_cards(self) -> list[HeaderCard]:
        return [*schema_of(self.classes).header_cards(), *bad_cards(self.bad_bits()), *self.cards()]
