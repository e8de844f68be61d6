"""Catalogues to evaluate: their candidates, footprint and map of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.catalogue import ranking
from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
from skysieve.clusters.catalogue.products_footprint import read_footprint
from skysieve.clusters.evaluate.sky import (
    Area,
    EvaluationSky,
    TruthMatch,
    findable_clusters,
    match_to_truth,
    noise_by_size,
)
from skysieve.clusters.search.pixel_scores import count_pixels, true_discs
from skysieve.clusters.simulate.tables import read_sky_table
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.evaluate.settings import Role, Rules
    from skysieve.clusters.evaluate.sky import Footprint, NoiseBySize
    from skysieve.clusters.maps.split import SkySplit
    from skysieve.clusters.search.pixel_scores import PixelCounts

__all__ = [
    "Detector",
    "area_in_square_degrees",
    "count_sky_pixels",
    "evaluate_detectors",
    "evaluation_sky",
    "match_sky",
    "read_detector",
]

_SAMPLED = 256


@dataclass(frozen=True, eq=False)
class Detector:
    """Catalogue of one detector on one sky.

    Attributes
    ----------
    path
        File of the catalogue.
    lon, lat : ndarray of float64, shape (N,)
        Galactic coordinates of the candidates in degrees.
    score : ndarray of float64, shape (N,)
        Scores, or else signal to noise.
    noise
        Noise of Y500 by size; see :func:`skysieve.clusters.evaluate.sky.noise_by_size`.
    footprint
        Footprint of the search; None if it is not known.
    probability
        File of the map of probabilities in the same folder; None if there is none.
    threshold
        Minimum probability of pixels, from the header of the catalogue; one half if it is not stated.
    described
        Description of the detector: finder, model and thresholds.
    """

    path: Path
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    score: NDArray[np.float64]
    noise: NoiseBySize | None
    footprint: Footprint | None
    probability: Path | None
    threshold: float
    described: str


def read_detector(path: Path) -> Detector:
    """Read a catalogue, and find the other products of `skysieve clusters find` in its folder.

    Parameters
    ----------
    path
        A table, or the folder of a search.

    Returns
    -------
    Detector
        The catalogue.

    Raises
    ------
    SourceError
        If the table cannot be read, or has neither a score nor a signal to noise.
    """
    file = path / "catalogue.fits" if path.is_dir() else path
    read = read_sky_table(file)
    score = ranking(read.table)
    if not {"score", "snr"} & {name.lower() for name in read.table.colnames}:
        raise SourceError(f"{file}: no column score or snr, by which candidates could be ranked")
    footprint = file.parent / "footprint.fits"
    probability = file.parent / "probability.fits"
    return Detector(
        file,
        read.lon,
        read.lat,
        np.where(np.isfinite(score), score, np.nan),
        noise_by_size(read.table),
        read_footprint(footprint) if footprint.is_file() else None,
        probability if probability.is_file() else None,
        float(read.table.meta.get("THR_P", 0.5)),
        _described(read.table.meta, file),
    )


def evaluate_detectors(
    searches: Sequence[tuple[Path, Mapping[str, Path]]], rules: Rules, role: Role, disc: float
) -> tuple[list[tuple[str, TruthMatch, PixelCounts | None]], dict[str, str]]:
    """Match the catalogues of several detectors with the true clusters of several skies.

    Parameters
    ----------
    searches
        For each sky the table of its true clusters, and the catalogue of each detector, by name.
    rules
        Rules of the evaluation.
    role
        See :class:`skysieve.clusters.evaluate.sky.Area`.
    disc
        Radius of true clusters for the pixel scores, in arcminutes.

    Returns
    -------
    list of tuple
        Name, matched candidates and pixel counts of each detector.
    dict
        Facts about the detectors and the area, by name.

    Raises
    ------
    SourceError
        If a catalogue cannot be read, or no part of the skies was searched and has this role.
    """
    matches: dict[str, list[TruthMatch]] = {}
    pixels: dict[str, PixelCounts] = {}
    skies = []
    facts: dict[str, str] = {}
    for truth, paths in searches:
        detectors = {name: read_detector(path) for name, path in paths.items()}
        skies.append(evaluation_sky(truth, detectors, role))
        for name, one in detectors.items():
            matches.setdefault(name, []).append(match_sky(skies[-1], one, rules))
            counts = count_sky_pixels(skies[-1], one, rules, disc=disc)
            if counts is not None:
                pixels[name] = pixels[name] + counts if name in pixels else counts
            facts.setdefault(f"detector {name}", one.described)
    area = area_in_square_degrees(skies)
    if not area:
        raise SourceError(
            f"no part of the skies is in the tiles for {role}, and was searched; try --tiles all"
        )
    facts["area"] = f"{area:.0f} square degrees"
    results = [(name, TruthMatch.join(parts), pixels.get(name)) for name, parts in matches.items()]
    return results, facts


def evaluation_sky(
    truth: Path,
    detectors: Mapping[str, Detector],
    role: Role,
    split: SkySplit | None = None,
) -> EvaluationSky:
    """Return a sky for an evaluation: the part that all detectors searched.

    Parameters
    ----------
    truth
        Table of the true clusters.
    detectors
        Catalogues of this sky.
    role
        See :class:`skysieve.clusters.evaluate.sky.Area`.
    split
        Split of the sky; by default that of :class:`skysieve.clusters.maps.split.SkySplit`.

    Returns
    -------
    EvaluationSky
        True clusters, area, and noise by size of the first detector that has it.

    Raises
    ------
    SourceError
        If the table cannot be read.
    """
    footprints = tuple(one.footprint for one in detectors.values() if one.footprint is not None)
    area = Area(role, footprints=footprints) if split is None else Area(role, split, footprints)
    noise = next((one.noise for one in detectors.values() if one.noise is not None), None)
    return EvaluationSky(read_known_catalogue(truth, name="truth"), area, noise)


def match_sky(sky: EvaluationSky, detector: Detector, rules: Rules) -> TruthMatch:
    """Match the candidates of a catalogue with the true clusters.

    Parameters
    ----------
    sky
        Sky of the catalogue.
    detector
        The catalogue.
    rules
        Rules of the evaluation.

    Returns
    -------
    TruthMatch
        Matches of :func:`skysieve.clusters.evaluate.sky.match_to_truth`.
    """
    return match_to_truth(sky, detector.lon, detector.lat, detector.score, rules)


def count_sky_pixels(
    sky: EvaluationSky, detector: Detector, rules: Rules, *, disc: float
) -> PixelCounts | None:
    """Count true and false pixels of the map of probabilities, with discs about findable clusters as truth.

    Parameters
    ----------
    sky, detector, rules
        See :func:`match_sky`.
    disc
        Radius of the discs in arcminutes.

    Returns
    -------
    PixelCounts or None
        None for a catalogue without a map of probabilities.

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
    valid = np.flatnonzero(np.isfinite(values.values))
    lon, lat = healpy.pix2ang(values.nside, valid, nest=values.nested, lonlat=True)
    outside = valid[~sky.area.contains(lon, lat)]
    values.values[outside] = np.nan
    findable = findable_clusters(sky, rules)
    discs = true_discs(
        sky.truth.lon[findable], sky.truth.lat[findable], disc, nside=values.nside, nested=values.nested
    )
    return count_pixels(values.values, discs, threshold=detector.threshold)


def area_in_square_degrees(skies: Sequence[EvaluationSky]) -> float:
    """Return the total area that is evaluated.

    Parameters
    ----------
    skies
        All skies.

    Returns
    -------
    float
        Area in square degrees.
    """
    import healpy

    npix = healpy.nside2npix(_SAMPLED)
    lon, lat = healpy.pix2ang(_SAMPLED, np.arange(npix), lonlat=True)
    pixel = healpy.nside2pixarea(_SAMPLED, degrees=True)
    return float(sum(pixel * np.count_nonzero(sky.area.contains(lon, lat)) for sky in skies))


def _described(meta: Mapping[str, object], path: Path) -> str:
    """Return the finder, model and thresholds in the header of a catalogue, or else its file name."""
    known = {
        "FINDER": "finder {}",
        "MODEL": "model {}",
        "MODELSHA": "{:.12}",
        "THR_P": "p {}",
        "THR_SNR": "S/N {}",
    }
    stated = [text.format(meta[key]) for key, text in known.items() if key in meta]
    return ", ".join(stated) or path.name
