"""Settings of the evaluation of cluster catalogues on skies with known clusters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skysieve.clusters.search.settings import ClusterOptions, Finder
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.models.engine_settings import EngineSettings
from skysieve.core.settings import REQUIRED, setting

__all__ = ["ClusterEvaluation", "Role", "Rules", "SearchSettings"]

Role = Literal["test", "validation", "train", "all"]
"""Roles of the tiles of a sky in the training; ``all`` for all tiles."""


TRUTH = "clusters.fits"
"""Table of true clusters in the folder of a simulated sky."""


def _catalogues(texts: list[str]) -> dict[str, list[Path]]:
    """Read ``NAME=PATH`` options, which may have the same name."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, _, path = (part.strip() for part in text.partition("="))
        if not name or not path:
            raise ConfigError(f"--catalogue {text!r}: expected NAME=PATH, as mine=found/")
        found.setdefault(name, []).append(Path(path))
    return found


@dataclass(frozen=True, kw_only=True)
class ClusterEvaluation:
    """Skies and catalogues that are evaluated.

    Attributes
    ----------
    sky
        Folder of `skysieve simulate sky`, or a table of true clusters; may be repeated.
    catalogue
        Catalogue to evaluate: a table, or a folder of `skysieve clusters find`; once for each sky, in the
        same order.
    finder
        Finder to run on the skies and evaluate; may be repeated.
    tiles
        Part of the skies to evaluate, by the split of the training.
    disc
        Radius of true clusters for the pixel scores.
    resume
        Reuse the searches of an earlier run, and resume an interrupted one.
    """

    sky: list[Path] = setting(REQUIRED, metavar="DIR")
    catalogue: dict[str, list[Path]] = setting(
        {}, factory=dict, metavar="NAME=PATH", text_type=list[str], read=_catalogues
    )
    finder: list[Finder] = setting([], factory=list, hidden_default=True)
    tiles: Role = setting("test")
    disc: float = setting(2.5, metavar="ARCMIN")
    resume: bool = setting(False, "--resume")

    def truths(self) -> list[Path]:
        """Return the table of true clusters of each sky.

        Returns
        -------
        list of Path
            The tables.

        Raises
        ------
        SourceError
            If one does not exist.
        """
        tables = [path / TRUTH if path.is_dir() else path for path in self.sky]
        for table in tables:
            if not table.is_file():
                raise SourceError(
                    f"{table}: no such file; give a folder of `skysieve simulate sky`, or a table"
                )
        return tables

    def check_catalogues(self) -> None:
        """Check that there is something to evaluate, and a catalogue of each name for each sky.

        Raises
        ------
        ConfigError
            If there is nothing to evaluate, or a name or the number of its catalogues is wrong.
        SourceError
            If a catalogue does not exist.
        """
        skies = len(self.sky)
        for name, paths in self.catalogue.items():
            if missing := [path for path in paths if not path.exists()]:
                raise SourceError(f"{missing[0]}: no such file or folder")
            if len(paths) != skies:
                raise ConfigError(
                    f"--catalogue {name} is given {len(paths)} times for {skies} skies; give one for each, "
                    "in their order"
                )
            if name in self.finder:
                raise ConfigError(f"--catalogue {name} has the name of a --finder; choose another")
        if not self.catalogue and not self.finder:
            raise ConfigError("nothing to evaluate; give at least one --catalogue or --finder")


@dataclass(frozen=True, kw_only=True)
class SearchSettings(EngineSettings):
    """Settings of the searches of an evaluation.

    Attributes
    ----------
    model
        Network of the finders: a name, or a folder.
    threshold, galactic_cut, views
        As in `skysieve clusters find`.
    snr
        As in `skysieve clusters find`; use a low value to include all candidates of interest.
    """

    model: str | None = setting(None, hidden_default=True)
    threshold: float | None = setting(None, hidden_default=True)
    snr: float = setting(4.0)
    galactic_cut: float = setting(ClusterOptions.galactic_cut, metavar="DEGREES")
    views: int | None = setting(None, metavar="1|2|4|8", hidden_default=True)

    def of_search(self) -> dict[str, Any]:
        """Return the fields of :class:`skysieve.clusters.search.settings.ClusterSettings`.

        Returns
        -------
        dict
            Values by name, without those that were not given.
        """
        return {
            name: value for name, value in vars(self).items() if value is not None and name != "galactic_cut"
        }


@dataclass(frozen=True)
class Rules:
    """Rules of the evaluation.

    Completeness is the fraction of the clusters that count which are found. Purity is the fraction of the
    candidates that are real; clusters below `least_real` are so numerous that a candidate has one nearby by
    chance. The expected S/N of a cluster is that of the matched filter's noise for its size.

    Attributes
    ----------
    radius
        Matching radius between candidates and clusters.
    least_y500
        Minimum Y500 of clusters that count for completeness.
    least_real
        Minimum Y500 of clusters that make a candidate real.
    least_snr
        Also require this minimum S/N in the matched filter for clusters that count for completeness.
    purity
        Purity at which completeness is compared.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    radius: float = setting(5.0, metavar="ARCMIN")
    least_y500: float = setting(5e-4, metavar="ARCMIN2")
    least_real: float = setting(1e-4, metavar="ARCMIN2")
    least_snr: float | None = setting(None, hidden_default=True)
    purity: float = setting(0.9)

    def __post_init__(self) -> None:
        """Check the values."""
        from skysieve.clusters.catalogue.cross_match import check_radius

        check_radius(self.radius)
        if not 0 < self.purity <= 1:
            raise ConfigError(f"purity {self.purity:g}: expected above 0, to 1")
        if not 0 <= self.least_real <= self.least_y500:
            raise ConfigError(
                f"least Y500 of findable clusters {self.least_y500:g}, of real ones {self.least_real:g}: "
                "the second must be from 0 to the first"
            )
