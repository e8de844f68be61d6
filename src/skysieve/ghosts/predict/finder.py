"""One picture of a focal plane through the network: its ghosts, and whether it has any."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.provenance import provenance_cards
from skysieve.ghosts.classes import CLASS_NAMES, find_class
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.levels import contrast, measure_levels
from skysieve.ghosts.predict.augmentation import VIEWS, look
from skysieve.ghosts.predict.combine import combine, distinct
from skysieve.ghosts.predict.model import load_model
from skysieve.ghosts.predict.screening import WEAKEST, Screening
from skysieve.ghosts.predict.wide_discs import RimFinder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.models.shared_network import SharedNetwork
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.levels import Levels
    from skysieve.ghosts.predict.augmentation import Look
    from skysieve.ghosts.predict.combine import Combination
    from skysieve.ghosts.predict.decide import Ghost
    from skysieve.ghosts.predict.settings import GhostSettings
    from skysieve.ghosts.predict.wide_discs import WideDisc

__all__ = ["Examined", "FoundGhosts", "GhostFinder"]


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
        These and those below the thresholds, down to :data:`skysieve.ghosts.predict.screening.WEAKEST`.
    whole
        What the network alone says of the whole picture: that there is any ghost.
    classes
        Probability of each class in each cell of 4 x 4 pixels ``(C, H / 4, W / 4)`` float32; None of a
        network without a map of classes.
    """

    probability: float
    ghosts: tuple[Ghost, ...]
    weaker: tuple[Ghost, ...] = ()
    whole: float = 0.0
    classes: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Examined:
    """What can be seen in a picture.

    Attributes
    ----------
    said
        What the network says, instances down to :data:`skysieve.ghosts.predict.screening.WEAKEST`.
    discs
        Circles with a rim, the strongest first.
    levels
        Of the picture.
    """

    said: Look
    discs: tuple[WideDisc, ...]
    levels: Levels


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
        radii = self.camera.wide_discs
        self.rims = None if radii is None else RimFinder(self.camera.picture_shape, radii)
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
        """Return what is found in a picture; see :meth:`examine` and :meth:`decide`."""
        return self.decide(self.examine(picture, label=label))

    def examine(self, picture: NDArray[np.uint8], *, label: str = "the picture") -> Examined:
        """Return what can be seen in a picture, before anything is decided.

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
        levels = measure_levels(picture, self.camera.ccd_map > 0, label=label)
        least = {name: min(WEAKEST, value) for name, value in self.thresholds.items()}
        said = look(self.network, contrast(picture, levels), least=least, views=self.settings.views)
        discs: list[WideDisc] = []
        if self.rims is not None:
            above = (picture.astype(np.float32) - np.float32(levels.sky)) / np.float32(levels.noise)
            discs = self.rims.find(above, levels.dark)
        return Examined(said, tuple(discs), levels)

    def decide(
        self,
        seen: Examined,
        *,
        thresholds: Mapping[str, float] | None = None,
        how: Combination | None = None,
    ) -> FoundGhosts:
        """Return the ghosts of a picture.

        Parameters
        ----------
        seen
            What can be seen in it.
        thresholds
            Least score of each class; those of the settings if None.
        how
            How instances, map and discs are put together; as usual if None.
        """
        cuts = self.thresholds if thresholds is None else thresholds
        said, dark = seen.said, seen.levels.dark
        ghosts = combine(said.ghosts, said.classes, seen.discs, dark=dark, thresholds=cuts, how=how)
        below = [one for one in said.ghosts if one.score < cuts[one.class_name]]
        # what stands above the thresholds does not change with what is below
        weaker = sorted([*ghosts, *distinct(below, ghosts)], key=lambda one: -one.score)
        known, whole = self.screening, said.probability
        probability = whole if known is None else known.probability(whole, weaker)
        return FoundGhosts(probability, tuple(ghosts), tuple(weaker), whole, said.classes)

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
