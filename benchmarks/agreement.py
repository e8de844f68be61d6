"""Compare masks of whole frames with the products of the published commands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from disagreement import EXPLAINED, explain, sky_move
from machine import has_bf16
from published_products import accepted, make_products
from results import Bar, Result, Table
from tracking_agreement import compare_tracking

from frames import real_frames, simulated_frame
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location
from skysieve.core.models.engine import MIN_AGREEMENT
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.mask.settings import MaskSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["measure"]

PUBLISHED = "published tiling and normalisation"
FAST = "default tiling, published normalisation"
FAST_BF16 = "default tiling, published normalisation, bf16"
DEFAULT = "default"
DEFAULT_BF16 = "default: bf16 against f32"
SETTINGS = {
    PUBLISHED: MaskSettings(model="maximask", tiling="published", rules="published", precision="f32"),
    FAST: MaskSettings(model="maximask", rules="published", precision="f32"),
    FAST_BF16: MaskSettings(model="maximask", rules="published", precision="bf16"),
    DEFAULT: MaskSettings(model="maximask", precision="f32"),
    DEFAULT_BF16: MaskSettings(model="maximask", precision="bf16"),
}
SAME_SKY = "default, where the sky is the same"
COLUMNS = (PUBLISHED, FAST, FAST_BF16, DEFAULT, SAME_SKY, DEFAULT_BF16)

SAME_SIGMA = 0.1
"""Two sky levels that differ by less than this, in standard deviations of the noise, count as equal."""

LISTED = 0.1
"""Minimum percentage of differing pixels for a class to be listed."""


@dataclass
class Count:
    """Number of compared decisions, and of those that differ."""

    compared: int = 0
    differing: int = 0

    def add(self, differs: NDArray[np.bool_]) -> None:
        """Count the decisions of a frame."""
        self.compared += differs.size
        self.differing += int(differs.sum())

    @property
    def equal(self) -> float:
        """Percentage of the decisions that are equal."""
        return 100 * (1 - self.differing / self.compared)


@dataclass
class Found:
    """Results of the comparison of all frames."""

    total: dict[str, Count] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)
    agreement: list[tuple[str | float | None, ...]] = field(default_factory=list)
    classes: list[tuple[str | float | None, ...]] = field(default_factory=list)
    explanations: dict[str, Table] = field(default_factory=dict)

    def count(self, setting: str, differs: NDArray[np.bool_]) -> float:
        """Count the decisions of a frame with a setting, and return the percentage that is equal."""
        self.total.setdefault(setting, Count()).add(differs)
        own = Count()
        own.add(differs)
        self.worst[setting] = min(own.equal, self.worst.get(setting, 100.0))
        return own.equal


def measure() -> Result:
    """Compare all frames that the published commands accept."""
    candidates = [*real_frames(), simulated_frame()]
    frames = [path for path in candidates if accepted(path)]
    products = make_products(frames)
    settings = {name: s for name, s in SETTINGS.items() if s.precision != "bf16" or has_bf16()}
    found = Found()
    for path in products.frames:
        with FrameFile(parse_location(str(path))) as file:
            for hdu in file.frames:
                label = f"{path.name}[{hdu.index}]" if len(file.frames) > 1 else path.name
                _compare(label, hdu.planes[0], products.decisions(path, hdu.index), settings, found)
    tracking, tracking_bar = compare_tracking(products)
    left_out = [path.name for path in candidates if path not in frames]
    return Result(
        "Whole frames against the published commands",
        "The published command ran on copies of the frames. Its product is compared with the decisions of "
        "Skysieve, pixel by pixel and class by class, at the default priors and thresholds. All "
        "normalisations and tilings are code of Skysieve; the published ones exist for this comparison. "
        "Default is what `skysieve mask` does, in f32. The published commands do not accept frames with a "
        f"side of 400 px or less; left out: {', '.join(left_out) or 'none'}.",
        [*_bars(found), tracking_bar],
        [*_tables(found), *found.explanations.values(), tracking],
        [_bf16_remark(found)],
    )


def _compare(
    label: str, frame: Frame, expected: NDArray[np.bool_], settings: dict[str, MaskSettings], found: Found
) -> None:
    """Compare one frame with all settings."""
    nodata = frame.rows(0, frame.shape[0])[1]
    moved = sky_move(frame)
    decided: dict[str, NDArray[np.bool_]] = {}
    row: dict[str, float] = {}
    for setting, wanted in settings.items():
        result = Masker(wanted).mask(frame)  # a new one each time, as cached networks keep their memory
        names = [c.name for c in result.classes]
        decided[setting] = np.stack([result.boolean(name) for name in names])
        reference = decided[DEFAULT] if setting == DEFAULT_BF16 else expected
        differs = (decided[setting] != reference)[:, ~nodata]
        row[setting] = found.count(setting, differs)
        if setting == DEFAULT_BF16:
            continue
        for name, ours, theirs, wrong in zip(names, decided[setting], expected, differs, strict=True):
            if 100 * wrong.mean() > LISTED:
                counts = (int(theirs[~nodata].sum()), int(ours[~nodata].sum()), int(wrong.sum()))
                found.classes.append((label, setting, name, *counts, 100 * float(wrong.mean())))
    same = (moved < SAME_SIGMA) & ~nodata
    if same.any():
        row[SAME_SKY] = found.count(SAME_SKY, (decided[DEFAULT] != expected)[:, same])
    found.agreement.append((label, *frame.shape, *(row.get(column) for column in COLUMNS)))
    tables = explain(label, frame, moved, expected=expected, fast=decided[FAST], default=decided[DEFAULT])
    for table in tables:
        known = found.explanations.setdefault(table.title, table)
        if known is not table:
            found.explanations[table.title] = replace(known, rows=[*known.rows, *table.rows])


def _bars(found: Found) -> list[Bar]:
    total, worst = found.total, found.worst
    below = "explained below" if worst[FAST] < EXPLAINED else ""
    return [
        Bar(f"decisions equal, {PUBLISHED}, all frames", ">=", 99.99, total[PUBLISHED].equal, "%"),
        Bar(f"decisions equal, {PUBLISHED}, worst frame", ">=", 99.99, worst[PUBLISHED], "%"),
        Bar(f"decisions equal, {FAST}, all frames", ">=", EXPLAINED, total[FAST].equal, "%"),
        Bar(f"decisions equal, {FAST}, worst frame", ">=", EXPLAINED, worst[FAST], "%", below),
        Bar(f"decisions equal, {SAME_SKY}, all frames", ">=", EXPLAINED, total[SAME_SKY].equal, "%"),
    ]


def _bf16_remark(found: Found) -> str:
    """Return the conclusion from the agreement of bf16 with f32."""
    total, least = found.total.get(DEFAULT_BF16), 100 * MIN_AGREEMENT
    if total is None:
        return "bf16 was not measured: this processor has no instructions for it."
    stated = CONTAMINANTS.load("maximask").card.agreement.get("bf16")
    return (
        f"With bf16, {total.equal:.3f} % of the decisions equal those of f32. From {least:g} % on Skysieve "
        "uses bf16 by default, so it is "
        f"{'used by default' if total.equal >= least else 'used on request only'}; the card states "
        f"{'no value' if stated is None else f'{100 * stated:g} %'}."
    )


def _tables(found: Found) -> list[Table]:
    totals = [found.total.get(column) for column in COLUMNS]
    everything = ("all frames", None, None, *(count.equal if count else None for count in totals))
    agreement = Table(
        "Percentage of equal decisions",
        (
            ("frame", ""),
            ("rows", "d"),
            ("columns", "d"),
            *((column, ".5f") for column in COLUMNS),
        ),
        [*found.agreement, everything],
        "Pixels without data are left out, as Skysieve makes no decision there. The sky is the same where "
        f"the two normalisations differ by less than {SAME_SIGMA} σ.",
    )
    classes = Table(
        f"Classes in which more than {LISTED} % of a frame's pixels differ",
        (
            ("frame", ""),
            ("setting", ""),
            ("class", ""),
            ("published, px", "d"),
            ("Skysieve, px", "d"),
            ("differ, px", "d"),
            ("differ, %", ".2f"),
        ),
        found.classes,
    )
    return [agreement, classes]
