"""Recipes: ranges from which cameras, skies and contaminants are drawn, and their YAML files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping
from skysieve.frames.simulate.cameras import Cameras
from skysieve.frames.simulate.contaminants.cosmic_rays import CosmicRays
from skysieve.frames.simulate.contaminants.dead_columns import DeadColumns
from skysieve.frames.simulate.contaminants.dead_pixels import DeadPixels
from skysieve.frames.simulate.contaminants.fringes import Fringes
from skysieve.frames.simulate.contaminants.hot_columns import HotColumns
from skysieve.frames.simulate.contaminants.hot_pixels import HotPixels
from skysieve.frames.simulate.contaminants.nebulosity import Nebulosity
from skysieve.frames.simulate.contaminants.persistence import Persistence
from skysieve.frames.simulate.contaminants.spikes import Spikes
from skysieve.frames.simulate.contaminants.trails import Trails
from skysieve.frames.simulate.galaxies import Galaxies
from skysieve.frames.simulate.optics import Optics
from skysieve.frames.simulate.overscan import Overscan
from skysieve.frames.simulate.processing import Processing
from skysieve.frames.simulate.readout import ReadOut
from skysieve.frames.simulate.saturation import Saturation
from skysieve.frames.simulate.sky import Sky
from skysieve.frames.simulate.stars import Stars
from skysieve.frames.simulate.tracking_errors import TrackingErrors

if TYPE_CHECKING:
    from skysieve.frames.simulate.scene import Contaminant

__all__ = ["CONTAMINANTS", "Contaminants", "Recipe", "read_recipe", "shipped_recipes"]


@dataclass(frozen=True, kw_only=True)
class Contaminants:
    """Settings of each contaminant, by its abbreviation."""

    CR: CosmicRays = field(default_factory=CosmicRays)
    HCL: HotColumns = field(default_factory=HotColumns)
    DCL: DeadColumns = field(default_factory=DeadColumns)
    HP: HotPixels = field(default_factory=HotPixels)
    DP: DeadPixels = field(default_factory=DeadPixels)
    P: Persistence = field(default_factory=Persistence)
    TRL: Trails = field(default_factory=Trails)
    FR: Fringes = field(default_factory=Fringes)
    NEB: Nebulosity = field(default_factory=Nebulosity)
    SP: Spikes = field(default_factory=Spikes)

    def __getitem__(self, name: str) -> Contaminant:
        """Return the settings of a contaminant."""
        settings: Contaminant = getattr(self, name)
        return settings


LAYERS = tuple(f.name for f in fields(Contaminants))

CONTAMINANTS: tuple[str, ...] = ("CR", "HCL", "DCL", "HP", "DP", "P", "TRL", "FR", "NEB", "SAT", "SP", "OV")
"""Abbreviations of the contaminants that can be simulated."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Ranges from which frames are drawn. The defaults cover cameras of all kinds and serve for training.

    Attributes
    ----------
    name, description
        Name of the recipe, and what it stands for.
    cameras, optics, sky, stars, galaxies
        The telescope and the field that it observes.
    contaminants, saturation, overscan
        Contaminants and detector effects.
    read_out, processing
        Effects of the electronics and of pipelines.
    tracking
        Tracking errors; used for tracking frames only.
    """

    name: str = "default"
    description: str = "cameras of all kinds"
    cameras: Cameras = field(default_factory=Cameras)
    optics: Optics = field(default_factory=Optics)
    sky: Sky = field(default_factory=Sky)
    stars: Stars = field(default_factory=Stars)
    galaxies: Galaxies = field(default_factory=Galaxies)
    contaminants: Contaminants = field(default_factory=Contaminants)
    saturation: Saturation = field(default_factory=Saturation)
    overscan: Overscan = field(default_factory=Overscan)
    read_out: ReadOut = field(default_factory=ReadOut)
    processing: Processing = field(default_factory=Processing)
    tracking: TrackingErrors = field(default_factory=TrackingErrors)

    def to_yaml(self) -> str:
        """Return the whole recipe as YAML, with the value of every setting.

        Returns
        -------
        str
            Content of a recipe file.
        """
        return plain_yaml(asdict(self))


def shipped_recipes() -> dict[str, Path]:
    """Return the recipe files that come with the package.

    Returns
    -------
    dict
        Path of each file by the name of its recipe.
    """
    folder = Path(str(files("skysieve.frames.simulate"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str | Path) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    name
        A YAML file, or the name of a recipe that comes with the package.

    Returns
    -------
    Recipe
        Its settings; those that the file leaves out have their defaults.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it cannot be read, or a setting is unknown or not valid.

    Examples
    --------
    >>> read_recipe("default").name
    'default'
    """
    content, origin = read_mapping(name, shipped_recipes())
    return build(Recipe, content, origin=origin)
