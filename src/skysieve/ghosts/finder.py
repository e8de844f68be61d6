"""One picture of a focal plane through the network: its ghosts, and whether it has any."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from skysieve.errors import ConfigError
from skysieve.ghosts.classes import CLASS_NAMES, find_class
from skysieve.ghosts.decam import decam
from skysieve.ghosts.levels import contrast
from skysieve.ghosts.look import DEFAULT_VIEWS, VIEWS, look
from skysieve.ghosts.model import DEFAULT_MODEL, load_model
from skysieve.ghosts.screening import WEAKEST, Screening
from skysieve.imaging.provenance import provenance_cards
from skysieve.models.shared_network import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.ghosts.cameras import Camera
    from skysieve.ghosts.decide import Ghost
    from skysieve.imaging.cards import HeaderCard
    from skysieve.models.shared_network import SharedNetwork

__all__ = ["FoundGhosts", "GhostFinder", "GhostSettings"]


@dataclass(frozen=True, kw_only=True)
class GhostSettings(EngineSettings):
    """How pictures are examined.

    Attributes
    ----------
    model
        Name of a model, or a folder with a card.
    thresholds
        Least score of a ghost by class, in place of those of the model's card.
    views
        Mirrored views of each picture that the network is shown, 1, 2 or 4; those of the card's thresholds
        are 4.
    engine, precision, device, threads
        See :func:`skysieve.models.engine.load_network`.
    """

    model: str = DEFAULT_MODEL
    thresholds: Mapping[str, float] = field(default_factory=dict)
    views: int = DEFAULT_VIEWS


@dataclass(frozen=True)
class FoundGhosts:
    """What was found in one picture.

    Attributes
    ----------
    probability
        That there is any ghost: from what the network says of the whole picture, and what it outlined.
    ghosts
        The likeliest first.
    weaker
        These and those below the thresholds, down to :data:`skysieve.ghosts.screening.WEAKEST`.
    whole
        What the network alone says of the whole picture: that there is any ghost.
    """

    probability: float
    ghosts: tuple[Ghost, ...]
    weaker: tuple[Ghost, ...] = ()
    whole: float = 0.0


class GhostFinder:
    """A loaded network together with its thresholds.

    Parameters
    ----------
    settings
        How pictures are examined.
    camera
        Whose focal plane they show; DECam if None.

    Raises
    ------
    ConfigError
        If a class is unknown, a threshold out of range, or there is no such number of views.
    ModelError
        If the model is missing or damaged.
    """

    def __init__(self, settings: GhostSettings, camera: Camera | None = None) -> None:
        self.settings = settings
        self.camera = decam() if camera is None else camera
        if settings.views not in VIEWS:
            raise ConfigError(f"{settings.views} views: choose from {', '.join(map(str, VIEWS))}")
        self.model = load_model(settings.model)
        card = self.model.card
        self.thresholds = {name: card.default_thresholds[name] for name in CLASS_NAMES}
        for name, value in settings.thresholds.items():
            if not 0 < value <= 1:
                raise ConfigError(f"threshold of {name}: {value} is not above 0 and at most 1")
            self.thresholds[find_class(name).name] = value
        self.screening = Screening.of_card(card.screening, origin=f"model {card.name!r}")

    @cached_property
    def network(self) -> SharedNetwork:
        """The loaded network."""
        return self.settings.load(self.model)

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Make sure that the network takes pictures of a shape.

        Raises
        ------
        ConfigError
            If it does not.
        """
        tiling = self.model.card.tiling
        side = tiling.fixed_size
        if side and shape != (side, side):
            raise ConfigError(
                f"model {self.model.card.name!r} takes pictures of {side} x {side} pixels; those of the "
                f"camera have {shape[1]} x {shape[0]}"
            )

    def find(self, picture: NDArray[np.uint8], *, label: str = "the picture") -> FoundGhosts:
        """Return what is found in a picture.

        Parameters
        ----------
        picture
            ``(H, W)`` grey levels; they are scaled by its own sky and noise.
        label
            What to call it in messages.

        Raises
        ------
        ConfigError
            If the network takes no pictures of this size, or the camera has none.
        FrameError
            If the picture is black or constant.
        """
        height, width = picture.shape
        self.check_shape((height, width))
        if picture.shape != self.camera.picture_shape:
            raise ConfigError(
                f"{label}: is {width} x {height} pixels; pictures of {self.camera.name} have "
                "{1} x {0}".format(*self.camera.picture_shape)
            )
        pixels = contrast(picture, self.camera.ccd_map > 0, label=label)
        least = {name: min(WEAKEST, value) for name, value in self.thresholds.items()}
        whole, weaker = look(self.network, pixels, least=least, views=self.settings.views)
        # only likelier ones stand in the way of a ghost: without the rest these are the same
        ghosts = tuple(ghost for ghost in weaker if ghost.score >= self.thresholds[ghost.class_name])
        known = self.screening
        probability = whole if known is None else known.probability(whole, weaker)
        return FoundGhosts(probability, ghosts, tuple(weaker), whole)

    def provenance(self, source: Path) -> list[HeaderCard]:
        """Return the cards that say how a product of a file came to be."""
        network = self.network
        return provenance_cards(
            source=source,
            model=self.model.card.name,
            model_sha256=network.sha256,
            engine=network.engine,
            precision=network.precision,
            options={
                **{f"least score of {name}": value for name, value in self.thresholds.items()},
                "views": self.settings.views,
            },
        )

    def stop(self) -> None:
        """End the pictures at work, in whatever thread, with an interrupt."""
        if "network" in self.__dict__:
            self.network.stop()
