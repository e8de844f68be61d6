"""Settings of a training for clusters: which patches of the sky, what is labelled in them, which tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LabelSettings", "PatchSettings", "SplitSettings"]


@dataclass(frozen=True, kw_only=True)
class PatchSettings:
    """Which patches clusters are learnt from, and what the network sees of them.

    Attributes
    ----------
    bands
        Names of the maps, in the order of their frequencies; all that there are, if empty.
    side, resolution
        Pixels on a side, and arcminutes of a pixel.
    latitude
        Degrees between the Galactic plane and the centre of a patch, at least.
    sigma, centred, stretch
        What a band is divided by, ``mad`` or ``mode``; whether its level is subtracted; and whether the
        arcsinh is taken then; see :class:`skysieve.clusters.maps.preprocessing.Preprocessing`.
    linear
        Bands are divided by so many sigma: up to there the arcsinh changes little, and what two bands have
        in common, as the microwave background, can be subtracted by weights.
    loops
        Patches cut around each cluster until the same ones come again; 0 if they never shall.
    edge
        Pixels between the cluster that a patch is cut around and the patch's edge, at least.
    empty, sources
        Part of the patches that are cut where no visible cluster is, and around contaminating sources.
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
    """What is labelled in patches, and what is left open.

    Attributes
    ----------
    radius
        Of the discs: ``fixed``, ``t500`` for each cluster's own, or ``published``, one for each patch drawn
        from the published distribution; see :class:`skysieve.clusters.train.labels.RadiusRule`.
    arcmin
        The fixed radius, which contaminating sources have in any case; the least one of ``t500``.
    sources
        Whether contaminating sources are a second class.
    least_snr, open_snr
        Clusters that a filter in white noise alone would see with at least the first are labelled.  Pixels
        of fainter ones, down to the second, do not count: they may be told either way.  Still fainter ones
        are background.
    least_y500, open_y500
        In place of these, if the first is above 0: the same by Y500, in square arcminutes.
    least_flux
        Sources whose flux is below this in every band are no centres and no labels; in units of the flux
        from which Planck's catalogue of compact sources is 90 % complete in that band.
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
    """Which part of the sky is learnt from.

    Attributes
    ----------
    validation, test
        Numbers of the HEALPix pixels of nside 2, from 1, RING, Galactic, that are scored on the way and that
        no training sees.
    fold
        One of these numbers, to test on that tile alone in place of ``test``: one of 48 splits in which each
        tile is tested once.  0 for none of them.
    """

    validation: tuple[int, ...] = (10, 26, 39, 42)
    test: tuple[int, ...] = (7,)
    fold: int = 0
