"""Warnings about out-of-distribution frames: their rate on such frames, and on ordinary ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.stats import binom_conf_interval
from ood_frames import KINDS, SIDE, ood_frame
from options import HELD_OUT_RECIPES
from results import Bar, Result, Table

from frames import data_folder
from skysieve.core.errors import SkysieveError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import parse_location
from skysieve.frames.image.domain import WARNING_SCORE
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skysieve.core.fits.frames import Frame

__all__ = ["measure"]

FRAMES = 8
FRESH_SEED = 271_828_000
"""First seed here; the statistics and their margins were chosen on frames of other seeds."""

MIN_RIGHT, MAX_FALSE = 0.8, 0.05

OOD_FILES = {
    "asi120_dark_": ("dark", "no sky, thousands of hot pixels"),
    "dfosc_skyflat": ("flat", "twilight sky, most of it saturated"),
    "dss_horsehead": ("plate", "scan of a photographic plate"),
    "hst_wfc3uvis_": ("undersampled", "from space, and stars trailed behind a moving target"),
    "lco_fl08_bias": ("dark", "bias: readout noise alone"),
    "lco_fl08_dark_": ("dark", "no sky, hot pixels and cosmic rays"),
    "not_alfosc_flat": ("flat", "lamp light with dust rings"),
    "panoptes_rggb": ("Bayer mosaic", "colour camera"),
    "uves_": ("echelle spectrum", "orders of a spectrograph"),
    "vimos_pinhole": ("pinholes", "lamp light through a mask of holes"),
}
"""Kind of each out-of-distribution real frame, and the reason, by the beginning of the file name."""

BORDERLINE = {
    "hsc_m31": "crowded, but with the PSF and the noise of an ordinary frame",
    "lco_fl08_rp_10s_focus": "defocused stars, of which the training frames have some",
}
"""Borderline real frames; they are listed but not counted."""

REAL_FRAMES_NOTE = (
    "The statistics and their margins were chosen with knowledge of all real frames of this page. Only the "
    "simulated frames are new: their seeds were not used for this choice, although their kinds were known."
)

NO_FRAMES = ("maximask_published_output", "decam_cp_170316_ood")


class _Examined(NamedTuple):
    """A frame and its out-of-distribution score."""

    source: str
    kind: str
    ood: bool | None
    score: float
    worst: str

    @property
    def warned(self) -> bool:
        """Whether the frame got a warning."""
        return self.score > WARNING_SCORE


def measure(*, model: str, frames: int | None) -> Result:
    """Count the warnings of a model on ordinary and on out-of-distribution frames."""
    count = frames or FRAMES
    masker = Masker(MaskSettings(model=model))
    found: list[_Examined] = []
    left_out: list[str] = []
    for kind in KINDS:
        for number in range(count):
            frame = ArrayFrame(ood_frame(kind, FRESH_SEED + number), label=kind)
            found.append(_examine(masker, frame, "simulated", kind, ood=True))
    for index, name in enumerate(("default", *HELD_OUT_RECIPES)):
        recipe = read_recipe(name)
        for number in range(count):
            seed = FRESH_SEED + 1000 * (index + 1) + number
            pixels = simulate_frame((SIDE, SIDE), seed=seed, recipe=recipe).pixels
            frame = ArrayFrame(pixels, label=name)
            found.append(_examine(masker, frame, "simulated", f"recipe {name}", ood=False))
    for path in _real_files():
        kind, ood = _kind_of(path.name)
        try:
            with FrameFile(parse_location(str(path))) as file:
                found.append(_examine(masker, file.planes[0], path.name, kind, ood=ood))
        except SkysieveError as error:
            left_out.append(f"{path.name} ({str(error).split(': ', 1)[-1]})")
    return _result(found, left_out, count, masker.model.card.name)


def _examine(masker: Masker, frame: Frame, source: str, kind: str, *, ood: bool | None) -> _Examined:
    found = masker.ood_score(frame, masker.mask(frame))
    return _Examined(source, kind, ood, float(found.score) if found else 0.0, found.worst if found else "")


def _real_files() -> Iterator[Path]:
    found: set[str] = set()
    for folder in (data_folder() / "frames", data_folder() / "real" / "frames"):
        for path in sorted(folder.glob("*.fit*")):
            repeated = "asi120_dark_" if path.name.startswith("asi120_dark_") else path.name
            if not path.name.startswith(NO_FRAMES) and repeated not in found:
                found.add(repeated)
                yield path


def _kind_of(name: str) -> tuple[str, bool | None]:
    for start, (kind, _) in OOD_FILES.items():
        if name.startswith(start):
            return kind, True
    if name.startswith(tuple(BORDERLINE)):
        return "between", None
    return "ordinary", False


def _result(found: list[_Examined], left_out: list[str], count: int, model: str) -> Result:
    simulated = [one for one in found if one.source == "simulated"]
    real = [one for one in found if one.source != "simulated"]
    bars = []
    for words, chosen in (("all", found), ("simulated with fresh seeds", simulated)):
        unlike = [one for one in chosen if one.ood]
        ordinary = [one for one in chosen if one.ood is False]
        for figure, sense, limit, group in (
            ("unlike frames warned of", ">=", MIN_RIGHT, unlike),
            ("ordinary frames warned of", "<=", MAX_FALSE, ordinary),
        ):
            warned, total, *ends = _counts(group)
            interval = " to ".join(f"{end:.3f}" for end in ends if end is not None)
            remark = f"{warned} of {total}; 95 % interval {interval}"
            value = warned / total if total else None
            bars.append(Bar(f"{figure}, {words}", sense, limit, value, remark=remark))  # type: ignore[arg-type]
    return Result(
        "Frames unlike the training frames",
        f"Warnings of the model {model}. {count} simulated frames of {SIDE} x {SIDE} px of each kind unlike "
        f"the training frames and of each recipe, from seeds that were not used for tuning, and the first "
        f"frame of each real file (one of the repeated darks). A frame gets a warning if its score is above "
        f"{WARNING_SCORE:g}. Intervals are binomial (Wilson, 95 %).",
        bars,
        [
            _kind_table("Simulated frames", simulated),
            _kind_table("Real frames", real),
            Table(
                "Each real frame",
                (("frame", ""), ("kind", ""), ("why", ""), ("score", ".2f"), ("furthest outside", "")),
                [(one.source, one.kind, _reason(one.source), one.score, one.worst) for one in real],
            ),
            Table(
                "Kinds of simulated frames",
                (("kind", ""), ("what it is", "")),
                [(kind, words) for kind, (_, words) in KINDS.items()],
            ),
        ],
        [
            REAL_FRAMES_NOTE,
            *([f"Left out: {'; '.join(left_out)}."] if left_out else []),
        ],
    )


def _reason(name: str) -> str:
    for start, (_, reason) in OOD_FILES.items():
        if name.startswith(start):
            return reason
    return next((reason for start, reason in BORDERLINE.items() if name.startswith(start)), "")


def _kind_table(title: str, found: list[_Examined]) -> Table:
    rows: list[tuple[str | int | float | None, ...]] = []
    for unlike, words in ((True, "unlike"), (False, "ordinary")):
        chosen = [one for one in found if one.ood is unlike]
        kinds = dict.fromkeys(one.kind for one in chosen)
        rows += [(kind, words, *_counts([one for one in chosen if one.kind == kind])) for kind in kinds]
        rows.append((f"all {words}", words, *_counts(chosen)))
    columns = (
        ("kind", ""),
        ("group", ""),
        ("warnings", "d"),
        ("frames", "d"),
        ("from", ".2f"),
        ("to", ".2f"),
    )
    return Table(
        title, columns, rows, "The last two columns are the 95 % interval of the fraction with a warning."
    )


def _counts(found: list[_Examined]) -> tuple[int, int, float | None, float | None]:
    """Return the number of warnings, the number of frames, and the 95 % interval of the fraction."""
    warned, total = sum(one.warned for one in found), len(found)
    if not total:
        return 0, 0, None, None
    low, high = np.asarray(binom_conf_interval(warned, total, 0.95, interval="wilson"))
    return warned, total, float(low), float(high)
