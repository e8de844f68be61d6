"""Parts of the benchmarks, and the options of their measurements."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARTS", "changed_options", "parse_options"]

HELD_OUT_RECIPES = ("decam", "sinistro", "hawki", "wfc3", "megacam_coadd", "small_refractor", "lbnl")
"""Recipes of cameras that no network is trained or tuned on."""

PEERS = ("deepcr", "cosmic-conn", "astroscrappy", "astroscrappy:objlim=2,sigfrac=0.1")
"""Published detectors of cosmic rays; astroscrappy with its defaults, and with more sensitive settings."""

FINDERS = ("network", "mmf", "both")
"""Finders of clusters."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "reference": (),
    "normalisation": ("runs",),
    "agreement": (),
    "engines": ("runs",),
    "speed": ("runs",),
    "memory": ("large",),
    "contaminants": ("model", "recipes", "frames", "side"),
    "injected": ("model", "injections"),
    "cosmic-rays": ("model", "recipes", "frames", "side", "injections", "peers"),
    "trails": ("model", "recipes", "frames", "side"),
    "priors": ("model", "side"),
    "domain": ("model", "frames"),
    "real-truth": ("model",),
    "real-stars": ("model",),
    "tracking": ("model", "recipes", "frames", "side"),
    "throughput": ("model", "runs", "frames", "side"),
    "survey-masks": ("runs",),
    "defects": (),
    "sheets": ("model", "before", "output"),
    "training": ("trainings", "output"),
    "ghosts": ("model",),
    "ghost-geometry": (),
    "ghost-networks": ("trainings",),
    "clusters": ("model", "output"),
    "clusters-co": ("model", "finders"),
    "clusters-cost": ("model",),
    "clusters-training": ("trainings", "output"),
    "cluster-networks": ("seconds",),
}
"""Arguments of ``measure`` of each part; the module has the name of the part."""

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
MIN_FRAMES = 2
"""Minimum number of frames for an interval."""

_NUMBER = {"type": int, "default": None, "metavar": "N"}
_OPTIONS: Mapping[str, dict[str, Any]] = {
    "--model": {"default": "skysieve", "help": "model to measure: a name, or a folder with a card"},
    "--before": {
        "default": None,
        "metavar": "MODEL",
        "help": "earlier model whose masks of the real frames are shown next to those of --model",
    },
    "--runs": {"type": int, "default": 3, "help": "number of runs of each timed command (3)"},
    "--large": {"type": int, "default": 10000, "help": "side of the large frame in pixels (10000)"},
    "--frames": {**_NUMBER, "help": "number of frames of each recipe, or of a timed command"},
    "--side": {**_NUMBER, "help": "side of these frames in pixels"},
    "--seconds": {
        "type": int,
        "default": 240,
        "metavar": "N",
        "help": "processor time of each training, in seconds",
    },
    "--injections": {**_NUMBER, "help": "number of frames made from each real one"},
    "--recipe": {"action": "append", "dest": "recipes", "help": "recipe of frames; may be repeated"},
    "--finder": {
        "action": "append",
        "dest": "finders",
        "choices": FINDERS,
        "help": "finder of clusters; may be repeated",
    },
    "--training": {
        "action": "append",
        "dest": "trainings",
        "help": "folder that `skysieve train` wrote; may be repeated",
    },
    "--peer": {
        "action": "append",
        "dest": "peers",
        "help": "detector of cosmic rays; may be repeated",
    },
}
"""Command line options; if the default is None, each part has its own default."""

_LISTS = {"recipes": list(HELD_OUT_RECIPES), "peers": list(PEERS), "trainings": [], "finders": list(FINDERS)}


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure Skysieve against the published tools.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for flag, settings in _OPTIONS.items():
        parser.add_argument(flag, **settings)
    parser.add_argument(
        "--data", type=Path, help="folder of real frames and references ($SKYSIEVE_TEST_DATA)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"no part {part!r}: choose from {', '.join(PARTS)}")
    if options.frames is not None and options.frames < MIN_FRAMES:
        parser.error(f"--frames {options.frames}: expected {MIN_FRAMES} or more")
    for name, default in _LISTS.items():
        setattr(options, name, getattr(options, name) or default)
    return options


def changed_options(part: str, options: argparse.Namespace) -> list[str]:
    """Return the options that affect a part and differ from their defaults."""
    words = []
    for flag, settings in _OPTIONS.items():
        name = settings.get("dest", flag.removeprefix("--"))
        value, default = getattr(options, name), _LISTS.get(name, settings.get("default"))
        if name in PARTS[part] and value != default:
            words += [f"{flag} {one}" for one in (value if isinstance(value, list) else [value])]
    return words
