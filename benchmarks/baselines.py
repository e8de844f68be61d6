"""Published cosmic-ray detectors, each run in its own process and environment; data are passed as files.

:data:`BASELINES` lists them with their requirements and references; ``baseline_runners/run_*.py`` adapt
frames to each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from environments import make_environment

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.histograms import log_odds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from numpy.typing import NDArray

    from skysieve.frames.simulate.truth_frames import CameraFacts

__all__ = ["BASELINES", "Baseline", "BaselineDetector", "BaselineKind", "parse_baseline"]

_SERVER = Path(__file__).parent / "baseline_runners" / "serve.py"
# All packages that affect decisions are pinned; torch is the default build of the index that pip uses.
_TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class BaselineKind:
    """A published detector.

    Attributes
    ----------
    name
        Name on the command line.
    requirements
        Packages that pip installs.
    module
        Module in ``baseline_runners`` that runs it.
    threshold
        Default threshold: pixels with this score or a higher one are cosmic rays.
    is_probability
        Whether the scores are probabilities; other scores are used without conversion.
    options
        Supported settings, with their defaults.
    reference
        Reference to cite.
    """

    name: str
    requirements: tuple[str, ...]
    module: str
    threshold: float
    is_probability: bool
    options: Mapping[str, float]
    reference: str


BASELINES: Mapping[str, BaselineKind] = {
    kind.name: kind
    for kind in (
        BaselineKind(
            "astroscrappy",
            ("astroscrappy==1.3.0", "numpy==2.4.6"),
            "run_astroscrappy",
            threshold=float(np.log(4.4)),  # the default limit, 4.5, is one of those tried
            is_probability=False,
            options={"sigfrac": 0.3, "objlim": 5.0, "niter": 4},
            reference="van Dokkum 2001, PASP 113, 1420; astroscrappy 1.3.0",
        ),
        BaselineKind(
            "deepcr",
            (
                "deepCR==0.3.1",
                "matplotlib==3.11.2",
                "numpy==2.4.6",
                _TORCH,
            ),  # deepCR does not declare matplotlib
            "run_deepcr",
            threshold=0.5,
            is_probability=True,
            options={"gain": 4.0},
            reference="Zhang & Bloom 2020, ApJ 889, 24; deepCR 0.3.1, weights decam",
        ),
        BaselineKind(
            "cosmic-conn",
            ("cosmic-conn==0.6.1", "numpy==2.4.6", _TORCH),
            "run_cosmic_conn",
            threshold=0.5,
            is_probability=True,
            options={"scale": 1.0},
            reference="Xu et al. 2023, ApJ 942, 73; cosmic-conn 0.6.1, weights ground_imaging",
        ),
    )
}


@dataclass
class Baseline:
    """A running detector; a context manager that starts and ends its process.

    Attributes
    ----------
    kind
        The detector.
    folder
        Folder of the environments.
    options
        Settings that differ from the defaults.

    Raises
    ------
    ConfigError
        On entering, if the detector cannot be installed or started.
    """

    kind: BaselineKind
    folder: Path
    options: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name, with the settings that differ from the defaults."""
        given = ",".join(f"{name}={value:g}" for name, value in self.options.items())
        return f"{self.kind.name}:{given}" if given else self.kind.name

    def __enter__(self) -> Self:
        """Install the detector if necessary, and start its process."""
        python = make_environment(self.kind.name, self.kind.requirements, self.folder)
        self._files = tempfile.TemporaryDirectory(prefix="skysieve-baseline-")
        self._log = Path(self._files.name) / "log"
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [str(python), str(_SERVER), self.kind.module, json.dumps(dict(self.options))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        try:
            self._read_reply()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process and remove its files."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.terminate()
        self._process.wait()
        self._files.cleanup()

    def detect(
        self, pixels: NDArray[np.float32], facts: CameraFacts
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Find cosmic rays.

        Parameters
        ----------
        pixels
            ``(H, W)`` float32 in ADU, in any state of processing; NaN where there is no data.
        facts
            Gain, read noise and saturation of the camera.

        Returns
        -------
        scores
            ``(H, W)`` float32 log-odds, or another score that ranks the pixels.
        decided
            ``(H, W)`` bool, pixels that the detector flags by default.

        Raises
        ------
        ConfigError
            If the detector fails.
        """
        frame, scores = (str(Path(self._files.name) / name) for name in ("frame.npy", "scores.npy"))
        np.save(frame, pixels)
        known = {"gain": facts.gain, "read_noise": facts.read_noise, "saturation": facts.saturation}
        self._send({"frame": frame, "scores": scores, "facts": known})
        found: NDArray[np.float32] = np.load(scores)
        decided = found >= np.float32(self.kind.threshold)
        return (log_odds(found) if self.kind.is_probability else found), decided

    def _send(self, request: Mapping[str, Any]) -> None:
        with suppress(OSError):  # if the process has ended, the missing reply is reported below
            print(json.dumps(request), file=self._process.stdin, flush=True)
        self._read_reply()

    def _read_reply(self) -> None:
        """Wait for the reply of the process."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        answer = json.loads(line) if line else {}
        if "done" not in answer:
            last = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            ended = f"its process ended; its last words: {' '.join(last) or 'none'}"
            reason = answer.get("error", ended)
            raise ConfigError(f"baseline {self.kind.name} failed: {' '.join(str(reason).split())}")


def parse_baseline(text: str, folder: Path) -> Baseline:
    """Read ``NAME`` or ``NAME:OPTION=VALUE,...``.

    Parameters
    ----------
    text
        Text from the command line.
    folder
        Folder of the environments.

    Returns
    -------
    Baseline
        The detector, not started.

    Raises
    ------
    ConfigError
        If there is no such detector or option, or a value is no number.

    Examples
    --------
    >>> parse_baseline("astroscrappy:objlim=2", Path("peers")).options
    {'objlim': 2.0}
    """
    name, _, rest = text.partition(":")
    if name not in BASELINES:
        raise ConfigError(f"unknown baseline {name!r}; choose from {', '.join(BASELINES)}")
    options = {}
    for part in rest.split(",") if rest else ():
        option, _, value = part.partition("=")
        if option not in BASELINES[name].options:
            raise ConfigError(
                f"baseline {name} has no option {option!r}; it has {', '.join(BASELINES[name].options)}"
            )
        try:
            options[option] = float(value)
        except ValueError:
            raise ConfigError(f"baseline {name}: {option}={value!r} is no number") from None
    return Baseline(BASELINES[name], folder, options)


class BaselineDetector:
    """A cosmic-ray detector of another package.

    Parameters
    ----------
    baseline
        The detector, with its context entered.
    """

    classes: tuple[str, ...] = ("CR",)
    training_priors: Mapping[str, float] | None = None

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self.name = baseline.label
        self.description = baseline.kind.reference

    def predict(
        self, pixels: NDArray[np.float32], facts: CameraFacts
    ) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
        """See :meth:`skysieve.frames.evaluate.masks.Detector.predict`."""
        scores, decided = self._baseline.detect(pixels, facts)
        yield "CR", scores, decided
