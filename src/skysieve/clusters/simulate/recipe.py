"""The recipe of microwave skies: what they are made of, and its YAML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

from skysieve.clusters.simulate.cib import InfraredBackground
from skysieve.clusters.simulate.cmb import CosmicBackground
from skysieve.clusters.simulate.cold_cores import ColdCores
from skysieve.clusters.simulate.dust import GalacticDust
from skysieve.clusters.simulate.instrument import Noise
from skysieve.clusters.simulate.sources import DustyGalaxies, RadioGalaxies
from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping

__all__ = ["Clusters", "SkyRecipe", "read_sky_recipe", "shipped_sky_recipes"]


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Clusters of galaxies, by their Sunyaev-Zel'dovich effect.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    catalogue
        CSV file with positions and masses of real ones; None draws them from a mass function.
    mass_function
        As colossus names it.
    least_mass
        M500 in solar masses, from which they are drawn.
    zmax
        Highest redshift.
    scatter
        Of the natural logarithm of Y500 at fixed mass.
    bias
        ``1 - b``, hydrostatic over true mass.
    """

    enabled: bool = True
    catalogue: str | None = None
    mass_function: str = "tinker08"
    least_mass: float = 1e14
    zmax: float = 2.0
    scatter: float = 0.173
    bias: float = 0.8


@dataclass(frozen=True, kw_only=True)
class SkyRecipe:
    """What a microwave sky is made of; each component has a switch, ``enabled``.

    Attributes
    ----------
    name, description
        What it is.
    clusters
        What is to be found.
    cmb, infrared_background, dust, cold_cores, radio_galaxies, dusty_galaxies
        What hides it.
    noise
        Of the instrument, whose bands have beams and noise of their own.
    """

    name: str = "planck"
    description: str = "the sky in Planck's six high-frequency bands"
    clusters: Clusters = field(default_factory=Clusters)
    cmb: CosmicBackground = field(default_factory=CosmicBackground)
    infrared_background: InfraredBackground = field(default_factory=InfraredBackground)
    dust: GalacticDust = field(default_factory=GalacticDust)
    cold_cores: ColdCores = field(default_factory=ColdCores)
    radio_galaxies: RadioGalaxies = field(default_factory=RadioGalaxies)
    dusty_galaxies: DustyGalaxies = field(default_factory=DustyGalaxies)
    noise: Noise = field(default_factory=Noise)

    def to_yaml(self) -> str:
        """Return the whole recipe as YAML, each setting with its value."""
        return plain_yaml(asdict(self))


def shipped_sky_recipes() -> dict[str, Path]:
    """Return the files of the recipes that come with the package, by name."""
    folder = Path(str(files("skysieve.clusters.simulate"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_sky_recipe(name: str | Path = "planck") -> SkyRecipe:
    """Read a recipe of skies: a YAML file, or the name of one that comes with the package.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it cannot be read, or a setting is unknown or not valid.

    Examples
    --------
    >>> read_sky_recipe("planck").dust.temperature
    19.6
    """
    content, origin = read_mapping(name, shipped_sky_recipes())
    return build(SkyRecipe, content, origin=origin)
