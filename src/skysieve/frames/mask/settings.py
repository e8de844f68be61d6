"""Settings of masks: what makes the decisions, and what the products are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from skysieve.core.errors import ConfigError
from skysieve.core.models.engine_settings import SPEED
from skysieve.core.settings import read_assignments, read_names, setting
from skysieve.frames.image.settings import COMPARISON, FrameSettings, NoDataOptions
from skysieve.frames.mask.classes import CLASS_NAMES, DEFAULT_BAD
from skysieve.frames.mask.trails.settings import TRAILS

__all__ = [
    "DECISIONS",
    "Compression",
    "Format",
    "MaskOptions",
    "MaskSettings",
    "MaskTables",
    "PriorOptions",
    "Tiling",
    "Tool",
    "Weight",
]

Format = Literal["bits", "cube", "single", "probabilities"]
"""Kinds of product."""

Weight = Literal["confidence", "probability", "variance"]
"""Kinds of weight maps."""

Tool = Literal["sextractor", "weightwatcher"]
"""Programs that read flag images."""

Compression = Literal["PLIO_1", "GZIP_2", "none"]
"""Compressions of bit masks."""

Tiling = Literal["fast", "published"]
"""Tilings of a frame."""

DECISIONS = "Decisions"
"""Heading in the help."""


def _thresholds(texts: list[str]) -> dict[str, float]:
    return read_assignments("--threshold", texts)


@dataclass(frozen=True, kw_only=True)
class MaskSettings(FrameSettings):
    """Settings of how frames are masked.

    Attributes
    ----------
    classes
        Only these, separated by commas: CR, HCL, DCL, HP, DP, P, TRL, FR, NEB, SAT, SP, OV, BBG, BG.
    priors
        Expected fraction of pixels by class, in place of the model's; ``"auto"`` estimates them from each
        frame, see :mod:`skysieve.frames.mask.priors`; None uses the network's probabilities without
        correction.
    thresholds
        Probability above which a pixel belongs to a class, as TRL=0.3; may be repeated.
    bad
        Classes whose pixels are bad, for BADBITS and --table; default all but BBG, NEB, FR.
    tiling
        published: tiles of 400 px with a step of 200 px.
    views
        Test-time augmentation with 1, 2, 4 or 8 rotations and reflections; finds more, and takes that many
        times longer.
    streaks
        Also detect trails and diffraction spikes as lines; not with the published model.
    saturation
        Also detect saturated pixels by the level that they share; not with the published model.
    memory
        Memory limit of one call of the network, in MB; default from the card of the model.
    """

    classes: tuple[str, ...] = setting(
        CLASS_NAMES, metavar="NAMES", panel=DECISIONS, text_type=str, read=read_names
    )
    priors: Mapping[str, float] | Literal["auto"] | None = field(default_factory=dict)
    thresholds: Mapping[str, float] = setting(
        {},
        "--threshold",
        factory=dict,
        metavar="NAME=VALUE",
        panel=DECISIONS,
        text_type=list[str],
        read=_thresholds,
    )
    bad: tuple[str, ...] = setting(
        DEFAULT_BAD, metavar="NAMES", panel=DECISIONS, text_type=str, read=lambda text: tuple(text.split(","))
    )
    views: int = setting(1, panel=DECISIONS)
    streaks: bool = setting(True, panel=DECISIONS)
    saturation: bool = setting(True, panel=DECISIONS)
    memory: int | None = setting(None, minimum=200, text_bounds=True, hidden_default=True, panel=SPEED)
    tiling: Tiling = setting("fast", panel=COMPARISON)

    def non_default_settings(self) -> dict[str, object]:
        """Return the settings that provenance must name: those that differ from the default."""
        found = {
            "tiling": (self.tiling, "fast"),
            "normalisation": (self.rules, "corrected"),
            "views": (self.views, 1),
            "streaks": ("found" if self.streaks else "not found", "found"),
            "saturation": ("found" if self.saturation else "not found", "found"),
            "priors": ("auto" if self.priors == "auto" else "given", "given"),
        }
        return {name: value for name, (value, default) in found.items() if value != default}


def _priors(texts: list[str]) -> dict[str, float]:
    return read_assignments("--prior", texts)


@dataclass(frozen=True, kw_only=True)
class PriorOptions:
    """Where the expected fractions of the classes are from, and files with more settings.

    Attributes
    ----------
    priors
        auto: estimate priors from each frame; none: use the network's probabilities without correction.
    prior
        Expected fraction of pixels in a class, as CR=5e-4; may be repeated.
    config_dir
        Folder with classes.flags, classes.priors, classes.thresh, each optional.
    """

    priors: Literal["default", "auto", "none"] = setting("default", panel=DECISIONS)
    prior: Mapping[str, float] = setting(
        {}, factory=dict, metavar="NAME=VALUE", panel=DECISIONS, text_type=list[str], read=_priors
    )
    config_dir: Path | None = setting(None, panel=DECISIONS, hidden_default=True)

    def applied_to(self, settings: MaskSettings, *, classes_given: bool) -> MaskSettings:
        """Return settings with these priors, and with those of the configuration files.

        Parameters
        ----------
        settings
            The settings; their thresholds are preferred to those of the files.
        classes_given
            Whether their classes, too, are preferred to those of the files.

        Returns
        -------
        MaskSettings
            The settings of the run.

        Raises
        ------
        ConfigError
            If the options do not go together, or a file is not valid.
        """
        from skysieve.frames.mask.config_files import read_class_config

        config = None if self.config_dir is None else read_class_config(self.config_dir)
        if self.priors != "default" and self.prior:
            raise ConfigError(f"--prior does not go with --priors {self.priors}")
        given = {**(config.priors if config else {}), **self.prior}
        chosen: Mapping[str, float] | Literal["auto"] | None = given if self.priors == "default" else None
        settings = replace(settings, priors="auto" if self.priors == "auto" else chosen)
        if config is None:
            return settings
        return replace(
            settings,
            classes=settings.classes if classes_given else config.classes,
            thresholds={**config.thresholds, **settings.thresholds},
        )


@dataclass(frozen=True, kw_only=True)
class MaskTables:
    """Tables of all masked files.

    Attributes
    ----------
    table
        Write the masked fractions of each frame (ECSV, or Parquet by its name).
    trails
        Write a table of the trails of all frames as lines (ECSV).
    """

    table: Path | None = setting(None, hidden_default=True)
    trails: Path | None = setting(None, panel=TRAILS, hidden_default=True)


def _compression(text: str) -> Any:
    return None if text == "auto" else text


@dataclass(kw_only=True)
class MaskOptions(NoDataOptions):
    """Settings of the products that masking writes.

    Attributes
    ----------
    output
        Output folder, or template with `{dir}`, `{stem}`, `{name}`, `{hdu}`; default
        `{dir}/{stem}.mask{hdu}.fits`.
    preview
        Also write a PNG preview of each frame.
    regions
        Also write a ds9 region file of the bad pixels of each frame, and a table of trails.
    form
        bits: one bit per class; cube, single: MaxiMask's formats.
    bits
        Bit map of another survey: des, noirlab, lsst, euclid, hst, jwst, lco, or a TOML file.
    bits_from
        Use the bit numbers of this mask's header (MP_ or MSKN cards) for --bits.
    compression
        Compression of masks in the format bits.
    weight
        Also write a weight map for SWarp and SExtractor, 0 in bad pixels; confidence: 1 in others;
        probability: 1 minus the highest probability of a bad class; variance: inverse variance of the sky.
    tool
        Write a flag image for this program: the bits of bad pixels, one uncompressed image for each frame.
    grow
        Grow the marks of bad classes by this many pixels on all sides, as 2; or of single classes, as
        CR=1,TRL=5; may be repeated.
    defects
        Folder of maps of defects, as `skysieve defects` writes it: hot and dead pixels are those of the map
        of the detector, and its columns are added.
    value
        Write this value for bad pixels and 0 for all others.
    gzipped
        Compress each mask file with gzip, as if its name ended in .gz.
    suffix
        Ending of the default name; by default that of the format.
    overwrite
        Whether to replace products that are there.
    """

    output: str | None = setting(None, "-o", "--output", metavar="PATH", hidden_default=True)
    preview: bool = setting(False)
    regions: bool = setting(False)
    form: Format = setting("bits", "--format")
    bits: str | None = setting(None, metavar="NAME", hidden_default=True)
    bits_from: str | None = setting(None, metavar="MASK", hidden_default=True)
    compression: Compression | None = setting(
        None, text_type=Literal["auto", "PLIO_1", "GZIP_2", "none"], read=_compression, shown="auto"
    )
    weight: Weight | None = setting(None, hidden_default=True)
    tool: Tool | None = setting(None, "--for", hidden_default=True)
    grow: str = setting("", metavar="PIXELS", text_type=list[str], read=",".join)
    defects: Path | None = setting(None, metavar="FOLDER", hidden_default=True)
    value: int | None = setting(None, hidden_default=True)
    gzipped: bool = setting(False, "--gzip")
    suffix: str | None = None
    overwrite: bool = False
