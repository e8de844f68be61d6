"""Models of the search for clusters, and their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.models.find import ModelJob

if TYPE_CHECKING:
    from skysieve.core.models.card import ModelCard

__all__ = ["CLUSTER", "CLUSTERS", "NetworkInput", "network_input"]

CLUSTER = "cluster"
"""Name of the class of clusters.  A second class may be of sources that are mistaken for clusters."""


@dataclass(frozen=True)
class NetworkInput:
    """Input of a network, and its output channel.

    Attributes
    ----------
    bands
        Names of the bands, in the order of the input channels.
    grid
        Pixel grid of the patches.
    preprocessing
        Preprocessing of the patches.
    channel
        Output channel with the probability of clusters.
    """

    bands: tuple[str, ...]
    grid: PatchGrid
    preprocessing: Preprocessing
    channel: int


CLUSTERS = ModelJob("clusters", "bands of the sky in units of their scatter")
"""Models for clusters."""


def network_input(card: ModelCard) -> NetworkInput:
    """Read the input of a network from its card.

    Parameters
    ----------
    card
        Card of a model for clusters.

    Returns
    -------
    NetworkInput
        Bands, grid, preprocessing and output channel.

    Raises
    ------
    ModelError
        If the card does not describe the input, or not correctly.
    """
    try:
        bands = tuple(str(name) for name in card.sky["bands"])
        grid = PatchGrid(int(card.sky["side"]), float(card.sky["resolution"]))
        preprocessing = Preprocessing.from_card(card.sky)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"model {card.name!r}: its card does not say what it takes ({error!r})") from error
    if len(preprocessing.sigma) != len(bands):
        raise ModelError(
            f"model {card.name!r}: its card has {len(bands)} bands and {len(preprocessing.sigma)} scatters"
        )
    if CLUSTER not in card.classes:
        raise ModelError(
            f"model {card.name!r}: has the classes {', '.join(card.classes)}, but no class {CLUSTER!r}"
        )
    return NetworkInput(bands, grid, preprocessing, card.classes.index(CLUSTER))
