"""Find the ghosts in one picture of a focal plane, and the probability that it has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.core.fits.provenance import provenance_cards
from skysieve.core.models.network_runner import NetworkRunner
from skysieve.ghosts.classes import CLASS_NAMES, find_class
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.levels import measure_levels, normalise_picture
from skysieve.ghosts.predict.augmentation import VIEWS, predict_augmented
from skysieve.ghosts.predict.combine import combine, remove_duplicates
from skysieve.ghosts.predict.expected_discs import expected_discs, find_bright_stars
from skysieve.ghosts.predict.model import GHOSTS
from skysieve.ghosts.predict.screening import MIN_SCORE, Screening
from skysieve.ghosts.predict.wide_discs import RimFinder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.models.shared_network import SharedNetwork
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.levels import Levels
    from skysieve.ghosts.predict.augmentation import AugmentedOutput
    from skysieve.ghosts.predict.combine import Combination
    from skysieve.ghosts.predict.decide import Ghost
    from skysieve.ghosts.predict.settings import GhostSettings
    from skysieve.ghosts.predict.wide_discs import WideDisc

__all__ = ["FoundGhosts", "GhostFinder", "Measurements"]


@dataclass(frozen=True)
class FoundGhosts:
    """The ghosts that were found in one picture.

    Attributes
    ----------
    probability
        Probability that the picture has any ghost, from the network's picture probability and its ghosts.
    ghosts
        Ghosts, sorted by decreasing score.
    candidates
        All ghosts down to :data:`skysieve.ghosts.predict.screening.MIN_SCORE`, including `ghosts`.
    picture_probability
        Probability that the picture has any ghost, from the network's output for the whole picture alone.
    classes
        Class probabilities of each cell of 4 x 4 pixels ``(C, H / 4, W / 4)`` float32; None if the network
        has no class map.
    """

    probability: float
    ghosts: tuple[Ghost, ...]
    candidates: tuple[Ghost, ...] = ()
    picture_probability: float = 0.0
    classes: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Measurements:
    """Measurements on a picture, before thresholds are applied.

    Attributes
    ----------
    output
        Output of the network, with ghosts down to :data:`skysieve.ghosts.predict.screening.MIN_SCORE`.
    discs
        Circles with a rim, sorted by decreasing strength.
    levels
        Grey levels of the picture.
    """

    output: AugmentedOutput
    discs: tuple[WideDisc, ...]
    levels: Levels


class GhostFinder(NetworkRunner):
    """Finds the ghosts in pictures of focal planes.

    The network is loaded at its first use.

    Parameters
    ----------
    settings
        The settings.
    camera
        Camera of the pictures; DECam if None.

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
        self.model = GHOSTS.load(settings.model)
        card = self.model.card
        self.thresholds = {name: card.default_thresholds[name] for name in CLASS_NAMES}
        for name, value in settings.thresholds.items():
            if not 0 < value <= 1:
                raise ConfigError(f"threshold of {name}: {value} is not above 0 and at most 1")
            self.thresholds[find_class(name).name] = value
        radii = self.camera.wide_discs
        self.rims = None if radii is None else RimFinder(self.camera.picture_shape, radii)
        self.screening = Screening.from_card(card.screening, origin=f"model {card.name!r}")

    def _load_network(self) -> SharedNetwork:
        return self.settings.load(self.model)

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Check that the network accepts pictures of a shape.

        Parameters
        ----------
        shape
            Rows and columns of the pictures.

        Raises
        ------
        ConfigError
            If it does not accept them.
        """
        tiling = self.model.card.tiling
        side = tiling.fixed_size
        if side and shape != (side, side):
            raise ConfigError(
                f"model {self.model.card.name!r} takes pictures of {side} x {side} pixels; those of the "
                f"camera have {shape[1]} x {shape[0]}"
            )

    def find(self, picture: NDArray[np.uint8], *, label: str = "the picture") -> FoundGhosts:
        """Find the ghosts of a picture: :meth:`examine`, then :meth:`decide`.

        Parameters
        ----------
        picture
            Grey levels ``(H, W)`` uint8.
        label
            Name of the picture in messages.

        Returns
        -------
        FoundGhosts
            The ghosts.
        """
        return self.decide(self.examine(picture, label=label))

    def examine(self, picture: NDArray[np.uint8], *, label: str = "the picture") -> Measurements:
        """Run the network and the search for discs on a picture.

        Parameters
        ----------
        picture
            Grey levels ``(H, W)`` uint8; they are normalised by the sky and noise of the picture.
        label
            Name of the picture in messages.

        Returns
        -------
        Measurements
            Input of :meth:`decide`.

        Raises
        ------
        ConfigError
            If the shape does not match the network or the camera.
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
        min_scores = {name: min(MIN_SCORE, value) for name, value in self.thresholds.items()}
        output = predict_augmented(
            self.network, normalise_picture(picture, levels), min_scores=min_scores, views=self.settings.views
        )
        discs: list[WideDisc] = []
        if self.rims is not None:
            above = (picture.astype(np.float32) - np.float32(levels.sky)) / np.float32(levels.noise)
            expected = self._expected_discs(above, levels.nodata)
            discs = self.rims.find(above, levels.nodata, expected)
        return Measurements(output, tuple(discs), levels)

    def _expected_discs(self, above: NDArray[np.float32], nodata: NDArray[np.bool_]) -> list[WideDisc]:
        """Return where the optics of DECam put the widest reflections of the bright stars."""
        radii = self.camera.wide_discs
        if radii is None or self.camera is not decam():
            return []
        return expected_discs(find_bright_stars(above, nodata), self.camera.picture_shape, radii)

    def decide(
        self,
        measurements: Measurements,
        *,
        thresholds: Mapping[str, float] | None = None,
        combination: Combination | None = None,
    ) -> FoundGhosts:
        """Select the ghosts of a picture from the measurements.

        Parameters
        ----------
        measurements
            The result of :meth:`examine`.
        thresholds
            Minimum score of each class; None for those of the settings.
        combination
            How to combine instances, class map and discs; None for the defaults.

        Returns
        -------
        FoundGhosts
            The ghosts.
        """
        cuts = self.thresholds if thresholds is None else thresholds
        output, nodata = measurements.output, measurements.levels.nodata
        ghosts = combine(
            output.ghosts,
            output.classes,
            measurements.discs,
            nodata=nodata,
            thresholds=cuts,
            combination=combination,
        )
        below = [one for one in output.ghosts if one.score < cuts[one.class_name]]
        # ghosts below the thresholds must not remove those above
        candidates = sorted([*ghosts, *remove_duplicates(below, ghosts)], key=lambda one: -one.score)
        probability = output.probability
        if self.screening is not None:
            probability = self.screening.probability(output.probability, candidates)
        return FoundGhosts(probability, tuple(ghosts), tuple(candidates), output.probability, output.classes)

    def provenance(self, source: Path) -> list[HeaderCard]:
        """Return the header cards that record how a product was made.

        Parameters
        ----------
        source
            The file of the exposure or picture.

        Returns
        -------
        list of HeaderCard
            Software, model and settings.
        """
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
