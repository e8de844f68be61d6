"""The search for clusters as a job: each unit is a part of the sky, and all units make one catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.catalogue import make_catalogue
from skysieve.clusters.catalogue.matched_tables import add_matches
from skysieve.clusters.catalogue.products import (
    SEARCH_ID,
    FoundClusters,
    check_products,
    product_names,
    read_search_id,
    write_products,
)
from skysieve.clusters.catalogue.products_footprint import covers
from skysieve.clusters.maps.map_sets import read_map_set
from skysieve.clusters.maps.tiling import UNIT_NSIDE
from skysieve.clusters.search.assemble import assemble, choose_candidates
from skysieve.clusters.search.combine import Scoring
from skysieve.clusters.search.finder import ClusterFinder
from skysieve.clusters.search.search_provenance import products_identity, search_cards, search_identity
from skysieve.clusters.search.searched_sky import SearchedSky, read_mask
from skysieve.clusters.search.settings import ClusterOptions, ClusterSettings
from skysieve.clusters.search.unit_files import UnitFiles
from skysieve.clusters.search.unit_record import UnitRecord
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.execution.network_job import NetworkJob
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.locations import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
    from skysieve.clusters.maps.map_sets import MapSet

__all__ = ["ClusterJob"]


@dataclass
class ClusterJob(ClusterOptions, NetworkJob[ClusterFinder, UnitRecord]):
    """Search for clusters in maps of the sky.

    Attributes
    ----------
    sources
        Folders, files and descriptions of maps; see :func:`skysieve.clusters.maps.map_files.find_map_files`.
    output
        Folder of the products.  Until all units are finished, their files are kept in a folder next to it,
        whose name ends in ``.parts``.
    settings
        Settings of the search.
    """

    sources: Sequence[str]
    output: Path
    settings: ClusterSettings = field(default_factory=ClusterSettings)
    _sky: SearchedSky | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Leave out the maps, as the network: the receiving process reads its own."""
        return {**super().__getstate__(), "_sky": None}

    @property
    def unit_files(self) -> UnitFiles:
        """Files of the finished units."""
        return UnitFiles(self.output.with_name(f"{self.output.name}.parts"))

    @property
    def sky(self) -> SearchedSky:
        """The part of the sky that is searched; the first access reads the maps.

        Raises
        ------
        SkysieveError
            If the maps cannot be read, do not match each other, or lack a band.
        """
        if self._sky is None:
            finder = ClusterFinder(self.settings)
            wanted = None if finder.input is None or self.settings.uses_filter else finder.input.bands
            maps = read_map_set(
                self.sources, bands=wanted, frame=self.frame, units=self.units_of_maps, ordering=self.ordering
            )
            finder.check_maps(maps)
            mask = None if self.mask is None else read_mask(self.mask, frame=self.frame)
            self._sky = SearchedSky(maps, self.nside or maps.stack.nside, self.galactic_cut, mask)
        return self._sky

    @property
    def maps(self) -> MapSet:
        """The maps; see :attr:`sky`."""
        return self.sky.maps

    def release(self) -> None:
        """Free the maps; they are read again when they are needed."""
        self._sky = None

    def check(self) -> None:
        """Check the settings, the model and the output, without reading maps or loading the network.

        Raises
        ------
        ConfigError
            If a setting is not valid.
        ModelError
            If the model is missing or damaged.
        OutputError
            If the products may not be written.
        """
        if not 0 <= self.galactic_cut < 90:
            raise ConfigError(f"Galactic cut: {self.galactic_cut} is not from 0 to 90 degrees")
        if self.nside is not None and (self.nside.bit_count() != 1 or self.nside < UNIT_NSIDE):
            raise ConfigError(f"nside {self.nside}: expected a power of two, {UNIT_NSIDE} or more")
        finder = ClusterFinder(self.settings)
        if finder.model is not None:
            finder.model.verify()
        self._scoring(finder)
        check_products(
            self.output,
            votable=self.votable,
            parquet=self.parquet,
            maps=self._map_names(),
            overwrite=self.overwrite,
            replaced=self.replaced,
        )

    @property
    def replaced(self) -> frozenset[str]:
        """Names of products of an interrupted run, which are written again."""
        return self.unit_files.recorded_products() if self.resume else frozenset()

    def is_finished(self, catalogues: Mapping[str, Path], also: Sequence[str] = ()) -> bool:
        """Return whether all products of this search exist and are intact.

        Parameters
        ----------
        catalogues
            Files of the known catalogues by name.
        also
            Names of further products.

        Returns
        -------
        bool
            True if the products have the same settings, maps, model and known catalogues.

        Raises
        ------
        SkysieveError
            If the maps or the model cannot be read.
        """
        if self.unit_files.begun:
            return False
        names = [*product_names(votable=self.votable, parquet=self.parquet, maps=self._map_names()), *also]
        if not all(
            path.is_file() for path in [*(self.output / name for name in names), *catalogues.values()]
        ):
            return False
        return read_search_id(self.output) == self._identity(catalogues) and all(
            is_intact(self.output / name) for name in names if name.endswith(".fits")
        )

    def units(self) -> list[Location]:
        """Read the maps, create the folder of unit files, and list the units with pixels to search.

        Returns
        -------
        list of Location
            The files of the units.

        Raises
        ------
        SkysieveError
            If the maps cannot be used, there are no pixels to search, or the folder is of another search.
        """
        units = self.sky.units()
        if not units:
            raise SourceError(
                "no pixel to search: the maps have no data outside of the Galactic cut"
                f" of {self.galactic_cut:g} degrees{' and the mask' if self.mask else ''}"
            )
        search = search_identity(ClusterFinder(self.settings), self.sky)
        self.unit_files.begin(search, resume=self.resume, overwrite=self.overwrite)
        return [Location(self.unit_files.path_of(unit)) for unit in units]

    def prepare(self, *, workers: int = 1) -> None:
        """Read the maps and load the network.

        Parameters
        ----------
        workers
            Number of processes that share the processors.

        Raises
        ------
        SkysieveError
            If the maps or the model cannot be used.
        """
        _ = self.sky
        super().prepare(workers=workers)

    def _make_runner(self, workers: int) -> ClusterFinder:
        return ClusterFinder(self.settings.shared_by(workers))

    def _process(self, unit: Location) -> UnitRecord:
        finder, files, sky = self.runner, self.unit_files, self.sky
        number = files.unit_of(unit.path)
        count = (sky.nside // UNIT_NSIDE) ** 2
        kept = files.read(number, count) if self.resume else None
        if kept is None:
            valid = sky.valid(number)
            found = finder.find(number, sky.maps, valid, nside=sky.nside)
            files.write(number, found, valid)
        else:
            found, valid = kept
        return UnitRecord.of(number, found, valid, kept=kept is not None)

    def finish(
        self,
        units: Sequence[Location],
        catalogues: Sequence[KnownCatalogue] = (),
        *,
        files: Mapping[str, Path] | None = None,
        draw: tuple[Sequence[str], Callable[[FoundClusters], tuple[Path, ...]]] | None = None,
    ) -> tuple[FoundClusters, tuple[Path, ...]]:
        """Make the catalogue from the finished units, write all products, and remove the unit files.

        Parameters
        ----------
        units
            All of :meth:`units`, finished.
        catalogues
            Known catalogues to match the candidates with.
        files
            Files of the known catalogues by name.
        draw
            Names of further products in the same folder, and the function that writes them.

        Returns
        -------
        found : FoundClusters
            Results of the search.
        written : tuple of Path
            The files that were written.

        Raises
        ------
        SkysieveError
            If a unit is missing, or a product cannot be written.
        """
        finder = self._runner or ClusterFinder(self.settings)
        found = assemble(
            self.unit_files,
            [self.unit_files.unit_of(unit.path) for unit in units],
            self.sky.nside,
            network=self.settings.uses_network,
            filtered=self.settings.uses_filter,
        )
        catalogue = make_catalogue(
            choose_candidates(found, finder, self._scoring(finder)), prefix=self.prefix
        )
        lon, lat = (np.asarray(catalogue[name], np.float64) for name in ("GLON", "GLAT"))
        counts = add_matches(
            catalogue,
            lon,
            lat,
            catalogues,
            rank=catalogue["score"],
            covered=[covers(found.footprint, known.lon, known.lat, nested=True) for known in catalogues],
        )
        cards = search_cards(finder, self.sky, [one.path for one in self.maps.stack.maps])
        cards.insert(0, (SEARCH_ID, self._identity(files or {}), "SHA-256"))
        products = FoundClusters(catalogue, found.footprint, found.products(), True, cards, counts)
        names = product_names(votable=self.votable, parquet=self.parquet, maps=self._map_names())
        check_products(
            self.output,
            votable=self.votable,
            parquet=self.parquet,
            maps=self._map_names(),
            overwrite=self.overwrite,
            replaced=self.replaced,
        )
        # From here on, an interruption may leave some of the products in place
        self.unit_files.record_products([*names, *(draw[0] if draw else ())])
        written = write_products(
            products, self.output, votable=self.votable, parquet=self.parquet, overwrite=True
        )
        written += draw[1](products) if draw else ()
        self.unit_files.remove()
        return products, written

    def _map_names(self) -> list[str]:
        used = {"probability": self.settings.uses_network, "snr": self.settings.uses_filter}
        return [name for name in used if used[name]]

    def _identity(self, catalogues: Mapping[str, Path]) -> str:
        finder = ClusterFinder(self.settings)
        return products_identity(finder, self.sky, prefix=self.prefix, catalogues=catalogues)

    def _scoring(self, finder: ClusterFinder) -> Scoring:
        return Scoring.from_card(finder.model.card.sky if finder.model else {}, self.settings.finder)
