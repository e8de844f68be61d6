"""Contact sheets for visual inspection: simulated frames, real frames, and masks of real frames."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from held_out import keep_contaminant_frames, read_contaminant_frame
from PIL import Image
from published_tools import CACHE
from results import Cell, Result, Table

from frames import data_folder, real_frames
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location, parse_location
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.core.report.preview import PreviewPlane
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.preview import WIDE
from skysieve.frames.mask.settings import MaskSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["measure"]

RECIPE = "default"
SIMULATED = 12
SIDE = 512

MAX_BYTES = 400_000
SIZES = (300, 270, 240, 210, 180, 150, 120)
"""Sides of a frame in a sheet, in pixels; the first that gives a small enough file is used."""

COLOURS = 96
WIDTH = 1500


PAGE = 8
"""Frames on a page of masks before and after."""


def measure(*, model: str, before: str | None, output: Path) -> Result:
    """Draw the sheets: that of simulated frames beside the page, those of real frames in the cache.

    Parameters
    ----------
    model
        Model whose masks are drawn.
    before
        Earlier model, whose masks are shown next to those of the other on separate pages; None for none.
    output
        Folder of the page.
    """
    masker = Masker(MaskSettings(model=model))
    beside, apart = output / "sheets", CACHE / "sheets"
    for folder in (beside, apart):
        folder.mkdir(parents=True, exist_ok=True)
    (paths,) = keep_contaminant_frames([RECIPE], SIMULATED, SIDE).values()
    simulated = [
        SheetFrame(frame.pixels, None, frame.name) for frame in (read_contaminant_frame(p) for p in paths)
    ]
    masked = list(_masked_frames(masker))
    bare = [SheetFrame(frame.pixels, None, frame.caption) for frame in masked]
    sheets = {
        "simulated": (beside, simulated, f"Simulated frames, recipe {RECIPE}"),
        "real": (apart, bare, "Real frames"),
        "real-masks": (apart, masked, f"Real frames and their masks, {masker.model.card.name}"),
    }
    rows: list[tuple[Cell, ...]] = []
    for name, (folder, frames, title) in sheets.items():
        side, content = _small_enough(frames, title)
        (folder / f"{name}.png").write_bytes(content)
        place = "sheets" if folder is beside else "benchmarks/.cache/sheets"
        rows.append((f"`{place}/{name}.png`", title, len(frames), side, len(content) / 1e3))
    if before is not None:
        earlier = Masker(MaskSettings(model=before))
        rows += _before_and_after(masker, earlier, (before, model), apart)
    columns = (
        ("file", ""),
        ("what", ""),
        ("frames", "d"),
        ("longer side of a frame, px", "d"),
        ("kB", ".0f"),
    )
    return Result(
        "Contact sheets",
        f"{SIMULATED} frames of {SIDE} x {SIDE} px of the recipe {RECIPE}, without selection; all real "
        "frames; and real frames next to their masks at the default settings. All are drawn with the same "
        "stretch, zscale and asinh. Real frames belong to others, so that neither they nor their sheets are "
        "in the repository: the command draws the sheets.",
        tables=[Table("Sheets", columns, rows)],
        remarks=[
            f"## {title}\n\n![{title}](sheets/{name}.png)"
            for name, (folder, _, title) in sheets.items()
            if folder is beside
        ],
    )


def _before_and_after(
    masker: Masker, earlier: Masker, names: tuple[str, str], folder: Path
) -> list[tuple[Cell, ...]]:
    """Draw two models' masks of all real frames side by side; return a row of the table for each page."""
    more = data_folder() / "real" / "frames"
    paths = [*real_frames(), *(sorted(more.iterdir()) if more.is_dir() else [])]
    side = SIZES[0]
    rows: list[tuple[Cell, ...]] = []
    for number, start in enumerate(range(0, len(paths), PAGE), 1):
        frames = []
        for path in paths[start : start + PAGE]:
            pair = (_masked(path, earlier, names[0]), _masked(path, masker, names[1]))
            frames += [frame for both in zip(*pair, strict=True) for frame in both]
        title = f"Real frames, masks of {names[0]} (left) and {names[1]} (right), page {number}"
        # the width fits both pairs of a row, so that the two masks of a frame are side by side
        sheet = render_contact_sheet(frames, _planes(), title=title, size=side, width=4 * side + 100)
        file = folder / f"before-after-{number}.png"
        sheet.save(file, format="PNG", optimize=True)
        place = f"`benchmarks/.cache/sheets/{file.name}`"
        rows.append((place, title, len(frames) // 2, side, file.stat().st_size / 1e3))
    return rows


def _masked(path: Path, masker: Masker, name: str) -> Iterator[SheetFrame]:
    """Yield the frames of a file with their masks, under the name of the model."""
    with FrameFile(Location(path)) as file:
        for number, plane in enumerate(file.planes, 1):
            pixels, nodata = plane.rows(0, plane.shape[0])
            caption = path.name if len(file.planes) == 1 else f"{path.name} {number}"
            bits = masker.mask(plane).bits
            yield SheetFrame(np.where(nodata, np.float32(np.nan), pixels), bits, f"{caption}\n{name}")


def _masked_frames(masker: Masker) -> Iterator[SheetFrame]:
    """Yield every real frame with its mask."""
    for path in real_frames():
        with FrameFile(parse_location(str(path))) as file:
            for number, plane in enumerate(file.planes, 1):
                pixels, nodata = plane.rows(0, plane.shape[0])
                caption = path.name if len(file.planes) == 1 else f"{path.name} {number}"
                bits = masker.mask(plane).bits
                yield SheetFrame(np.where(nodata, np.float32(np.nan), pixels), bits, caption)


def _small_enough(frames: Sequence[SheetFrame], title: str) -> tuple[int, bytes]:
    """Return the largest side of a frame with which the sheet is a small file, and the file as PNG."""
    for size in SIZES:
        sheet = render_contact_sheet(frames, _planes(), title=title, size=size, width=WIDTH)
        content = io.BytesIO()
        reduced = sheet.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        reduced.save(content, format="PNG", optimize=True)
        if content.tell() < MAX_BYTES:
            return size, content.getvalue()
    raise RuntimeError(f"{title}: not below {MAX_BYTES} bytes with frames of {SIZES[-1]} px either")


def _planes() -> list[PreviewPlane]:
    """Return the planes of a mask as sheets draw them."""
    return [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted((*CLASSES, NODATA), key=lambda c: c.name in WIDE)
        if c.code
    ]
