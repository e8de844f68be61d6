"""Find and read real frames without contaminants, into which contaminants are injected."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, SkysieveError, SourceError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location, find_locations
from skysieve.frames.image.background import estimate_background
from skysieve.frames.image.mesh import Window
from skysieve.frames.simulate.injection import CleanFrame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = [
    "BENCHMARK_FRAMES",
    "BenchmarkFrame",
    "CleanPlane",
    "CleanSource",
    "clean_frame",
    "find_clean_frames",
    "without_benchmark_frames",
]

logger = logging.getLogger(__name__)

PACKED = (".gz", ".bz2", ".xz", ".Z", ".fz")
"""Suffixes of compressed files."""

UNBOUNDED = Window(-1e30, 1e30)

GAIN_KEYWORDS = ("GAIN", "EGAIN", "GAINA")
NOISE_KEYWORDS = ("RDNOISE", "READNOIS", "RON", "RDNOISEA")
SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL", "SATURATA", "MAXLIN")


@dataclass(frozen=True)
class BenchmarkFrame:
    """A real frame that benchmarks evaluate networks on. No network may be trained on it.

    Attributes
    ----------
    name
        Name of its file.
    sha256
        Hash of its file, so that a copy under another name is recognised too.
    recipe
        Recipe of the camera most similar to its own, which benchmarks inject.
    """

    name: str
    sha256: str
    recipe: str


BENCHMARK_FRAMES: tuple[BenchmarkFrame, ...] = (
    BenchmarkFrame(
        "lco_1m_fa05_raw_mef.fits",
        "9fc29bb6f8cd6d7f2cdffa9874100d170340b87e7763fee6d6639186b9d176f2",
        "sinistro",
    ),
    BenchmarkFrame(
        "apogee_eso085-030-004.fit",
        "c5030565bef1c6ae984d00652e3694139ede46823b3d345d8ae0affce5c83aa6",
        "small_refractor",
    ),
    BenchmarkFrame(
        "ctio_mosaic2_cdfs_I.fits",
        "b3c2f7eaa29906a6b84bd498949939ea0505d181a2f88a70f911d97ac8649174",
        "decam",
    ),
    BenchmarkFrame(
        "decam_cp_170316_ooi_z_N2.fits",
        "0396c7fb0cf9d645f77133371c544652a031d2d31d1b2574adfd7974f9b7b6e9",
        "decam",
    ),
    BenchmarkFrame(
        "hst_wfc3uvis_ibo822tbq_flt.fits",
        "d4b5a595985e69d3e51f092d6dfd95907bf30d3382f11716195a9f3e3624a1a5",
        "wfc3",
    ),
)
"""Real frames into which benchmarks inject contaminants: no network is trained or tuned on them."""


@dataclass(frozen=True)
class CleanPlane:
    """A frame as read from its file.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32.
    nodata
        ``(H, W)`` bool, True where there is no data.
    header
        Header of its HDU.
    facts
        Cards of this header and of the primary header.
    """

    pixels: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    header: fits.Header
    facts: Mapping[str, object]


@dataclass(frozen=True)
class CleanSource:
    """Location of a frame: an HDU of a file, and a plane of its cube.

    Attributes
    ----------
    location
        The file.
    hdu, plane
        Index of the frame in the file, and of the plane in the cube.
    label
        Name for messages.
    """

    location: Location
    hdu: int
    plane: int
    label: str

    def read(self) -> CleanPlane:
        """Read the frame.

        Returns
        -------
        CleanPlane
            Pixels, mask and headers.

        Raises
        ------
        SourceError
            If the file cannot be read.
        FrameError
            If it has no such frame.
        """
        with FrameFile(self.location) as file:
            hdu = file.frames[self.hdu]
            frame = hdu.planes[self.plane]
            pixels, nodata = frame.rows(0, frame.shape[0])
            facts = {**dict(file.hdus[0].header), **dict(hdu.header)}
            return CleanPlane(pixels, nodata, hdu.header.copy(), facts)


def find_clean_frames(folder: str, *, smallest: int) -> list[CleanSource]:
    """Find the frames in a folder. Files that cannot be read are skipped with a warning.

    Parameters
    ----------
    folder
        A folder with FITS files, or any other location of files.
    smallest
        Minimum height and width, in pixels.

    Returns
    -------
    list
        Frames that are large enough.

    Raises
    ------
    SourceError
        If the folder cannot be read or holds no FITS files.
    ConfigError
        If it holds no frame that is large enough.
    """
    found = []
    for location in find_locations(folder):
        try:
            with FrameFile(location) as file:
                found += [
                    CleanSource(location, number, plane, frame.label)
                    for number, hdu in enumerate(file.frames)
                    for plane, frame in enumerate(hdu.planes)
                    if min(frame.shape) >= smallest
                ]
        except SkysieveError as error:
            logger.warning("%s; left out", error)
    if not found:
        raise ConfigError(
            f"{folder}: no clean frames of {smallest} × {smallest} px or more; name a folder of such frames"
        )
    return found


def without_benchmark_frames(
    sources: Sequence[CleanSource], excluded: Sequence[BenchmarkFrame] = BENCHMARK_FRAMES
) -> list[CleanSource]:
    """Return the frames that may be used for training, and warn of files that benchmarks evaluate on.

    Parameters
    ----------
    sources
        Frames from :func:`find_clean_frames`.
    excluded
        Frames to leave out, recognised by file name (compressed or not) or by content.

    Returns
    -------
    list
        The remaining frames.

    Raises
    ------
    SourceError
        If a file cannot be read.
    ConfigError
        If no frame remains.
    """
    names, contents = {one.name for one in excluded}, {one.sha256 for one in excluded}
    paths = dict.fromkeys(source.location.path for source in sources)
    left_out = {path for path in paths if _bare(path.name) in names or _sha256(path) in contents}
    for path in sorted(left_out):
        logger.warning("%s: benchmarks measure networks on this frame; left out", path)
    kept = [source for source in sources if source.location.path not in left_out]
    if not kept:
        raise ConfigError(
            "the folder holds no frames but those that benchmarks measure networks on; name one with others"
        )
    return kept


def _bare(name: str) -> str:
    """Return a file name without the suffix of its compression."""
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def clean_frame(
    pixels: NDArray[np.float32],
    nodata: NDArray[np.bool_],
    header: Mapping[str, object],
    *,
    label: str = "frame",
) -> CleanFrame:
    """Prepare a frame for injection: measure its sky, and read its camera from the header.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32.
    nodata
        ``(H, W)`` bool, True where there is no data.
    header
        Cards; gain, read noise and saturation come from the usual keywords that hold a number.
    label
        Name for messages.

    Returns
    -------
    CleanFrame
        The frame, with the sky level where there is no data.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    background = estimate_background(ArrayFrame(pixels, mask=nodata, label=label), UNBOUNDED, threads=1)
    level, sigma = background.rows(0, pixels.shape[0])
    return CleanFrame(
        pixels=np.where(nodata, level, pixels),
        level=level,
        sigma=sigma,
        gain=_number(header, GAIN_KEYWORDS) or 1.0,
        read_noise=_number(header, NOISE_KEYWORDS) or 5.0,
        saturation=_number(header, SATURATION_KEYWORDS),
    )


def _number(header: Mapping[str, object], keywords: tuple[str, ...]) -> float | None:
    """Return the first positive number that the header has for one of the keywords."""
    for keyword in keywords:
        try:
            value = float(header[keyword])  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError):
            continue
        if np.isfinite(value) and value > 0:
            return value
    return None
