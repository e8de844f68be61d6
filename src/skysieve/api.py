"""The Python interface: one function call per frame, file, focal plane or set of sky maps."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.extras import require
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_origin import origin_in_file
from skysieve.core.fits.frames import as_frame
from skysieve.core.fits.locations import parse_location
from skysieve.core.fits.one_frame import one_frame
from skysieve.core.models.runner_cache import RunnerCache, check_names
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.result import MaskResult
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.mask.trails.settings import TrailSettings
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import QTable
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.catalogue.products import FoundClusters
    from skysieve.core.fits.frames import Frame
    from skysieve.core.fits.mask_values import MaskBits
    from skysieve.frames.image.domain import OODScore
    from skysieve.frames.mask.trails.records import TrailRecord
    from skysieve.frames.track.tracker import TrackResult
    from skysieve.ghosts.predict.finder import GhostFinder
    from skysieve.ghosts.predict.result import GhostResult

__all__ = ["find_clusters", "find_ghosts", "mask", "mask_file", "repair", "track", "track_file", "trails"]

logger = logging.getLogger(__name__)

_maskers: RunnerCache[Masker] = RunnerCache()
_trackers: RunnerCache[Tracker] = RunnerCache()
_ghost_finders: RunnerCache[GhostFinder] = RunnerCache()


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
        Array of the same shape as the data, non-zero where pixels hold no data. Not allowed with a path.
    mask_hdu
        With a path: number or name of the HDU in the file that marks pixels without data.
    mask_bits
        With a path: the bits of that HDU that mark pixels without data, by name or value, as ``"BAD,SAT"``
        or ``[1, 2]``, or ``"any"``; see :class:`skysieve.core.fits.frame_files.FrameFile`.
    keep_probabilities
        Whether the result holds the probabilities; without them it takes a fraction of the memory.
    keep_pixels
        Whether the result holds the pixels of the frame; without them it takes less memory.
    **settings
        Fields of :class:`skysieve.frames.mask.settings.MaskSettings`.

    Returns
    -------
    MaskResult
        Bit mask, boolean masks, probabilities and fractions of the frame;
        :meth:`~skysieve.frames.mask.result.MaskResult.to_hdu` makes a FITS HDU of it.

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
    masker = _maskers.runner(MaskSettings, settings, Masker)
    with one_frame(data, mask, mask_hdu, mask_bits) as (frame, origin):
        result = masker.mask(frame, keep_probabilities=keep_probabilities, keep_pixels=keep_pixels)
        _warn_if_out_of_distribution(masker, frame, masker.ood_score(frame, result))
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
    """Find the contaminants of every frame in a FITS file.

    Parameters
    ----------
    path
        FITS file, or one HDU of it as on the command line (``"file.fits[2]"``).
    mask_hdu, mask_bits
        The HDU that marks pixels without data, and its bits that do so; see :func:`mask`.
    keep_probabilities, keep_pixels
        Whether each result holds the probabilities, and the pixels of its frame; see :func:`mask`.
    **settings
        Fields of :class:`skysieve.frames.mask.settings.MaskSettings`.

    Returns
    -------
    list of MaskResult
        One result per frame, in the order of the file; a cube gives one per plane.

    Raises
    ------
    SkysieveError
        If the file cannot be read, a frame cannot be masked, or a setting is wrong.
    """
    masker = _maskers.runner(MaskSettings, settings, Masker)
    results = []
    with FrameFile(parse_location(str(path)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        for hdu in file.frames:
            for plane in hdu.planes:
                result = masker.mask(plane, keep_probabilities=keep_probabilities, keep_pixels=keep_pixels)
                results.append(dataclasses.replace(result, origin=origin_in_file(hdu.header, file.hdus)))
                _warn_if_out_of_distribution(masker, plane, masker.ood_score(plane, result))
    return results


def trails(results: MaskResult | Sequence[MaskResult], **settings: Any) -> QTable:
    """List the trails of masked frames as lines.

    Parameters
    ----------
    results
        Result of :func:`mask` with its pixels, or those of the detectors of one exposure, whose trails are
        joined where their world coordinates permit.
    **settings
        Fields of :class:`skysieve.frames.mask.trails.settings.TrailSettings`.

    Returns
    -------
    QTable
        One row for each trail in each frame; the column ``hdu`` has the position of its result, from 0.  See
        :func:`skysieve.frames.mask.trails.table.trails_table`.

    Raises
    ------
    ConfigError
        If a result has no pixels (mask with ``keep_pixels=True``) or does not have the class TRL, or a
        setting is wrong.

    Examples
    --------
    >>> table = skysieve.trails(skysieve.mask("frame.fits"))  # doctest: +SKIP
    >>> table["x1", "y1", "x2", "y2", "width", "snr"]  # doctest: +SKIP
    """
    from skysieve.frames.mask.trails.records import FramePlace, frame_trails
    from skysieve.frames.mask.trails.table import trails_table

    check_names(TrailSettings, settings)
    limits = TrailSettings(**settings)
    records: list[TrailRecord] = []
    for index, result in enumerate([results] if isinstance(results, MaskResult) else results):
        place = FramePlace(hdu=index, name=str((result.header or {}).get("EXTNAME", "")))
        records += frame_trails(as_frame(result.kept_pixels()), result, limits, place)
    return trails_table(records)


def repair(
    data: ArrayLike,
    bad: ArrayLike,
    *,
    noise: bool = False,
    seed: int = 1,
) -> NDArray[np.float64]:
    """Return a copy of a frame with its bad pixels filled from their surroundings.

    Filled pixels are for pictures and for programs that need a value everywhere.  Do not measure them.

    Parameters
    ----------
    data
        ``(H, W)`` array in any unit.
    bad
        ``(H, W)``, non-zero in pixels to fill, as :meth:`skysieve.frames.mask.result.MaskResult.bad` returns
        them.
    noise
        Whether to add noise as that of the sky around each pixel.
    seed
        Seed of the noise.

    Returns
    -------
    ndarray
        ``(H, W)`` float64; pixels that are not bad are unchanged.

    Raises
    ------
    FrameError
        If the shapes differ, or no pixel is good.
    """
    from skysieve.frames.repair.filling import fill_pixels

    return fill_pixels(data, bad, noise=noise, rng=seed)


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
        Fields of :class:`skysieve.frames.track.settings.TrackSettings`.

    Returns
    -------
    TrackResult
        The probability of a tracking error in the frame, and in each block of the frame.

    Raises
    ------
    SkysieveError
        If the frame cannot be read or examined, or a setting is wrong.
    """
    tracker = _trackers.runner(TrackSettings, settings, Tracker)
    with one_frame(data, mask, mask_hdu, mask_bits) as (frame, _):
        result = tracker.track(frame)
        _warn_if_out_of_distribution(tracker, frame, tracker.ood_score(frame))
    return result


