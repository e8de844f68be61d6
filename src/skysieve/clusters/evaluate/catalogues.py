"""Catalogues that take part in a trial: their candidates, their footprint, and their map of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.catalogue.catalogue import ranking
from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
from skysieve.clusters.catalogue.products_footprint import read_footprint
from skysieve.clusters.evaluate.sky import Area, TrialSky, findable_clusters, judge, noise_by_size
from skysieve.clusters.search.pixel_scores import count_pixels, true_discs
from skysieve.clusters.simulate.tables import read_sky_table
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.evaluate.sky import Judged, Rules
    from skysieve.clusters.maps.split import SkySplit
    from skysieve.clusters.search.pixel_scores import PixelCounts

__all__ = [
    "Detector",
    "area_in_square_degrees",
    "judge_sky",
    "pixels_of_sky",
    "read_detector",
    "trial_sky",
]

_SAMPLED = 256


@dataclass(frozen=True, eq=False)
class Detector:
    """A catalogue of one sky.

    Attributes
    ----------
    path
        The file.
    lon, lat
        Of its candidates ``(N,)``, Galactic, in degrees.
    score
        Their scores, or else their signal to noise.
    noise
        See :func:`skysieve.clusters.evaluate.sky.noise_by_size`.
    footprint
        Tells of Galactic directions in degrees whether they were searched; None if it is not known.
    probability
        Map of probabilities beside the catalogue; None if there is none.
    threshold
        Least probability of pixels that the header of the catalogue states; one half if it does not.
    described
        What made it, in words.
    """

    path: Path
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    score: NDArray[np.float64]
    noise: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    footprint: Callable[[Any, Any], NDArray[np.bool_]] | None
    probability: Path | None
    threshold: float
    described: str


def read_detector(path: Path) -> Detector:
    """Read a catalogue, and find what `skysieve clusters find` wrote beside it.

    Parameters
    ----------
    path
        A table, or the folder of a search.

    Raises
    ------
    SourceError
        If it cannot be read, or states neither score nor signal to noise.
    """
    file = path / "catalogue.fits" if path.is_dir() else path
    read = read_sky_table(file)
    score = ranking(read.table)
    if not {"score", "snr"} & {name.lower() for name in read.table.colnames}:
        raise SourceError(f"{file}: no column score or snr, by which candidates could be ranked")
    beside = file.parent / "footprint.fits"
    probability = file.parent / "probability.fits"
    return Detector(
        file,
        read.lon,
        read.lat,
        np.where(np.isfinite(score), score, np.nan),
        noise_by_size(read.table),
        read_footprint(beside) if beside.is_file() else None,
        probability if probability.is_file() else None,
        float(read.table.meta.get("THR_P", 0.5)),
        _described(read.table.meta, file),
    )


def trial_sky(
    truth: Path, detectors: Mapping[str, Detector], role: Any, split: SkySplit | None = None
) -> TrialSky:
    """Return a sky on which catalogues are measured: where all of them were searched for.

    Parameters
    ----------
    truth
        Table of its clusters.
    detectors
        Catalogues of this sky.
    role
        See :class:`skysieve.clusters.evaluate.sky.Area`.
    split
        That of the sky; by default the usual one.

    Raises
    ------
    SourceError
        If the truth cannot be read.
    """
    footprints = tuple(one.footprint for one in detectors.values() if one.footprint is not None)
    area = Area(role, footprints=footprints) if split is None else Area(role, split, footprints)
    noise = next((one.noise for one in detectors.values() if one.noise is not None), None)
    return TrialSky(read_known_catalogue(truth, name="truth"), area, noise)


def judge_sky(sky: TrialSky, detector: Detector, rules: Rules) -> Judged:
    """Tell which candidates of a catalogue are real; see :func:`skysieve.clusters.evaluate.sky.judge`."""
    return judge(sky, detector.lon, detector.lat, detector.score, rules)


def pixels_of_sky(sky: TrialSky, detector: Detector, rules: Rules, *, disc: float) -> PixelCounts | None:
    """Count pixels of the map of probabilities against discs about findable clusters.

    Parameters
    ----------
    sky, detector, rules
        As for :func:`judge_sky`.
    disc
        Radius in arcminutes.

    Returns
    -------
    PixelCounts or None
        None for a catalogue without such a map.

    Raises
    ------
    SourceError
        If the map cannot be read.
    """
    if detector.probability is None:
        return None
    import healpy

    from skysieve.clusters.maps.healpix_maps import read_healpix_map

    values = read_healpix_map(detector.probability, unit="")
    seen = np.flatnonzero(np.isfinite(values.values))
    lon, lat = healpy.pix2ang(values.nside, seen, nest=values.nested, lonlat=True)
    outside = seen[~sky.area.contains(lon, lat)]
    values.values[outside] = np.nan
    findable = findable_clusters(sky, rules)
    discs = true_discs(
        sky.truth.lon[findable], sky.truth.lat[findable], disc, nside=values.nside, nested=values.nested
    )
    return count_pixels(values.values, discs, threshold=detector.threshold)


def area_in_square_degrees(skies: Sequence[TrialSky]) -> float:
    """Return the area that counts, of all skies together."""
    import healpy

    npix = healpy.nside2npix(_SAMPLED)
    lon, lat = healpy.pix2ang(_SAMPLED, np.arange(npix), lonlat=True)
    pixel = healpy.nside2pixarea(_SAMPLED, degrees=True)
    return float(sum(pixel * np.count_nonzero(sky.area.contains(lon, lat)) for sky in skies))


def _described(meta: Mapping[str, Any], path: Path) -> str:
    """Return what the header says of who made a catalogue; else its name."""
    known = {
        "FINDER": "finder {}",
        "MODEL": "model {}",
        "MODELSHA": "{:.12}",
        "THR_P": "p {}",
        "THR_SNR": "S/N {}",
    }
    stated = [text.format(meta[key]) for key, text in known.items() if key in meta]
    return ", ".join(stated) or path.name
