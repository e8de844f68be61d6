"""Recipe of microwave skies: their components, and the YAML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

from skysieve.clusters.simulate.carbon_monoxide import CarbonMonoxide
from skysieve.clusters.simulate.cib import InfraredBackground
from skysieve.clusters.simulate.cmb import CosmicBackground
from skysieve.clusters.simulate.cold_cores import ColdCores
from skysieve.clusters.simulate.dust import GalacticDust
from skysieve.clusters.simulate.instrument import Noise
from skysieve.clusters.simulate.sources import DustyGalaxies, RadioGalaxies
from skysieve.core.errors import ConfigError
from skysieve.core.simulate.recipe_files import build, plain_yaml, read_mapping

__all__ = ["Clusters", "SkyRecipe", "read_sky_recipe", "shipped_sky_recipes"]


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Clusters of galaxies, by their Sunyaev-Zel'dovich effect.

    Attributes
    ----------
    enabled
        Whether the sky has clusters.
    catalogue
        CSV file with positions and masses of real clusters; None draws them from a mass function.
    mass_function
        Name of the mass function in colossus.
    least_mass
        Minimum M500 in solar masses.
    zmax
        Maximum redshift.
    scatter
        Scatter of the natural logarithm of Y500 at fixed mass.
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
    """Components of a microwave sky; each has a switch, ``enabled``.

    Attributes
    ----------
    name, description
        Name and description of the recipe.
    clusters
        Clusters to be found.
    cmb, infrared_background, dust, carbon_monoxide, cold_cores, radio_galaxies, dusty_galaxies
        Backgrounds and foregrounds; carbon monoxide is off unless it is switched on.
    noise
        Instrumental noise; its level is that of the bands.
    beam_scale
        Factor on the FWHM of the beams of all bands.  Searches assume the beams of the bands.
    """

    name: str = "planck"
    description: str = "the sky in Planck's six high-frequency bands"
    clusters: Clusters = field(default_factory=Clusters)
    cmb: CosmicBackground = field(default_factory=CosmicBackground)
    infrared_background: InfraredBackground = field(default_factory=InfraredBackground)
    dust: GalacticDust = field(default_factory=GalacticDust)
    carbon_monoxide: CarbonMonoxide = field(default_factory=CarbonMonoxide)
    cold_cores: ColdCores = field(default_factory=ColdCores)
    radio_galaxies: RadioGalaxies = field(default_factory=RadioGalaxies)
    dusty_galaxies: DustyGalaxies = field(default_factory=DustyGalaxies)
    noise: Noise = field(default_factory=Noise)
    beam_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the beams."""
        if not self.beam_scale > 0:
            raise ConfigError(f"beam_scale {self.beam_scale:g}: must be above 0")

    def to_yaml(self) -> str:
        """Return the whole recipe as YAML.

        Returns
        -------
        str
            Each setting with its value.
        """
        return plain_yaml(asdict(self))


def shipped_sky_recipes() -> dict[str, Path]:
    """Return the recipes that come with the package.

    Returns
    -------
    dict
        Files by name.
    """
    folder = Path(str(files("skysieve.clusters.simulate"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_sky_recipe(name: str | Path = "planck") -> SkyRecipe:
    """Read a recipe of skies.

    Parameters
    ----------
    name
        A YAML file, or the name of a recipe that comes with the package.

    Returns
    -------
    SkyRecipe
        Checked recipe.

    Raises
    ------
    ConfigError
        If the recipe does not exist, cannot be read, or has an unknown or invalid setting.

    Examples
    --------
    >>> read_sky_recipe("planck").dust.temperature
    19.6
    """
    content, origin = read_mapping(name, shipped_sky_recipes())
    return build(SkyRecipe, content, origin=origin)