def track_file(
    path: str | Path,
    *,
    mask_hdu: int | str | None = None,
    mask_bits: MaskBits | None = None,
    **settings: Any,
) -> list[TrackResult]:
    """Detect tracking errors in every frame of a FITS file.

    Parameters
    ----------
    path
        FITS file, or one HDU of it as on the command line (``"file.fits[2]"``).
    mask_hdu, mask_bits
        The HDU that marks pixels without data, and its bits that do so; see :func:`mask`.
    **settings
        Fields of :class:`skysieve.frames.track.settings.TrackSettings`.

    Returns
    -------
    list of TrackResult
        One result per frame, in the order of the file; a cube gives one per plane.

    Raises
    ------
    SkysieveError
        If the file cannot be read, a frame cannot be examined, or a setting is wrong.
    """
    tracker = _trackers.runner(TrackSettings, settings, Tracker)
    results = []
    with FrameFile(parse_location(str(path)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        for frame in file.planes:
            results.append(tracker.track(frame))
            _warn_if_out_of_distribution(tracker, frame, tracker.ood_score(frame))
    return results


def find_ghosts(
    data: object,
    *,
    camera: str | Path | None = None,
    mask: str | Path | None = None,
    mask_bits: MaskBits | None = None,
    min_ccd_fraction: float = 0.01,
    **settings: Any,
) -> GhostResult:
    """Find ghosts and scattered light on one focal plane.

    Parameters
    ----------
    data
        Path of an exposure (multi-extension FITS) or of a picture of a focal plane, or such a picture as an
        ``(H, W)`` array of grey levels from 0 to 255.
    camera
        File with the table of the camera; None for DECam.
    mask
        With an exposure: a file that marks the pixels without data of each CCD.
    mask_bits
        With an exposure: the bits of that file that mark pixels without data; see :func:`mask`.
    min_ccd_fraction
        Fraction of a CCD, from 0 to 1, that a ghost must cover for the CCD to count as affected.
    **settings
        Fields of :class:`skysieve.ghosts.predict.settings.GhostSettings`.

    Returns
    -------
    GhostResult
        The ghosts, their pixels and their CCDs;
        :meth:`~skysieve.ghosts.predict.result.GhostResult.to_table` lists them in a table.

    Raises
    ------
    SkysieveError
        If the exposure cannot be read or examined, or a setting is wrong.
    """
    from skysieve.ghosts.focal_plane.cameras import read_camera
    from skysieve.ghosts.focal_plane.decam import decam
    from skysieve.ghosts.focal_plane.pictures import check_picture
    from skysieve.ghosts.focal_plane.sources import open_source, picture_source
    from skysieve.ghosts.predict.finder import GhostFinder
    from skysieve.ghosts.predict.positions import locate_ghosts
    from skysieve.ghosts.predict.result import GhostResult
    from skysieve.ghosts.predict.settings import GhostSettings

    def make(chosen: GhostSettings) -> GhostFinder:
        return GhostFinder(chosen, decam() if camera is None else read_camera(Path(camera)))

    finder = _ghost_finders.runner(GhostSettings, settings, make, of=camera)
    if not 0 <= min_ccd_fraction <= 1:
        raise ConfigError(f"min_ccd_fraction {min_ccd_fraction}: expected a number from 0 to 1")
    with ExitStack() as opened:
        if isinstance(data, str | Path):
            label = str(data)
            source = opened.enter_context(
                open_source(
                    parse_location(label),
                    finder.camera,
                    mask=None if mask is None else Path(mask),
                    mask_bits=mask_bits,
                    threads=finder.settings.all_threads,
                )
            )
        else:
            if mask is not None or mask_bits is not None:
                raise ConfigError("mask and mask_bits go with the path of an exposure, not with a picture")
            label = "the picture"
            shape = finder.camera.picture_shape
            source = picture_source(check_picture(np.asarray(data), label, shape=shape), finder.camera)
        found = finder.find(source.picture, label=label)
        ghosts = locate_ghosts(
            found.ghosts, finder.camera, source.sky, min_ccd_fraction=min_ccd_fraction, among=source.ccds
        )
    masks = np.zeros((len(ghosts), *source.picture.shape), np.bool_)
    for plane, ghost in zip(masks, found.ghosts, strict=True):
        plane[:] = ghost.mask
    missing = tuple(number for number in finder.camera.numbers if number not in source.ccds)
    return GhostResult(
        found.probability,
        ghosts,
        masks,
        found.classes,
        source.picture,
        source.ccds,
        missing,
        finder.camera,
        label,
    )


def find_clusters(
    maps: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    known: Mapping[str, str | Path] | None = None,
    galactic_cut: float = 15.0,
    mask: str | Path | None = None,
    frame: str | None = None,
    units: str | Mapping[str, str] | None = None,
    ordering: str | None = None,
    nside: int | None = None,
    votable: bool = False,
    processes: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> FoundClusters:
    """Find galaxy clusters in microwave maps of the sky.

    Parameters
    ----------
    maps
        Folders, HEALPix maps and descriptions of maps, as for ``--maps`` on the command line.
    output
        Folder of the products. Finished parts of the sky are stored in a folder beside it, so that an
        interrupted search can be resumed.
    known
        Files of known catalogues by name; the candidates are matched with them.
    galactic_cut
        Galactic latitude in degrees; the search leaves out the sky closer to the Galactic plane.
    mask
        HEALPix map of the searched area: 1 inside, 0 outside; None for the whole sky.
    frame, units, ordering
        Coordinate frame, unit (one, or by band) and pixel order of maps whose headers do not give them; see
        :func:`skysieve.clusters.maps.map_sets.read_map_set`.
    nside
        HEALPix resolution of the maps that are written; None for that of the maps that are read.
    votable
        Whether to write the catalogue as a VOTable as well.
    processes
        Number of processes; each of them reads the maps.
    resume
        Whether to resume an interrupted search with the same output.
    overwrite
        Whether to replace existing products.
    **settings
        Fields of :class:`skysieve.clusters.search.settings.ClusterSettings`.

    Returns
    -------
    FoundClusters
        The catalogue (an :class:`~astropy.table.Table`), the footprint and the score maps.

    Raises
    ------
    SkysieveError
        If the maps cannot be read or searched, a setting is wrong, or a product cannot be written.
    """
    require("searching maps for clusters", "clusters")
    from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
    from skysieve.clusters.search.job import ClusterJob
    from skysieve.clusters.search.settings import ClusterSettings
    from skysieve.core.execution.local import run_units

    check_names(ClusterSettings, settings)
    sources = [str(one) for one in ([maps] if isinstance(maps, str | Path) else maps)]
    job = ClusterJob(
        sources,
        Path(output),
        ClusterSettings(**settings),
        galactic_cut=galactic_cut,
        mask=None if mask is None else Path(mask),
        frame=frame,
        units_of_maps=units,
        ordering=ordering,
        nside=nside,
        votable=votable,
        resume=resume,
        overwrite=overwrite,
    )
    files = {name: Path(path) for name, path in (known or {}).items()}
    job.check()
    catalogues = [read_known_catalogue(path, name=name) for name, path in files.items()]
    todo = job.units()
    if processes > 1 and len(todo) > 1:
        job.release()
    for outcome in run_units(job, todo, processes=processes):
        if outcome.error is not None:
            raise outcome.error
    found, _ = job.finish(todo, catalogues, files=files)
    return found


def _warn_if_out_of_distribution(model: Masker | Tracker, frame: Frame, found: OODScore | None) -> None:
    """Log a warning if a frame is far from those that the model was trained on."""
    if found is not None and (warning := found.warning(frame.label, model.model.card.name)):
        logger.warning("%s: check the result", warning)
