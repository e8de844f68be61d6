"""The models of this job, and what they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.models.find import find_model

if TYPE_CHECKING:
    from skysieve.core.models.card import Model, ModelCard

__all__ = ["CLUSTER", "DEFAULT_MODEL", "JOB", "NORMALISATION", "NetworkInput", "load_model", "network_input"]

JOB = "clusters"
DEFAULT_MODEL = "skysieve"
"""The model that is used where none is named; all that depends on it asks here."""

NORMALISATION = "bands of the sky in units of their scatter"

CLUSTER = "cluster"
"""The class that is looked for; a second one may be of what is mistaken for it."""


@dataclass(frozen=True)
class NetworkInput:
    """What a network is to be shown.

    Attributes
    ----------
    bands
        Names of the maps, in the order of its channels.
    grid
        The pixels of its patches.
    preprocessing
        What is done to these.
    channel
        Number of the output that says where clusters are.
    """

    bands: tuple[str, ...]
    grid: PatchGrid
    preprocessing: Preprocessing
    channel: int


def load_model(name: str = DEFAULT_MODEL) -> Model:
    """Return a model for clusters.

    Parameters
    ----------
    name
        Name of a model in this package or of an imported one, or a folder with a card.

    Raises
    ------
    ModelError
        If there is no such model, or it is for another job.
    """
    return find_model(name, job=JOB, normalisation=NORMALISATION)


def network_input(card: ModelCard) -> NetworkInput:
    """Return what a card says that its network is to be shown.

    Raises
    ------
    ModelError
        If the card does not say it, or not rightly.
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
            f"model {card.name!r}: tells {', '.join(card.classes)} apart, and no class {CLUSTER!r}"
        )
    return NetworkInput(bands, grid, preprocessing, card.classes.index(CLUSTER))
