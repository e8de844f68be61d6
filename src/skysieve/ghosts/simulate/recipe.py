"""Recipes of pictures with ghosts, and their YAML files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping
from skysieve.ghosts.simulate.focal_plane import FocalPlane
from skysieve.ghosts.simulate.rays import Rays
from skysieve.ghosts.simulate.reflections import Reflections
from skysieve.ghosts.simulate.scenes import Scenes
from skysieve.ghosts.simulate.star_field import Satellites, StarField
from skysieve.ghosts.simulate.truth import TruthRule

__all__ = ["GhostRecipe", "read_ghost_recipe", "shipped_ghost_recipes"]


@dataclass(frozen=True, kw_only=True)
class GhostRecipe:
    """Distributions that simulated focal planes are drawn from.

    Attributes
    ----------
    name, description
        Name and one-line description.
    ghosted
        Fraction of the pictures with ghosts.
    kinds
        Of those, relative numbers with Rays only, reflections only and both, as annotated on 1400 pictures.
    mesh
        Cell sizes of the background mesh, in pixels of the picture; each is equally likely.
    tries
        Maximum number of attempts to make a visible ghost; each attempt multiplies the light by four.
    reflections, rays
        The ghosts.
    plane, stars, satellites
        The rest of the picture.
    truth
        Rule that decides which ghosts count.
    scenes
        Rare scenes; none by default.
    camera, optics
        Table of the CCDs (ECSV) and of the ghosts (NPZ) of another camera, from the current folder; empty for
        DECam.
    """

    name: str = "ghosts"
    description: str = "focal planes of DECam, half of them with ghosts"
    ghosted: float = 0.5
    kinds: tuple[float, float, float] = (0.33, 0.53, 0.14)
    mesh: tuple[float, ...] = (3.6, 3.6, 5.0, 7.25)
    tries: int = 5
    reflections: Reflections = field(default_factory=Reflections)
    rays: Rays = field(default_factory=Rays)
    plane: FocalPlane = field(default_factory=FocalPlane)
    stars: StarField = field(default_factory=StarField)
    satellites: Satellites = field(default_factory=Satellites)
    truth: TruthRule = field(default_factory=TruthRule)
    scenes: Scenes = field(default_factory=Scenes)
    camera: str = ""
    optics: str = ""

    def to_yaml(self) -> str:
        """Return the recipe as YAML, with the value of every setting.

        Returns
        -------
        str
            Content of a recipe file.
        """
        return plain_yaml(asdict(self))


def shipped_ghost_recipes() -> dict[str, Path]:
    """Return the recipes of the package.

    Returns
    -------
    dict
        File of each recipe, by name.
    """
    folder = Path(str(files("skysieve.ghosts.simulate"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_ghost_recipe(name: str | Path = "ghosts") -> GhostRecipe:
    """Read a recipe of ghosts.

    Parameters
    ----------
    name
        YAML file, or name of a recipe of the package.

    Returns
    -------
    GhostRecipe
        The recipe; settings that the file does not give have their defaults.

    Raises
    ------
    ConfigError
        If the recipe does not exist or cannot be read, or a setting is unknown or invalid.

    Examples
    --------
    >>> read_ghost_recipe("ghosts").ghosted
    0.5
    """
    content, origin = read_mapping(name, shipped_ghost_recipes())
    return build(GhostRecipe, content, origin=origin)
