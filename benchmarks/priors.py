"""Effect of priors estimated from real frames on masks and their scores."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy.io import fits
from results import Bar, Result, Table

from frames import data_folder, real_frames
from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import parse_location
from skysieve.frames.mask.decide import modify_priors, raw_thresholds
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.priors import ProbabilityHistogram, estimate_priors
from skysieve.frames.mask.settings import MaskSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["measure"]

PUBLISHED = "maximask"
MAX_CHANGE = 5.0
ITERATIONS = 500
MIN_TRUE = 20
"""Minimum number of true pixels for a score."""

TRUTH: Mapping[str, tuple[str, Literal["bits", "codes"], Mapping[str, Any]]] = {
    "hst_wfc3uvis": ("DQ", "bits", {"CR": 4096 | 8192, "SAT": 256}),
    "c4d_": ("DQ", "codes", {"CR": (5,), "SAT": (3, 4)}),
    "k4m_": ("DQ", "codes", {"CR": (5,), "SAT": (3, 4)}),
    "hsc_": ("MASK", "bits", {"CR": 8, "SAT": 2}),
    "suprimecam_": ("MASK", "bits", {"CR": 8, "SAT": 2}),
    "euler_": ("LABEL", "bits", {"CR": -1}),
}
"""Truth of frames by the beginning of the file name: the HDU, and the bits or codes of each class."""


class _Changed(NamedTuple):
    """A class in a frame: prior and share of pixels by default, as estimated, and without bounds."""

    frame: str
    model: str
    name: str
    priors: tuple[float, float, float]
    shares: tuple[float, float, float]

    @property
    def factor(self) -> float:
        """Ratio of the larger to the smaller share of pixels, of the default and the estimated prior."""
        return _times(self.shares[0], self.shares[1])


class _Scored(NamedTuple):
    """A class in a frame with truth: F1 by default, as estimated within bounds, and without bounds."""

    frame: str
    model: str
    name: str
    true: int
    scores: tuple[float, float, float]


def measure(*, model: str, side: int | None) -> Result:
    """Compare default and estimated priors of a model and the published one on real frames."""
    changed: list[_Changed] = []
    scored: list[_Scored] = []
    left_out: list[str] = []
    names = list(dict.fromkeys((model, PUBLISHED)))
    for name in names:
        masker = Masker(MaskSettings(model=name))
        for path in _all_frames():
            try:
                for one, label, truth in _frames_of(path, side):
                    _compare(masker, one, truth, label=label, changed=changed, scored=scored)
            except FrameError as error:
                left_out.append(f"{path.name} ({str(error).split(': ', 1)[-1]})")
    largest = {n: max((c.factor for c in changed if c.model == n), default=1.0) for n in names}
    bars = [
        Bar(f"largest change of a class's part of a frame, {n}", "<=", MAX_CHANGE, largest[n], "×")
        for n in names
    ]
    moved = sorted((c for c in changed if c.priors[0] != c.priors[1]), key=lambda c: -c.factor)[:40]
    return Result(
        "Estimated priors",
        "`--priors auto` on the real frames of the data folder, with each model, compared with the default "
        "priors and with the same estimate without bounds (expectation maximisation alone). A share is the "
        "fraction of pixels that are decided for a class. Only the first of repeated darks is used"
        + (f", and only the central {side} x {side} pixels of larger frames." if side else "."),
        bars,
        [
            Table(
                "Frames with truth",
                (
                    ("frame", ""),
                    ("model", ""),
                    ("class", ""),
                    ("true pixels", "d"),
                    ("F1, default", ".3f"),
                    ("F1, auto", ".3f"),
                    ("F1, without bounds", ".3f"),
                ),
                [(s.frame, s.model, s.name, s.true, *s.scores) for s in scored],
                f"Planes of data quality of the sources; classes with {MIN_TRUE} true pixels or more. They "
                "mark the detections of pipelines: F1 measures only which priors agree better with these.",
            ),
            Table(
                "Estimates that differ from the default",
                (
                    ("frame", ""),
                    ("model", ""),
                    ("class", ""),
                    ("prior, default", ".2e"),
                    ("prior, auto", ".2e"),
                    ("prior, without bounds", ".2e"),
                    ("share, default", ".4f"),
                    ("share, auto", ".4f"),
                    ("share, without bounds", ".4f"),
                ),
                [(c.frame, c.model, c.name, *c.priors, *c.shares) for c in moved],
                "The 40 with the largest changes of the share.",
            ),
        ],
        [
            _counts(changed),
            _verdict(scored),
            *([f"Left out: {'; '.join(dict.fromkeys(left_out))}."] if left_out else []),
        ],
    )


def _all_frames() -> list[Path]:
    more = data_folder() / "real" / "frames"
    found = real_frames() + (sorted(more.glob("*.fits*")) if more.is_dir() else [])
    return [path for path in found if not re.search(r"_dark_\d+s_([2-9])", path.name)]


def _frames_of(
    path: Path, side: int | None
) -> Iterator[tuple[ArrayFrame, str, dict[str, NDArray[np.bool_]]]]:
    """Yield the frames of a file, cut to the side, with their labels and their truth."""
    with FrameFile(parse_location(str(path))) as file:
        for hdu in file.frames:
            for frame in hdu.planes:
                label = f"{path.name}[{hdu.index}]"
                pixels, nodata = frame.rows(0, frame.shape[0])
                rows, columns = (_central_slice(length, side) for length in frame.shape)
                truth = {name: plane[rows, columns] for name, plane in _truth(path, frame.shape).items()}
                yield ArrayFrame(pixels[rows, columns], mask=nodata[rows, columns], label=label), label, truth


def _central_slice(length: int, side: int | None) -> slice:
    if side is None or side >= length:
        return slice(0, length)
    return slice((length - side) // 2, (length - side) // 2 + side)


def _compare(
    masker: Masker,
    frame: ArrayFrame,
    truth: dict[str, NDArray[np.bool_]],
    *,
    label: str,
    changed: list[_Changed],
    scored: list[_Scored],
) -> None:
    """Add the results of one frame."""
    card = masker.model.card
    result = masker.mask(frame, keep_probabilities=True)
    if result.nodata.all() or result.posteriors is None:
        return
    histogram = ProbabilityHistogram(len(result.classes))
    histogram.add(result.posteriors, result.nodata)
    names = [c.name for c in result.classes]
    training, default, thresholds = (
        np.array([table[name] for name in names])
        for table in (card.training_priors, card.default_priors, card.default_thresholds)
    )
    estimated = estimate_priors(histogram, training, default, thresholds).priors
    free = _without_bounds(result.posteriors[:, ~result.nodata], training, default)
    limits = [raw_thresholds(thresholds, training, priors) for priors in (default, estimated, free)]
    valid = ~result.nodata
    for number, name in enumerate(names):
        marks = [(result.posteriors[number] > limit[number]) & valid for limit in limits]
        shares = tuple(float(mark.sum() / valid.sum()) for mark in marks)
        priors = (float(default[number]), float(estimated[number]), float(free[number]))
        changed.append(_Changed(label, card.name, name, priors, shares))  # type: ignore[arg-type]
        true = truth.get(name)
        if true is not None and np.count_nonzero(true & valid) >= MIN_TRUE:
            scores = tuple(_f1(mark, true & valid) for mark in marks)
            count = int(np.count_nonzero(true & valid))
            scored.append(_Scored(label, card.name, name, count, scores))  # type: ignore[arg-type]


def _without_bounds(
    posteriors: NDArray[np.float32], training: NDArray[np.float64], default: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the proportions by expectation maximisation alone, on a sample of ``(C, N)`` posteriors."""
    sample = np.ascontiguousarray(posteriors[:, :: max(1, posteriors.shape[1] // 100_000)])
    priors = default.copy()
    for _ in range(ITERATIONS):
        updated = modify_priors(sample, training, priors).mean(axis=1, dtype=np.float64)
        updated = np.clip(updated, 1e-7, 1 - 1e-7)
        converged = bool(np.all(np.abs(updated - priors) <= 1e-3 * priors))
        priors = updated
        if converged:
            break
    return priors


def _truth(path: Path, shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Return the true masks of the classes that the file has truth for."""
    for start, (name, kind, classes) in TRUTH.items():
        if not path.name.startswith(start):
            continue
        source = path.with_name(path.name.replace("_ooi_", "_ood_"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(source if source.is_file() else path) as hdus:
                planes = [h.data for h in hdus if h.name == name and h.data is not None]
        if not planes or planes[0].shape != shape:
            return {}
        values = planes[0].astype(np.int64)
        if kind == "codes":
            return {c: np.isin(values, wanted) for c, wanted in classes.items()}
        return {c: (values & wanted) != 0 for c, wanted in classes.items()}
    return {}


def _f1(marks: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    both = int(np.count_nonzero(marks & true))
    return 2 * both / max(1, int(marks.sum()) + int(true.sum()))


def _counts(changed: list[_Changed]) -> str:
    other = sum(c.priors[0] != c.priors[1] for c in changed)
    wild = sum(_times(c.shares[0], c.shares[2]) > MAX_CHANGE for c in changed)
    return (
        f"Of {len(changed)} classes of frames, {other} got another prior than the default; without bounds "
        f"the shares of {wild} would change by more than a factor of {MAX_CHANGE:.0f}."
    )


def _times(one: float, other: float) -> float:
    return 1.0 if one == other else max(one, other) / max(min(one, other), 1e-12)


def _verdict(scored: list[_Scored]) -> str:
    if not scored:
        return "No frame had truth."
    mean = [float(np.mean([s.scores[i] for s in scored])) for i in range(3)]
    better = sum(s.scores[1] > s.scores[0] + 0.005 for s in scored)
    worse = sum(s.scores[1] < s.scores[0] - 0.005 for s in scored)
    return (
        f"Mean F1 over {len(scored)} classes of frames with truth: {mean[0]:.3f} with the defaults, "
        f"{mean[1]:.3f} with estimates within bounds, {mean[2]:.3f} without bounds. Within bounds {better} "
        f"are better by more than 0.005 and {worse} worse."
    )
