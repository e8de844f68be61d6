"""The recipe of pictures with ghosts: what they are drawn from, and its YAML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping
from skysieve.ghosts.simulate.focal_plane import FocalPlane
from skysieve.ghosts.simulate.rays import Rays
from skysieve.ghosts.simulate.reflections import Reflections
from skysieve.ghosts.simulate.star_field import Satellites, StarField
from skysieve.ghosts.simulate.truth import TruthRule

__all__ = ["GhostRecipe", "read_ghost_recipe", "shipped_ghost_recipes"]


@dataclass(frozen=True, kw_only=True)
class GhostRecipe:
    """What pictures of focal planes are drawn from.

    Attributes
    ----------
    name, description
        What it is.
    ghosted
        Share of the pictures with ghosts.
    kinds
        Of those, how many have Rays only, reflections only, and both; as people found it on 1400 pictures.
    mesh
        Sides of the cells in which the background was measured, in pixels of the picture, all equally likely.
    tries
        How often a picture is drawn anew, the light four times brighter each time, until a ghost is visible.
    reflections, rays
        The ghosts.
    plane, stars, satellites
        Everything else.
    truth
        What counts as a ghost.
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

    def to_yaml(self) -> str:
        """Return the whole recipe as YAML, each setting with its value."""
        return plain_yaml(asdict(self))


def shipped_ghost_recipes() -> dict[str, Path]:
    """Return the files of the recipes that come with the package, by name."""
    folder = Path(str(files("skysieve.ghosts.simulate"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_ghost_recipe(name: str | Path = "ghosts") -> GhostRecipe:
    """Read a recipe of ghosts: a YAML file, or the name of one that comes with the package.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it cannot be read, or a setting is unknown or not valid.

    Examples
    --------
    >>> read_ghost_recipe("ghosts").ghosted
    0.5
    """
    content, origin = read_mapping(name, shipped_ghost_recipes())
    return build(GhostRecipe, content, origin=origin)
