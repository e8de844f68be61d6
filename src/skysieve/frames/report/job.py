"""The job of a report: one unit is one mask file, and running it writes the files of its frames."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import SkysieveError
from skysieve.core.execution.job import JobRecord, UnitJob
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_origin import FrameOrigin, origin_in_file
from skysieve.core.fits.locations import Location
from skysieve.core.printable import one_line, printable
from skysieve.frames.report.entries import FrameEntry, entry_key, exposure_name, observation_time
from skysieve.frames.report.masks import find_frame, frame_of_mask, read_mask
from skysieve.frames.report.outlines import outlines
from skysieve.frames.report.pictures import grey_picture, thumbnail
from skysieve.frames.report.settings import ReportSettings
from skysieve.frames.report.sky import sky_grid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from skysieve.core.fits.fits_frames import FitsFrame
    from skysieve.core.report.preview import PreviewPlane
    from skysieve.frames.report.masks import MaskImage
    from skysieve.frames.report.sky import SkyGrid

__all__ = ["FOLDERS", "ReportJob", "ReportRecord", "script"]

FOLDERS = {"frames": ".js", "pictures": ".jpg", "thumbnails": ".jpg"}
"""Folders of a report with a file for each frame, and the ending of these files."""

_SHOWN_CARDS = ("OBJECT", "INSTRUME", "FILTER", "EXPTIME", "DATE-OBS", "AIRMASS")


@dataclass(frozen=True, kw_only=True)
class ReportRecord(JobRecord):
    """The frames of one mask file.

    Attributes
    ----------
    entries
        One for each frame.
    planes
        All planes of the mask.
    """

    entries: tuple[FrameEntry, ...]
    planes: tuple[PreviewPlane, ...]


@dataclass
class ReportJob(UnitJob[Location, ReportRecord]):
    """A job that draws the frames of masks.

    Attributes
    ----------
    output
        Folder of the report.
    settings
        Settings of the pages.
    """

    output: Path
    settings: ReportSettings = field(default_factory=ReportSettings)

    def _process(self, unit: Location) -> ReportRecord:
        images = read_mask(unit)
        entries: list[FrameEntry] = []
        name = str(images[0].card("SRCFILE") or "")
        path = find_frame(unit.path, name, self.settings.frames)
        if path is None:
            note = f"{name or 'the frame'} was not found; name its folder with --frames"
            for image in images:
                entries += self._draw(unit, image, None, name, note)
        else:
            try:
                with FrameFile(Location(path)) as file:
                    for number, image in enumerate(images):
                        entries += self._draw_with(unit, image, file, number)
            except SkysieveError as error:
                done = {entry.hdu for entry in entries}
                for image in images:
                    if image.index not in done:
                        entries += self._draw(unit, image, None, str(path), one_line(error))
        planes = {plane.name: plane for image in images for plane in image.planes}
        return ReportRecord(entries=tuple(entries), planes=tuple(planes.values()))

    def _draw_with(self, unit: Location, image: MaskImage, file: FrameFile, number: int) -> list[FrameEntry]:
        """Draw the frames of an HDU of an open file."""
        source = str(file.path.resolve())
        try:
            hdu = frame_of_mask(file, image, number)
        except SkysieveError as error:
            return self._draw(unit, image, None, source, one_line(error))
        wcs = origin_in_file(hdu.header, file.hdus).wcs
        return self._draw(unit, image, hdu.planes, source, "", wcs=wcs, hdu=hdu.index)

    def _draw(
        self,
        unit: Location,
        image: MaskImage,
        frames: tuple[FitsFrame, ...] | None,
        source: str,
        note: str,
        *,
        wcs: Any = None,
        hdu: int | None = None,
    ) -> list[FrameEntry]:
        """Write the files of the frames of one image of a mask."""
        if wcs is None:
            wcs = FrameOrigin(file_header=image.header).wcs
        cube = image.values.reshape(-1, *image.values.shape[-2:])
        entries = []
        for number, bits in enumerate(cube):
            plane = number + 1 if image.values.ndim == 3 else 0
            height, width = bits.shape
            grid = sky_grid(wcs, (height, width))
            entry = self._entry(unit, image, bits, source, note, grid=grid, plane=plane, hdu=hdu)
            frame = None if frames is None or number >= len(frames) else frames[number]
            saturated = next((one.value for one in image.planes if one.name.startswith("SAT")), 0)
            picture = grey_picture(
                frame, self.settings.size, no_sky=(bits & saturated) != 0, shape=(height, width)
            )
            small = thumbnail(picture, bits, image.planes)
            self._write(entry, picture, small, _content(entry, image, bits, grid, picture.size))
            entries.append(entry)
        return entries

    def _entry(
        self,
        unit: Location,
        image: MaskImage,
        bits: NDArray[np.integer],
        source: str,
        note: str,
        *,
        grid: SkyGrid | None,
        plane: int,
        hdu: int | None,
    ) -> FrameEntry:
        every = sum({one.value for one in image.planes})
        stated = image.header.get("BADBITS")
        bad = int(stated) if isinstance(stated, int) else every
        unlike = image.header.get("UNLIKE")
        return FrameEntry(
            key=entry_key(unit.path, image.index, plane),
            file=printable(source),
            hdu=image.index if hdu is None else hdu,
            name=one_line(image.name),
            plane=plane,
            mask=printable(unit.path),
            shape=(bits.shape[0], bits.shape[1]),
            fractions={one.name: _fraction(bits, one.value) for one in image.planes},
            bad=_fraction(bits, bad),
            unlike=float(unlike) if isinstance(unlike, int | float) else None,
            unlike_by=one_line(image.header.get("UNLIKEBY", "")),
            mjd=observation_time(image),
            exposure=one_line(exposure_name(image, source)),
            filter=one_line(image.card("FILTER", "FILTNAM", "BAND") or ""),
            corners=() if grid is None else grid.corners,
            note=note,
        )

    def _write(
        self, entry: FrameEntry, picture: Image.Image, small: Image.Image, content: dict[str, object]
    ) -> None:
        """Write the files of a frame."""
        for folder, image, quality in (("pictures", picture, 90), ("thumbnails", small, 82)):
            with atomic_write(self.output / folder / f"{entry.key}.jpg", overwrite=True) as path:
                image.save(path, format="JPEG", quality=quality)
        with atomic_write(self.output / "frames" / f"{entry.key}.js", overwrite=True) as path:
            path.write_text(script("skysieveReport.receive", content), encoding="ascii")


def script(call: str, content: object) -> str:
    """Return a script that passes a value to a function of the pages.

    Pages that are opened as files may load scripts, but no other files.

    Parameters
    ----------
    call
        The function.
    content
        Value for JSON.

    Returns
    -------
    str
        ASCII text; also no part of it can end an element of HTML.
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", r"\u003c")
    return f"{call}({text});\n"


def _content(
    entry: FrameEntry,
    image: MaskImage,
    bits: NDArray[np.integer],
    grid: SkyGrid | None,
    picture: tuple[int, int],
) -> dict[str, object]:
    """Return what the page of a frame shows besides its entry."""
    height, width = bits.shape
    step = -(-width // picture[0])  # pixels of the frame in one of the picture
    cards = ((key, image.card(key)) for key in _SHOWN_CARDS)
    return {
        "key": entry.key,
        "picture": {"y": height - step * picture[1], "width": step * picture[0], "height": step * picture[1]},
        "outlines": outlines(bits, {one.name: one.value for one in image.planes}),
        "sky": None if grid is None else grid.to_json(),
        "cards": [[key, one_line(value)] for key, value in cards if value is not None],
    }


def _fraction(bits: NDArray[np.integer], value: int) -> float:
    return int(np.count_nonzero(bits & value)) / max(1, bits.size)
