"""Training recipes: simulation, network, loss and optimiser settings, read from YAML."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Literal

from skysieve.core.errors import ConfigError
from skysieve.core.models.jobs import Job
from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping
from skysieve.core.training.kinds import PIXEL_LOSSES, Kinds
from skysieve.core.training.patch_settings import LabelSettings, PatchSettings, SplitSettings

__all__ = ["Job", "LossSettings", "NetworkSettings", "TrainingRecipe", "read_training_recipe", "usual_gamma"]

MIN_FRAME_SIZE = 64
"""Side in pixels of the smallest frame that the simulator can draw."""

CLUSTERS_ONLY = ("patches", "labels", "split")
FRAMES_ONLY = ("simulation", "tile", "frame", "clean_share")
FRAME_LOSSES_ONLY = ("balance", "most", "dice", "proper")
"""Settings that only some jobs use; :meth:`TrainingRecipe.to_yaml` omits them for the others."""

RANGES: dict[str, tuple[float, float]] = {
    "network.frozen": (0, inf),
    "steps": (1, inf),
    "batch": (1, inf),
    "accumulate": (1, inf),
    "tile": (32, inf),
    "frame": (MIN_FRAME_SIZE, inf),
    "reuse": (1, inf),
    "distinct": (0, inf),
    "learning_rate": (0, 1),
    "weight_decay": (0, inf),
    "warm_up": (0, 1),
    "averaging": (0, 0.999_999),
    "loaded_rate": (0, 1),
    "validation_frames": (1, inf),
    "validations": (1, inf),
    "clean_share": (0, 1),
    "seed": (0, inf),
    "loss.balance": (0, inf),
    "loss.most": (1, inf),
    "loss.gamma": (0, inf),
    "loss.dice": (0, inf),
    "loss.proper": (0, 1),
    "loss.delta": (0, 1),
    "patches.side": (16, inf),
    "patches.resolution": (0.01, 60),
    "patches.latitude": (0, 80),
    "patches.linear": (0.01, inf),
    "patches.loops": (0, inf),
    "patches.edge": (0, inf),
    "patches.empty": (0, 1),
    "patches.sources": (0, 1),
    "labels.arcmin": (0.01, inf),
    "labels.least_snr": (0, inf),
    "labels.open_snr": (0, inf),
    "labels.least_y500": (0, inf),
    "labels.open_y500": (0, inf),
    "labels.least_flux": (0, inf),
    "split.fold": (0, 48),
}
"""Minimum and maximum of each number."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Kind and size of the network.

    Attributes
    ----------
    kind
        ``mask-rcnn`` for ghosts; ``revision`` for contaminants, see :mod:`skysieve.frames.train.revision`;
        for clusters one that ``skysieve train clusters --help`` lists for ``--network``. If empty, the
        default of the job.
    widths, depths
        Number of channels and of convolutions at each level; see
        :class:`skysieve.frames.networks.sieve_net.SieveNet` and
        :class:`skysieve.frames.networks.tracking_net.TrackingNet`.  If empty, the defaults of the network.
        Networks for clusters have no depths.
    context
        Number of context blocks at each level, see the networks above; none if empty.
    frozen
        For tracking: number of levels, from the finest, that keep the weights of the initial model
        (``--init``). Their features are general, and they take most of the training time.
    """

    kind: str = ""
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    context: tuple[int, ...] = ()
    frozen: int = 0


def usual_gamma(kind: str) -> float:
    """Return the exponent of a loss if none is given.

    Parameters
    ----------
    kind
        Name of the loss.

    Returns
    -------
    float
        The exponent.
    """
    usual = {**dict.fromkeys(PIXEL_LOSSES, 2.0), "cosine-tversky": 1.0}
    return usual.get(kind, 0.75)


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Settings of the loss.

    Attributes
    ----------
    kind
        ``sigmoid``: cross-entropy with positive pixels weighted by the rarity of their class; ``published``:
        pixels weighted by the inverse frequency of their classes, spread to their neighbours; ``focal``.  For
        clusters one that ``skysieve train clusters --help`` lists for ``--loss``; see
        :mod:`skysieve.clusters.train.losses`.
    balance
        Exponent of the weight ((1 - p) / p)^balance of positive pixels in a class of prior p.  0: no weights;
        1: positive and negative pixels have the same total weight.
    most
        Largest of these weights.
    gamma
        Exponent of the focal factor.  If not given, 2 for ``focal``; for clusters 1 for ``cosine-tversky``
        and 0.75 for the others.
    dice
        Weight of the Dice loss that is added.
    proper
        Fraction of the steps, at the end, with unweighted cross-entropy: positive and negative pixels of a
        class have the same weight, all pixels of rare classes a larger one, and there is no Dice loss.  This
        ranks certain pixels above likely ones.
    delta
        For clusters: weight of missed pixels; false positives have weight 1 - delta.
    """

    kind: str = "sigmoid"
    balance: float = 0.5
    most: float = 30.0
    gamma: float = None  # type: ignore[assignment]  # __post_init__ makes it a number
    dice: float = 0.0
    proper: float = 0.0
    delta: float = 0.7

    def __post_init__(self) -> None:
        """Set the usual exponent of the loss if none is given."""
        if self.gamma is None:
            object.__setattr__(self, "gamma", usual_gamma(self.kind))

    def of_kind(self, kind: str) -> LossSettings:
        """Return these settings for another loss, with the usual exponent of that loss.

        Parameters
        ----------
        kind
            Name of the loss.

        Returns
        -------
        LossSettings
            A copy.
        """
        return replace(self, kind=kind, gamma=None)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """Settings of a training.

    Attributes
    ----------
    name, job, description
        Name of the model, its job, and a sentence about it.
    simulation
        Recipe of the simulated frames: a name or a file.
    network, loss
        Settings of the network and of the loss.
    seed
        Seed of the weights, the frames and their order.
    steps, batch, tile
        Number of steps, tiles in a batch, and side of a tile in pixels.
    accumulate
        Number of batches in a step, whose gradients are averaged: a larger batch in the same memory.
    frame, reuse
        Side of a simulated frame in pixels, and how often each of its tiles is used. Each use has a new
        random rotation and reflection.
    distinct
        For contaminants: number of different simulated frames, which are repeated; 0 for new frames without
        end.
    learning_rate, weight_decay, warm_up, averaging
        AdamW: peak learning rate; weight decay; fraction of the steps in which the rate rises linearly,
        before it falls as a cosine; and decay of the moving average of the weights, which the model keeps.
    loaded_rate
        Fraction of the learning rate for the weights of an initial model (``--init``). Parts of the network
        that the model lacks have the full rate.
    validation_frames, validations
        Number of validation frames, and of validations in a training.
    clean_share
        Fraction of frames that are the user's clean frames with injected contaminants, if there are any; for
        focal planes, fraction with real ghosts.
    precision
        ``bf16`` where the machine supports it, or ``f32``.
    patches, labels, split
        For clusters: sky patches, their labels, and the split of the sky.
    """

    name: str
    job: Job
    description: str = ""
    simulation: str = "default"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    seed: int = 1
    steps: int = 10_000
    batch: int = 16
    accumulate: int = 1
    tile: int = 256
    frame: int = 512
    reuse: int = 2
    distinct: int = 0
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.05
    averaging: float = 0.998
    loaded_rate: float = 1.0
    validation_frames: int = 48
    validations: int = 10
    clean_share: float = 0.5
    precision: Literal["bf16", "f32"] = "bf16"
    patches: PatchSettings = field(default_factory=PatchSettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    split: SplitSettings = field(default_factory=SplitSettings)

    def to_yaml(self) -> str:
        """Return the recipe as YAML, with every setting that its job uses.

        Returns
        -------
        str
            YAML text. :func:`read_training_recipe` reads it back.
        """
        settings = asdict(self)
        # Later settings are omitted at their defaults, so that older trainings still match their recipe
        if not self.network.kind:
            del settings["network"]["kind"]
        if not self.network.context:
            del settings["network"]["context"]
        if not self.network.frozen:
            del settings["network"]["frozen"]
        if not self.distinct:
            del settings["distinct"]
        if self.accumulate == 1:
            del settings["accumulate"]
        if self.loaded_rate == 1:
            del settings["loaded_rate"]
        others, losses = (
            (FRAMES_ONLY, FRAME_LOSSES_ONLY) if self.job == "clusters" else (CLUSTERS_ONLY, ("delta",))
        )
        for name in others:
            del settings[name]
        for name in losses:
            del settings["loss"][name]
        return plain_yaml(settings)


def read_training_recipe(name: str | Path, kinds: Kinds | None = None) -> TrainingRecipe:
    """Read a training recipe.

    Parameters
    ----------
    name
        A YAML file, or the name of a recipe that comes with the package.
    kinds
        Networks and losses of a job; a recipe for it may name no others.

    Returns
    -------
    TrainingRecipe
        The checked recipe.

    Raises
    ------
    ConfigError
        If there is no such recipe, it cannot be read, or a setting is unknown or invalid.

    Examples
    --------
    >>> read_training_recipe("tracking").job
    'tracking'
    """
    folder = Path(str(files("skysieve.core.training"))) / "recipes"
    shipped = {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}
    content, origin = read_mapping(name, shipped)
    recipe = build(TrainingRecipe, content, origin=origin)
    for setting, (minimum, maximum) in RANGES.items():
        value = _value(recipe, setting)
        if not minimum <= value <= maximum:
            expected = f"at least {minimum:g}" if maximum == inf else f"between {minimum:g} and {maximum:g}"
            raise ConfigError(f"{origin}: {setting}: {value:g}, expected {expected}")
    if recipe.tile > recipe.frame:
        raise ConfigError(f"{origin}: tile: {recipe.tile}, expected at most the frame's {recipe.frame} px")
    if kinds is not None and kinds.job == recipe.job:
        _check_kinds(recipe, kinds, origin)
    _check_job(recipe, origin)
    return recipe


def _check_kinds(recipe: TrainingRecipe, kinds: Kinds, origin: str) -> None:
    """Raise ConfigError for a network or a loss that the job does not offer."""
    network, loss, job = recipe.network.kind, recipe.loss.kind, recipe.job
    if loss not in kinds.losses:
        raise ConfigError(
            f"{origin}: loss.kind: {loss} is not for {job}; choose from {', '.join(kinds.losses)}"
        )
    if network and network not in kinds.networks:
        choose = f"choose from {', '.join(kinds.networks)}" if len(kinds.networks) > 1 else "leave it out"
        raise ConfigError(f"{origin}: network.kind: {network} is not for {job}; {choose}")


def _check_job(recipe: TrainingRecipe, origin: str) -> None:
    """Raise ConfigError for settings of another job and for settings that contradict each other."""
    for_clusters = recipe.job == "clusters"
    if recipe.distinct and recipe.job != "contaminants":
        raise ConfigError(f"{origin}: distinct: is for contaminants alone; leave it out")
    if recipe.network.frozen and recipe.job != "tracking":
        raise ConfigError(f"{origin}: network.frozen: is for tracking alone; leave it out")
    if for_clusters and recipe.network.depths:
        raise ConfigError(f"{origin}: network.depths: networks for clusters have none; leave it out")
    labels, patches = recipe.labels, recipe.patches
    for labelled, ignored in (("least_snr", "open_snr"), ("least_y500", "open_y500")):
        if getattr(labels, ignored) > getattr(labels, labelled):
            raise ConfigError(
                f"{origin}: labels.{ignored}: {getattr(labels, ignored):g}, expected at most {labelled}, "
                f"{getattr(labels, labelled):g}"
            )
    if patches.empty + patches.sources > 1:
        raise ConfigError(f"{origin}: patches: empty and sources are more than 1 together")
    if patches.edge >= patches.side / 2:
        raise ConfigError(
            f"{origin}: patches.edge: {patches.edge:g}, expected less than half of side, {patches.side} px"
        )


def _value(recipe: TrainingRecipe, setting: str) -> float:
    """Return a number of the recipe, by its name or by ``group.setting``."""
    group, _, name = setting.rpartition(".")
    return float(getattr(getattr(recipe, group) if group else recipe, name))
