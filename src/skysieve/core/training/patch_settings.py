"""Settings of a training for clusters: sky patches, labels, and the split of the sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LabelSettings", "PatchSettings", "SplitSettings"]


@dataclass(frozen=True, kw_only=True)
class PatchSettings:
    """Sky patches for training, and their preprocessing.

    Attributes
    ----------
    bands
        Names of the maps, in the order of their frequencies; all available maps if empty.
    side, resolution
        Side of a patch in pixels, and pixel size in arcminutes.
    latitude
        Minimum Galactic latitude of a patch centre, in degrees.
    sigma, centred, stretch
        Noise estimate that a band is divided by, ``mad`` or ``mode``; whether its level is subtracted; and
        whether the arcsinh is then taken; see :class:`skysieve.clusters.maps.preprocessing.Preprocessing`.
    linear
        Number of sigma that bands are divided by. Below it the arcsinh is nearly linear, so that the network
        can subtract a component common to two bands, such as the microwave background.
    loops
        Number of different patches cut around each cluster before they repeat; 0 for no repeats.
    edge
        Minimum distance in pixels between the cluster of a patch and the patch's edge.
    empty, sources
        Fractions of patches without a visible cluster, and around contaminating sources.
    """

    bands: tuple[str, ...] = ()
    side: int = 64
    resolution: float = 1.7
    latitude: float = 0.0
    sigma: Literal["mad", "mode"] = "mad"
    centred: bool = False
    stretch: bool = True
    linear: float = 1.0
    loops: int = 100
    edge: float = 4.0
    empty: float = 0.25
    sources: float = 0.15


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Labels in the patches, and pixels that are ignored.

    Attributes
    ----------
    radius
        Radius of the discs: ``fixed``; ``t500``, the radius of each cluster; or ``published``, a radius for
        each patch drawn from the published distribution; see
        :class:`skysieve.clusters.train.labels.RadiusRule`.
    arcmin
        Fixed radius in arcminutes, always used for contaminating sources; minimum radius for ``t500``.
    sources
        Whether contaminating sources are a second class.
    least_snr, open_snr
        Signal-to-noise ratios of a matched filter in white noise. Clusters of at least the first are
        labelled. The pixels of fainter ones, down to the second, are ignored in the loss. Still fainter
        clusters are background.
    least_y500, open_y500
        The same limits in Y500, in square arcminutes; they replace the ratios if the first is above 0.
    least_flux
        Sources below this flux in every band are neither patch centres nor labels. The unit is the flux at
        which Planck's catalogue of compact sources is 90 % complete in that band.
    """

    radius: Literal["fixed", "t500", "published"] = "fixed"
    arcmin: float = 2.5
    sources: bool = False
    least_snr: float = 7.0
    open_snr: float = 4.0
    least_y500: float = 0.0
    open_y500: float = 0.0
    least_flux: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """Split of the sky into training, validation and test tiles.

    Attributes
    ----------
    validation, test
        Tiles for validation and for the test. A tile is a HEALPix pixel of nside 2 (RING, Galactic), counted
        from 1.
    fold
        Number of the only test tile, in place of ``test``: one of 48 splits in which each tile is tested
        once.  0 to use ``test``.
    """

    validation: tuple[int, ...] = (10, 26, 39, 42)
    test: tuple[int, ...] = (7,)
    fold: int = 0
