"""A recipe of a training: what is simulated, which network learns it, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Literal, get_args

from skysieve.core.errors import ConfigError
from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping
from skysieve.core.training.patch_settings import LabelSettings, PatchSettings, SplitSettings

__all__ = ["Job", "LossSettings", "NetworkSettings", "TrainingRecipe", "read_training_recipe"]

Job = Literal["contaminants", "tracking", "ghosts", "clusters"]

ClusterNetwork = Literal["unet", "vnet", "unet++", "r2unet", "attention-unet", "resunet-a", "u2net", "unet3+"]
ClusterLossKind = Literal[
    "bce",
    "focal",
    "dice",
    "focal-dice",
    "tversky",
    "focal-tversky",
    "combo",
    "cosine-tversky",
    "mixed-focal",
]
FrameLossKind = Literal["sigmoid", "published", "focal"]

SMALLEST_FRAME = 64
"""Pixels on a side of the smallest frame that the simulator draws."""

CLUSTERS_ONLY = ("patches", "labels", "split")
FRAMES_ONLY = ("simulation", "tile", "frame", "clean_share")
FRAME_LOSSES_ONLY = ("balance", "most", "dice", "proper")
"""Settings that say nothing of the other jobs, and do not stand in what is written of these."""

RANGES: dict[str, tuple[float, float]] = {
    "network.frozen": (0, inf),
    "steps": (1, inf),
    "batch": (1, inf),
    "tile": (32, inf),
    "frame": (SMALLEST_FRAME, inf),
    "reuse": (1, inf),
    "distinct": (0, inf),
    "learning_rate": (0, 1),
    "weight_decay": (0, inf),
    "warm_up": (0, 1),
    "averaging": (0, 0.999_999),
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
"""Least and largest value of each number."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Kind and size of the network.

    Attributes
    ----------
    kind
        ``mask-rcnn`` for ghosts; ``revision`` for contaminants, see :mod:`skysieve.frames.train.revision`;
        for clusters one of ``unet``, ``vnet``, ``unet++``, ``r2unet``, ``attention-unet``, ``resunet-a``,
        ``u2net``, ``unet3+``; the job's own, if empty.
    widths, depths
        Channels and convolutions at each level; see :class:`skysieve.frames.networks.sieve_net.SieveNet` and
        :class:`skysieve.frames.networks.tracking_net.TrackingNet`.  Empty for the network's own.  Networks
        for clusters have no depths.
    frozen
        For tracking: levels, from the finest, whose weights stay what they were in the network that the
        training goes on from (``--init``). What they see is general, and most of the time is theirs.
    """

    kind: Literal["", "mask-rcnn", "revision", ClusterNetwork] = ""
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    context: tuple[int, ...] = ()
    frozen: int = 0


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """What is minimised.

    Attributes
    ----------
    kind
        ``sigmoid``: cross-entropy whose positive pixels weigh by the rarity of their class; ``published``:
        pixels weigh by the inverse frequency of their classes, spread to their neighbours; ``focal``.  For
        clusters ``bce``, ``focal``, ``dice``, ``focal-dice``, ``tversky``, ``focal-tversky``, ``combo``,
        ``cosine-tversky`` or ``mixed-focal``; see :mod:`skysieve.clusters.train.losses`.
    balance
        Positive pixels of a class of prior p weigh ((1 - p) / p)^balance: 0 not at all, 1 as much in all as
        the others.
    most
        Largest of these weights.
    gamma
        Exponent of the loss.  If not given, 2 for ``focal``, and for clusters 1 for ``cosine-tversky`` and
        0.75 for the others.
    dice
        Weight of the Dice loss beside it.
    proper
        Last part of the steps, in which a class's positive and negative pixels weigh the same, all of a rare
        class more than those of others, without Dice: what is sure is then ranked above what is likely.
    delta
        Of clusters: weight of what is missed, of which that of what is false is the rest to 1.
    """

    kind: Literal[FrameLossKind, ClusterLossKind] = "sigmoid"
    balance: float = 0.5
    most: float = 30.0
    gamma: float = None  # type: ignore[assignment]  # a number from __post_init__ on
    dice: float = 0.0
    proper: float = 0.0
    delta: float = 0.7

    def __post_init__(self) -> None:
        """Take the exponent that the loss is known by, if none is given."""
        if self.gamma is None:
            own = {**dict.fromkeys(get_args(ClusterLossKind), 0.75), "cosine-tversky": 1.0, "focal": 2.0}
            object.__setattr__(self, "gamma", own.get(self.kind, 2.0))

    def of_kind(self, kind: str) -> LossSettings:
        """Return these settings for another loss, with its own exponent."""
        return replace(self, kind=kind, gamma=None)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """How a network is trained.

    Attributes
    ----------
    name, job, description
        What the model is called, which job it does, and what it is.
    simulation
        Recipe of the frames: a name or a file.
    network, loss
        What learns, and what from.
    seed
        Of the weights, the frames and their order.
    steps, batch, tile
        Batches, tiles in each, and pixels on a side of a tile.
    frame, reuse
        Pixels on a side of a simulated frame, and how often each of its tiles is shown, turned or mirrored
        anew.
    distinct
        Of a revision: number of simulated frames, after the last of which the first come again; 0 for new
        ones without end.
    learning_rate, weight_decay, warm_up, averaging
        Of AdamW: the highest rate, which is reached after this part of the steps and then falls as a cosine;
        decay of the weights; and of the moving average of the weights, which is what is kept.
    validation_frames, validations
        Frames that are scored, and how many times in a training.
    clean_share
        Part of the frames that are the user's own, with contaminants injected, where there are any; of focal
        planes, those with real ghosts.
    precision
        ``bf16`` where the machine has it, or ``f32``.
    patches, labels, split
        Of clusters: patches of the sky, what is labelled in them, and which part of the sky is learnt from.
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
    tile: int = 256
    frame: int = 512
    reuse: int = 2
    distinct: int = 0
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.05
    averaging: float = 0.998
    validation_frames: int = 48
    validations: int = 10
    clean_share: float = 0.5
    precision: Literal["bf16", "f32"] = "bf16"
    patches: PatchSettings = field(default_factory=PatchSettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    split: SplitSettings = field(default_factory=SplitSettings)

    def to_yaml(self) -> str:
        """Return the whole recipe as YAML, each setting of its job with its value."""
        settings = asdict(self)
        # so that a training begun before there were kinds, or before there were clusters, is still the same
        if not self.network.kind:
            del settings["network"]["kind"]
        if not self.network.context:
            del settings["network"]["context"]
        if not self.network.frozen:
            del settings["network"]["frozen"]
        if not self.distinct:
            del settings["distinct"]
        others, losses = (
            (FRAMES_ONLY, FRAME_LOSSES_ONLY) if self.job == "clusters" else (CLUSTERS_ONLY, ("delta",))
        )
        for name in others:
            del settings[name]
        for name in losses:
            del settings["loss"][name]
        return plain_yaml(settings)


def read_training_recipe(name: str | Path) -> TrainingRecipe:
    """Read a recipe of a training: a YAML file, or the name of one that comes with the package.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it cannot be read, or a setting is unknown or not valid.

    Examples
    --------
    >>> read_training_recipe("tracking").job
    'tracking'
    """
    folder = Path(str(files("skysieve.core.training"))) / "recipes"
    shipped = {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}
    content, origin = read_mapping(name, shipped)
    recipe = build(TrainingRecipe, content, origin=origin)
    for setting, (least, most) in RANGES.items():
        value = _value(recipe, setting)
        if not least <= value <= most:
            expected = f"at least {least:g}" if most == inf else f"between {least:g} and {most:g}"
            raise ConfigError(f"{origin}: {setting}: {value:g}, expected {expected}")
    if recipe.tile > recipe.frame:
        raise ConfigError(f"{origin}: tile: {recipe.tile}, expected at most the frame's {recipe.frame} px")
    _check_job(recipe, origin)
    return recipe


def _check_job(recipe: TrainingRecipe, origin: str) -> None:
    """Raise ConfigError for what belongs to another job, or does not go together."""
    for_clusters = recipe.job == "clusters"
    losses = get_args(ClusterLossKind if for_clusters else FrameLossKind)
    if recipe.loss.kind not in losses:
        raise ConfigError(
            f"{origin}: loss.kind: {recipe.loss.kind} is not for {recipe.job}; "
            f"choose from {', '.join(losses)}"
        )
    networks = get_args(ClusterNetwork)
    if recipe.network.kind and (recipe.network.kind in networks) != for_clusters:
        choose = f"choose from {', '.join(networks)}" if for_clusters else "leave it out"
        raise ConfigError(f"{origin}: network.kind: {recipe.network.kind} is not for {recipe.job}; {choose}")
    if recipe.network.kind == "revision" and recipe.job != "contaminants":
        raise ConfigError(f"{origin}: network.kind: revision is for contaminants alone; leave it out")
    if recipe.distinct and recipe.network.kind != "revision":
        raise ConfigError(f"{origin}: distinct: is for network.kind revision alone; leave it out")
    if recipe.network.frozen and recipe.job != "tracking":
        raise ConfigError(f"{origin}: network.frozen: is for tracking alone; leave it out")
    if for_clusters and recipe.network.depths:
        raise ConfigError(f"{origin}: network.depths: networks for clusters have none; leave it out")
    labels, patches = recipe.labels, recipe.patches
    for least, fainter in (("least_snr", "open_snr"), ("least_y500", "open_y500")):
        if getattr(labels, fainter) > getattr(labels, least):
            raise ConfigError(
                f"{origin}: labels.{fainter}: {getattr(labels, fainter):g}, expected at most {least}, "
                f"{getattr(labels, least):g}"
            )
    if patches.empty + patches.sources > 1:
        raise ConfigError(f"{origin}: patches: empty and sources are more than 1 together")
    if patches.edge >= patches.side / 2:
        raise ConfigError(
            f"{origin}: patches.edge: {patches.edge:g}, expected less than half of side, {patches.side} px"
        )


def _value(recipe: TrainingRecipe, setting: str) -> float:
    """Return a number of the recipe, or of a group in it as ``group.setting``."""
    group, _, name = setting.rpartition(".")
    return float(getattr(getattr(recipe, group) if group else recipe, name))
