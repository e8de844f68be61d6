"""Cosmic rays and saturation on real frames, compared with data-quality planes and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from class_scores import detector_table, make_models
from real_truth_frames import real_truth_frames
from results import Bar, Cell, Result, Table
from scipy import ndimage

from skysieve.frames.mask.classes import find_class
from skysieve.frames.simulate.truth_frames import CameraFacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Counts", "count_marks", "measure"]

CLASSES = ("CR", "SAT")
MIN_RAY = 3
"""Minimum size in pixels of a ray that counts as a piece; smaller ones may be hot pixels."""

_TOUCHING = np.ones((3, 3), np.bool_)


@dataclass
class Counts:
    """Pixels and pieces of one class.

    Attributes
    ----------
    true, marked, right
        Pixels of the truth, of the mask, and of both.
    pieces, found
        Pieces of the truth of :data:`MIN_RAY` pixels or more, and those of which half is marked.
    """

    true: int = 0
    marked: int = 0
    right: int = 0
    pieces: int = 0
    found: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of other frames."""
        for name in ("true", "marked", "right", "pieces", "found"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def recall(self) -> float | None:
        """Share of the true pixels that are marked; None without any."""
        return self.right / self.true if self.true else None

    @property
    def precision(self) -> float | None:
        """Share of the marked pixels that are true; None without any."""
        return self.right / self.marked if self.marked else None

    def cells(self) -> list[Cell]:
        """Return the cells of a row of the table."""
        return [self.true, self.marked, self.recall, self.precision, self.pieces, self.found]


def count_marks(truth: NDArray[np.bool_], marked: NDArray[np.bool_], valid: NDArray[np.bool_]) -> Counts:
    """Compare a mask with the truth at the valid pixels; all arrays are ``(H, W)`` bool."""
    truth, marked = truth & valid, marked & valid
    pieces, count = ndimage.label(truth, _TOUCHING)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    hits = np.bincount(pieces[marked], minlength=count + 1)[1:]
    whole = sizes >= MIN_RAY
    return Counts(
        int(truth.sum()),
        int(marked.sum()),
        int((truth & marked).sum()),
        int(whole.sum()),
        int((whole & (2 * hits >= sizes)).sum()),
    )


def measure(*, model: str) -> Result:
    """Compare the default masks of a model and of the published one with the truth of real frames."""
    ours, theirs = make_models(model)
    totals = {(one.name, name): Counts() for one in (ours, theirs) for name in CLASSES}
    rows: list[tuple[Cell, ...]] = []
    for source, frame in real_truth_frames():
        for detector in (ours, theirs):
            bits = np.zeros(frame.pixels.shape, np.int16)
            for name, _, decided in detector.predict(frame.pixels, CameraFacts()):
                bits |= decided * np.int16(find_class(name).code)
            for name, truth in frame.truth.items():
                found = count_marks(truth, (bits & find_class(name).code) != 0, frame.valid)
                totals[detector.name, name].add(found)
                rows.append((source.name, source.kind, name, detector.name, *found.cells()))
    rows.sort(key=lambda row: (CLASSES.index(str(row[2])), str(row[0])))
    rows += [("all", "", name, one, *counts.cells()) for (one, name), counts in totals.items()]
    bars = [
        bar
        for name in CLASSES
        for bar in _bars(name, totals[ours.name, name], totals[theirs.name, name], ours.name, theirs.name)
    ]
    return Result(
        "Cosmic rays and saturation on real frames",
        "The default masks, as `skysieve mask` makes them, against data-quality planes of the Community "
        "Pipeline (cp: codes 5 for rays, 3 and 4 for saturation and bleeding), masks of LSST's pipelines "
        "(lsst: interpolated pixels do not count), the data quality of the Hubble Space Telescope (hst: "
        "saturation alone, where rays are not flagged) and labels (label: L.A.Cosmic, checked by eye, and "
        "so not independent of such detectors). Frames for which a pipeline flags no ray count, too: all "
        "marks there are false. A ray is found if half of its pixels are marked; rays of fewer than "
        f"{MIN_RAY} px do not count as rays, but their pixels do. Pipelines grow the regions that they flag, "
        "so that recall by pixels is lower than a visual inspection suggests.",
        bars,
        [
            Table(
                "Frames",
                (
                    ("frame", ""),
                    ("truth", ""),
                    ("class", ""),
                    ("model", ""),
                    ("true, px", "d"),
                    ("marked, px", "d"),
                    ("recall", ".3f"),
                    ("precision", ".3f"),
                    ("pieces", "d"),
                    ("found", "d"),
                ),
                rows,
            ),
            detector_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
    )


def _bars(name: str, own: Counts, other: Counts, ours: str, theirs: str) -> list[Bar]:
    bars = []
    for figure, value, limit in (
        ("recall by pixels", own.recall, other.recall),
        ("precision by pixels", own.precision, other.precision),
        ("pieces found", own.found / own.pieces if own.pieces else None, other.found / max(other.pieces, 1)),
    ):
        if limit is not None:
            bars.append(Bar(f"{name}, {figure}, {ours}", ">=", limit, value, remark=f"limit: {theirs}'s"))
    return bars
